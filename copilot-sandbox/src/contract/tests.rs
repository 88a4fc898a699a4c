//! What is promised of judging by the contract.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod documents;
mod events;
mod requests;

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Contract, Judged, reader};

const NOW: i64 = 1_795_509_000_000;
const DAY: i64 = 86_400_000;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../generated/contract.json")).unwrap());
static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::new(DOCUMENT.clone()).unwrap());

fn judged(contract: &Contract, json: &str) -> Judged {
    contract.event(reader::read(json).unwrap(), NOW)
}

/// What is broken, as `pointer rule provenance`.
fn broken(contract: &Contract, json: &str) -> Vec<String> {
    let violations = judged(contract, json).violations.into_iter();
    violations
        .map(|violation| {
            format!("{} {} {}", violation.pointer, violation.rule, violation.provenance.unwrap_or_default())
        })
        .collect()
}

/// The example of that type, with that value in that place.
fn example(event_type: &str, changes: &[(&str, Value)]) -> String {
    let types = CONTRACT.event_types();
    let mut event = types.iter().find(|known| known.name == event_type).expect(event_type).example.clone();
    for (place, value) in changes {
        let (parent, name) = place.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    event.to_string()
}

fn properties(count: usize) -> Value {
    (0..count).map(|number| (format!("p{number}"), json!(number))).collect::<serde_json::Map<_, _>>().into()
}
