//! The tables: how they come, and what is said where they are not as they should be.

use std::time::Duration;

use copilot_delivery::{
    Outbox as _, Outcome, PostgresOutbox,
    outbox::{End, Fault, Retention},
};

use super::{
    connect,
    items::{event, user},
    lease, look, migrated, put, quick, server,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once_migrate_once() {
    let Some(server) = server().await else { return };
    let url = server.url(&server.database());
    let error = PostgresOutbox::open(&url).await.expect_err("no tables");
    assert!(error.to_string().contains("PostgresOutbox::migrate"), "{error}");
    let migrations = (0..4).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { PostgresOutbox::migrate(&url).await })
    });
    for migration in migrations.collect::<Vec<_>>() {
        migration.await.unwrap().unwrap();
    }
    quick(&url).open().await.unwrap();
    let sql = "INSERT INTO copilot.migration(version) VALUES (9999)";
    connect(&url).await.batch_execute(sql).await.unwrap();
    assert_eq!(PostgresOutbox::open(&url).await.expect_err("newer").fault(), Fault::Newer);
}

#[tokio::test]
async fn where_nothing_can_be_kept_it_is_said_so() {
    let Some(server) = server().await else { return };
    let admin = connect(&server.url("postgres")).await;
    admin.batch_execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0").await.unwrap();
    let latin = server.url("latin");
    PostgresOutbox::migrate(&latin).await.expect_err("another encoding");
    assert_eq!(PostgresOutbox::open(&latin).await.expect_err("another encoding").fault(), Fault::Unsafe);

    let url = migrated(&server).await;
    admin.batch_execute("CREATE ROLE stranger LOGIN PASSWORD 'secret'").await.unwrap();
    let stranger = url.replace("postgres@", "stranger:secret@");
    let error = PostgresOutbox::open(&stranger).await.expect_err("no rights");
    assert_eq!(error.fault(), Fault::ReadOnly, "{error}");
    let nowhere = url.replace("postgres@", "app:secret@").replace(&server.port().to_string(), "1");
    let error = PostgresOutbox::open(&nowhere).await.expect_err("nobody there");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
}

#[tokio::test]
async fn a_role_with_the_rights_of_the_docs_is_enough() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let admin = connect(&url).await;
    let grants = "CREATE ROLE courier LOGIN; GRANT USAGE ON SCHEMA copilot TO courier; \
                  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA copilot TO courier; \
                  GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA copilot TO courier";
    admin.batch_execute(grants).await.unwrap();
    let outbox = quick(&url.replace("postgres@", "courier@")).open().await.unwrap();
    put(&outbox, event(1, &user(3, 0))).await;
    let lease = lease(&outbox).await.unwrap();
    outbox.extend(&lease).await.unwrap();
    let dead = End::Dead(Outcome::Expired);
    outbox.settle(lease, vec![dead]).await.unwrap();
    let letter = outbox.dead_letters(None, 1).await.unwrap()[0].id;
    assert!(outbox.put_back(letter, None).await.unwrap());
    outbox.forget(&user(4, 0)).await.unwrap();
    outbox.retain(&Retention { max_bytes: Some(1_000_000), ..Retention::default() }).await.unwrap();
    assert_eq!(outbox.counts().await.unwrap().pending, 1);

    // The statistics of another role's session do not show: its age is for how long it was seen.
    admin.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    put(&outbox, event(2, &user(5, 0))).await;
    assert_eq!(look(&outbox).await, [1]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(look(&outbox).await, [1]);
    let held_up = outbox.held_up().expect("it waits");
    assert!(held_up.pid.is_some() && held_up.age > Duration::from_secs(1), "{held_up:?}");
}
