//! Dump and restore: rows that bring the numbers of another cluster's transactions.

use std::process::{Command, Stdio};

use copilot_servers::{postgres::program, unprivileged};

use super::{
    Cluster, drain,
    items::{event, user},
    look, migrated, put, quick, server,
};

#[tokio::test]
async fn a_row_of_another_cluster_is_read() {
    let Some(server) = server().await else { return };
    // One that has seen many transactions: its numbers lie far in the future of this one.
    let old = Cluster::prepared("", |folder| {
        let mut reset = unprivileged(&program("pg_resetwal").unwrap());
        assert!(reset.args(["-e", "7", "-D"]).arg(folder).stdout(Stdio::null()).status().unwrap().success());
    });
    let Some(old) = old else { return };
    let (before, id) = (migrated(&old).await, user(3, 0));
    let outbox = quick(&before).open().await.unwrap();
    put(&outbox, event(1, &id)).await;
    put(&outbox, event(2, &id)).await;
    assert_eq!(look(&outbox).await, [1, 2]);

    let name = server.database();
    let after = server.url(&name);
    let dump = Command::new(program("pg_dump").unwrap()).arg(&before).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let file = std::env::temp_dir().join(format!("copilot-{}-{name}.sql", std::process::id()));
    std::fs::write(&file, dump.stdout).unwrap();
    let restored = Command::new(program("psql").unwrap())
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(&file)
        .arg(&after)
        .stdout(Stdio::null())
        .status();
    std::fs::remove_file(&file).unwrap();
    assert!(restored.unwrap().success());

    let outbox = quick(&after).open().await.unwrap();
    put(&outbox, event(3, &id)).await;
    let beyond = super::connect(&after)
        .await
        .query_typed(
            "SELECT bool_or(xid >= pg_snapshot_xmax(pg_current_snapshot())) FROM copilot.pending",
            &[],
        )
        .await;
    assert!(beyond.unwrap()[0].get::<_, bool>(0));
    assert_eq!(drain(&outbox).await, [1, 2, 3]);
}
