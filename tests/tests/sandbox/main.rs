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

use copilot_sandbox::Sandbox;
use copilot_tests::{sandbox::Caller, server};
use serde_json::Value;

/// A sandbox, and somebody who knows its credentials.
fn sandbox() -> (Sandbox, Caller) {
    let sandbox = server::sandbox();
    let caller = Caller::of(&sandbox);
    (sandbox, caller)
}

/// The ids of the events that were taken, in their order.
fn taken(sandbox: &Sandbox) -> Vec<String> {
    sandbox.accepted().iter().map(|event| event.event_id.clone().unwrap()).collect()
}

/// The description of the control API.
async fn description(caller: &Caller) -> Value {
    caller.get("/_sandbox/openapi.json").await
}

/// What is wrong with a value by the schema at this place of the description.
fn problems(description: &Value, place: &str, value: &Value) -> Vec<String> {
    let mut root = description.clone();
    root["$ref"] = format!("#{place}").replace('{', "%7B").replace('}', "%7D").into();
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
