//! The conformance vectors of the contract: what is good goes in, as it is written.

use std::{fs, path::Path};

use serde_json::Value;
use tokio_postgres::types::Type;

use super::Database;

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[tokio::test]
async fn every_good_event_goes_in_as_it_is_written() {
    let Some(database) = Database::new().await else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/vectors");
    let mut texts: Vec<(String, String, bool, bool)> = Vec::new();
    for file in fs::read_dir(folder.join("events")).unwrap() {
        let vectors = read(&file.unwrap().path());
        // What opens and closes the one-time synchronization has no place among others.
        let event_type = vectors["event_type"].as_str().unwrap();
        let apart = "SELECT FROM copilot.event_type WHERE name = $1 AND order_keys = '{}'";
        let apart = database.client.query_typed(apart, &[(&event_type, Type::TEXT)]).await.unwrap();
        let is_apart = !apart.is_empty();
        for case in vectors["cases"].as_array().unwrap() {
            let name = format!("{} {}", vectors["event_type"], case["name"]);
            texts.push((name, case["body"].to_string(), case["valid"].as_bool().unwrap(), is_apart));
        }
    }
    for case in read(&folder.join("texts.json"))["cases"].as_array().unwrap() {
        if case["operation"] == "collect" {
            let text = case["text"].as_str().unwrap().to_owned();
            texts.push((case["name"].to_string(), text, case["valid"].as_bool().unwrap(), false));
        }
    }
    let (mut taken, mut refused) = (0, 0);
    for (name, text, is_valid, is_apart) in texts {
        match database.report(&text).await {
            Ok(()) => {
                assert_eq!(database.pending().await, [text], "{name}");
                database.clear().await;
                taken += usize::from(is_valid);
            }
            Err((place, message)) => {
                // Text with a NUL is not for PostgreSQL, whose functions do not read JSON that has it.
                let has_nul = text.contains("\\u0000");
                assert!(!is_valid || is_apart || has_nul, "{name}: {place}: {message}");
                refused += 1;
            }
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} {refused}");
}
