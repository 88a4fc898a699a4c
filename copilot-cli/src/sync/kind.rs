//! What is imported: three kinds of rows, and the event that each becomes.

use copilot_api::UtcTimestamp;
use serde_json::Value;

/// A kind of row. They are sent in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Thing,
    Association,
}

/// How a property is written where everything is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Boolean,
    /// Milliseconds since 1970, or a time as the API writes it.
    Time,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::User, Self::Thing, Self::Association];

    /// As in the options, in what is printed, and in the state.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Thing => "things",
            Self::Association => "associations",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::User => "preexisting_user_created",
            Self::Thing => "preexisting_thing_created",
            Self::Association => "preexisting_user_thing_associated",
        }
    }

    /// What tells one row from another. A row without these is none.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::User => &["user_id"],
            Self::Thing => &["thing_id"],
            Self::Association => &["user_id", "thing_id"],
        }
    }

    /// The properties of the event's payload. A test holds them against the contract.
    pub(super) fn properties(self) -> &'static [(&'static str, Form)] {
        match self {
            Self::User => &[
                ("user_id", Form::Text),
                ("first_name", Form::Text),
                ("last_name", Form::Text),
                ("email", Form::Text),
                ("utc_offset", Form::Text),
                ("original_creation_date", Form::Time),
                ("copilot_analysis_consent", Form::Boolean),
            ],
            Self::Thing => &[
                ("thing_id", Form::Text),
                ("user_id", Form::Text),
                ("firmware_version", Form::Text),
                ("model", Form::Text),
                ("original_creation_date", Form::Time),
            ],
            Self::Association => &[
                ("user_id", Form::Text),
                ("thing_id", Form::Text),
                ("original_association_date", Form::Time),
            ],
        }
    }

    pub(super) fn form(self, property: &str) -> Option<Form> {
        self.properties().iter().find(|(name, _)| *name == property).map(|(_, form)| *form)
    }

    /// The names of the properties, for who has to choose one.
    pub(super) fn choices(self) -> String {
        self.properties().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl Form {
    /// The value that a text means. A text that means none stays text, and the contract says what is wrong with it.
    pub(super) fn value(self, text: &str) -> Value {
        let known = match self {
            Self::Text => None,
            // As PostgreSQL and MySQL export them as well.
            Self::Boolean if ["t", "1"].contains(&text) || text.eq_ignore_ascii_case("true") => {
                Some(Value::Bool(true))
            }
            Self::Boolean if ["f", "0"].contains(&text) || text.eq_ignore_ascii_case("false") => {
                Some(Value::Bool(false))
            }
            Self::Boolean => None,
            Self::Time => {
                let millis = || text.parse::<UtcTimestamp>().ok().map(UtcTimestamp::as_millis);
                text.parse::<i64>().ok().or_else(millis).map(Value::from)
            }
        };
        known.unwrap_or_else(|| Value::from(text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::{Value, json};

    use super::{Form, Kind};

    #[test]
    fn the_properties_are_those_of_the_contract() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/copilot.json");
        let contract: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let schemas = &contract["components"]["schemas"];
        for (kind, payload) in Kind::ALL.into_iter().zip([
            "PreexistingUserCreatedPayload",
            "PreexistingThingCreatedPayload",
            "PreexistingUserThingAssociatedPayload",
        ]) {
            let payload = &schemas[payload];
            let mut listed: Vec<&str> =
                payload["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut own: Vec<&str> = kind.properties().iter().map(|(name, _)| *name).collect();
            listed.sort_unstable();
            own.sort_unstable();
            assert_eq!(own, listed);
            assert_eq!(json!(kind.keys()), payload["required"]);
            for (name, form) in kind.properties() {
                let property = &payload["properties"][name];
                let schema = property["$ref"]
                    .as_str()
                    .map_or(property, |pointer| contract.pointer(pointer.trim_start_matches('#')).unwrap());
                let expected = match schema["type"].as_str().unwrap() {
                    "boolean" => Form::Boolean,
                    "integer" => Form::Time,
                    _ => Form::Text,
                };
                assert_eq!(*form, expected, "{name}");
            }
        }
    }

    #[test]
    fn text_becomes_the_value_that_it_means() {
        for (form, text, value) in [
            (Form::Text, "1", json!("1")),
            (Form::Boolean, "TRUE", json!(true)),
            (Form::Boolean, "f", json!(false)),
            (Form::Boolean, "yes", json!("yes")),
            (Form::Time, "1552384800000", json!(1_552_384_800_000_i64)),
            (Form::Time, "2019-03-12T10:00:00.000Z", json!(1_552_384_800_000_i64)),
            (Form::Time, "12.3.2019", json!("12.3.2019")),
        ] {
            assert_eq!(form.value(text), value);
        }
    }
}
