//! Order: what waits for whom, and who is told.

use std::time::{Duration, Instant};

use copilot_delivery::{Order, Outbox};

use super::{
    connect, drain,
    items::{event, user},
    look, migrated, put, put_by, quick, server,
};

/// For how long a transaction stays open.
fn while_open() -> Duration {
    if super::is_long() { Duration::from_secs(30) } else { Duration::from_millis(1500) }
}

#[tokio::test]
async fn a_transaction_that_stays_open_delays_only_what_came_after_it_and_loses_nothing() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let outbox = quick(&url).open().await.unwrap();
    let hasty = quick(&url).order(Order::AsCommitted).open().await.unwrap();
    let (writer, id) = (connect(&url).await, user(3, 0));
    put(&outbox, event(1, &id)).await;
    writer.batch_execute("BEGIN").await.unwrap();
    put_by(&writer, event(2, &id)).await.unwrap();
    put(&outbox, event(3, &id)).await;
    put(&outbox, event(4, &user(4, 0))).await;

    let begun = Instant::now();
    while begun.elapsed() < while_open() {
        assert_eq!(look(&outbox).await, [1]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(look(&hasty).await, [1, 3, 4], "whoever waits for nobody has what has committed");
    let held_up = outbox.held_up().expect("it waits");
    let pid: i32 = writer.query_typed("SELECT pg_backend_pid()", &[]).await.unwrap()[0].get(0);
    assert_eq!(held_up.pid, Some(pid));
    assert!(url.ends_with(&held_up.database) && !held_up.database.is_empty(), "{held_up:?}");
    assert!(held_up.age > while_open() / 3 && held_up.age < while_open() * 2, "{held_up:?}");
    assert!(hasty.held_up().is_none());

    writer.batch_execute("COMMIT").await.unwrap();
    assert_eq!(drain(&outbox).await, [1, 2, 3, 4]);
    assert!(outbox.held_up().is_none());
}

#[tokio::test]
async fn a_writer_of_another_database_and_a_prepared_transaction_are_waited_for_and_named() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let elsewhere = server.database();
    let writer = connect(&server.url(&elsewhere)).await;
    let outbox = quick(&url).open().await.unwrap();

    writer.batch_execute("BEGIN; CREATE TABLE of_somebody(id int)").await.unwrap();
    put(&outbox, event(1, &user(3, 0))).await;
    assert!(look(&outbox).await.is_empty());
    let held_up = outbox.held_up().expect("it waits");
    assert!(held_up.pid.is_some() && held_up.database == elsewhere, "{held_up:?}");

    writer.batch_execute("PREPARE TRANSACTION 'somebody'").await.unwrap();
    drop(writer);
    // Who it is is asked once a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(look(&outbox).await.is_empty());
    let held_up = outbox.held_up().expect("it waits");
    assert!(held_up.pid.is_none() && held_up.database == elsewhere, "{held_up:?}");

    connect(&server.url(&elsewhere)).await.batch_execute("ROLLBACK PREPARED 'somebody'").await.unwrap();
    assert_eq!(drain(&outbox).await, [1]);
}

/// Where looking begins goes on with what is taken out, and never past what may still come.
#[tokio::test]
async fn who_waits_for_nobody_still_gets_what_commits_late() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let hasty = quick(&url).order(Order::AsCommitted).open().await.unwrap();
    let (first, second, id) = (connect(&url).await, connect(&url).await, user(3, 0));
    for round in 0..3 {
        let key = round * 10;
        first.batch_execute("BEGIN").await.unwrap();
        put_by(&first, event(key + 1, &id)).await.unwrap();
        put(&hasty, event(key + 2, &id)).await;
        assert_eq!(drain(&hasty).await, [key + 2]);
        second.batch_execute("BEGIN").await.unwrap();
        put_by(&second, event(key + 3, &id)).await.unwrap();
        put(&hasty, event(key + 4, &id)).await;
        assert_eq!(drain(&hasty).await, [key + 4]);
        first.batch_execute("COMMIT").await.unwrap();
        put(&hasty, event(key + 5, &id)).await;
        assert_eq!(drain(&hasty).await, [key + 1, key + 5]);
        second.batch_execute("COMMIT").await.unwrap();
        assert_eq!(drain(&hasty).await, [key + 3]);
    }
    let low = "SELECT low FROM copilot.lane WHERE lane = 3";
    let low: i64 = first.query_typed(low, &[]).await.unwrap()[0].get(0);
    assert!(low > 10, "it goes on: {low}");
}

/// B's transaction began first and ends last but one, so that by its number alone B could be read before A.
#[tokio::test]
async fn what_committed_before_something_else_was_reported_is_read_before_that() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let outbox = quick(&url).open().await.unwrap();
    let (of_b, of_neither, id) = (connect(&url).await, connect(&url).await, user(3, 0));
    of_b.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    of_neither.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    put(&outbox, event(1, &id)).await;
    put_by(&of_b, event(2, &id)).await.unwrap();
    of_b.batch_execute("COMMIT").await.unwrap();
    assert!(look(&outbox).await.is_empty(), "not B alone");
    of_neither.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(drain(&outbox).await, [1, 2]);
}
