//! `copilot-cx doctor`: whether this machine can report to Copilot.cx, from its settings outwards.

mod clock;
mod proxy;
mod reach;
mod report;

use clap::Args;
use copilot_api::{
    Client, Credentials, Endpoints, NewEvent as _, RetryPolicy, raw::ClientInfo as _,
    types::CustomEventPayload,
};
use reqwest::Url;

use crate::{
    exit::{Exit, Failure, with_causes},
    settings::{Connection, Settings},
};
use report::Report;

/// Check settings, credentials' form, endpoints, proxy, DNS, TCP, TLS and the clock, and say what to do
///
/// It reports nothing to Copilot.cx: of the endpoint it asks once whether it answers, without credentials.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Send one event as well, a custom_event of the subtype copilot_cx_doctor, which shows whether the credentials are accepted
    #[arg(long, requires = "user_id")]
    send_test_event: bool,
    /// The user whom the test event is about
    #[arg(long, value_name = "ID", requires = "send_test_event")]
    user_id: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::given_up(with_causes(&error)))?;
    let mut report = Report::new(settings.json);
    runtime.block_on(check(arguments, settings, &mut report));
    Ok(report.end())
}

async fn check(arguments: &Arguments, settings: &Settings, report: &mut Report) {
    for (setting, origin) in arguments.connection.origins(settings) {
        report.ok(setting, &format!("from {origin}"));
    }
    let credentials = credentials(arguments.connection.credentials(settings), report);
    let Some(endpoints) = endpoints(arguments.connection.endpoints(settings), report) else { return };
    let have_credentials = credentials.is_some();
    let Some(client) = client(credentials, &endpoints, report) else { return };
    // The client's own, so that what it finds is what reports will meet. It sends no credentials by itself.
    let http = client.raw().client();
    let [collect, consent] = [endpoints.collect_url(), endpoints.consent_url()];
    let mut servers = vec![collect];
    if consent.origin() != collect.origin() {
        servers.push(consent);
    }
    for url in servers {
        let proxy = proxy::check(&endpoints, url, report);
        reach::check(http, url, proxy.as_ref(), report).await;
    }
    if let (true, Some(user_id)) = (have_credentials, &arguments.user_id) {
        send_test_event(&client, user_id, report).await;
    }
}

fn credentials(read: Result<Credentials, Failure>, report: &mut Report) -> Option<Credentials> {
    match read {
        Ok(credentials) => {
            let client_id = credentials.client_id();
            report.ok("credentials", &format!("those of the client {client_id} have the right form (whether Copilot.cx takes them, --send-test-event --user-id ID tells)"));
            Some(credentials)
        }
        Err(failure) => {
            report.fail(failure.exit, "credentials", &failure.words, None);
            None
        }
    }
}

fn endpoints(read: Result<Endpoints, Failure>, report: &mut Report) -> Option<Endpoints> {
    match read {
        Ok(endpoints) => {
            let [collect, consent] = [endpoints.collect_url(), endpoints.consent_url()].map(shown);
            report.ok("endpoints", &format!("events go to {collect}, changes of consent to {consent}"));
            Some(endpoints)
        }
        Err(failure) => {
            report.fail(failure.exit, "endpoints", &failure.words, None);
            None
        }
    }
}

/// Without its query, which may hold a secret.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// The client that would report. Without credentials one that only asks.
fn client(credentials: Option<Credentials>, endpoints: &Endpoints, report: &mut Report) -> Option<Client> {
    let credentials = credentials.map_or_else(|| Credentials::new("nobody", "nothing"), Ok);
    let client = credentials.map_err(copilot_api::Error::from).and_then(|credentials| {
        // What fails is to be seen, not mended.
        let once = RetryPolicy::default().max_attempts(1);
        Client::builder(credentials, endpoints.clone()).retry(once).build()
    });
    match client {
        Ok(client) => Some(client),
        Err(error) => {
            let failure = Failure::of_client(&error);
            report.fail(failure.exit, "client", &failure.words, None);
            None
        }
    }
}

async fn send_test_event(client: &Client, user_id: &str, report: &mut Report) {
    const CHECK: &str = "test event";
    let event = match CustomEventPayload::builder().subtype("copilot_cx_doctor").user_id(user_id).event() {
        Ok(event) => event,
        Err(error) => return report.fail(Exit::Usage, CHECK, &format!("not sent: {error}"), None),
    };
    let event_id = event.event_id().as_str().to_owned();
    let Err(failed) = client.collect_one(event).await else {
        return report.ok(CHECK, &format!("the custom_event {event_id} was accepted"));
    };
    let error = failed.error();
    let Failure { exit, mut words } = Failure::of_client(error);
    for said in error.server_words().iter().filter(|said| !words.contains(said.as_str())).collect::<Vec<_>>()
    {
        words.push_str(": ");
        words.push_str(said);
    }
    let advice = match exit {
        Exit::Unauthorized => {
            "the client id, the secret and the environment must belong together: ask whoever gave them to you"
        }
        Exit::Rejected => "what it says is about this event alone: the credentials were accepted",
        _ => "events are kept by an outbox until it works again: `copilot-cx relay`",
    };
    report.fail(exit, CHECK, &words, advice);
}
