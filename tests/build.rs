//! Generates what the tests compile: the client of a contract with one more type of event, and the typed mocks
//! of the real contract.

#![allow(clippy::indexing_slicing)]

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
    let refer = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let scalar = |kind: &str| json!({ "type": kind, "description": "One kind of property.", "x-provenance": "assumed" });
    let with = |mut schema: Value, keyword: &str, value: Value| {
        schema[keyword] = value;
        schema
    };
    let mut root = contract.root().clone();
    root["components"]["schemas"]["Event"]["oneOf"]
        .as_array_mut()
        .ok_or("no oneOf")?
        .push(json!({ "$ref": EVENT }));
    root["components"]["schemas"]["Event"]["discriminator"]["mapping"]["thing_repaired"] = json!(EVENT);
    let schemas = &mut root["components"]["schemas"];
    let event = schemas["ThingConnectedEvent"].to_string();
    let event = event.replace("ThingConnected", "ThingRepaired").replace("thing_connected", "thing_repaired");
    schemas["ThingRepairedEvent"] = serde_json::from_str(&event)?;
    // Names that generated code could have for its own variables, beside further properties.
    for name in ["given", "judge", "members", "name", "value"] {
        schemas["CustomEventPayload"]["properties"][name] = refer("Token");
    }
    schemas["ThingRepairedPayload"] = json!({
        "type": "object",
        "description": "The thing, and what was done to it.",
        "required": ["thing_id"],
        "additionalProperties": false,
        "x-provenance": "assumed",
        "properties": {
            "thing_id": refer("ThingId"),
            "part": refer("Token"),
            "cost": with(scalar("number"), "format", json!("double")),
            // One of each kind that a property may be, under names that are no identifiers as they stand.
            "type": with(scalar("string"), "enum", json!(["on-site", "workshop"])),
            "urgency": refer("Urgency"),
            "Remark": refer("Remark"),
            "repair-count": refer("Count"),
            "hours": with(scalar("integer"), "format", json!("int64")),
            "paid": scalar("boolean"),
            "note": scalar("string"),
            "anything": refer("PropertyValue"),
            "more": refer("CustomProperties"),
            "at": refer("EpochMillis")
        }
    });
    schemas["Urgency"] = with(scalar("string"), "enum", json!(["now", "later"]));
    schemas["Remark"] = scalar("string");
    schemas["Count"] = with(with(scalar("integer"), "format", json!("int64")), "minimum", json!(1));
    Ok(Contract::from_value(root)?)
}
