//! The answers are those of the Server API, as the sandbox gives them.

use std::fs;

use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Folder, ID, SECRET, body, event, port_of, program::Relay, sandbox, workspace};

/// Every case of the vectors, with what it breaks.
fn vectors() -> Vec<Value> {
    let files = fs::read_dir(workspace().join("openapi/vectors/events")).unwrap();
    let read = |entry: std::io::Result<fs::DirEntry>| -> Value {
        serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap()
    };
    files.flat_map(|entry| read(entry)["cases"].as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn refused_events_are_told_as_the_sandbox_tells_them() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = Relay::start(&folder, &sandbox.url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let cases = vectors();
    assert!(cases.len() > 1000, "{}", cases.len());
    let is_sync = |case: &Value| {
        case["body"]["type"].as_str().is_some_and(|name| name.starts_with("preexisting_sync_"))
    };
    let cases: Vec<Value> = cases.into_iter().filter(|case| !is_sync(case)).collect();
    for cases in cases.chunks(500) {
        let sent = body(&cases.iter().map(|case| case["body"].clone()).collect::<Vec<_>>());
        let request = http.post(sandbox.collect_url()).basic_auth(ID, Some(SECRET));
        let told = request.header(CONTENT_TYPE, "application/json").body(sent.clone()).send().await.unwrap();
        let [theirs, ours]: [Value; 2] =
            [told.json().await.unwrap(), relay.collect(sent).await.json().await.unwrap()];
        let [theirs, ours] =
            [theirs, ours].map(|answer| answer["invalid_events"].as_array().unwrap().clone());
        let whom = |event: &Value| (event["index"].clone(), event["event_id"].clone());
        assert_eq!(ours.iter().map(whom).collect::<Vec<_>>(), theirs.iter().map(whom).collect::<Vec<_>>());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let case = &cases[ours["index"].as_u64().unwrap() as usize];
            for broken in case["breaks"].as_array().into_iter().flatten().take(5) {
                for answer in [ours, theirs] {
                    let error = answer["error"].as_str().unwrap();
                    let rule = format!(
                        "({}, {})",
                        broken["rule"].as_str().unwrap(),
                        broken["grade"].as_str().unwrap()
                    );
                    assert!(
                        error.contains(&rule) && error.contains(broken["pointer"].as_str().unwrap()),
                        "{case}: {error}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn the_events_around_the_sync_are_refused_by_name_and_the_others_are_taken() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = Relay::start(&folder, &sandbox.url());
    let sync = json!({ "type": "preexisting_sync_started", "event_id": "s-1", "timestamp": super::now(), "payload": {} });
    let answer: Value = relay.collect(body(&[sync, event("e-1", "user-1")])).await.json().await.unwrap();
    let refused = answer["invalid_events"].as_array().unwrap();
    assert_eq!((refused.len(), &refused[0]["index"], &refused[0]["event_id"]), (1, &json!(0), &json!("s-1")));
    assert!(refused[0]["error"].as_str().unwrap().contains("`copilot-cx sync`"));
    super::until_accepted(&sandbox, 1).await;
    assert_eq!(sandbox.events().len(), 1);
}

#[tokio::test]
async fn what_is_refused_as_a_whole_is_refused_as_by_the_sandbox() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = Relay::start(&folder, &sandbox.url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let consent = "/v2/api/report/user_copilot_analysis_consent_changed";
    let json = "application/json";
    let good = body(&[event("e-1", "user-1")]);
    let ask = async |base: &str, (method, path, secret, kind, body): (Method, &str, &str, &str, &str)| {
        let request = http.request(method, format!("{base}{path}")).basic_auth(ID, Some(secret));
        let answer = request.header(CONTENT_TYPE, kind).body(body.to_owned()).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        (status, body["reason"].clone())
    };
    let post = Method::POST;
    let requests = [
        (post.clone(), "/v2/collect", "wrong", json, good.as_str(), StatusCode::UNAUTHORIZED),
        (post.clone(), consent, "wrong", json, "{}", StatusCode::UNAUTHORIZED),
        (post.clone(), "/v2/collect", SECRET, "text/plain", &good, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (post.clone(), "/v2/collect", SECRET, json, "{\"events\":[", StatusCode::BAD_REQUEST),
        (post.clone(), "/v2/collect", SECRET, json, "{\"events\":[]}", StatusCode::BAD_REQUEST),
        (
            post.clone(),
            "/v2/collect",
            SECRET,
            json,
            "{\"events\":[{\"a\":\"\\ud800\"}]}",
            StatusCode::BAD_REQUEST,
        ),
        (post.clone(), "/v2/collect", SECRET, json, "[]", StatusCode::BAD_REQUEST),
        (
            post.clone(),
            consent,
            SECRET,
            json,
            "{\"user_id\":\"a b\",\"consent_value\":true}",
            StatusCode::BAD_REQUEST,
        ),
        (post.clone(), consent, SECRET, json, "{\"user_id\":\"a\"}", StatusCode::BAD_REQUEST),
        (post, "/v2/collected", SECRET, json, &good, StatusCode::NOT_FOUND),
        (Method::PUT, "/v2/collect", SECRET, json, &good, StatusCode::METHOD_NOT_ALLOWED),
    ];
    for (method, path, secret, kind, body, status) in requests {
        let request = (method, path, secret, kind, body);
        let ours = ask(&relay.url, request.clone()).await;
        assert_eq!(ours.0, status, "{request:?}");
        assert_eq!(ours, ask(&sandbox.url(), request.clone()).await, "{request:?}");
    }
    assert!(sandbox.events().is_empty());
}

#[tokio::test]
async fn a_client_that_still_sends_too_much_can_read_413() {
    let folder = Folder::new();
    let relay = Relay::start(&folder, "http://127.0.0.1:9");
    let address = ("127.0.0.1", port_of(&relay.url));
    for head in ["Content-Length: 3000000", "Transfer-Encoding: chunked"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let pair = "a2V0dGxlLWNvOm5ldmVyLXRvLWJlLXByaW50ZWQ=";
        let head = format!(
            "POST /v2/collect HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {pair}\r\nContent-Type: application/json\r\n{head}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let piece = match head.contains("chunked") {
            true => [b"186a0\r\n".as_slice(), &[b'x'; 100_000], b"\r\n"].concat(),
            false => vec![b'x'; 100_000],
        };
        for _ in 0..30 {
            stream.write_all(&piece).await.unwrap();
        }
        if head.contains("chunked") {
            stream.write_all(b"0\r\n\r\n").await.unwrap();
        }
        let mut answer = vec![0; 1000];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 413 ") && answer.contains("COMMON.CONTENT_TOO_LARGE"),
            "{answer}"
        );
    }
}
