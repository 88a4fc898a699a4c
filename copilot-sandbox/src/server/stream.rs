//! The statistics as a stream of server-sent events: what keeps the page up to date.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State as Shared,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::{model::Statistics, state::State};

/// What changes faster than this is told together.
const PAUSE: Duration = Duration::from_millis(250);
/// The rate moves on by itself.
const SECOND: Duration = Duration::from_secs(1);
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

struct Watcher {
    state: Arc<State>,
    changed: watch::Receiver<()>,
    told: Option<(Statistics, Instant)>,
}

pub(super) async fn stream(Shared(state): Shared<Arc<State>>) -> Response {
    let changed = state.watch();
    let watcher = Watcher { state, changed, told: None };
    let events = stream::unfold(watcher, |mut watcher| async {
        let event = watcher.next().await?;
        Some((Ok::<Event, Infallible>(event), watcher))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response()
}

impl Watcher {
    /// The statistics as soon as they differ from those that were told; none once the sandbox stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((statistics, at)) = &self.told {
                time::sleep_until(*at + PAUSE).await;
                let moving = statistics.rate.iter().any(|second| second.accepted + second.rejected > 0);
                let next_second = async {
                    if moving { time::sleep_until(*at + SECOND).await } else { std::future::pending().await }
                };
                tokio::select! {
                    _ = self.changed.changed() => {}
                    () = next_second => {}
                }
            }
            if self.state.stops() {
                return None;
            }
            self.changed.mark_unchanged();
            let statistics = self.state.statistics();
            let is_news = self.told.as_ref().is_none_or(|(told, _)| *told != statistics);
            let event = Event::default().event("change").json_data(&statistics);
            self.told = Some((statistics, Instant::now()));
            if let (true, Ok(event)) = (is_news, event) {
                return Some(event);
            }
        }
    }
}
