//! The control API: it answers as its own description says, to whom it should.

use std::{collections::BTreeSet, time::Duration};

use copilot_sandbox::{Fault, Sandbox};
use copilot_tests::{
    sandbox::{COLLECT, Caller, connected, event},
    spec,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{description, problems, sandbox};

/// A sandbox that has something of everything to tell.
async fn full() -> (Sandbox, Caller) {
    let (sandbox, caller) = sandbox();
    let example = |known: &spec::EventType| {
        event(known.name, &format!("e-{}", known.name), known.example["payload"].clone())
    };
    caller.deliver(&spec::event_types().iter().map(example).collect::<Vec<_>>()).await;
    let mut rejected = connected("rejected");
    rejected["payload"]["model"] = json!(null);
    let events = [rejected, json!(7), connected("e-thing_connected")];
    assert_eq!(caller.collect(&events).await.unwrap().status(), 200);
    assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204);
    sandbox.add_fault(Fault::delay(Duration::from_millis(1))).unwrap();
    (sandbox, caller)
}

/// The operations of the description: path, method, operation.
fn operations(description: &Value) -> Vec<(&str, Method, &Value)> {
    let paths = description["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods
                .map(|(method, operation)| (path.as_str(), method.to_uppercase().parse().unwrap(), operation))
        })
        .collect()
}

/// A request that is answered with this status.
fn request_for(caller: &Caller, method: &Method, path: &str, status: &str) -> RequestBuilder {
    let example = |name: &str| {
        let examples = spec::event_types();
        let found = examples.iter().find_map(|known| known.example["payload"][name].as_str());
        found.unwrap().to_owned()
    };
    let mut concrete = path.to_owned();
    for (name, value) in [
        ("{sequence}", "1".to_owned()),
        ("{user_id}", example("user_id")),
        ("{thing_id}", example("thing_id")),
        ("{id}", "1".to_owned()),
    ] {
        concrete = concrete.replace(name, if status == "404" { "0" } else { &value });
    }
    let request = caller.request(method.clone(), &concrete);
    let adds = *method == Method::POST && path.ends_with("/faults");
    match status {
        "400" if adds => request.json(&json!({})),
        "400" => request.query(&[("limit", "0")]),
        "403" => request.header("origin", "http://evil.test"),
        // The sandbox closes a connection of which it has not read everything: another request must not begin on it.
        "413" => request.header("connection", "close").json(&"x".repeat(70_000)),
        "415" => request.body("{}"),
        _ if adds => request.json(&json!({ "fault": { "kind": "hang_up" }, "operation": "set_consent" })),
        _ => request,
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[tokio::test]
async fn every_path_answers_with_every_status_of_its_description_and_as_that_says() {
    let (_sandbox, caller) = full().await;
    let description = description(&caller).await;
    assert_eq!(description["openapi"], "3.1.0");
    let mut checked = 0;
    let mut in_order = operations(&description);
    // What deletes comes last, and what deletes most comes after all else.
    in_order.sort_by_key(|(path, method, _)| {
        (path.ends_with("/reset"), *method == Method::DELETE, !path.ends_with('}'), *method == Method::POST)
    });
    for (path, method, operation) in in_order {
        for status in operation["responses"].as_object().unwrap().keys().rev() {
            let what = format!("{method} {path} {status}");
            let mut place =
                format!("/paths/{}/{}/responses/{status}", escape(path), method.as_str().to_lowercase());
            if let Some(target) = description.pointer(&place).unwrap()["$ref"].as_str() {
                place = target.trim_start_matches('#').to_owned();
            }
            let mut answer = request_for(&caller, &method, path, status).send().await.unwrap();
            assert_eq!(answer.status().as_str(), status, "{what}");
            let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
            let content = description.pointer(&place).unwrap()["content"].as_object();
            let expected = content.map(|content| content.keys().next().unwrap().clone());
            assert_eq!(kind, expected, "{what}");
            match kind.as_deref() {
                None => assert!(answer.bytes().await.unwrap().is_empty(), "{what}"),
                // It does not end, and has a test of its own.
                Some("text/event-stream") => assert!(answer.chunk().await.unwrap().is_some()),
                Some(kind) => {
                    let body: Value = answer.json().await.unwrap();
                    let place = format!("{place}/content/{}/schema", escape(kind));
                    assert_eq!(problems(&description, &place, &body), [""; 0], "{what}: {body}");
                }
            }
            checked += 1;
        }
    }
    assert!(checked > 35, "{checked}");
    // The check can fail.
    assert!(!problems(&description, "/components/schemas/User", &json!({ "user_id": 7 })).is_empty());
}

async fn rejected(request: RequestBuilder, status: u16) -> String {
    let what = format!("{request:?}");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), status, "{what}");
    assert_eq!(answer.headers()["content-type"], "application/json", "{what}");
    let body: Value = answer.json().await.unwrap();
    assert!(body["reason"].as_str().unwrap().contains('.'), "{what}: {body}");
    body["error_message"].as_str().unwrap_or_else(|| panic!("{what}: {body}")).to_owned()
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_rejected() {
    let (_sandbox, caller) = sandbox();
    let description = description(&caller).await;
    let mut checked = 0;
    for (path, method, operation) in operations(&description) {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let query: Vec<&Value> = parameters.filter(|parameter| parameter["in"] == "query").collect();
        let nonsense = json!({ "name": "nonsense", "schema": { "type": "nonsense" } });
        let nonsense = (!query.is_empty()).then_some(&nonsense);
        for parameter in query.into_iter().chain(nonsense) {
            let name = parameter["name"].as_str().unwrap();
            let values: &[&str] = match (name, parameter["schema"]["type"].as_str()) {
                ("limit", _) => &["0", "1001", "-1", "x", "", "99999999999999999999"],
                (_, Some("integer")) => &["-1", "x", "", "1.5"],
                (_, Some("boolean")) => &["maybe", "1", ""],
                ("verdict", _) => &["maybe", "Accepted", ""],
                (_, Some("nonsense")) => &["1"],
                (_, Some("string")) => continue,
                _ => panic!("{name} has no test"),
            };
            for value in values {
                let message =
                    rejected(caller.request(method.clone(), path).query(&[(name, value)]), 400).await;
                assert!(message.contains(name), "{path} {name}={value}: {message}");
                checked += 1;
            }
            rejected(caller.request(method.clone(), path).query(&[(name, "1"), (name, "1")]), 400).await;
        }
    }
    assert!(checked > 30, "{checked}");
}

#[tokio::test]
async fn filters_and_ids_are_taken_as_they_are_written_in_a_url() {
    let (_sandbox, caller) = sandbox();
    let event = |event_id: &str, user_id: &str| {
        event("thing_connected", event_id, json!({ "thing_id": "A4:CF:12", "user_id": user_id }))
    };
    caller.deliver(&[event("e1", "a:b+c@d.-_"), event("e2", "x")]).await;
    let coded = "a%3Ab%2Bc%40d%2E%2D%5F";
    assert_eq!(caller.get(&format!("/_sandbox/users/{coded}")).await["user_id"], "a:b+c@d.-_");
    assert_eq!(caller.get("/_sandbox/things/A4%3ACF%3A12").await["events"], 2);
    let every_filter = "after=0&before=2&verdict=accepted&type=thing_connected&repeated=false&event_id=e1";
    for (query, expected) in [(format!("{every_filter}&user_id={coded}"), 1), ("type=unknown".to_owned(), 0)]
    {
        let found = caller.get(&format!("/_sandbox/events?{query}")).await;
        assert_eq!(found["events"].as_array().unwrap().len(), expected, "{query}");
    }
    let found = caller.get("/_sandbox/users?search=%2B&limit=1").await;
    assert_eq!((&found["users"][0]["user_id"], &found["total"]), (&json!("a:b+c@d.-_"), &json!(2)));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let (_sandbox, caller) = sandbox();
    for path in [
        "/nothing",
        "/_sandbox/",
        "/_sandbox/events/x",
        "/_sandbox/page/..%2Fpage.css",
        "/docs/ui/..%2F..%2FCargo.toml",
        "/v2/collect/",
    ] {
        rejected(caller.request(Method::GET, path), 404).await;
    }
    for (method, path, allowed) in [
        (Method::GET, COLLECT, "POST"),
        (Method::PUT, "/_sandbox/events", "GET,HEAD"),
        (Method::PATCH, "/_sandbox/faults", "GET,HEAD,POST,DELETE"),
    ] {
        let answer = caller.request(method.clone(), path).send().await.unwrap();
        let found = answer.headers()["allow"].to_str().unwrap().replace(' ', "");
        let set = |methods: &str| methods.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(set(&found), set(allowed), "{method} {path}");
        rejected(caller.request(method, path), 405).await;
    }
}

/// Beside the 403 that every operation of the description has.
#[tokio::test]
async fn other_sites_can_neither_read_nor_change_anything() {
    let (sandbox, caller) = sandbox();
    caller.deliver(&[connected("e1")]).await;
    let port = sandbox.url().rsplit(':').next().unwrap().to_owned();
    for path in ["/", "/docs", "/_sandbox/page/page.css", "/_sandbox/contract.json"] {
        for (name, value) in [("origin", "null"), ("host", &format!("127.0.0.1.evil.test:{port}"))] {
            rejected(caller.request(Method::GET, path).header(name, value), 403).await;
        }
    }
    let foreign = caller.request(Method::POST, "/_sandbox/reset").header("origin", "http://127.0.0.1:1");
    rejected(foreign, 403).await;
    assert_eq!(sandbox.events().len(), 1, "nothing was reset");
    for (name, value) in [("origin", sandbox.url()), ("host", format!("localhost:{port}"))] {
        let own =
            caller.request(Method::GET, "/_sandbox/statistics").header(name, value).send().await.unwrap();
        assert_eq!(own.status(), 200);
        assert!(own.headers().get("access-control-allow-origin").is_none());
    }
}
