//! The examples in other languages, run as they are printed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::Database;

/// Runs an example, whose transaction is committed for one user and rolled back for another. Nothing, where `ready` is not.
async fn run(language: &str, ready: bool, command: impl FnOnce(&Path) -> Command) {
    if !ready {
        return copilot_servers::skip::<()>(&format!("what the example in {language} needs"))
            .unwrap_or_default();
    }
    let Some(database) = Database::new().await else { return };
    database.client.batch_execute("CREATE TABLE orders(user_id text)").await.unwrap();
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "sql", "examples", language].iter().collect();
    let url = database.url.clone() + "?sslmode=disable";
    let mut command = command(&folder);
    command.arg(url).current_dir(&folder);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with("rolled back: "), "{said}");

    let rows = database
        .client
        .query_typed(
            "SELECT orders.user_id, pending.user_id, pending.kind FROM orders FULL JOIN copilot.pending USING (user_id) ORDER BY seq",
            &[],
        )
        .await
        .unwrap();
    let rows: Vec<[String; 3]> = rows.iter().map(|row| [row.get(0), row.get(1), row.get(2)]).collect();
    assert_eq!(rows, [["user-1", "user-1", "event"], ["user-1", "user-1", "consent"]]);
    let [event, _] = &*database.pending().await else { panic!() };
    copilot_api::parse_event(event).unwrap();
}

#[tokio::test]
async fn in_python() {
    // The one that Debian's packages belong to.
    let python = "/usr/bin/python3";
    let ready = Command::new(python).args(["-c", "import psycopg2"]).output();
    run("python", ready.is_ok_and(|ready| ready.status.success()), |_| {
        let mut command = Command::new(python);
        command.arg("report.py");
        command
    })
    .await;
}

#[tokio::test]
async fn in_go() {
    let sources = "/usr/share/gocode";
    let ready =
        copilot_servers::on_path("go").is_some() && Path::new(sources).join("src/github.com/lib/pq").exists();
    run("go", ready, |_| {
        let mut command = Command::new("go");
        command.args(["run", "report.go"]).env("GO111MODULE", "off").env("GOPATH", sources);
        command.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"));
        command
    })
    .await;
}

#[tokio::test]
async fn in_node() {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "sql", "examples", "node"].iter().collect();
    let ready = copilot_servers::on_path("node").is_some() && folder.join("node_modules/pg").exists();
    run("node", ready, |_| {
        let mut command = Command::new("node");
        command.arg("report.mjs");
        command
    })
    .await;
}
