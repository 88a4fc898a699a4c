//! Says what JSON from elsewhere breaks: an interpreter of the tables. What reads it into the generated types only knows
//! that it does not fit; this lists every violation with its place. Values of the generated types never come here.

use super::{
    Additional, AnyOf, Broken, EventSchema, InvalidInput, ObjectSchema, Path, Provenance, Schema,
    UNIQUE_NAMES, Violation,
    judge::{missing, none_of},
};
use crate::json::{Json, Object};

impl AnyOf {
    /// Holds a value against every rule.
    pub fn check(&'static self, value: &Json) -> Result<(), InvalidInput> {
        let mut found = Found { now: 0, schema: None, keys: 0, violations: Vec::new() };
        found.value(value, &Schema::AnyOf(self), &Path::ROOT, false);
        InvalidInput::if_any(found.violations)
    }
}

impl EventSchema {
    /// Every rule that a JSON value breaks as an event. The variant is chosen by the discriminating property; while
    /// that is missing or unknown, nothing else can be judged but that no name stands twice. `now` is the receiver's clock
    /// in milliseconds since 1970.
    pub fn violations(&'static self, json: &Json, now: i64) -> Vec<Violation> {
        let mut found = Found { now, schema: Some(self), keys: 0, violations: Vec::new() };
        for pointer in json.repeated_names() {
            let message = "stands more than once in its object".to_owned();
            found.violations.push(Violation::of(pointer, (UNIQUE_NAMES, Provenance::Assumed, message)));
        }
        match self.variant(json) {
            Ok((object, members)) => found.object(members, object, &Path::ROOT, false),
            Err(violation) => found.violations.push(violation),
        }
        Violation::sort(&mut found.violations);
        found.violations
    }

    fn variant<'j>(&self, json: &'j Json) -> Result<(&'static ObjectSchema, &'j Object), Violation> {
        let wrong = |pointer, rule, message| Err(Violation::of(pointer, (rule, self.provenance, message)));
        let pointer = format!("/{}", self.discriminator);
        let Json::Object(members) = json else {
            return wrong(String::new(), "type", "must be an object".to_owned());
        };
        match json.member(self.discriminator) {
            None => wrong(pointer, "required", format!("`{}` is missing", self.discriminator)),
            Some(Json::String(name)) => match self.variants.iter().find(|(known, _)| known == name) {
                Some((_, variant)) => Ok((variant, members)),
                None => {
                    let known = self.variants.len();
                    wrong(
                        pointer,
                        "discriminator",
                        format!("is not one of the {known} types of the contract"),
                    )
                }
            },
            Some(_) => wrong(pointer, "type", "must be a string".to_owned()),
        }
    }
}

/// What was found so far.
struct Found {
    now: i64,
    /// Of the event, if this is one.
    schema: Option<&'static EventSchema>,
    /// Keys counted for the property limit.
    keys: usize,
    violations: Vec<Violation>,
}

impl Found {
    fn report(&mut self, at: &Path<'_>, broken: Broken) {
        self.violations.push(Violation::of(at.pointer(), broken));
    }

    /// `counting`: whether keys at this place count for the property limit.
    fn value(&mut self, value: &Json, schema: &Schema, at: &Path<'_>, counting: bool) {
        let mut broken = match (schema, value) {
            (Schema::AnyOf(choice), value) => {
                let alternative = choice.alternatives.iter().find(|alternative| accepts(alternative, value));
                let Some(alternative) = alternative else {
                    self.report(at, ("anyOf", choice.provenance, kinds(CHOICE, value)));
                    if counting {
                        self.count(value);
                    }
                    return;
                };
                let before = self.violations.len();
                self.value(value, alternative, at, counting);
                // It is the choice that is broken.
                self.violations.iter_mut().skip(before).for_each(|found| found.choice(choice.provenance));
                return;
            }
            (Schema::String(rules), Json::String(text)) => rules.broken(text),
            (Schema::Integer(rules), Json::Integer(value)) => {
                rules.broken(*value, Some(self.now)).into_iter().collect()
            }
            (Schema::Integer(rules), Json::LongInteger) => vec![rules.too_long()],
            (Schema::Number(rules), Json::Integer(value)) => {
                rules.broken(*value as f64).into_iter().collect()
            }
            (Schema::Number(rules), Json::Decimal(value)) => rules.broken(*value).into_iter().collect(),
            (Schema::Number(rules), Json::LongInteger) => rules.broken(f64::INFINITY).into_iter().collect(),
            (Schema::Boolean(_), Json::Boolean(_)) => Vec::new(),
            (Schema::Object(rules), Json::Object(members)) => {
                return self.object(members, rules, at, counting);
            }
            (schema, value) => {
                let (wanted, provenance) = expectation(schema);
                vec![("type", provenance, kinds(wanted, value))]
            }
        };
        broken.drain(..).for_each(|broken| self.report(at, broken));
        if counting {
            self.count(value);
        }
    }

    /// Keys of what is not judged, because it was refused already.
    fn count(&mut self, value: &Json) {
        if let Json::Object(object) = value {
            self.keys += object.len();
            object.iter().for_each(|(_, member)| self.count(member));
        }
    }

    fn object(&mut self, members: &Object, rules: &ObjectSchema, at: &Path<'_>, counting: bool) {
        let limit =
            self.schema.and_then(|event| event.limit.as_ref()).filter(|limit| at.is_member(limit.within));
        let counting = counting || limit.is_some();
        self.keys += if counting { members.len() } else { 0 };
        for (name, member) in members.iter() {
            let at = &at.child(name);
            let listed = rules.properties.iter().find(|property| property.name == name);
            match (listed, &rules.additional) {
                (Some(property), _) => self.value(member, &property.schema, at, counting),
                (None, Additional::Open(schema)) => self.value(member, schema, at, counting),
                (None, Additional::Closed(provenance)) => {
                    let message = format!("`{name}` is not a property here");
                    self.report(at, ("additionalProperties", *provenance, message));
                    if counting {
                        self.count(member);
                    }
                }
            }
        }
        let has = |name: &str| members.get(name).is_some();
        for property in rules.properties.iter().filter(|property| property.required && !has(property.name)) {
            self.report(&at.child(property.name), missing(property.name, rules.required_provenance));
        }
        if let Some((sets, provenance)) = rules.any_of
            && !sets.iter().any(|set| set.iter().all(|name| has(name)))
        {
            self.report(at, none_of(sets, provenance));
        }
        if let Some(broken) = limit.and_then(|limit| limit.broken(self.keys)) {
            self.report(at, broken);
        }
    }
}

const CHOICE: &str = "a string, a number or a boolean";

fn accepts(schema: &Schema, value: &Json) -> bool {
    matches!(
        (schema, value),
        (Schema::String(_), Json::String(_))
            | (Schema::Integer(_), Json::Integer(_) | Json::LongInteger)
            | (Schema::Number(_), Json::Integer(_) | Json::LongInteger | Json::Decimal(_))
            | (Schema::Boolean(_), Json::Boolean(_))
            | (Schema::Object(_), Json::Object(_))
    )
}

fn expectation(schema: &Schema) -> (&'static str, Provenance) {
    match schema {
        Schema::String(rules) => ("a string", rules.provenance),
        Schema::Integer(rules) => ("an integer", rules.provenance),
        Schema::Number(rules) => ("a number", rules.provenance),
        Schema::Boolean(rules) => ("a boolean", rules.provenance),
        Schema::Object(rules) => ("an object", rules.provenance),
        Schema::AnyOf(rules) => (CHOICE, rules.provenance),
    }
}

fn kinds(wanted: &str, value: &Json) -> String {
    let found = match value {
        Json::String(_) => "a string",
        Json::Integer(_) | Json::LongInteger => "an integer",
        Json::Decimal(_) => "a decimal number",
        Json::Boolean(_) => "a boolean",
        Json::Null => "null",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    };
    format!("must be {wanted}, not {found}")
}
