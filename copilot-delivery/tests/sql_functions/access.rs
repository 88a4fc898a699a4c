//! Who may call them, and what a caller can do to them.

use super::{Database, connect};
use tokio_postgres::error::SqlState;

const EVENT: &str = r#"{"type": "thing_connected", "event_id": "e-1", "timestamp": 1795509017875, "payload": {"thing_id": "t"}}"#;

#[tokio::test]
async fn a_transaction_that_rolls_back_leaves_nothing() {
    let Some(database) = Database::new().await else { return };
    for (end, left) in [("ROLLBACK", 0), ("COMMIT", 2)] {
        let both =
            format!("BEGIN; SELECT copilot_report('{EVENT}'); SELECT copilot_set_consent('u', false); {end}");
        database.client.batch_execute(&both).await.unwrap();
        assert_eq!(database.pending().await.len(), left);
    }
}

#[tokio::test]
async fn a_role_that_may_execute_can_report_and_do_nothing_else() {
    let Some(database) = Database::new().await else { return };
    database.client.batch_execute("CREATE ROLE app LOGIN").await.unwrap();
    let app = connect(&database.url.replace("//postgres@", "//app@")).await;
    let call = format!("SELECT copilot_report('{EVENT}')");
    let denied = async |statement: &str| {
        let error = app.batch_execute(statement).await.expect_err(statement);
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}: {error}");
    };
    denied(&call).await;
    denied("SELECT copilot_set_consent('u', true)").await;
    let grant = "GRANT EXECUTE ON FUNCTION public.copilot_report(json), public.copilot_set_consent(text, boolean) TO app";
    database.client.batch_execute(grant).await.unwrap();
    app.batch_execute(&call).await.unwrap();
    app.batch_execute("SELECT copilot_set_consent('u', true)").await.unwrap();
    for statement in [
        "SELECT * FROM copilot.pending",
        "DELETE FROM copilot.pending",
        "INSERT INTO copilot.event_type VALUES ('x', '{}', '{}', '{}')",
        "SELECT copilot.lane_of('u')",
        "SELECT * FROM copilot.lease('event', '{1}', 1, 1, 0, 0, 1, true)",
    ] {
        denied(statement).await;
    }
    // What it was given stays, when the contract is brought up to date.
    copilot_delivery::PostgresOutbox::migrate(&database.url).await.unwrap();
    app.batch_execute(&call).await.unwrap();
}

#[tokio::test]
async fn tables_and_operators_of_the_caller_change_nothing() {
    let Some(database) = Database::new().await else { return };
    database
        .client
        .batch_execute(
            "CREATE TEMP TABLE pending(lane int); CREATE TEMP TABLE event_type(name text); CREATE TEMP TABLE contract(version text);
             CREATE SCHEMA evil;
             CREATE FUNCTION evil.json_typeof(json) RETURNS text LANGUAGE sql AS $$ SELECT 'object' $$;
             CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
             CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
             SET search_path = evil, pg_temp, pg_catalog, public",
        )
        .await
        .unwrap();
    database.client.batch_execute(&format!("SELECT public.copilot_report('{EVENT}')")).await.unwrap();
    database.client.batch_execute("SET search_path = pg_catalog, public").await.unwrap();
    assert_eq!(database.pending().await, [EVENT]);
}

/// As some old applications have it.
#[tokio::test]
async fn a_caller_whose_strings_have_escapes_can_report() {
    let Some(database) = Database::new().await else { return };
    database.client.batch_execute("SET standard_conforming_strings = off").await.unwrap();
    database.report(EVENT).await.unwrap();
    database.client.batch_execute("SELECT copilot_set_consent('u', true)").await.unwrap();
    assert_eq!(database.pending().await.len(), 2);
}

/// The place of each member is as long as all names above it.
#[tokio::test]
async fn a_long_name_over_a_long_list_fills_no_disk() {
    let Some(database) = Database::new().await else { return };
    database.client.batch_execute("SET temp_file_limit = '100MB'").await.unwrap();
    let list = format!("\"{}\": [{}0]", "n".repeat(100_000), "0,".repeat(20_000));
    database.report(&EVENT.replace("\"thing_id\"", &format!("{list}, \"thing_id\""))).await.unwrap();
}

#[tokio::test]
async fn a_long_and_a_deep_event_are_no_harm() {
    let Some(database) = Database::new().await else { return };
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let event = EVENT.replace("\"thing_id\"", &format!("\"deep\": {deep}, \"thing_id\""));
    assert!(database.report(&event).await.is_ok());
    database.clear().await;
    let names: Vec<String> = (0..50_000).map(|name| format!("\"n{name}\": 0")).collect();
    let event = EVENT.replace("\"thing_id\"", &format!("{}, \"thing_id\"", names.join(", ")));
    assert_eq!(database.report(&event).await.unwrap_err().0, "/payload");
}
