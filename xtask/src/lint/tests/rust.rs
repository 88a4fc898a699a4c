//! What cannot become Rust, as the generator says it. Its own tests have the rest of the cases.

use serde_json::json;

use super::{Set, check};

#[test]
fn names_that_become_one_identifier_are_found() {
    check(vec![
        (
            vec![Set(
                "/components/schemas/ThingConnectedPayload/properties/thingId",
                json!({ "$ref": "#/components/schemas/ThingId" }),
            )],
            &[
                "/components/schemas/ThingConnectedPayload/properties/thingId: becomes `thing_id` in Rust, as the \
                 property `thing_id` does",
            ],
        ),
        (
            vec![Set(
                "/components/schemas/ThingConnectedPayload/properties/thing_name",
                json!({ "$ref": "#/components/schemas/ThingId" }),
            )],
            &[],
        ),
    ]);
}

#[test]
fn words_that_become_code_are_found() {
    check(vec![
        (
            vec![Set("/components/schemas/UserId/description", json!("The user.\n\n```\npanic!();\n```"))],
            &[
                "/components/schemas/UserId/description: holds a code block, which rustdoc would compile and run: \
                 write `code` within the line",
            ],
        ),
        (vec![Set("/components/schemas/UserId/description", json!("The user, as in `panic!()`."))], &[]),
    ]);
}
