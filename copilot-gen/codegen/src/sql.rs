//! Emits what a PostgreSQL database is told of the contract, for the functions that take events and changes of consent there.

use crate::{
    contract::{Contract, Error},
    header,
    model::{EventType, Model, Schema},
    order,
};

/// The schemas of the contract that SQL knows by name.
const EVENT_ID: &str = "EventId";
const CONSENT: &str = "ConsentChange";

/// Generates the repeatable migration of `copilot-delivery`: the types of events with what each must have, and
/// `copilot_set_consent`.
///
/// # Errors
///
/// When the contract is not one that this generator understands, or has no rule where SQL needs one.
pub fn generate_sql(contract: &Contract) -> Result<String, Error> {
    let model = Model::read(contract)?;
    let event_id = named(&model, EVENT_ID).and_then(longest);
    let limit = model.event.limit.as_ref().map(|(limit, _)| limit.maximum);
    let (Some(event_id), Some(limit)) = (event_id, limit) else {
        let words = "SQL needs the greatest length of an event's id and the limit of properties";
        return Err(Error::new("the contract", words));
    };
    let version = contract.root().pointer("/info/x-contract-version").and_then(serde_json::Value::as_str);
    let version = version.ok_or_else(|| Error::new("info", "x-contract-version is missing"))?;
    let rows: Vec<String> = model.event.types.iter().map(row).collect();
    Ok(format!(
        "{}-- Applied again whenever it has changed, after the files with numbers.\n\
         DELETE FROM copilot.contract;\n\
         INSERT INTO copilot.contract(version, event_id_length, properties) VALUES ({}, {event_id}, {limit});\n\n\
         DELETE FROM copilot.event_type;\n\
         INSERT INTO copilot.event_type(name, required, texts, order_keys) VALUES\n{};\n\n{}",
        header("--"),
        quoted(version),
        rows.join(",\n"),
        consent(&model)?,
    ))
}

fn row(event: &EventType) -> String {
    let EventType { wire_name, payload, .. } = event;
    let required = payload.properties.iter().filter(|(_, property)| property.is_required);
    let texts = payload.properties.iter().filter(|(_, property)| order::is_id(property));
    let owners = order::owners(payload).into_iter().map(|(name, _)| name);
    format!(
        "    ({}, {}, {}, {})",
        quoted(wire_name),
        array(required.map(|(name, _)| name)),
        array(texts.map(|(name, _)| name)),
        array(owners)
    )
}

/// The function that takes changes of consent, whose two properties the contract names.
fn consent(model: &Model) -> Result<String, Error> {
    let wrong = |words: &str| Error::new(CONSENT, words.to_owned());
    let Some(Schema::Object(rules)) = named(model, CONSENT) else { return Err(wrong("is not an object")) };
    let user = rules.properties.iter().find(|(_, property)| order::is_id(property));
    let (user, _) = user.ok_or_else(|| wrong("has no id"))?;
    let value =
        rules.properties.iter().find(|(_, property)| matches!(property.used.schema, Schema::Boolean(_)));
    let (value, _) = value.ok_or_else(|| wrong("has no boolean"))?;
    if rules.properties.len() != 2 {
        return Err(wrong("has other properties than a user and a value"));
    }
    let [user, value] = [user, value].map(|name| quoted(name));
    Ok(format!(
        "-- Puts a change of consent in, in order with that user's events.\n\
         CREATE OR REPLACE FUNCTION public.copilot_set_consent(reported_user text, reported_value boolean) RETURNS void\n\
         LANGUAGE plpgsql VOLATILE SECURITY DEFINER\n\
         SET search_path = pg_catalog, copilot, pg_temp\n\
         AS $$\n\
         BEGIN\n    \
             IF coalesce(reported_user, '') = '' THEN\n        \
                 PERFORM copilot.refuse('copilot_set_consent', '/' || {user}, 'must be a string that is not empty');\n    \
             END IF;\n    \
             IF reported_value IS NULL THEN\n        \
                 PERFORM copilot.refuse('copilot_set_consent', '/' || {value}, 'must be there');\n    \
             END IF;\n    \
             INSERT INTO copilot.pending(key, lane, kind, user_id, reported_at, json, contract)\n    \
             VALUES (0, copilot.lane_of(reported_user), 'consent', reported_user, floor(extract(epoch FROM clock_timestamp()) * 1000),\n        \
                 json_build_object({user}, reported_user, {value}, reported_value)::text, '');\n\
         END\n\
         $$;\n\
         REVOKE ALL ON FUNCTION public.copilot_set_consent(text, boolean) FROM PUBLIC;\n"
    ))
}

fn named<'a>(model: &'a Model, name: &str) -> Option<&'a Schema> {
    model.schemas.iter().find(|used| used.name.as_deref() == Some(name)).map(|used| &used.schema)
}

fn longest(schema: &Schema) -> Option<u64> {
    match schema {
        Schema::String(rules) => rules.max_length.map(|(length, _)| length),
        _ => None,
    }
}

fn array<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    quoted(&format!("{{{}}}", names.join(",")))
}

/// A text as SQL writes it, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
