#![doc = include_str!("../README.md")]

mod clock;
mod item;
mod lane;
mod memory;
mod outcome;
pub mod outbox;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use item::{Item, Kind, Record, Reported};
pub use lane::{Lane, LaneSet};
pub use memory::MemoryOutbox;
pub use outbox::{Outbox, OutboxError};
pub use outcome::{Judge, Outcome, Reason};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteOutbox, SqliteOutboxBuilder};
