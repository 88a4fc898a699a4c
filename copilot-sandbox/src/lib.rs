#![doc = include_str!("../README.md")]

mod builder;
mod credentials;
mod faults;
mod http;
mod judge;
#[cfg_attr(not(feature = "data"), allow(dead_code, reason = "only a file asks for what changed"))]
mod memory;
mod model;
mod sandbox;
mod shared;
#[cfg(feature = "data")]
mod store;
mod typed;

pub use builder::{SandboxBuilder, StartError};
pub use faults::{Fault, InvalidFault, Operation};
pub use model::{
    Consent, ConsentSource, EventCounts, Moment, PreexistingSync, ReceivedEvent, Second, Statistics,
    SyncState, Thing, ThingStatus, Unsubscribe, User, Verdict, VerdictCounts, Violation,
};
pub use sandbox::Sandbox;
pub use typed::UnexpectedEvent;
