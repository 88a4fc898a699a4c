//! The secret is seen nowhere, and personal data in no error and no trace of this workspace's crates.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{
    error::Error as StdError,
    fmt::Debug,
    io,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use copilot_api::{
    Client, ClientBuilder, CollectError, CollectReport, Credentials, Endpoints, Error, NewEvent, RetryPolicy,
    blocking, properties,
    raw::RequestSettings,
    types::{Event, UserCreatedPayload},
};
use copilot_tests::server::{Answer, Server, in_time, nobody};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::json;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

const ID: &str = "redaction-client";
/// Its base64 has slashes, which some servers write as `\/`.
const SECRET: &str = "s3cr3t-0f-th3-k3ttl3-???-c0mp4ny-42";
const QUERY_SECRET: &str = "q7-query-secret";
const PERSONAL: [&str; 4] = ["user-zoe-4711", "zoe.martinez@example.com", "Zoë Martínez", "a-secret-recipe"];

fn token() -> String {
    STANDARD.encode(format!("{ID}:{SECRET}"))
}

/// What was seen of that which must not be seen.
#[derive(Default)]
struct Leaks(Vec<String>);

impl Leaks {
    /// Looks for any part of the secret, in the clear or as it is sent.
    fn of_the_secret(&mut self, text: &str, what: &str) {
        let token = token();
        // What is left of this position tells of the id alone.
        let encoded = &token[(ID.len() + 1).div_ceil(3) * 4..];
        let mut parts = [SECRET, encoded]
            .into_iter()
            .flat_map(|hidden| (8..=hidden.len()).map(|end| &hidden[end - 8..end]));
        if let Some(part) = parts.find(|part| text.contains(part)) {
            self.0.push(format!("{what}: {part} in {text}"));
        }
    }

    fn of_personal_data(&mut self, text: &str, what: &str) {
        if let Some(found) = PERSONAL.iter().chain([&QUERY_SECRET]).find(|found| text.contains(**found)) {
            self.0.push(format!("{what}: {found} in {text}"));
        }
    }

    fn in_error(&mut self, error: &Error, what: &str) {
        self.in_texts(error, what);
        let answer = [error.reason(), error.body_excerpt()];
        let words = error.server_words().iter().map(String::as_str);
        answer.into_iter().flatten().chain(words).for_each(|text| self.of_the_secret(text, what));
    }

    fn in_collect_error(&mut self, error: &CollectError, what: &str) {
        self.in_texts(error, what);
        self.in_error(error.error(), what);
        self.in_report(error.report(), what);
    }

    fn in_report(&mut self, report: &CollectReport, what: &str) {
        let causes = report.rejections().iter().map(|rejection| rejection.cause().to_string());
        let text = printed(report) + &causes.collect::<String>();
        self.of_the_secret(&text, what);
        self.of_personal_data(&text, what);
        let words = report.rejections().iter().flat_map(|rejection| rejection.server_words());
        let open = report.unattributed().iter().flat_map(|rejection| rejection.server_words());
        words.chain(open).for_each(|words| self.of_the_secret(words, what));
    }

    /// In every way to print an error and its sources.
    fn in_texts(&mut self, error: &(dyn StdError + 'static), what: &str) {
        let text = format!("{error}\n{error:#}\n{error:?}\n{error:#?}");
        self.of_the_secret(&text, what);
        self.of_personal_data(&text, what);
        if let Some(source) = error.source() {
            self.in_texts(source, what);
        }
    }
}

impl Drop for Leaks {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.0.is_empty(), "leaks:\n{}", self.0.join("\n"));
    }
}

/// Everything that was traced or logged so far, with its target.
static TRACE: LazyLock<Mutex<Vec<(String, String)>>> = LazyLock::new(|| {
    tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(Capture)
        .init();
    Mutex::default()
});

struct Capture;

struct Line(String);

impl<'a> MakeWriter<'a> for Capture {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(String::new())
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        Line(metadata.target().to_owned())
    }
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        TRACE.lock().unwrap().push((self.0.clone(), text));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn credentials() -> Credentials {
    Credentials::new(ID, SECRET).unwrap()
}

fn builder(endpoints: Endpoints) -> ClientBuilder {
    let delay = Duration::from_millis(1);
    let url = |url: &reqwest::Url| format!("{url}?key={QUERY_SECRET}");
    let (collect, consent) = (url(endpoints.collect_url()), url(endpoints.consent_url()));
    let endpoints = endpoints.with_collect_url(&collect).unwrap().with_consent_url(&consent).unwrap();
    Client::builder(credentials(), endpoints).retry(RetryPolicy::default().delays(delay, delay))
}

fn events() -> Vec<Event> {
    let [user_id, email, name, recipe] = PERSONAL;
    let user = UserCreatedPayload::builder()
        .user_id(user_id)
        .email(email)
        .first_name(name)
        .custom_properties(properties! { "favourite" => recipe });
    let user = user.build().unwrap();
    vec![user.clone().event(), user.event()]
}

/// Every way to print it.
fn printed(value: &impl Debug) -> String {
    format!("{value:?}\n{value:#?}")
}

/// Every answer that a client may get, and what should not be repeated in it.
fn answers() -> Vec<Answer> {
    let personal = PERSONAL.join(" ");
    // The secret as it is sent, and in the clear.
    let echo = format!("Authorization: Basic {} {SECRET} {personal}", token());
    let error = json!({ "reason": echo, "error_message": echo });
    // The header stands across the place where the excerpt ends.
    let across = [8, 60, 80, 110].map(|before| format!("{}{echo}", "x".repeat(512 - before)));
    let page = format!("<html>{echo}</html>");
    let refusal = json!({ "event_id": personal, "index": 7, "error": echo });
    let attributed = [0, 1].map(|index| json!({ "index": index, "error": echo }));
    let retry_after = personal.replace('ë', "e").replace('í', "i");
    let mut answers = vec![
        Answer::json(401, &error),
        Answer::status(401).body(error.to_string().replace('/', "\\/")),
        Answer::status(403).body(&*page),
        Answer::status(503).body(&*page),
        Answer::status(200).body(&*page),
        Answer::status(429).header("Retry-After", &retry_after),
        Answer::status(302).header("Location", &format!("/?{}", token())),
        Answer::closed(),
        Answer::status(404).body(&*page).cut_at(60),
        Answer::status(200).after(Duration::from_secs(30)),
        Answer::json(400, &error),
        Answer::status(413).body(&*page),
        Answer::invalid_events(&[refusal]),
        Answer::invalid_events(&attributed),
        Answer::status(200).body("{}"),
    ];
    for status in [200, 401] {
        answers.extend(across.iter().map(|body| Answer::status(status).body(body.as_str())));
    }
    answers
}

#[tokio::test]
async fn no_error_and_no_trace_shows_the_secret_or_personal_data() {
    LazyLock::force(&TRACE);
    let mut leaks = Leaks::default();
    let mut failed = 0;
    for answer in answers() {
        let (server, what) = (Server::always(answer.clone()), &format!("{answer:?}")[..30]);
        let client = builder(server.endpoints()).timeout(Duration::from_millis(300)).build().unwrap();
        match in_time(client.collect(events())).await {
            Ok(report) => leaks.in_report(&report, what),
            Err(error) => {
                leaks.in_collect_error(&error, what);
                failed += 1;
            }
        }
        if let Err(error) = in_time(client.collect_one(events().remove(0))).await {
            leaks.in_texts(&error, what);
            leaks.in_error(error.error(), what);
        }
        if let Err(error) = in_time(client.set_consent(PERSONAL[0], true)).await {
            leaks.in_error(&error, what);
            failed += 1;
        }
        assert!(!server.requests().is_empty(), "{what}");
        let printed = printed(&client);
        leaks.of_the_secret(&printed, what);
        leaks.of_personal_data(&printed, what);
    }
    // Without a server, without TLS where it is expected, and without being sent at all.
    let plain = Server::always(Answer::closed());
    let tls = Endpoints::base(&plain.url().replace("http://", "https://")).unwrap();
    for (what, endpoints) in [("nobody", nobody()), ("no TLS", tls)] {
        let client = builder(endpoints).build().unwrap();
        leaks.in_collect_error(&in_time(client.collect(events())).await.unwrap_err(), what);
        leaks.in_error(&in_time(client.set_consent(PERSONAL[0], true)).await.unwrap_err(), what);
        leaks.in_error(&in_time(client.set_consent(PERSONAL[2], true)).await.unwrap_err(), what);
        failed += 3;
    }
    assert!(failed >= 30, "{failed}");

    let trace = TRACE.lock().unwrap();
    let of = |prefix: &str| trace.iter().filter(|(target, _)| target.starts_with(prefix)).count();
    println!("{} records, {} of copilot_api, {} by way of `log`", trace.len(), of("copilot_api"), of("log"));
    assert!(of("copilot_api") > 50, "the client traces nothing");
    assert!(trace.len() > of("copilot_"), "nothing but the client traces");
    for (target, text) in trace.iter() {
        leaks.of_the_secret(text, target);
        if target.starts_with("copilot_") {
            leaks.of_personal_data(text, target);
        }
    }
}

#[test]
fn nothing_that_holds_the_credentials_prints_the_secret() {
    let builder = builder(Endpoints::environment("acme").unwrap());
    let client = builder.clone().build().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, credentials().authorization());
    let settings = RequestSettings::new().headers(headers.clone());
    let request = reqwest::Client::new().post("http://127.0.0.1:1/").headers(headers.clone());
    let shown = [
        ("Credentials", printed(&credentials())),
        ("HeaderValue", printed(&credentials().authorization())),
        ("HeaderMap", printed(&headers)),
        ("RequestSettings", printed(&settings)),
        ("RequestBuilder", printed(&request)),
        ("Request", printed(&request.try_clone().unwrap().build().unwrap())),
        ("ClientBuilder", printed(&builder)),
        ("Client", printed(&client)),
        ("raw client", printed(client.raw())),
        ("raw client with a body", printed(&client.raw().with_body(SECRET.into()))),
        ("blocking client", printed(&blocking::Client::over(client.clone()).unwrap())),
    ];
    let mut leaks = Leaks::default();
    for (what, text) in shown {
        assert!(!text.is_empty(), "{what}");
        leaks.of_the_secret(&text, what);
    }
}
