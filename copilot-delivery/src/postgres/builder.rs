//! How an outbox is opened that is not as usual.

use std::{fmt, time::Duration};

use super::address::{Order, Wishes};

/// Opens a [`PostgresOutbox`](crate::PostgresOutbox) that is not as usual. What it is told counts, before what the URL says.
#[derive(Clone)]
#[must_use = "a builder opens nothing before `open`"]
pub struct PostgresOutboxBuilder {
    pub(super) url: String,
    pub(super) wishes: Wishes,
}

impl PostgresOutboxBuilder {
    /// How many pending items the table may hold before this process puts nothing more in, by default 1,000,000; in the URL `max_items`.
    /// What others put in is counted every few seconds. Dead letters do not count, and [`report_in`](crate::PostgresOutbox::report_in)
    /// asks for no room. 0 counts as 1.
    pub fn max_items(mut self, items: u64) -> Self {
        self.wishes.max_items = Some(items);
        self
    }

    /// How many bytes of JSON they may be, by default 1 GiB; in the URL `max_bytes`.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.wishes.max_bytes = Some(bytes);
        self
    }

    /// For how long a courier has lanes without saying that it still works on them, by default 10 s; in the URL `lease_ms`, in milliseconds.
    /// What a courier had that was killed waits so long. At least 100 ms.
    pub fn lease(mut self, lasts: Duration) -> Self {
        self.wishes.lease = Some(lasts);
        self
    }

    /// How long an item waits to be stored before it is given back, and how long the database may take to answer, by default 10 s; in the
    /// URL `deadline_ms`, in milliseconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.wishes.deadline = Some(deadline);
        self
    }

    /// What items wait for before they are read, by default [`Order::Strict`]; in the URL `order`, `strict` or `as_committed`.
    pub fn order(mut self, order: Order) -> Self {
        self.wishes.order = Some(order);
        self
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for PostgresOutboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOutboxBuilder").field("wishes", &self.wishes).finish_non_exhaustive()
    }
}
