//! Faults by script: what goes wrong on purpose, for how many requests, and how often.

mod active;
mod check;
mod fault;

pub(crate) use active::{Faults, RequestFaults};
pub use fault::{Fault, InvalidFault};
pub(crate) use fault::{FaultKind, Reject};
