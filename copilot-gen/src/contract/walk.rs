//! Walks a value by its `Serialize` implementation and compares it with the tables. Allocates only to report.

use std::fmt;

use serde::{Serialize, ser};

use super::{Additional, ObjectSchema, PropertyLimit, Provenance, Schema, Violation, rules::check_string};
use crate::json::Json;

/// No object has a name twice. The generator asks the contract for this rule, with this grade.
const UNIQUE_NAMES: &str = "x-unique-names";

/// A place in a value: a list of keys that lives on the stack.
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    key: &'a str,
}

impl Path<'static> {
    pub(crate) const ROOT: Self = Path { parent: None, key: "" };
}

impl<'a> Path<'a> {
    pub(crate) fn child(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), key }
    }

    pub(crate) fn pointer(&self) -> String {
        match self.parent {
            None => String::new(),
            Some(parent) => {
                format!("{}/{}", parent.pointer(), self.key.replace('~', "~0").replace('/', "~1"))
            }
        }
    }

    fn is_member(&self, name: &str) -> bool {
        self.key == name && self.parent.is_some_and(|parent| parent.parent.is_none())
    }
}

/// Collects what a value breaks.
#[derive(Debug)]
pub(super) struct Checker {
    /// `None`: no rule about the clock is judged.
    now: Option<i64>,
    limit: Option<&'static PropertyLimit>,
    /// Whether strings were checked when they were made.
    strings_are_checked: bool,
    /// Keys counted for the property limit so far.
    keys: usize,
    violations: Vec<Violation>,
}

impl Checker {
    pub(super) fn new(now: Option<i64>, limit: Option<&'static PropertyLimit>) -> Self {
        Self { now, limit, strings_are_checked: false, keys: 0, violations: Vec::new() }
    }

    /// For a value of the generated types: each string with rules is a newtype there that checked them.
    pub(super) fn trusting_strings(self) -> Self {
        Self { strings_are_checked: true, ..self }
    }

    /// What was found, by place: the order in which members came is no property of the value.
    pub(super) fn finish(mut self) -> Vec<Violation> {
        self.violations.sort_by(|one, other| one.pointer().cmp(other.pointer()));
        self.violations
    }

    pub(super) fn extend(&mut self, violations: impl IntoIterator<Item = Violation>) {
        self.violations.extend(violations);
    }

    pub(super) fn check<T: Serialize + ?Sized>(&mut self, value: &T, schema: Schema, at: &Path<'_>) {
        let walk = Walk { checker: self, schema: Some(schema), at, counting: false, checked: false };
        if let Err(Unserializable(problem)) = value.serialize(walk) {
            self.report(at, "type", Provenance::Documented, problem);
        }
    }

    /// The receiver's clock, in milliseconds since 1970, where rules about it are judged.
    pub(super) fn now(&self) -> Option<i64> {
        self.now
    }

    pub(super) fn add(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// Reports the names that stand more than once in their object.
    pub(super) fn repeated_names(&mut self, json: &Json) {
        let message = || "stands more than once in its object".to_owned();
        let found = json.repeated_names().into_iter();
        self.violations.extend(
            found.map(|pointer| Violation::new(pointer, UNIQUE_NAMES, Provenance::Assumed, message())),
        );
    }

    fn report(&mut self, at: &Path<'_>, rule: &'static str, provenance: Provenance, message: String) {
        self.violations.push(Violation::new(at.pointer(), rule, provenance, message));
    }
}

/// A value that its own `Serialize` implementation refuses to write.
#[derive(Debug)]
pub(super) struct Unserializable(pub(super) String);

impl fmt::Display for Unserializable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unserializable {}

impl ser::Error for Unserializable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Checks one value: a serializer that writes nothing.
pub(super) struct Walk<'a, 'p> {
    pub(super) checker: &'a mut Checker,
    /// `None` below a value that was refused already: nothing there is judged, only counted.
    schema: Option<Schema>,
    at: &'a Path<'p>,
    /// Whether keys at this place count for the property limit.
    counting: bool,
    /// Whether a string here was checked when it was made.
    checked: bool,
}

/// What a value is, for messages and for choosing among scalars.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    String,
    Integer,
    Decimal,
    Boolean,
    Null,
    Array,
    Object,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Decimal => "a decimal number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

fn accepts(schema: &Schema, kind: Kind) -> bool {
    matches!(
        (schema, kind),
        (Schema::String(_), Kind::String)
            | (Schema::Integer(_), Kind::Integer)
            | (Schema::Number(_), Kind::Integer | Kind::Decimal)
            | (Schema::Boolean(_), Kind::Boolean)
            | (Schema::Object(_), Kind::Object)
    )
}

fn expectation(schema: &Schema) -> (&'static str, &'static str, Provenance) {
    match schema {
        Schema::String(schema) => ("type", "a string", schema.provenance),
        Schema::Integer(schema) => ("type", "an integer", schema.provenance),
        Schema::Number(schema) => ("type", "a number", schema.provenance),
        Schema::Boolean(schema) => ("type", "a boolean", schema.provenance),
        Schema::Object(schema) => ("type", "an object", schema.provenance),
        Schema::AnyOf(choice) => ("anyOf", "a string, a number or a boolean", choice.provenance),
    }
}

impl Walk<'_, '_> {
    /// The schema that a value of this kind is to be judged by; reports where there is none.
    pub(super) fn expect(&mut self, kind: Kind) -> Option<Schema> {
        let schema = self.schema?;
        let candidate = match schema {
            Schema::AnyOf(choice) => {
                choice.alternatives.iter().find(|alternative| accepts(alternative, kind)).copied()
            }
            schema => accepts(&schema, kind).then_some(schema),
        };
        if candidate.is_none() {
            let (rule, wanted, provenance) = expectation(&schema);
            self.checker.report(self.at, rule, provenance, format!("must be {wanted}, not {}", kind.words()));
        }
        candidate
    }

    /// Reports a rule of a scalar. Of one that may be several things, it is the choice that is broken.
    pub(super) fn break_rule(&mut self, rule: &'static str, provenance: Provenance, message: String) {
        let (rule, provenance) = match self.schema {
            Some(Schema::AnyOf(choice)) => ("anyOf", choice.provenance),
            _ => (rule, provenance),
        };
        self.checker.report(self.at, rule, provenance, message);
    }

    pub(super) fn text(mut self, value: &str) {
        if let Some(Schema::String(schema)) = self.expect(Kind::String)
            && !self.checked
        {
            check_string(schema, value, &mut |rule, provenance, message| {
                self.checker.report(self.at, rule, provenance, message);
            });
        }
    }

    pub(super) fn refuse(mut self, kind: Kind) {
        self.expect(kind);
    }
}

impl<'a, 'p> Walk<'a, 'p> {
    /// The members of a map may be free values under the name of a listed property: only those of a struct are sure to
    /// have the type that was generated for them.
    pub(super) fn object(mut self, is_struct: bool) -> Members<'a, 'p> {
        let schema = match self.expect(Kind::Object) {
            Some(Schema::Object(schema)) => Some(schema),
            _ => None,
        };
        let limit = self.checker.limit.filter(|limit| self.at.is_member(limit.within));
        Members {
            checked: is_struct && self.checker.strings_are_checked,
            checker: self.checker,
            schema,
            at: self.at,
            seen: 0,
            expected: 0,
            key: String::new(),
            counting: self.counting || limit.is_some(),
            limit,
        }
    }
}

/// The members of an object, as they come.
pub(super) struct Members<'a, 'p> {
    checker: &'a mut Checker,
    schema: Option<&'static ObjectSchema>,
    at: &'a Path<'p>,
    /// One bit for each listed property that was there.
    seen: u64,
    /// Where in the table the next member is likely to be: types and table have one order.
    expected: usize,
    pub(super) key: String,
    counting: bool,
    /// Whether the members that are strings were checked when they were made.
    checked: bool,
    /// The limit that is judged when this object ends.
    limit: Option<&'static PropertyLimit>,
}

impl<'a> Members<'a, 'static> {
    /// The members of an object that comes in pieces, after those that were seen.
    pub(super) fn resumed(
        checker: &'a mut Checker,
        object: &'static ObjectSchema,
        seen: u64,
        limit: Option<&'static PropertyLimit>,
    ) -> Self {
        Self {
            checked: checker.strings_are_checked,
            checker,
            schema: Some(object),
            at: &Path::ROOT,
            seen,
            expected: 0,
            key: String::new(),
            counting: limit.is_some(),
            limit,
        }
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// A listed member, of a generated type.
    pub(super) fn listed<T: Serialize>(&mut self, name: &str, value: &T) {
        if let Err(Unserializable(problem)) = self.member(name, value) {
            self.checker.report(&Path::ROOT.child(name), "type", Provenance::Documented, problem);
        }
    }

    /// A member under a name of the caller's own.
    pub(super) fn free<T: Serialize>(&mut self, name: &str, value: &T) {
        self.checked = false;
        self.listed(name, value);
    }

    /// A listed member that was refused already.
    pub(super) fn refused(&mut self, name: &str) {
        self.checker.keys += usize::from(self.counting);
        if let Some(index) = self.schema.and_then(|object| self.find(object, name)) {
            self.seen |= 1 << index;
        }
    }
}

impl Members<'_, '_> {
    pub(super) fn member<T: Serialize + ?Sized>(
        &mut self,
        key: &str,
        value: &T,
    ) -> Result<(), Unserializable> {
        if self.counting {
            self.checker.keys += 1;
        }
        let at = self.at.child(key);
        let schema = match self.schema {
            None => None,
            Some(object) => match self.find(object, key) {
                Some(index) => {
                    if self.seen & (1 << index) != 0 {
                        let message = format!(
                            "`{key}` is listed in the contract: it cannot be a further property as well"
                        );
                        self.checker.report(&at, UNIQUE_NAMES, Provenance::Assumed, message);
                    }
                    self.seen |= 1 << index;
                    object.properties.get(index).map(|property| property.schema)
                }
                None => match object.additional {
                    Additional::Open(schema) => Some(schema),
                    Additional::Closed(provenance) => {
                        let message = format!("`{key}` is not a property here");
                        self.checker.report(&at, "additionalProperties", provenance, message);
                        None
                    }
                },
            },
        };
        value.serialize(Walk {
            checker: self.checker,
            schema,
            at: &at,
            counting: self.counting,
            checked: self.checked,
        })
    }

    fn find(&mut self, object: &ObjectSchema, key: &str) -> Option<usize> {
        let count = object.properties.len();
        let found = (self.expected..count)
            .chain(0..self.expected.min(count))
            .find(|index| object.properties.get(*index).is_some_and(|property| property.name == key))?;
        self.expected = found + 1;
        Some(found)
    }

    pub(super) fn finish(self) {
        if let Some(object) = self.schema {
            for (index, property) in object.properties.iter().enumerate() {
                if property.required && self.seen & (1 << index) == 0 {
                    let message = format!("`{}` is missing", property.name);
                    self.checker.report(
                        &self.at.child(property.name),
                        "required",
                        object.required_provenance,
                        message,
                    );
                }
            }
            if let Some((sets, provenance)) = object.any_of
                && !sets.iter().any(|set| set.iter().all(|name| self.has(object, name)))
            {
                let names: Vec<String> = sets.iter().map(|set| set.join(" with ")).collect();
                self.checker.report(
                    self.at,
                    "anyOf",
                    provenance,
                    format!("must have at least one of {}", names.join(", ")),
                );
            }
        }
        if let Some(limit) = self.limit
            && self.checker.keys > limit.maximum
        {
            let message =
                format!("must have at most {} properties together, not {}", limit.maximum, self.checker.keys);
            self.checker.report(self.at, "x-property-limit", limit.provenance, message);
        }
    }

    fn has(&self, object: &ObjectSchema, name: &str) -> bool {
        object
            .properties
            .iter()
            .position(|property| property.name == name)
            .is_some_and(|index| self.seen & (1 << index) != 0)
    }
}
