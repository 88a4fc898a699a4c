//! What the sink has counted since it was asked last.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use contest::{Outcome, event};
use memchr::memmem;

use crate::verify::Verdict;

pub(crate) struct Counts {
    requests: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    verdict: Option<Mutex<Verdict>>,
    marker: memmem::Finder<'static>,
}

impl Counts {
    pub(crate) fn new(verifies: bool) -> Self {
        Self {
            requests: AtomicU64::new(0),
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            verdict: verifies.then(Mutex::default),
            marker: memmem::Finder::new(event::TEXT_VALUE),
        }
    }

    /// Counts a request by its body.
    pub(crate) fn add(&self, body: &[u8]) {
        let events = self.marker.find_iter(body).count();
        self.requests.fetch_add(1, Relaxed);
        self.events.fetch_add(events as u64, Relaxed);
        if let Some(verdict) = &self.verdict
            && let Ok(mut verdict) = verdict.lock()
        {
            verdict.add(body);
        }
    }

    /// Counts what was read from a connection.
    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// The counts as JSON. They begin again.
    pub(crate) fn take(&self) -> Outcome<String> {
        let [requests, events, bytes] =
            [&self.requests, &self.events, &self.bytes].map(|count| count.swap(0, Relaxed));
        let Verdict { right, wrong, numbers } = match &self.verdict {
            Some(verdict) => std::mem::take(&mut *verdict.lock().map_err(|_| "the verdict was lost")?),
            None => Verdict::default(),
        };
        let distinct = numbers.len();
        Ok(format!(
            r#"{{"requests":{requests},"events":{events},"bytes":{bytes},"right":{right},"wrong":{wrong},"distinct":{distinct}}}"#
        ))
    }
}
