//! Generates what the tests compile: the client of a contract with one more type of event, and the typed mocks
//! of the real contract.

use std::{env, error::Error, fs, path::Path};

use copilot_codegen::{Contract, generate, generate_httpmock};
use serde_json::{Value, json};

const CONTRACT: &str = "../openapi/copilot.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={CONTRACT}");
    println!("cargo::rerun-if-changed=build.rs");
    let contract = Contract::parse(&fs::read_to_string(CONTRACT)?)?;
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    fs::write(out.join("httpmock.rs"), generate_httpmock(&contract, "copilot_gen")?)?;
    fs::write(out.join("one_more_type.rs"), generate(&with_thing_repaired(&contract)?)?)?;
    Ok(())
}

/// The contract with one more type of event, by nothing but edits of the contract: two schemas, and an entry in the
/// event's `oneOf` and in its discriminator's mapping.
fn with_thing_repaired(contract: &Contract) -> Result<Contract, Box<dyn Error>> {
    const EVENT: &str = "#/components/schemas/ThingRepairedEvent";
    let mut root = contract.root().clone();
    let variants = root.pointer_mut("/components/schemas/Event/oneOf").and_then(Value::as_array_mut);
    variants.ok_or("the event is no oneOf")?.push(json!({ "$ref": EVENT }));
    let mapping =
        root.pointer_mut("/components/schemas/Event/discriminator/mapping").and_then(Value::as_object_mut);
    mapping.ok_or("the event has no mapping")?.insert("thing_repaired".to_owned(), json!(EVENT));
    let schemas = root.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    let schemas = schemas.ok_or("the contract has no schemas")?;
    // Names that generated code could have for its own variables, beside further properties.
    let open = schemas
        .get_mut("CustomEventPayload")
        .and_then(|payload| payload.get_mut("properties")?.as_object_mut());
    let token = || json!({ "$ref": "#/components/schemas/Token" });
    let names = ["given", "judge", "members", "name", "value"];
    open.ok_or("custom_event has no properties")?.extend(names.map(|name| (name.to_owned(), token())));
    schemas.insert(
        "ThingRepairedEvent".to_owned(),
        json!({
            "type": "object",
            "description": "A thing was repaired.",
            "required": ["type", "event_id", "timestamp", "payload"],
            "additionalProperties": false,
            "x-provenance": "assumed",
            "properties": {
                "type": {
                    "type": "string",
                    "description": "Names the type of the event.",
                    "enum": ["thing_repaired"],
                    "x-provenance": "assumed"
                },
                "event_id": { "$ref": "#/components/schemas/EventId" },
                "timestamp": { "$ref": "#/components/schemas/EventTime" },
                "payload": { "$ref": "#/components/schemas/ThingRepairedPayload" }
            }
        }),
    );
    schemas.insert(
        "ThingRepairedPayload".to_owned(),
        json!({
            "type": "object",
            "description": "The thing, and what was done to it.",
            "required": ["thing_id"],
            "additionalProperties": false,
            "x-provenance": "assumed",
            "properties": {
                "thing_id": { "$ref": "#/components/schemas/ThingId" },
                "part": { "$ref": "#/components/schemas/Token" },
                "cost": {
                    "type": "number",
                    "format": "double",
                    "description": "What it cost.",
                    "x-provenance": "assumed"
                },
                // One of each kind that a property may be, under names that are no identifiers as they stand.
                "type": { "type": "string", "enum": ["on-site", "workshop"], "x-provenance": "assumed" },
                "urgency": { "$ref": "#/components/schemas/Urgency" },
                "Remark": { "$ref": "#/components/schemas/Remark" },
                "repair-count": { "$ref": "#/components/schemas/Count" },
                "hours": { "type": "integer", "format": "int64", "x-provenance": "assumed" },
                "paid": { "type": "boolean", "x-provenance": "assumed" },
                "note": { "type": "string", "x-provenance": "assumed" },
                "anything": { "$ref": "#/components/schemas/PropertyValue" },
                "more": { "$ref": "#/components/schemas/CustomProperties" },
                "at": { "$ref": "#/components/schemas/EpochMillis" }
            }
        }),
    );
    let description = "One kind of property.";
    let kinds = [
        (
            "Urgency",
            json!({ "type": "string", "description": description, "enum": ["now", "later"], "x-provenance": "assumed" }),
        ),
        ("Remark", json!({ "type": "string", "description": description, "x-provenance": "assumed" })),
        (
            "Count",
            json!({ "type": "integer", "format": "int64", "description": description, "minimum": 1, "x-provenance": "assumed" }),
        ),
    ];
    schemas.extend(kinds.map(|(name, schema)| (name.to_owned(), schema)));
    Ok(Contract::from_value(root)?)
}
