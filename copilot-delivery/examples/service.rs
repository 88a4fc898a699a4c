//! A service that reports from its handlers, and whose requests never wait for Copilot.cx: axum, with the outbox in a file.
//!
//! ```sh
//! cargo run -p copilot-delivery --example service --features metrics,sqlite
//! curl -i -X POST http://127.0.0.1:8080/things/SN-1/connected
//! curl http://127.0.0.1:8080/healthz http://127.0.0.1:8080/metrics
//! ```
//!
//! With `COPILOT_*` variables it reports to what they name, and otherwise to a sandbox in this process. Items wait in the outbox whose
//! URL is in `OUTBOX`: unless it is set, `sqlite:copilot.outbox`, and memory with the sandbox. With the features `postgres` and
//! `jetstream` it may be one of these; `MIGRATE` makes the tables of a PostgreSQL database first. `LISTEN` is its address.

use std::{env, error::Error, io, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post, put},
};
use copilot_api::{Client, Credentials, Endpoints, NewEvent, types::ThingConnectedPayload};
use copilot_delivery::{Health, ReportError, Reporter, open_outbox};
use copilot_sandbox::Sandbox;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::timeout,
};

/// How long requests have to end after a SIGTERM, and then items to be delivered. Together they stay below the grace period of
/// whoever sent it (Docker: 10 s, Kubernetes: 30 s). What is not delivered by then waits in the file for the next start.
const HANDLERS: Duration = Duration::from_secs(4);
const DELIVERY: Duration = Duration::from_secs(3);

/// What handlers share.
#[derive(Clone)]
struct App {
    reporter: Reporter,
    metrics: PrometheusHandle,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let (reporter, _sandbox) = reporter().await?;
    let app = Router::new()
        .route("/things/{thing_id}/connected", post(connected))
        .route("/users/{user_id}/consent/{value}", put(consent))
        .route("/livez", get(live))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics_text))
        .with_state(App { reporter: reporter.clone(), metrics });

    // Before anybody can know that it runs: a signal that came earlier would end the process at once.
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let mut server = tokio::spawn(serve.into_future());
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }

    // In this order, so that nothing is taken that could not be reported any more: the listener, the handlers, the reporter.
    let _ = stop.send(());
    if timeout(HANDLERS, &mut server).await.is_err() {
        server.abort();
    }
    let left = reporter.shutdown(DELIVERY).await;
    println!("{} items stay in the outbox, {} are lost", left.stay, left.items.len());
    Ok(())
}

/// A reporter to what the `COPILOT_*` variables name, or to a sandbox, which stops when it is dropped.
async fn reporter() -> Result<(Reporter, Option<Sandbox>), Box<dyn Error>> {
    let (client, sandbox) = if env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("COPILOT_"))
    {
        (Client::from_env()?, None)
    } else {
        let sandbox = Sandbox::start()?;
        println!("No COPILOT_* variable is set: {} stands in for Copilot.cx.", sandbox.url());
        let credentials = Credentials::new(sandbox.client_id(), sandbox.client_secret())?;
        (Client::new(credentials, Endpoints::base(&sandbox.url())?)?, Some(sandbox))
    };
    // What waits for a sandbox is nobody's when it has ended.
    let usual = if sandbox.is_some() { "memory:" } else { "sqlite:copilot.outbox" };
    let url = env::var("OUTBOX").unwrap_or_else(|_| usual.to_owned());
    #[cfg(feature = "postgres")]
    if env::var_os("MIGRATE").is_some() {
        copilot_delivery::PostgresOutbox::migrate(&url).await?;
    }
    let outbox = open_outbox(&url).await?;
    Ok((Reporter::builder(client).shared_outbox(outbox).start()?, sandbox))
}

/// Reports an event. When this is answered with 202, the event is on the disk.
async fn connected(State(app): State<App>, Path(thing_id): Path<String>) -> Result<StatusCode, Refused> {
    let event = ThingConnectedPayload::builder().thing_id(thing_id).event().map_err(|_| BAD)?;
    // `report` would wait for room in a full outbox. Whoever calls this service had better hear of it.
    app.reporter.try_report(event)?.stored().await?;
    Ok(StatusCode::ACCEPTED)
}

/// Reports a change of consent, which is delivered after what was reported of that user before.
async fn consent(
    State(app): State<App>,
    Path((user_id, value)): Path<(String, bool)>,
) -> Result<StatusCode, Refused> {
    app.reporter.set_consent(user_id, value).await?;
    Ok(StatusCode::ACCEPTED)
}

/// For a liveness probe: whether a restart would mend anything. An outage of Copilot.cx and refused credentials are no reason to
/// restart, and none to take no requests: items are kept meanwhile.
async fn live(State(app): State<App>) -> StatusCode {
    match app.reporter.snapshot().await {
        Ok(snapshot) if snapshot.running => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// For whoever is to be woken: 503 means that nothing is delivered until a person acts, and says why.
async fn health(State(app): State<App>) -> (StatusCode, String) {
    match app.reporter.health().await {
        Health::Ready => (StatusCode::OK, "ready".to_owned()),
        Health::Degraded(why) => (StatusCode::OK, format!("degraded: {why}")),
        Health::Stuck(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("stuck: {why}")),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unknown".to_owned()),
    }
}

/// For Prometheus.
async fn metrics_text(State(app): State<App>) -> String {
    // Sets the gauges; the counters count by themselves.
    let _ = app.reporter.snapshot().await;
    app.metrics.render()
}

/// The answer to a request whose item was not taken.
struct Refused(StatusCode);

const BAD: Refused = Refused(StatusCode::BAD_REQUEST);

impl From<ReportError> for Refused {
    fn from(error: ReportError) -> Self {
        if error.is_invalid() {
            return BAD;
        }
        // It names no personal data.
        tracing::error!(error = &error as &dyn Error, "an item was not taken");
        Self(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}
