//! A user's items share a lane, whichever language puts them in.

use copilot_delivery::Lane;
use proptest::{prelude::*, test_runner::TestRunner};
use tokio_postgres::types::Type;

use super::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lane_of_an_id_is_the_same_in_sql() {
    let Some(database) = Database::new().await else { return };
    // PostgreSQL has no text with a NUL.
    let id = prop_oneof!["[ -~]{0,40}", "[^\\x00]{0,30}", "[a-z]{200,300}"];
    let ids = prop::collection::vec(id, 50);
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() });
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let holds = runner.run(&ids, |ids| {
            let rows = runtime.block_on(database.client.query_typed(
                "SELECT copilot.lane_of(id) FROM unnest($1::text[]) WITH ORDINALITY given(id, nr) ORDER BY nr",
                &[(&ids, Type::TEXT_ARRAY)],
            ));
            let lanes: Vec<i16> = rows.unwrap().iter().map(|row| row.get(0)).collect();
            let ours: Vec<i16> = ids.iter().map(|id| Lane::of(id).number().into()).collect();
            prop_assert_eq!(lanes, ours);
            Ok(())
        });
        holds.unwrap();
    });
}
