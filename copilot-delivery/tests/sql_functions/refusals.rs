//! What is refused at once, with its place; and what comes near to it and is not.

use super::Database;

const EVENT: &str = r#"{"type": "thing_connected", "event_id": "e-1", "timestamp": 1795509017875, "payload": {"thing_id": "t", "user_id": "u"}}"#;

fn with(from: &str, to: &str) -> String {
    assert!(EVENT.contains(from), "{from}");
    EVENT.replace(from, to)
}

#[tokio::test]
async fn what_can_be_told_cheaply_is_refused_with_its_place() {
    let Some(database) = Database::new().await else { return };
    let long = |length| format!("\"{}\"", "é".repeat(length));
    let free = |count: usize| -> String {
        let names: Vec<String> = (0..count).map(|name| format!("\"p{name}\": 1")).collect();
        let payload = format!("{{\"subtype\": \"s\", \"user_id\": \"u\", {}}}", names.join(", "));
        with("thing_connected", "custom_event").replace(r#"{"thing_id": "t", "user_id": "u"}"#, &payload)
    };
    let cases = [
        (EVENT.to_owned(), None),
        (format!("[{EVENT}]"), Some("")),
        ("null".to_owned(), Some("")),
        (with("thing_connected", "thing_delighted"), Some("/type")),
        (with("\"thing_connected\"", "7"), Some("/type")),
        (with("\"type\"", "\"kind\""), Some("/type")),
        (with("\"e-1\"", &long(50)), None),
        (with("\"e-1\"", &long(51)), Some("/event_id")),
        (with("\"e-1\"", "\"\""), Some("/event_id")),
        (with("\"e-1\"", "1"), Some("/event_id")),
        (with("\"event_id\"", "\"id\""), Some("/event_id")),
        (with("1795509017875", "-1"), None),
        (with("1795509017875", "1795509017875.5"), Some("/timestamp")),
        (with("1795509017875", "1e12"), Some("/timestamp")),
        (with("1795509017875", "1795509017875000000000"), Some("/timestamp")),
        (with("1795509017875", "\"now\""), Some("/timestamp")),
        (with(r#"{"thing_id": "t", "user_id": "u"}"#, "[]"), Some("/payload")),
        (with(r#""thing_id": "t", "#, ""), Some("/payload/thing_id")),
        (with("\"t\"", "\"\""), Some("/payload/thing_id")),
        (with("\"t\"", "7"), Some("/payload/thing_id")),
        (with(r#", "user_id": "u""#, ""), None),
        (with("\"u\"", "null"), Some("/payload/user_id")),
        (free(18), None),
        (free(19), Some("/payload")),
        // Every reader takes another one of two that have the same name.
        (with("\"user_id\"", "\"thing_id\""), Some("/payload/thing_id")),
        (with("\"user_id\"", "\"thing\\u005fid\""), Some("/payload/thing_id")),
        (with("\"event_id\"", "\"type\": \"x\", \"event_id\""), Some("/type")),
        (with("\"user_id\"", "\"a/b~\": {\"c\": 1, \"c\": 1}, \"user_id\""), Some("/payload/a~1b~0/c")),
        (
            with("\"user_id\"", "\"list\": [{\"c\": 1}, {\"c\": 1, \"c\": 2}], \"user_id\""),
            Some("/payload/list/1/c"),
        ),
        (with("\"user_id\"", "\"list\": [{\"c\": 1}, {\"c\": 1}], \"user_id\""), None),
        // Before and after all others: an outbox has no place for them.
        (
            r#"{"type": "preexisting_sync_started", "event_id": "e", "timestamp": 1, "payload": {}}"#
                .to_owned(),
            Some("/type"),
        ),
        (
            r#"{"type": "custom_event", "event_id": "e", "timestamp": 1, "payload": {"subtype": "s"}}"#
                .to_owned(),
            Some("/payload"),
        ),
    ];
    for (json, place) in cases {
        let refused = database.report(&json).await.err();
        assert_eq!(refused.as_ref().map(|(place, _)| place.as_str()), place, "{json}: {refused:?}");
        if let Some((place, message)) = refused {
            assert!(
                message.starts_with(&format!(
                    "copilot_report: {}",
                    if place.is_empty() { "an event" } else { &place }
                )),
                "{message}"
            );
        }
        assert_eq!(database.pending().await.len(), usize::from(place.is_none()));
        database.clear().await;
    }
}

#[tokio::test]
async fn no_refusal_repeats_a_value() {
    let Some(database) = Database::new().await else { return };
    for secret in [
        with("thing_connected", "zoe@example.com"),
        with("\"e-1\"", &format!("\"zoe@example.com{}\"", "x".repeat(50))),
        with("\"t\"", "[\"zoe@example.com\"]"),
    ] {
        let (place, message) = database.report(&secret).await.unwrap_err();
        assert!(!format!("{place} {message}").contains("zoe"), "{message}");
    }
}

#[tokio::test]
async fn a_change_of_consent_has_a_user_and_a_value() {
    let Some(database) = Database::new().await else { return };
    for (arguments, place) in [
        ("'user-7', true", None),
        ("'', true", Some("/user_id")),
        ("NULL, true", Some("/user_id")),
        ("'user-7', NULL", Some("/consent_value")),
    ] {
        let call = format!("SELECT copilot_set_consent({arguments})");
        let refused = super::refused(database.client.query_typed(&call, &[]).await).err();
        assert_eq!(refused.as_ref().map(|(place, _)| place.as_str()), place, "{arguments}");
    }
    assert_eq!(database.pending().await.len(), 1);
}
