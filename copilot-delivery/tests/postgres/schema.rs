//! The tables: how they come, and what is said where they are not as they should be.

use copilot_delivery::{PostgresOutbox, outbox::Fault};

use super::{connect, migrated, quick, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once_migrate_once() {
    let Some(server) = server().await else { return };
    let url = server.url(&server.database().await);
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
