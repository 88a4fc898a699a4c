//! The contract's extensions in words, for a page that shows their values as they are.

use serde_json::{Map, Value, json};

/// What the page says before the operations, beyond the contract's own description.
const GUIDE: &str = "
## How sure a rule is

Each rule has a grade, shown as **provenance** beside the schema that the rule stands in.

| grade | meaning |
| --- | --- |
| `seed` | in the introduction that the vendor gives to integrators |
| `documented` | in the vendor's public reference |
| `observed` | what a customer's production client sends or accepts |
| `assumed` | our reading where the sources are silent: the stricter choice for a sender |

One grade stands for every rule of the schema. Where they differ, each rule is named with its own.

## Words beside a schema

| word | meaning |
| --- | --- |
| **time-window** | how far a time may lie before and after the receiver's clock |
| **property-limit** | how many properties an event may have |
| **known-values** | the values that are known today; expect others |
| **unbounded** | why there is no upper bound |
| **open** | why properties that are not listed are allowed |
| **unreferenced** | why the schema is kept though no operation uses it |
";

/// Milliseconds in a unit, the longest first.
const UNITS: [(u64, &str); 4] =
    [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];

/// Says the extensions in words, and explains them in the document's description.
pub(super) fn for_people(document: &mut Value) {
    if let Some(Value::String(description)) = document.pointer_mut("/info/description") {
        description.push_str(GUIDE);
    }
    // Under a tag an operation is folded away until somebody asks for it; there are two.
    if let Some(members) = document.as_object_mut() {
        members.remove("tags");
    }
    for operation in document
        .get_mut("paths")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|paths| paths.values_mut())
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut())
        .filter_map(Value::as_object_mut)
    {
        operation.remove("tags");
    }
    visit(document);
    let worded = document.clone();
    describe(document, &worded);
}

/// The page shows the extensions of a property, and neither those of a whole body nor those of what an array holds: these
/// are said where the body and the array are described.
fn describe(value: &mut Value, document: &Value) {
    match value {
        Value::Object(members) => {
            let body =
                members.get("content").and_then(|content| content.get("application/json")?.get("schema"));
            let item = members.get("items");
            let schema = body.or(item).and_then(|schema| schema.get("$ref")?.as_str()?.strip_prefix('#'));
            let mut notes =
                schema.and_then(|pointer| document.pointer(pointer)).map(notes).unwrap_or_default();
            if let Some(item) = item.and_then(|_| document.pointer(schema?)?.get("description")?.as_str()) {
                notes = format!("\n\nEach: {}{notes}", item.trim_end());
            }
            if let Some(Value::String(description)) = members.get_mut("description") {
                description.truncate(description.trim_end().len());
                description.push_str(&notes);
            }
            members.values_mut().for_each(|member| describe(member, document));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| describe(item, document)),
        _ => {}
    }
}

/// The extensions of a schema as a list in Markdown.
fn notes(schema: &Value) -> String {
    let members = schema.as_object().into_iter().flatten();
    let notes = members.filter_map(|(name, words)| {
        Some(format!("\n- **{}:** {}", name.strip_prefix("x-")?, words.as_str()?))
    });
    let notes: String = notes.collect();
    if notes.is_empty() { notes } else { format!("\n{notes}") }
}

fn visit(value: &mut Value) {
    match value {
        Value::Object(members) => {
            word(members);
            members.values_mut().for_each(visit);
        }
        Value::Array(items) => items.iter_mut().for_each(visit),
        _ => {}
    }
}

/// Replaces the extensions that are no text already.
fn word(members: &mut Map<String, Value>) {
    for (name, words) in [
        ("x-provenance", grades as fn(&Value) -> Option<String>),
        ("x-time-window", window),
        ("x-property-limit", limit),
        ("x-unique-names", unique),
        ("x-known-values", known),
    ] {
        if let Some(value) = members.get_mut(name)
            && let Some(words) = words(value)
        {
            *value = json!(words);
        }
    }
}

/// `type: documented; minLength, maxLength: assumed` from a map of grades.
fn grades(value: &Value) -> Option<String> {
    let mut by_grade: Vec<(&str, Vec<&str>)> = Vec::new();
    for (rule, grade) in value.as_object()? {
        let grade = grade.as_str()?;
        match by_grade.iter_mut().find(|(known, _)| *known == grade) {
            Some((_, rules)) => rules.push(rule),
            None => by_grade.push((grade, vec![rule])),
        }
    }
    let said = |(grade, rules): &(&str, Vec<&str>)| format!("{}: {grade}", rules.join(", "));
    Some(by_grade.iter().map(said).collect::<Vec<_>>().join("; "))
}

fn window(value: &Value) -> Option<String> {
    let side = |name| Some(duration(value.get(name)?.as_u64()?));
    Some(format!("from {} before the receiver's clock to {} after it", side("past")?, side("future")?))
}

fn limit(value: &Value) -> Option<String> {
    let (most, within) = (value.get("maximum")?.as_u64()?, value.get("within")?.as_str()?);
    Some(format!("at most {most} keys in {within} and in the objects inside it, together"))
}

fn unique(value: &Value) -> Option<String> {
    value.as_bool()?.then(|| "in the JSON text, no object has a name twice".to_owned())
}

fn known(value: &Value) -> Option<String> {
    let values = value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    Some(values.join(", "))
}

fn duration(milliseconds: u64) -> String {
    for (unit, name) in UNITS {
        let count = milliseconds / unit;
        if count > 0 && milliseconds.is_multiple_of(unit) {
            return format!("{count} {name}{}", if count == 1 { "" } else { "s" });
        }
    }
    format!("{milliseconds} milliseconds")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::for_people;

    #[test]
    fn what_the_page_shows_no_extensions_of_is_described_with_them() {
        let mut document = json!({
            "paths": { "/a": { "post": { "requestBody": {
                "description": "A body.\n",
                "content": { "application/json": { "schema": { "$ref": "#/schemas/Body" } } }
            } } } },
            "schemas": {
                "Body": {
                    "x-provenance": "seed",
                    "properties": { "list": {
                        "type": "array", "description": "Many.", "items": { "$ref": "#/schemas/Item" }
                    } }
                },
                "Item": { "description": "One of them.", "x-open": "It may grow." }
            }
        });
        for_people(&mut document);
        let at = |pointer| document.pointer(pointer).and_then(serde_json::Value::as_str);
        assert_eq!(at("/paths/~1a/post/requestBody/description"), Some("A body.\n\n- **provenance:** seed"));
        assert_eq!(
            at("/schemas/Body/properties/list/description"),
            Some("Many.\n\nEach: One of them.\n\n- **open:** It may grow.")
        );
    }

    #[test]
    fn extensions_are_said_in_words() {
        let mut document = json!({
            "info": { "description": "An API." },
            "tags": [{ "name": "T" }],
            "paths": { "/a": { "post": { "tags": ["T"], "summary": "A" } } },
            "schema": {
                "x-provenance": { "type": "documented", "minimum": "assumed", "pattern": "documented" },
                "x-time-window": { "past": 2_592_000_000_u64, "future": 60_000 },
                "x-property-limit": { "maximum": 20, "within": "payload" },
                "x-unique-names": true,
                "x-known-values": ["A", "B"],
                "x-open": "It may grow.",
                "inner": { "x-provenance": "seed", "x-time-window": { "past": 1, "future": 7_200_000 } }
            }
        });
        for_people(&mut document);
        let expected = json!({
            "x-provenance": "type, pattern: documented; minimum: assumed",
            "x-time-window": "from 30 days before the receiver's clock to 1 minute after it",
            "x-property-limit": "at most 20 keys in payload and in the objects inside it, together",
            "x-unique-names": "in the JSON text, no object has a name twice",
            "x-known-values": "A, B",
            "x-open": "It may grow.",
            "inner": {
                "x-provenance": "seed",
                "x-time-window": "from 1 milliseconds before the receiver's clock to 2 hours after it"
            }
        });
        assert_eq!(document.get("schema"), Some(&expected));
        assert_eq!(document.get("paths"), Some(&json!({ "/a": { "post": { "summary": "A" } } })));
        assert_eq!(document.get("tags"), None);
    }
}
