#![doc = include_str!("../README.md")]

mod config;
mod contract;
mod credentials;
mod faults;
mod memory;
mod model;
mod sandbox;
mod server;
mod state;
mod typed;

pub use config::SandboxBuilder;
pub use faults::{Fault, InvalidFault};
pub use model::{
    Consent, ConsentSource, EventCounts, Moment, Operation, PreexistingSync, ReceivedEvent, Second,
    Statistics, SyncState, Thing, ThingStatus, Unsubscribe, User, Verdict, VerdictCounts, Violation,
};
pub use sandbox::{Sandbox, StartError};
pub use typed::UnexpectedEvent;
