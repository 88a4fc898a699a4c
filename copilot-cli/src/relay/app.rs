//! What the relay is while it runs, and all that it answers.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    middleware,
    response::Response,
    routing::{get, post},
};
use copilot_delivery::Reporter;
use tokio::sync::Semaphore;

use super::{admission::Pair, answer, control, guard, operations, page, rejections::Rejections, seen};

/// How many bytes of bodies are read into events at a time.
const MEMORY: usize = 16 << 20;
/// How often it is said that requests are answered 503, at most.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What handlers share.
pub(super) struct Relay {
    pub(super) reporter: Reporter,
    /// Where items are kept, for people.
    pub(super) place: String,
    pub(super) pair: Pair,
    /// Whether only this machine can reach it.
    pub(super) is_local: bool,
    pub(super) memory: Semaphore,
    pub(super) counted: Counted,
    pub(super) rejections: Rejections,
}

impl Relay {
    pub(super) fn new(reporter: Reporter, place: String, pair: Pair, is_local: bool) -> Self {
        let (memory, counted, rejections) =
            (Semaphore::new(MEMORY), Counted::default(), Rejections::default());
        Self { reporter, place, pair, is_local, memory, counted, rejections }
    }
}

/// What was answered since the start.
#[derive(Debug, Default)]
pub(super) struct Counted {
    stored: AtomicU64,
    refused: AtomicU64,
    unavailable: AtomicU64,
    said: Mutex<Option<Instant>>,
}

impl Counted {
    pub(super) fn stored(&self, items: usize) {
        self.stored.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, events: usize) {
        self.refused.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Counts a request that the outbox did not take. Whether that is to be said.
    pub(super) fn unavailable(&self) -> bool {
        self.unavailable.fetch_add(1, Ordering::Relaxed);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = said.is_none_or(|said| said.elapsed() > SAID_EVERY);
        if is_due {
            *said = Some(Instant::now());
        }
        is_due
    }

    /// Items that were stored, events that break the contract, and requests that the outbox did not take.
    pub(super) fn read(&self) -> [u64; 3] {
        [&self.stored, &self.refused, &self.unavailable].map(|count| count.load(Ordering::Relaxed))
    }
}

/// Everything that the relay answers.
pub(super) fn router(relay: Arc<Relay>) -> Router {
    let for_people = Router::new()
        .route("/healthz", get(seen::health))
        .route("/metrics", get(seen::metrics))
        .route("/_relay/status", get(seen::status))
        .merge(page::routes())
        .merge(control::routes())
        .method_not_allowed_fallback(async || answer::method_not_allowed())
        .layer(middleware::from_fn_with_state(Arc::clone(&relay), guard::guard));
    Router::new()
        .route("/v2/collect", post(operations::collect))
        .route("/v2/api/report/user_copilot_analysis_consent_changed", post(operations::set_consent))
        .method_not_allowed_fallback(async || answer::method_not_allowed())
        .merge(for_people)
        .fallback(async || answer::no_such_path())
        .layer(middleware::map_response(with_headers))
        .with_state(relay)
}

/// What is answered is taken for what it is said to be, and is kept by nobody on the way.
async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
