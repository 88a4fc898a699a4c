//! What operations take and answer, and the names of things.

use serde_json::{Value, json};

use super::{check, contract, edited, lines};

#[test]
fn names_that_generated_code_is_made_of_must_stay() {
    check(&[
        (
            &[("Lonely", json!({"type": "boolean"}))],
            &["Addition: Lonely: is new"],
            &["Code: Lonely: the schema `Lonely` is gone, or has another name"],
        ),
        (
            &[("/openapi", json!("3.1.0"))],
            &["Code: /openapi: was \"3.0.3\", is \"3.1.0\""],
            &["Code: /openapi: was \"3.1.0\", is \"3.0.3\""],
        ),
        (
            &[("@/operationId", json!("collect_events"))],
            &["Code: @/operationId: was \"collect\", is \"collect_events\""],
            &["Code: @/operationId: was \"collect_events\", is \"collect\""],
        ),
        (
            &[("@/tags", json!(["Events"]))],
            &["Code: @/tags: was [\"Collect\"], is [\"Events\"]"],
            &["Code: @/tags: was [\"Events\"], is [\"Collect\"]"],
        ),
    ]);
}

#[test]
fn what_is_unknown_breaks_and_words_do_not() {
    check(&[
        (
            &[("ConsentChange/properties/consent_value/default", json!(true))],
            &["Anyone: ConsentChange/properties/consent_value/default: was not there, is true"],
            &["Anyone: ConsentChange/properties/consent_value/default: was true, is gone"],
        ),
        (
            &[("ConsentChange/deprecated", json!(true))],
            &["Addition: ConsentChange/deprecated: was not there, is true"],
            &["Addition: ConsentChange/deprecated: was true, is gone"],
        ),
        (
            &[("ConsentChange/x-strange", json!(true))],
            &["Anyone: ConsentChange/x-strange: was not there, is true"],
            &["Anyone: ConsentChange/x-strange: was true, is gone"],
        ),
        (&[("@/summary", json!("Words"))], &["Note: @/summary: differs"], &["Note: @/summary: differs"]),
        (
            &[("@/callbacks", json!({"done": {}}))],
            &["Anyone: @/callbacks: was not there, is {\"done\":{}}"],
            &["Anyone: @/callbacks: was {\"done\":{}}, is gone"],
        ),
        (
            &[("/info/version", json!("2.1.8"))],
            &["Note: /info/version: differs"],
            &["Note: /info/version: differs"],
        ),
        (&[("/info/x-contract-version", json!("9.0.0"))], &[], &[]),
        (
            &[("UserId/description", json!("Words"))],
            &["Note: UserId/description: differs"],
            &["Note: UserId/description: differs"],
        ),
        (
            &[("UserId/example", json!("words"))],
            &["Note: UserId/example: differs"],
            &["Note: UserId/example: differs"],
        ),
        (
            &[("UserId/x-provenance", json!("seed"))],
            &["Note: UserId/x-provenance: differs"],
            &["Note: UserId/x-provenance: differs"],
        ),
        (
            &[("ErrorBody/properties/reason/x-known-values", json!([]))],
            &["Note: ErrorBody/properties/reason/x-known-values: differs"],
            &["Note: ErrorBody/properties/reason/x-known-values: differs"],
        ),
    ]);
}

#[test]
fn servers_and_ways_in_must_stay() {
    check(&[
        (
            &[("/servers", json!([{"url": "https://api.example.com"}]))],
            &[
                "Senders: /servers: the first server was `https://api.{environment}.bycopilot.com`, is `https://api.example.com`",
            ],
            &[
                "Senders: /servers: the first server was `https://api.example.com`, is `https://api.{environment}.bycopilot.com`",
            ],
        ),
        (
            &[("/security", json!([{"basicAuth": []}, {}]))],
            &["Addition: /security: {} opens it too"],
            &["Senders: /security: {} no longer opens it"],
        ),
        (
            &[("@/security", json!([{"key": []}]))],
            &[
                "Senders: @/security: {\"basicAuth\":[]} no longer opens it",
                "Addition: @/security: {\"key\":[]} opens it too",
            ],
            &[
                "Addition: @/security: {\"basicAuth\":[]} opens it too",
                "Senders: @/security: {\"key\":[]} no longer opens it",
            ],
        ),
        (
            &[("/components/securitySchemes/basicAuth/scheme", json!("bearer"))],
            &["Anyone: /components/securitySchemes/basicAuth/scheme: was \"basic\", is \"bearer\""],
            &["Anyone: /components/securitySchemes/basicAuth/scheme: was \"bearer\", is \"basic\""],
        ),
        (
            &[("/components/securitySchemes/key", json!({"type": "apiKey"}))],
            &["Addition: /components/securitySchemes/key: is new"],
            &["Senders: /components/securitySchemes/key: the scheme `key` is gone"],
        ),
    ]);
}

#[test]
fn operations_must_take_what_they_took() {
    check(&[
        (
            &[("/paths/~1v2~1collect", Value::Null)],
            &["Senders: /paths/~1v2~1collect: the path `/v2/collect` is gone"],
            &["Addition: /paths/~1v2~1collect: is new"],
        ),
        (
            &[("@", Value::Null)],
            &["Senders: @: the operation POST `/v2/collect` is gone"],
            &["Addition: @: is new"],
        ),
        (
            &[("@/parameters", json!([{"name": "dry", "in": "query", "schema": {"type": "boolean"}}]))],
            &["Addition: @/parameters/0: the parameter `dry` in query is new"],
            &["Senders: @/parameters/0: the parameter `dry` in query is gone"],
        ),
        (
            &[("@/parameters", json!([{"name": "dry", "in": "query", "required": true}]))],
            &["Senders: @/parameters/0: the parameter `dry` in query is required now"],
            &["Senders: @/parameters/0: the parameter `dry` in query is gone"],
        ),
        (
            &[("@/requestBody", Value::Null)],
            &["Senders: @/requestBody: the operation takes no body now"],
            &["Senders: @/requestBody: a body is required now"],
        ),
        (
            &[("@/requestBody/required", json!(false))],
            &["Addition: @/requestBody/required: was true, is false"],
            &["Senders: @/requestBody/required: is required now"],
        ),
        (
            &[("@/requestBody/content/text~1plain", json!({}))],
            &["Addition: @/requestBody/content/text~1plain: the media type `text/plain` is new"],
            &["Senders: @/requestBody/content/text~1plain: the media type `text/plain` is gone"],
        ),
    ]);
}

#[test]
fn answers_must_hold_what_they_held() {
    check(&[
        (
            &[("@/responses/200/content/text~1plain", json!({}))],
            &["Addition: @/responses/200/content/text~1plain: the media type `text/plain` is new"],
            &["Readers: @/responses/200/content/text~1plain: the media type `text/plain` is gone"],
        ),
        (
            &[("@/responses/200/content", Value::Null)],
            &[
                "Readers: @/responses/200/content/application~1json: the media type `application/json` is gone",
            ],
            &[
                "Addition: @/responses/200/content/application~1json: the media type `application/json` is new",
            ],
        ),
        (
            &[("@/responses/202", json!({"description": "Later."}))],
            &["Addition: @/responses/202: the answer 202 is new"],
            &["Readers: @/responses/202: the answer 202 is gone"],
        ),
        (
            &[("@/responses/408", Value::Null)],
            &["Addition: @/responses/408: the answer 408 is gone"],
            &["Addition: @/responses/408: the answer 408 is new"],
        ),
        (
            &[("/components/responses/TooManyRequests/headers/Retry-After", Value::Null)],
            &[
                "Readers: /components/responses/TooManyRequests/headers/Retry-After: the header `Retry-After` is gone",
            ],
            &[
                "Addition: /components/responses/TooManyRequests/headers/Retry-After: the header `Retry-After` is new",
            ],
        ),
        (
            &[("/components/headers/RetryAfter/required", json!(true))],
            &["Addition: /components/headers/RetryAfter/required: was false, is true"],
            &["Readers: /components/headers/RetryAfter/required: is no longer sure to be there"],
        ),
        (
            &[("/components/headers/RetryAfter/schema/type", json!("integer"))],
            &["Readers: /components/headers/RetryAfter/schema/type: was \"string\", is \"integer\""],
            &["Readers: /components/headers/RetryAfter/schema/type: was \"integer\", is \"string\""],
        ),
    ]);
}

#[test]
fn parameters_are_matched_by_where_they_stand_and_their_name() {
    let parameter = |schema: Value, required: bool| json!({"name": "dry", "in": "query", "required": required, "schema": schema});
    let other = json!({"name": "other", "in": "query"});
    let old =
        edited(&contract(), &[("@/parameters", json!([parameter(json!({"type": "integer"}), true), other]))]);
    let path = ("/paths/~1v2~1collect/parameters", json!([parameter(json!({"type": "number"}), false)]));
    let new = edited(&contract(), &[path, ("@/parameters", json!([other]))]);
    assert_eq!(
        lines(&new, &old),
        [
            "Senders: @/parameters/0/required: is required now",
            "Senders: @/parameters/0/schema/type: was \"number\", is \"integer\"",
        ]
    );
    assert_eq!(
        lines(&old, &new),
        [
            "Addition: /paths/~1v2~1collect/parameters/0/required: was true, is false",
            "Addition: /paths/~1v2~1collect/parameters/0/schema/type: was \"integer\", is \"number\"",
        ]
    );
}
