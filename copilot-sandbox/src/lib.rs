#![doc = include_str!("../README.md")]

mod credentials;
mod faults;
mod http;
mod judge;
mod memory;
mod model;
mod sandbox;
mod shared;
#[cfg(feature = "data")]
mod store;

pub use faults::{Fault, InvalidFault, Operation};
pub use model::{
    Consent, ConsentSource, EventCounts, Moment, PreexistingSync, ReceivedEvent, Second, Statistics,
    SyncState, Thing, ThingStatus, Unsubscribe, User, Verdict, VerdictCounts, Violation,
};
pub use sandbox::{Sandbox, SandboxBuilder, StartError};
