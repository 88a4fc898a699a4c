//! Judges requests by the contract itself, as it is published: nothing here is generated, and no type of event, limit
//! or pattern is written here.

mod contract;
mod path;
mod reader;
mod rules;
#[cfg(test)]
mod tests;
mod window;
mod words;

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

pub(crate) use self::{contract::ContractError, reader::Item};
use self::{
    contract::{Placed, batch, escape, grade, operation, variants},
    reader::{Reading, Unreadable},
    rules::Rules,
};
use crate::model::Violation;

/// How many broken rules the rejection of a request names.
const NAMED: usize = 5;

/// Judges the bodies of both operations. Built once.
pub(crate) struct Judge {
    collect_path: String,
    set_consent_path: String,
    /// The rules of the body of `collect` without those of its events.
    envelope: Rules,
    /// The member of that body that holds the events.
    batch: String,
    consent: Rules,
    /// The property that decides the type of an event.
    discriminator: String,
    discriminator_provenance: Option<String>,
    limit: Option<PropertyLimit>,
    event_types: Vec<EventType>,
    index_by_name: HashMap<String, usize>,
}

/// A type of event of the contract.
pub(crate) struct EventType {
    name: String,
    example: Value,
    rules: Rules,
}

impl EventType {
    /// Its name on the wire.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The contract's example of it.
    pub(crate) fn example(&self) -> &Value {
        &self.example
    }
}

/// How many properties an event may have (`x-property-limit`).
struct PropertyLimit {
    maximum: usize,
    within: String,
    /// The place of that member in the event.
    pointer: String,
    provenance: Option<String>,
}

/// An event that was read.
pub(crate) struct Judged {
    /// The event. Where a name stood twice, this has the last.
    pub(crate) value: Value,
    /// The rules that it breaks, by place; none if it keeps to the contract.
    pub(crate) violations: Vec<Violation>,
    /// Its type, as an index in [`Judge::event_types`], if the contract knows it.
    pub(crate) event_type: Option<usize>,
}

/// A body of `set_consent` that keeps to the contract.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConsentChange {
    /// Whose consent it is.
    pub(crate) user_id: String,
    /// What the user decided.
    pub(crate) consent_value: bool,
}

/// Why a whole request is rejected: the place and the rule, never a value.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) message: String,
}

impl Rejection {
    fn unreadable(batch: &str, error: &Unreadable) -> Self {
        let place = error.item.map(|index| format!(", in /{}/{index}", escape(batch))).unwrap_or_default();
        Self { message: format!("the body cannot be read: {error}{place}") }
    }

    fn broken(violations: &[Violation]) -> Self {
        let named: Vec<String> = violations.iter().take(NAMED).map(Violation::to_string).collect();
        let more = violations.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Self { message: format!("{}{more}", named.join("; ")) }
    }
}

impl Judge {
    /// Compiles the contract (OpenAPI 3.0, as JSON).
    pub(crate) fn new(contract: &Value) -> Result<Self, ContractError> {
        let collect = operation(contract, "collect")?;
        let set_consent = operation(contract, "set_consent")?;
        let (batch, event) = batch(contract, &collect.body)?;
        let (discriminator, variants) = variants(contract, &event)?;

        let shared = Arc::new(contract.clone());
        let mut event_types = Vec::new();
        for variant in &variants {
            event_types.push(EventType {
                name: variant.name.to_owned(),
                example: variant.example.clone(),
                rules: Rules::compile(&shared, &variant.schema)?,
            });
        }
        let index_by_name =
            event_types.iter().enumerate().map(|(index, event)| (event.name.clone(), index)).collect();
        let around = Arc::new(without_items(contract, &collect.body, batch)?);
        Ok(Self {
            collect_path: collect.path.to_owned(),
            set_consent_path: set_consent.path.to_owned(),
            envelope: Rules::compile(&around, &collect.body)?,
            batch: batch.to_owned(),
            consent: Rules::compile(&shared, &set_consent.body)?,
            discriminator: discriminator.to_owned(),
            discriminator_provenance: grade(event.schema, "discriminator"),
            limit: PropertyLimit::of(&event)?,
            event_types,
            index_by_name,
        })
    }

    /// The path of `collect`.
    pub(crate) fn collect_path(&self) -> &str {
        &self.collect_path
    }

    /// The path of `set_consent`.
    pub(crate) fn set_consent_path(&self) -> &str {
        &self.set_consent_path
    }

    /// Whether the contract has events of this type.
    pub(crate) fn knows(&self, event_type: &str) -> bool {
        self.index_by_name.contains_key(event_type)
    }

    /// The types of events, in the order of the contract.
    pub(crate) fn event_types(&self) -> &[EventType] {
        &self.event_types
    }

    /// The events of a body of `collect`, which are not judged yet.
    pub(crate) fn collect<'a>(&self, body: &'a [u8]) -> Result<Vec<Item<'a>>, Rejection> {
        let (reading, events) = reader::read_batch(text(body)?, &self.batch)
            .map_err(|error| Rejection::unreadable(&self.batch, &error))?;
        match self.envelope.check(&reading, 0) {
            violations if violations.is_empty() => Ok(events),
            violations => Err(Rejection::broken(&violations)),
        }
    }

    /// Judges an event of a request. `now_ms` is the receiver's clock in milliseconds since 1970.
    pub(crate) fn event(&self, reading: Reading, now_ms: i64) -> Judged {
        let (event_type, mut violations) = match self.type_of(&reading.value) {
            Ok((index, event_type)) => {
                let mut violations = event_type.rules.check(&reading, now_ms);
                violations.extend(self.limit.as_ref().and_then(|limit| limit.check(&reading.value)));
                (Some(index), violations)
            }
            Err(violation) => {
                let mut violations = rules::repeated(&reading);
                violations.push(violation);
                (None, violations)
            }
        };
        violations.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        Judged { value: reading.value, violations, event_type }
    }

    /// Reads and judges a body of `set_consent`.
    pub(crate) fn consent(&self, body: &[u8]) -> Result<ConsentChange, Rejection> {
        let reading = reader::read(text(body)?).map_err(|error| Rejection::unreadable("", &error))?;
        let violations = self.consent.check(&reading, 0);
        if !violations.is_empty() {
            return Err(Rejection::broken(&violations));
        }
        let user_id = reading.value.get("user_id").and_then(Value::as_str).map(str::to_owned);
        match (user_id, reading.value.get("consent_value").and_then(Value::as_bool)) {
            (Some(user_id), Some(consent_value)) => Ok(ConsentChange { user_id, consent_value }),
            _ => Err(Rejection { message: "`user_id` or `consent_value` is missing".to_owned() }),
        }
    }

    /// The type of an event. While it is missing or unknown, nothing else can be judged.
    fn type_of(&self, event: &Value) -> Result<(usize, &EventType), Violation> {
        let wrong = |pointer: String, rule: &str, message: String| {
            let provenance = self.discriminator_provenance.clone();
            Violation { pointer, rule: rule.to_owned(), provenance, message }
        };
        let Some(members) = event.as_object() else {
            return Err(wrong(
                String::new(),
                "type",
                format!("must be an object, not {}", words::kind_of(event)),
            ));
        };
        let pointer = || format!("/{}", escape(&self.discriminator));
        match members.get(&self.discriminator) {
            None => Err(wrong(pointer(), "required", words::MISSING.to_owned())),
            Some(Value::String(name)) => {
                let index = self.index_by_name.get(name).copied();
                index.and_then(|index| Some((index, self.event_types.get(index)?))).ok_or_else(|| {
                    let count = self.event_types.len();
                    wrong(
                        pointer(),
                        "discriminator",
                        format!("is not one of the {count} types of the contract"),
                    )
                })
            }
            Some(other) => {
                Err(wrong(pointer(), "type", format!("must be a string, not {}", words::kind_of(other))))
            }
        }
    }
}

impl PropertyLimit {
    const RULE: &str = "x-property-limit";

    fn of(event: &Placed<'_>) -> Result<Option<Self>, ContractError> {
        let Some(limit) = event.extension(Self::RULE) else { return Ok(None) };
        let maximum = usize::try_from(limit.whole_number("maximum")?)
            .map_err(|_| ContractError::new(limit.child("maximum"), "is negative"))?;
        let within = limit.text("within")?;
        Ok(Some(Self {
            maximum,
            within: within.to_owned(),
            pointer: format!("/{}", escape(within)),
            provenance: grade(event.schema, Self::RULE),
        }))
    }

    fn check(&self, event: &Value) -> Option<Violation> {
        let count = count_keys(event.get(&self.within)?);
        (count > self.maximum).then(|| Violation {
            pointer: self.pointer.clone(),
            rule: Self::RULE.to_owned(),
            provenance: self.provenance.clone(),
            message: format!("must have at most {} properties together, not {count}", self.maximum),
        })
    }
}

/// The keys of an object and of the objects inside it.
fn count_keys(value: &Value) -> usize {
    let members = value.as_object().into_iter().flatten();
    members.map(|(_, value)| 1 + count_keys(value)).sum()
}

/// The value of an event that was read before.
pub(crate) fn value(event: &str) -> Option<Value> {
    reader::read(event).ok().map(|reading| reading.value)
}

fn text(body: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(body).map_err(|error| Rejection {
        message: format!("the body is not UTF-8, from byte {} on", error.valid_up_to()),
    })
}

/// The contract without the rules of the events in a body: those are judged one by one.
fn without_items(contract: &Value, body: &Placed<'_>, batch: &str) -> Result<Value, ContractError> {
    let mut around = contract.clone();
    let pointer = body.child(&format!("properties/{}", escape(batch)));
    let array = pointer.strip_prefix('#').and_then(|pointer| around.pointer_mut(pointer));
    match array.and_then(Value::as_object_mut) {
        Some(array) => _ = array.remove("items"),
        None => return Err(ContractError::new(pointer, "is not an object")),
    }
    Ok(around)
}
