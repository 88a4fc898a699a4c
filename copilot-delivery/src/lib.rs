#![doc = include_str!("../README.md")]

#[macro_use]
mod failpoint;

mod clock;
mod courier;
mod item;
#[cfg(feature = "jetstream")]
mod jetstream;
mod lane;
mod memory;
mod observe;
mod open;
pub mod outbox;
mod outcome;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "jetstream"))]
mod remote;
mod reporter;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "jetstream"))]
mod room;
mod shared;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use courier::{Left, Undelivered, Unflushed};
pub use item::{Item, Kind, Record, Reported};
#[cfg(feature = "jetstream")]
pub use jetstream::{JetStreamOutbox, JetStreamOutboxBuilder};
pub use lane::{Lane, LaneSet};
pub use memory::MemoryOutbox;
pub use open::open_outbox;
pub use outbox::{DeadLetter, Outbox, OutboxError, Retention};
pub use outcome::{Judge, Outcome, Reason};
#[cfg(feature = "postgres")]
pub use postgres::{Order, PostgresOutbox, PostgresOutboxBuilder};
pub use reporter::{DeadLetters, Forgot, Next, Outcomes, ReportError, Reporter, ReporterBuilder, Ticket};
pub use shared::Settlement;
pub use snapshot::{Health, Pause, Snapshot};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteOutbox, SqliteOutboxBuilder};
