//! One line a request, on standard error: never a query, an id or anything else of what was sent.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use crate::{faults::Operation, model::Moment, shared::Shared};

/// What the log says of an answer beside its status.
#[derive(Clone)]
pub(super) struct Note(pub(super) String);

pub(super) async fn log(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if !shared.log_requests {
        return next.run(request).await;
    }
    let start = Instant::now();
    let method = request.method().clone();
    // What stands for an id in a path of ours is its name there.
    let path = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => "(no path of ours)".to_owned(),
    };
    let response = next.run(request).await;
    let note = response.extensions().get::<Note>().map_or("", |note| note.0.as_str());
    let status = response.status().as_u16().to_string();
    line(&method, &path, &status, note, start);
    response
}

/// The line of a request whose connection a fault closes.
pub(super) fn closed(shared: &Shared, operation: Operation, note: &str) {
    if shared.log_requests {
        line(&Method::POST, operation.id(), "closed", note, Instant::now());
    }
}

fn line(method: &Method, path: &str, status: &str, note: &str, start: Instant) {
    let separator = if note.is_empty() { "" } else { ", " };
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    let now = Moment::now();
    // A log that nobody reads any more is no reason to stop.
    let _ = writeln!(
        io::stderr().lock(),
        "{now} {method} {path} {status}{separator}{note} ({milliseconds:.1} ms)"
    );
}
