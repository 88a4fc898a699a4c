//! The client as its users meet it: what it sends, what it makes of answers and of faults, and when it gives up.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod attempt;
mod blocking;
mod collect;
mod delivery_examples;
mod endpoints;
mod errors;
mod faults;
#[cfg(target_os = "linux")]
mod hostile_bodies;
mod misled;
mod quickstart;
mod raw_errors;
mod rejections;
mod retries;
mod settings;
mod wire;
