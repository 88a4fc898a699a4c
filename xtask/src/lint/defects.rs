//! Defects, each of which some linter must catch.

use serde_json::json;

use super::{
    edit::Edit::{self, Remove, Rename, Set},
    linters::Linter::{self, Own, Redocly, SpecValidator, Spectral},
};

/// One thing that is wrong with a copy of the contract.
pub(super) struct Defect {
    /// What is wrong, in words that also name the copy's file.
    pub(super) name: &'static str,
    pub(super) edit: Edit,
    /// Those that catch it, in their present versions. Others may.
    pub(super) by: &'static [Linter],
}

/// Every defect.
pub(super) fn all() -> Vec<Defect> {
    let defect = |name, by, edit| Defect { name, edit, by };
    let mut all = references(defect);
    all.extend(examples(defect));
    all.extend(operations(defect));
    all.extend(schemas(defect));
    all
}

fn references(defect: impl Fn(&'static str, &'static [Linter], Edit) -> Defect) -> Vec<Defect> {
    vec![
        defect(
            "a reference leads nowhere",
            &[Own, Redocly, Spectral, SpecValidator],
            Set("/paths/~1v2~1collect/post/responses/401/$ref", json!("#/components/responses/Nothing")),
        ),
        defect(
            "the mapping misses a variant",
            &[Own],
            Remove("/components/schemas/Event/discriminator/mapping/unsubscribe"),
        ),
        defect(
            "the mapping names a schema that is no variant",
            &[Own],
            Set(
                "/components/schemas/Event/discriminator/mapping/unsubscribe",
                json!("#/components/schemas/UnsubscribePayload"),
            ),
        ),
        defect(
            "the mapping leads nowhere",
            &[Own, Redocly],
            Set(
                "/components/schemas/Event/discriminator/mapping/unsubscribe",
                json!("#/components/schemas/Nothing"),
            ),
        ),
        defect(
            "nothing uses a component",
            &[Own, Redocly, Spectral],
            Set(
                "/components/schemas/Unused",
                json!({ "type": "boolean", "description": "Nothing uses it.", "example": true }),
            ),
        ),
        defect(
            "the reason of an unused component is gone",
            &[Own],
            Remove("/components/schemas/UtcTimestamp/x-unreferenced"),
        ),
        defect(
            "a security scheme is missing",
            &[Own, Redocly, Spectral],
            Remove("/components/securitySchemes/basicAuth"),
        ),
        defect(
            "a variable of the server is not declared",
            &[Own, Redocly, Spectral],
            Set("/servers/0/url", json!("https://api.{environment}.{region}.bycopilot.com")),
        ),
    ]
}

fn examples(defect: impl Fn(&'static str, &'static [Linter], Edit) -> Defect) -> Vec<Defect> {
    vec![
        defect(
            "an example of a request breaks the schema",
            &[Own, Redocly, Spectral],
            Set(
                "/paths/~1v2~1api~1report~1user_copilot_analysis_consent_changed/post/requestBody/content/\
                 application~1json/examples/given/value/consent_value",
                json!("yes"),
            ),
        ),
        defect(
            "an example of a schema breaks it",
            &[Own, Redocly, Spectral],
            Set("/components/schemas/EventId/example", json!("has a space")),
        ),
        defect(
            "a request has no example",
            &[Own],
            Remove("/paths/~1v2~1collect/post/requestBody/content/application~1json/examples"),
        ),
        defect(
            "a response has no example",
            &[Own],
            Remove("/components/responses/Unauthorized/content/application~1json/examples"),
        ),
    ]
}

fn operations(defect: impl Fn(&'static str, &'static [Linter], Edit) -> Defect) -> Vec<Defect> {
    vec![
        defect(
            "two operations share an operationId",
            &[Own, Redocly, Spectral, SpecValidator],
            Set(
                "/paths/~1v2~1api~1report~1user_copilot_analysis_consent_changed/post/operationId",
                json!("collect"),
            ),
        ),
        defect(
            "a parameter of the path is not declared",
            &[Own, Redocly, Spectral, SpecValidator],
            Rename("/paths/~1v2~1collect", "/v2/{tenant}/collect"),
        ),
        defect(
            "a tag is not declared",
            &[Own, Redocly, Spectral],
            Set("/paths/~1v2~1collect/post/tags/0", json!("Colect")),
        ),
        defect(
            "an answer has no description",
            &[Own, Redocly, Spectral, SpecValidator],
            Remove("/components/responses/Unauthorized/description"),
        ),
        defect(
            "an operation has no description",
            &[Own, Redocly, Spectral],
            Remove("/paths/~1v2~1collect/post/description"),
        ),
    ]
}

fn schemas(defect: impl Fn(&'static str, &'static [Linter], Edit) -> Defect) -> Vec<Defect> {
    vec![
        defect(
            "an object is not closed",
            &[Own],
            Remove("/components/schemas/UserDeletedPayload/additionalProperties"),
        ),
        defect(
            "a string has neither bound nor reason",
            &[Own],
            Remove("/components/schemas/UserId/x-unbounded"),
        ),
        defect(
            "a constraint has no provenance",
            &[Own],
            Remove("/components/schemas/EventId/x-provenance/maxLength"),
        ),
        defect(
            "an extension is misspelt",
            &[Own],
            Set("/components/schemas/EventId/x-provenence", json!("documented")),
        ),
        defect(
            "a pattern is no regular expression",
            &[Own, Redocly, Spectral, SpecValidator],
            Set("/components/schemas/Token/pattern", json!("^[a-z")),
        ),
        defect(
            "a required property does not exist",
            &[Own, Redocly, Spectral],
            Set("/components/schemas/ConsentChange/required/1", json!("consent")),
        ),
        defect(
            "a keyword is misspelt",
            &[Own, Redocly, Spectral, SpecValidator],
            Rename("/components/schemas/EventId/minLength", "minLenght"),
        ),
        defect(
            "a type does not exist",
            &[Own, Redocly, Spectral, SpecValidator],
            Set("/components/schemas/Token/type", json!("text")),
        ),
        defect(
            "the lower bound exceeds the upper one",
            &[Own, Redocly, Spectral],
            Set("/components/schemas/EventId/minLength", json!(51)),
        ),
        defect(
            "a value of an enum is of another type",
            &[Own, Redocly, Spectral],
            Set("/components/schemas/UnsubscribeEvent/properties/type/enum/1", json!(5)),
        ),
        defect(
            "two properties become one name in Rust",
            &[Own],
            Set(
                "/components/schemas/ThingConnectedPayload/properties/thingId",
                json!({ "$ref": "#/components/schemas/ThingId" }),
            ),
        ),
        defect(
            "a description holds a code block",
            &[Own],
            Set("/components/schemas/UserId/description", json!("The user.\n\n```\npanic!();\n```")),
        ),
        defect(
            "an array does not say what it holds",
            &[Own, Redocly, Spectral],
            Remove("/components/schemas/CollectResponse/properties/invalid_events/items"),
        ),
    ]
}
