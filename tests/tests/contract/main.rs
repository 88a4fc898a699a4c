//! The contract and what is generated from it: every judge of an event, a time or an answer says the same.

#![allow(missing_docs, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod examples;
mod generator;
mod one_more_type;
mod properties;
mod reading;
mod time;
mod values;
mod vectors;
mod vectors_events;
mod vectors_texts;
