//! The sandbox as its users meet it: over HTTP, as a library, and as a program.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod control;
mod fault_control;
mod faults;
#[cfg(target_os = "linux")]
mod hostile;
mod page;
#[cfg(unix)]
mod program;
mod vectors;
