//! A primary that dies, and a standby that takes over.

use std::{process::Command, sync::Arc, time::Duration};

use copilot_delivery::PostgresOutbox;
use copilot_servers::{postgres::program, unprivileged};

use super::{
    Cluster, connect, drain,
    items::{event, user},
    put, quick,
};

/// The primary answers a commit when the standby has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_has_what_was_stored_and_is_found() {
    let Some(primary) = Cluster::with("wal_level = replica\nmax_wal_senders = 4") else { return };
    let Some(standby) = copy(&primary) else { return };
    let admin = connect(&primary.url("postgres")).await;
    admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
    admin.query_typed("SELECT pg_reload_conf()", &[]).await.unwrap();
    let both = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    PostgresOutbox::migrate(&both).await.unwrap();
    let outbox = Arc::new(quick(&both).deadline(Duration::from_secs(30)).open().await.unwrap());
    let producers = (0..4_u64).map(|producer| {
        let outbox = outbox.clone();
        tokio::spawn(async move {
            for number in 0..100 {
                put(&*outbox, event(producer * 100 + number, &user(producer as u8, 0))).await;
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        })
    });
    let producers: Vec<_> = producers.collect();
    tokio::time::sleep(Duration::from_millis(150)).await;
    primary.crash();
    let mut promote = unprivileged(&program("pg_ctl").unwrap());
    assert!(promote.args(["promote", "-s", "-w", "-D"]).arg(standby.folder()).status().unwrap().success());
    for producer in producers {
        producer.await.unwrap();
    }
    let mut came = drain(&quick(&both).open().await.unwrap()).await;
    came.sort_unstable();
    assert_eq!(came, (0..400).collect::<Vec<_>>());
}

/// A standby of that server.
fn copy(primary: &Cluster) -> Option<Cluster> {
    let standby = Cluster::made_by("hot_standby = on", |folder| {
        let mut copy: Command = unprivileged(&program("pg_basebackup").unwrap());
        copy.args(["-R", "-X", "stream", "-c", "fast", "-h", "127.0.0.1", "-U", "postgres"]);
        copy.args(["-p", &primary.port().to_string(), "-D"]).arg(folder);
        copy
    })?;
    standby.run();
    Some(standby)
}
