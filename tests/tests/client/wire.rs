//! What the client puts on the wire, byte for byte, and where it sends it.

use copilot_api::{
    Client, EVENT_TYPES, Endpoints, EventTimestamp,
    env::{CLIENT_ID, CLIENT_SECRET, COLLECT_ENDPOINT, CONSENT_ENDPOINT, ENVIRONMENT},
    event_from_value,
    types::{CollectRequest, CollectResponse, ConsentChange, ErrorResponse, Event, InvalidEvent},
};
use copilot_tests::{
    child,
    mock::MockServerExt,
    server::{self, Answer, Server, in_time},
    spec,
};
use httpmock::MockServer;
use serde_json::{Value, json};
use tokio::runtime::Builder;

const COLLECT_PATH: &str = "/v2/collect";
const CONSENT_PATH: &str = "/v2/api/report/user_copilot_analysis_consent_changed";

fn copilot() -> Server {
    server::copilot(|_| None).0
}

/// The contract's example of each type of event, as if it happened now.
fn golden() -> Vec<Value> {
    let now = EventTimestamp::now().as_millis();
    let as_of_now = |event: spec::EventType| {
        let mut example = event.example.clone();
        example["timestamp"] = now.into();
        example
    };
    spec::event_types().into_iter().map(as_of_now).collect()
}

fn events(golden: &[Value]) -> Vec<Event> {
    golden.iter().map(|json| event_from_value(json.clone()).expect("an example is no event")).collect()
}

#[tokio::test]
async fn both_operations_send_the_headers_of_the_worked_example_and_no_others() {
    let server = copilot();
    let client = server.client().build().unwrap();
    in_time(client.collect_one(server::event("e-1"))).await.unwrap();
    in_time(client.set_consent("user-7", true)).await.unwrap();
    let requests = server.requests();
    let places: Vec<(&str, &str)> =
        requests.iter().map(|request| (request.method.as_str(), request.target.as_str())).collect();
    assert_eq!(places, [("POST", COLLECT_PATH), ("POST", CONSENT_PATH)]);
    for request in requests {
        let value = |name: &str| request.header(name).into_iter().collect::<Vec<_>>().join(" | ");
        let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        assert_eq!(
            names,
            ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]
        );
        assert_eq!(value("authorization"), server::authorization());
        assert_eq!(value("content-type"), "application/json");
        assert_eq!(value("accept"), "application/json");
        assert_eq!(value("content-length"), request.body.len().to_string());
        assert!(value("user-agent").starts_with("copilot-api/"), "{}", value("user-agent"));
    }
}

#[tokio::test]
async fn every_type_of_event_is_sent_as_the_contract_shows_it_and_its_integers_stay_integers() {
    let server = copilot();
    let golden = golden();
    let report = in_time(server.client().build().unwrap().collect(events(&golden))).await.unwrap();
    assert!(report.is_complete() && report.accepted() == EVENT_TYPES.len(), "{report:?}");

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let sent = requests[0].json();
    assert_eq!(sent.as_object().unwrap().len(), 1, "{sent}");
    for ((sent, golden), event_type) in
        sent["events"].as_array().unwrap().iter().zip(&golden).zip(EVENT_TYPES)
    {
        assert_eq!(golden["type"], *event_type);
        // To this comparison, 5.0 is not 5.
        assert_eq!(sent, golden);
    }
    assert_eq!(sent["events"].as_array().unwrap().len(), golden.len());
}

#[tokio::test]
async fn the_typed_mocks_of_the_contract_recognise_what_the_client_sends() {
    let server = MockServer::start_async().await;
    let events = events(&golden());
    let change: ConsentChange =
        serde_json::from_value(json!({ "user_id": "user-7", "consent_value": true })).unwrap();
    let refused: InvalidEvent = serde_json::from_value(json!({ "index": 2, "error": "no" })).unwrap();
    let collect = server.collect(|when, then| {
        when.body(&CollectRequest { events: events.clone() })
            .into_inner()
            .header("Authorization", server::authorization())
            .header("Content-Type", "application/json")
            .header_missing("api-version");
        then.ok(&CollectResponse { invalid_events: vec![refused.clone()] });
    });
    let unauthorized = ErrorResponse {
        body_excerpt: String::new(),
        error_message: Some(String::new()),
        reason: Some("AUTH.UNAUTHORIZED".to_owned()),
    };
    let consent = server.set_consent(|when, then| {
        when.body(&change)
            .into_inner()
            .header("Authorization", server::authorization())
            .header_missing("api-version");
        then.client_error(401, &unauthorized);
    });

    let client = server::quick(Endpoints::base(&server.base_url()).unwrap()).build().unwrap();
    let report = in_time(client.collect(events.clone())).await.unwrap();
    assert_eq!((report.accepted(), report.rejections()[0].index()), (events.len() - 1, 2));
    let error = in_time(client.set_consent("user-7", true)).await.unwrap_err();
    assert_eq!((error.reason(), error.server_words().len()), (Some("AUTH.UNAUTHORIZED"), 0));
    // The mocks of httpmock answer 404 to what they do not recognise.
    let error = in_time(client.set_consent("user-8", true)).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 404);
    collect.assert_calls(1);
    consent.assert_calls(1);
}

/// What a child does: `print` says what the variables make, and `send` uses it.
fn play_the_program(what: &str) {
    match Endpoints::from_env() {
        Ok(endpoints) => {
            println!("> collect {}\n> consent {}", endpoints.collect_url(), endpoints.consent_url())
        }
        Err(error) => println!("> no endpoints: {error}"),
    }
    let client = match Client::from_env() {
        Ok(client) => client,
        Err(error) => return println!("> no client: {error} {error:?}"),
    };
    println!("> client {client:?}");
    if what == "send" {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            in_time(client.collect_one(server::event("e-1"))).await.unwrap();
            in_time(client.set_consent("user-7", true)).await.unwrap();
        });
        println!("> sent");
    }
}

#[test]
fn the_environment_variables_name_the_credentials_and_the_endpoints() {
    if let Some(what) = child::asked() {
        return play_the_program(&what);
    }
    let this = the_environment_variables_name_the_credentials_and_the_endpoints;
    let server = Server::always(Answer::json(200, &json!({})));
    let (collect, consent) = (
        format!("{}/collect/here?tenant=7&x=%20y", server.url()),
        format!("{}/consent/there/", server.url()),
    );
    let id = (CLIENT_ID, server::client_id());
    let secret = (CLIENT_SECRET, server::client_secret());
    let secret_from_a_file = format!("{}\n", server::client_secret());
    let with_userinfo = format!("https://me:{}@example.com/v2/collect", server::client_secret());
    let exchanged = format!("https://gw.example{CONSENT_PATH}");
    let with_query = format!("{}/in?key=abc", server.url());
    let at_query = format!("> collect {with_query}");
    let acme = (ENVIRONMENT, "Acme");
    let (to, also) = ((COLLECT_ENDPOINT, collect.as_str()), (CONSENT_ENDPOINT, consent.as_str()));
    let acme_collect = "> collect https://api.acme.bycopilot.com/v2/collect";
    let acme_consent = format!("> consent https://api.acme.bycopilot.com{CONSENT_PATH}");
    let (at_collect, at_consent) = (format!("> collect {collect}"), format!("> consent {consent}"));
    // The variables, and words that are printed then.
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let table: &[Row<'_>] = &[
        (&[], &["> no endpoints: ", "> no client: ", CLIENT_ID]),
        (&[id], &["> no client: ", CLIENT_SECRET]),
        (&[id, secret], &["> no endpoints: ", "> no client: ", ENVIRONMENT, COLLECT_ENDPOINT]),
        (&[id, secret, to], &["> no endpoints: ", "> no client: ", ENVIRONMENT, CONSENT_ENDPOINT]),
        (&[id, secret, acme], &[acme_collect, &acme_consent, "> client "]),
        (&[id, secret, acme, to], &[&at_collect, &acme_consent, "> client "]),
        (&[id, secret, to, also], &[&at_collect, &at_consent, "> client "]),
        (&[id, secret, (ENVIRONMENT, "a.b"), to], &["> no client: ", ENVIRONMENT]),
        (&[id, secret, (COLLECT_ENDPOINT, &with_userinfo), also], &["> no client: ", COLLECT_ENDPOINT]),
        (&[id, secret, (CONSENT_ENDPOINT, "ftp://127.0.0.1/"), acme], &["> no client: ", CONSENT_ENDPOINT]),
        (
            &[id, secret, (COLLECT_ENDPOINT, &exchanged), acme],
            &["> no client: ", COLLECT_ENDPOINT, "set_consent"],
        ),
        (&[id, secret, (COLLECT_ENDPOINT, &with_query), acme], &[&at_query, &acme_consent, "> client "]),
        (&[id, (CLIENT_SECRET, &secret_from_a_file), acme], &["> no client: ", "client secret", "newline"]),
        (&[("COPILOT_CLIENT_ID", "a:b"), secret, acme], &["> no client: ", "colon"]),
    ];
    for (variables, expected) in table {
        let printed = child::run(this, "print", variables);
        for words in *expected {
            assert!(printed.contains(words), "{variables:?}: no {words:?} in {printed}");
        }
        assert!(!printed.contains(server::client_secret()), "{variables:?}: {printed}");
    }
    assert!(server.requests().is_empty());

    let printed = child::run(this, "send", &[id, secret, to, also]);
    assert!(printed.contains("> sent"), "{printed}");
    assert_eq!(server.targets(), ["/collect/here?tenant=7&x=%20y", "/consent/there/"]);
    assert!(
        server.requests().iter().all(|request| request.header("authorization") == [server::authorization()])
    );
}

#[test]
fn plain_http_to_loopback_does_not_leave_the_machine_through_a_proxy() {
    if let Some(what) = child::asked() {
        return play_the_program(&what);
    }
    let this = plain_http_to_loopback_does_not_leave_the_machine_through_a_proxy;
    let (server, proxy) = (copilot(), copilot());
    let (to, proxy_url) = (server.url(), proxy.url());
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let printed = child::run(
            this,
            "send",
            &[
                (CLIENT_ID, server::client_id()),
                (CLIENT_SECRET, server::client_secret()),
                (COLLECT_ENDPOINT, &format!("{to}{COLLECT_PATH}")),
                (CONSENT_ENDPOINT, &format!("{to}{CONSENT_PATH}")),
                (variable, &proxy_url),
            ],
        );
        assert!(printed.contains("> sent"), "{printed}");
        assert_eq!(proxy.requests().len(), 0, "{variable}: the credentials went to the proxy");
    }
    assert_eq!(server.requests().len(), 6);
}
