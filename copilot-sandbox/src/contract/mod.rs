//! Judges requests by the contract itself, as it is published: nothing here is generated, and no type of event, limit
//! or pattern is written here.

mod document;
mod reader;
mod rules;
#[cfg(test)]
mod tests;
mod window;

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::{document::ContractError, reader::Item};
use self::{
    document::{Placed, escape},
    reader::{Reading, Unreadable},
    rules::{Rules, UniqueNames},
};
use crate::model::{Operation, Violation};

/// How many broken rules the rejection of a request names.
const NAMED: usize = 5;

/// The contract, compiled: it judges the bodies of both operations.
pub(crate) struct Contract {
    document: Arc<Value>,
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
    unique_names: Option<UniqueNames>,
    event_types: Vec<EventType>,
    index_by_name: HashMap<String, usize>,
}

/// A type of event of the contract.
pub(crate) struct EventType {
    /// Its name on the wire.
    pub(crate) name: String,
    /// The contract's example of it.
    pub(crate) example: Value,
    rules: Rules,
}

/// How many properties an event may have (`x-property-limit`).
struct PropertyLimit {
    maximum: usize,
    within: String,
    provenance: Option<String>,
}

/// An event that was read.
pub(crate) struct Judged {
    /// The event. Where a name stood twice, this has the last.
    pub(crate) value: Value,
    /// The rules that it breaks, by place; none if it keeps to the contract.
    pub(crate) violations: Vec<Violation>,
    /// Whether the contract has its type.
    pub(crate) known_type: bool,
}

/// A body of `set_consent` that keeps to the contract.
#[derive(Debug, PartialEq, Eq, Deserialize)]
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

impl Contract {
    /// Compiles a contract (OpenAPI 3.0, as JSON).
    pub(crate) fn new(document: Value) -> Result<Self, ContractError> {
        let document = Arc::new(document);
        let root = Placed::new(&document);
        let (collect_path, body) = root.operation("collect")?;
        let (set_consent_path, consent) = root.operation("set_consent")?;
        let (batch, event) = body.batch()?;

        let unique_names = UniqueNames::of(&event);
        let mut event_types = Vec::new();
        for (name, schema) in event.variants()? {
            event_types.push(EventType {
                name: name.to_owned(),
                example: schema.get("example")?.value.clone(),
                rules: Rules::compile(&document, &schema, unique_names.clone())?,
            });
        }
        let names = event_types.iter().enumerate().map(|(index, event)| (event.name.clone(), index));
        let around = Arc::new(without_items(&document, &body.get("properties")?.get(batch)?.place)?);
        Ok(Self {
            collect_path: collect_path.to_owned(),
            set_consent_path: set_consent_path.to_owned(),
            envelope: Rules::compile(&around, &body, UniqueNames::of(&body))?,
            batch: batch.to_owned(),
            consent: Rules::compile(&document, &consent, UniqueNames::of(&consent))?,
            discriminator: event.get("discriminator")?.get("propertyName")?.text()?.to_owned(),
            discriminator_provenance: event.grade("discriminator"),
            limit: PropertyLimit::of(&event)?,
            unique_names,
            index_by_name: names.collect(),
            event_types,
            document: Arc::clone(&document),
        })
    }

    /// The contract as it is published.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// The path of an operation.
    pub(crate) fn path(&self, operation: Operation) -> &str {
        match operation {
            Operation::Collect => &self.collect_path,
            Operation::SetConsent => &self.set_consent_path,
        }
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
        let (known_type, mut violations): (_, Vec<_>) = match self.type_of(&reading.value) {
            Ok(event_type) => {
                let mut violations = event_type.rules.check(&reading, now_ms);
                violations.extend(self.limit.as_ref().and_then(|limit| limit.check(&reading.value)));
                (true, violations)
            }
            Err(violation) => {
                let repeated = self.unique_names.iter().flat_map(|rule| rule.check(&reading));
                (false, repeated.chain([violation]).collect())
            }
        };
        violations.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        Judged { value: reading.value, violations, known_type }
    }

    /// Reads and judges a body of `set_consent`.
    pub(crate) fn consent(&self, body: &[u8]) -> Result<ConsentChange, Rejection> {
        let reading = reader::read(text(body)?).map_err(|error| Rejection::unreadable("", &error))?;
        let violations = self.consent.check(&reading, 0);
        if !violations.is_empty() {
            return Err(Rejection::broken(&violations));
        }
        // Nothing but a contract that does not demand both lets this fail.
        serde_json::from_value(reading.value)
            .map_err(|_| Rejection { message: "`user_id` or `consent_value` is missing".to_owned() })
    }

    /// The type of an event. While it is missing or unknown, nothing else can be judged.
    fn type_of(&self, event: &Value) -> Result<&EventType, Violation> {
        let pointer = format!("/{}", escape(&self.discriminator));
        let (pointer, rule, message) = match (event, event.get(&self.discriminator)) {
            (_, Some(Value::String(name))) => {
                let found = self.index_by_name.get(name).and_then(|index| self.event_types.get(*index));
                let count = self.event_types.len();
                match found {
                    Some(event_type) => return Ok(event_type),
                    None => (pointer, "discriminator", format!("is not one of the contract's {count} types")),
                }
            }
            (_, Some(_)) => (pointer, "type", "is not of type \"string\"".to_owned()),
            (Value::Object(_), None) => (pointer, "required", "is missing".to_owned()),
            (_, None) => (String::new(), "type", "is not of type \"object\"".to_owned()),
        };
        let provenance = self.discriminator_provenance.clone();
        Err(Violation { pointer, rule: rule.to_owned(), provenance, message })
    }
}

impl PropertyLimit {
    const RULE: &str = "x-property-limit";

    fn of(event: &Placed<'_>) -> Result<Option<Self>, ContractError> {
        let Some(limit) = event.find(Self::RULE)? else { return Ok(None) };
        let maximum = usize::try_from(limit.get("maximum")?.whole_number()?)
            .map_err(|_| ContractError::new(&limit.place, "is negative"))?;
        let within = limit.get("within")?.text()?.to_owned();
        Ok(Some(Self { maximum, within, provenance: event.grade(Self::RULE) }))
    }

    fn check(&self, event: &Value) -> Option<Violation> {
        let count = count_keys(event.get(&self.within)?);
        (count > self.maximum).then(|| Violation {
            pointer: format!("/{}", escape(&self.within)),
            rule: Self::RULE.to_owned(),
            provenance: self.provenance.clone(),
            message: format!("has {count} properties together: more than {}", self.maximum),
        })
    }
}

/// The keys of an object and of the objects inside it.
fn count_keys(value: &Value) -> usize {
    let members = value.as_object().into_iter().flatten();
    members.map(|(_, value)| 1 + count_keys(value)).sum()
}

fn text(body: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(body).map_err(|error| Rejection {
        message: format!("the body is not UTF-8, from byte {} on", error.valid_up_to()),
    })
}

/// The contract without the rules of the events in the array at that place: those are judged one by one.
fn without_items(document: &Value, place: &str) -> Result<Value, ContractError> {
    let mut around = document.clone();
    let array = around.pointer_mut(place.trim_start_matches('#')).and_then(Value::as_object_mut);
    array.and_then(|array| array.remove("items")).ok_or_else(|| ContractError::new(place, "has no items"))?;
    Ok(around)
}
