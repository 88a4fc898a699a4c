//! The request log: one line a request, on standard error; never a query, an id or anything else of what was sent.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State as Shared},
    middleware::Next,
    response::Response,
};

use super::connections::Close;
use crate::{model::Moment, state::State};

/// What the log says of an answer beside its status.
#[derive(Clone)]
pub(super) struct Note(pub(super) String);

pub(super) async fn log(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    if !state.config.log_requests {
        return next.run(request).await;
    }
    let start = Instant::now();
    let method = request.method().clone();
    // What stands for an id in a path of ours is its name there.
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let path = path.as_ref().map_or("(no path of ours)", MatchedPath::as_str);
    let status = outcome(&response);
    let note = response.extensions().get::<Note>().map_or(String::new(), |note| format!(", {}", note.0));
    let (now, milliseconds) = (Moment::now(), start.elapsed().as_secs_f64() * 1000.0);
    // A log that nobody reads any more is no reason to stop.
    let _ = writeln!(io::stderr().lock(), "{now} {method} {path} {status}{note} ({milliseconds:.1} ms)");
    response
}

/// How a request ended: its status, or that its connection is closed.
pub(super) fn outcome(response: &Response) -> String {
    match response.extensions().get::<Close>() {
        Some(_) => "closed".to_owned(),
        None => response.status().as_u16().to_string(),
    }
}
