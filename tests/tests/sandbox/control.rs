//! The control API: it answers as its own description says, to whom it should.

use std::collections::BTreeSet;

use copilot_sandbox::{Fault, Sandbox};
use copilot_tests::{
    sandbox::{COLLECT, Caller, connected, event},
    spec,
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{problems, sandbox};

/// A sandbox that has something of everything to tell.
async fn full() -> (Sandbox, Caller) {
    let (sandbox, caller) = sandbox();
    let events: Vec<Value> = spec::event_types()
        .iter()
        .map(|known| event(known.name, &format!("e-{}", known.name), known.example["payload"].clone()))
        .collect();
    caller.deliver(&events).await;
    let mut rejected = connected("rejected");
    rejected["payload"]["model"] = json!(null);
    assert_eq!(
        caller.collect(&[rejected, json!(7), connected("e-thing_connected")]).await.unwrap().status(),
        200
    );
    assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204);
    sandbox.add_fault(Fault::delay(std::time::Duration::from_millis(1))).unwrap();
    (sandbox, caller)
}

/// The members of the description's paths: path, method, operation.
fn operations(description: &Value) -> Vec<(&str, Method, &Value)> {
    let paths = description["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method, operation))
    });
    methods
        .map(|(path, method, operation)| (path, method.to_uppercase().parse().unwrap(), operation))
        .collect()
}

/// A request that is answered with this status.
fn request_for(caller: &Caller, method: &Method, path: &str, status: &str) -> RequestBuilder {
    let examples = spec::event_types();
    let example = |name: &str| {
        let found = examples.iter().find_map(|known| known.example["payload"][name].as_str());
        found.unwrap().to_owned()
    };
    let good = [
        ("{sequence}", "1".to_owned()),
        ("{user_id}", example("user_id")),
        ("{thing_id}", example("thing_id")),
        ("{id}", "1".to_owned()),
    ];
    let mut concrete = path.to_owned();
    for (name, value) in good {
        let value = if status == "404" { "0".to_owned() } else { value };
        concrete = concrete.replace(name, &value);
    }
    let adds = *method == Method::POST && path.ends_with("/faults");
    let fault = json!({ "fault": { "kind": "close_before" }, "operation": "set_consent" });
    match status {
        "400" if adds => caller.request(method.clone(), path).json(&json!({})),
        "400" => caller.request(method.clone(), &format!("{concrete}?limit=0")),
        "403" => caller.request(method.clone(), &concrete).header("origin", "http://evil.test"),
        "413" => caller.request(method.clone(), path).json(&"x".repeat(70_000)),
        "415" => caller.request(method.clone(), path).body("{}"),
        _ if adds => caller.request(method.clone(), path).json(&fault),
        _ => caller.request(method.clone(), &concrete),
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The data of the first event of a stream.
async fn first_data(mut answer: Response) -> Value {
    let mut text = String::new();
    while !text.contains("\n\n") {
        let piece = answer.chunk().await.unwrap().expect("the stream ended");
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    let (name, rest) = text.split_once('\n').unwrap();
    assert_eq!(name, "event: change");
    serde_json::from_str(rest.strip_prefix("data: ").unwrap().trim_end()).unwrap()
}

#[tokio::test]
async fn every_path_answers_with_every_status_of_its_description_and_as_that_says() {
    let (_sandbox, caller) = full().await;
    let description = super::description(&caller).await;
    assert_eq!(description["openapi"], "3.1.0");
    let mut checked = 0;
    let mut in_order = operations(&description);
    // What deletes comes last, and what deletes most comes after all else.
    in_order.sort_by_key(|(path, method, _)| {
        (path.ends_with("/reset"), *method == Method::DELETE, !path.ends_with('}'), *method == Method::POST)
    });
    for (path, method, operation) in in_order {
        let responses = operation["responses"].as_object().unwrap();
        for status in responses.keys().rev() {
            // A file is no part of this test.
            if status == "503" {
                continue;
            }
            let answer = request_for(&caller, &method, path, status).send().await.unwrap();
            let what = format!("{method} {path} {status}");
            assert_eq!(answer.status().as_str(), status, "{what}");
            let (mut place, mut response) = (
                format!("/paths/{}/{}/responses/{status}", escape(path), method.as_str().to_lowercase()),
                &responses[status],
            );
            if let Some(target) = response["$ref"].as_str() {
                place = target.trim_start_matches('#').to_owned();
                response = description.pointer(&place).unwrap();
            }
            let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
            match response["content"].as_object().map(|content| content.keys().next().unwrap().as_str()) {
                None => {
                    assert_eq!(kind, None, "{what}");
                    assert!(answer.bytes().await.unwrap().is_empty(), "{what}");
                }
                Some("text/event-stream") => {
                    assert_eq!(kind.as_deref(), Some("text/event-stream"), "{what}");
                    let found =
                        problems(&description, "/components/schemas/Statistics", &first_data(answer).await);
                    assert_eq!(found, [""; 0], "{what}");
                }
                Some(expected) => {
                    assert_eq!(kind.as_deref(), Some(expected), "{what}");
                    let body: Value = answer.json().await.unwrap();
                    let place = format!("{place}/content/{}/schema", escape(expected));
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
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{what}");
    let body: Value = answer.json().await.unwrap();
    assert!(body["reason"].as_str().unwrap().contains('.'), "{what}: {body}");
    body["error_message"].as_str().unwrap_or_else(|| panic!("{what}: {body}")).to_owned()
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_rejected() {
    let (_sandbox, caller) = sandbox();
    let description = super::description(&caller).await;
    let mut checked = 0;
    for (path, method, operation) in operations(&description) {
        let parameters = operation["parameters"].as_array().unwrap();
        let query: Vec<&Value> = parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
        if query.is_empty() {
            continue;
        }
        let mut wrong = vec![("nonsense".to_owned(), vec!["1"])];
        for parameter in query {
            let values = match (parameter["name"].as_str().unwrap(), parameter["schema"]["type"].as_str()) {
                ("limit", _) => vec!["0", "1001", "-1", "x", "", "1.5", "99999999999999999999"],
                (_, Some("integer")) => vec!["-1", "x", "", "1.5"],
                (_, Some("boolean")) => vec!["maybe", "1", ""],
                (_, Some("string")) => continue,
                ("verdict", _) => vec!["maybe", "Accepted", ""],
                (name, _) => panic!("{name} has no test"),
            };
            wrong.push((parameter["name"].as_str().unwrap().to_owned(), values));
        }
        for (name, values) in wrong {
            for value in values {
                let request = caller.request(method.clone(), path).query(&[(&name, value)]);
                let message = rejected(request, 400).await;
                assert!(message.contains(&name), "{path} {name}={value}: {message}");
                checked += 1;
            }
            let twice = caller.request(method.clone(), path).query(&[(&name, "1"), (&name, "1")]);
            rejected(twice, 400).await;
        }
    }
    assert!(checked > 40, "{checked}");
}

#[tokio::test]
async fn filters_and_ids_are_taken_as_they_are_written_in_a_url() {
    let (_sandbox, caller) = sandbox();
    let id = "a:b+c@d.-_";
    let payload = |user_id: &str| json!({ "thing_id": "A4:CF:12", "user_id": user_id });
    caller
        .deliver(&[event("thing_connected", "e1", payload(id)), event("thing_connected", "e2", payload("x"))])
        .await;
    let coded = "a%3Ab%2Bc%40d%2E%2D%5F";
    assert_eq!(caller.get(&format!("/_sandbox/users/{coded}")).await["user_id"], id);
    assert_eq!(caller.get("/_sandbox/things/A4%3ACF%3A12").await["events"], 2);
    for (query, expected) in [
        (format!("user_id={coded}"), vec![1]),
        ("thing_id=A4:CF:12&before=2".to_owned(), vec![1]),
        ("after=1&verdict=accepted&type=thing_connected&repeated=false&event_id=e2".to_owned(), vec![2]),
        ("type=unknown".to_owned(), vec![]),
        ("limit=1".to_owned(), vec![2]),
        ("limit=1000".to_owned(), vec![2, 1]),
    ] {
        let answer = caller.get(&format!("/_sandbox/events?{query}")).await;
        let found: Vec<u64> = answer["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["sequence"].as_u64().unwrap())
            .collect();
        assert_eq!(found, expected, "{query}");
    }
    let found = caller.get("/_sandbox/users?search=%2B").await;
    assert_eq!((&found["users"][0]["user_id"], &found["total"]), (&json!(id), &json!(2)));
    let found = caller.get("/_sandbox/users?limit=1").await;
    assert_eq!((found["users"].as_array().unwrap().len(), &found["total"]), (1, &json!(2)));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let (_sandbox, caller) = sandbox();
    for path in [
        "/nothing",
        "/_sandbox",
        "/_sandbox/",
        "/_sandbox/events/",
        "/_sandbox/events/1",
        "/_sandbox/events/x",
        "/_sandbox/users/nobody",
        "/_sandbox/things/nothing",
        "/_sandbox/page/nothing",
        "/_sandbox/page/..%2Fpage.css",
        "/docs/",
        "/docs/ui/index.html",
        "/docs/ui/..%2F..%2FCargo.toml",
        "/v2",
        "/v2/collect/",
        "//v2/collect",
    ] {
        rejected(caller.request(Method::GET, path), 404).await;
    }
    for path in ["/_sandbox/users/%ff", "/_sandbox/events/%ff", "/_sandbox/page/%ff", "/docs/ui/%ff"] {
        let answer = caller.request(Method::GET, path).send().await.unwrap();
        assert!([400, 404].contains(&answer.status().as_u16()), "{path}");
        assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
    }
    for (method, path, allowed) in [
        (Method::GET, COLLECT, "POST"),
        (Method::PUT, "/_sandbox/events", "GET,HEAD"),
        (Method::POST, "/_sandbox/users/ann", "GET,HEAD"),
        (Method::GET, "/_sandbox/reset", "POST"),
        (Method::PATCH, "/_sandbox/faults", "GET,HEAD,POST,DELETE"),
        (Method::OPTIONS, "/_sandbox/faults/1", "DELETE"),
        (Method::POST, "/", "GET,HEAD"),
        (Method::DELETE, "/docs", "GET,HEAD"),
    ] {
        let answer = caller.request(method.clone(), path).send().await.unwrap();
        let found = answer.headers().get("allow").map(|allowed| allowed.to_str().unwrap().replace(' ', ""));
        let found: BTreeSet<String> =
            found.iter().flat_map(|found| found.split(',')).map(str::to_owned).collect();
        assert_eq!(found, allowed.split(',').map(str::to_owned).collect(), "{method} {path}");
        rejected(caller.request(method, path), 405).await;
    }
}

#[tokio::test]
async fn other_sites_can_neither_read_nor_change_anything() {
    let (sandbox, caller) = sandbox();
    caller.deliver(&[connected("e1")]).await;
    let description = super::description(&caller).await;
    let paths = operations(&description).into_iter().map(|(path, method, _)| (method, path.to_owned()));
    let pages = ["/", "/docs", "/docs/start.js", "/_sandbox/page/page.css", "/_sandbox/contract.json"];
    let port = sandbox.url().rsplit(':').next().unwrap().to_owned();
    for (method, path) in paths.chain(pages.map(|path| (Method::GET, path.to_owned()))) {
        for (name, value) in [
            ("origin", "http://evil.test".to_owned()),
            ("origin", "null".to_owned()),
            ("origin", "http://127.0.0.1:1".to_owned()),
            ("host", "evil.test".to_owned()),
            ("host", format!("127.0.0.1.evil.test:{port}")),
        ] {
            rejected(caller.request(method.clone(), &path).header(name, value), 403).await;
        }
    }
    assert_eq!(sandbox.events().len(), 1, "nothing was reset");
    let own = caller.request(Method::GET, "/_sandbox/statistics").header("origin", sandbox.url());
    assert_eq!(own.send().await.unwrap().status(), 200);
    let named =
        caller.request(Method::GET, "/_sandbox/statistics").header("host", format!("localhost:{port}"));
    assert_eq!(named.send().await.unwrap().status(), 200);
    let answer = caller.request(Method::GET, "/_sandbox/statistics").send().await.unwrap();
    assert!(answer.headers().get("access-control-allow-origin").is_none());
}
