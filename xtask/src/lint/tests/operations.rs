//! What an operation and a server say.

use serde_json::json;

use super::{Remove, Set, check};
use crate::lint::edit::Edit::Rename;

#[test]
fn operations_that_share_a_name_or_say_too_little_are_found() {
    check(vec![
        (
            vec![Set(
                "/paths/~1v2~1api~1report~1user_copilot_analysis_consent_changed/post/operationId",
                json!("collect"),
            )],
            &["/paths/~1v2~1api~1report~1user_copilot_analysis_consent_changed/post/operationId: becomes \
                 `collect` in Rust, as the operation `collect` of /v2/collect does"],
        ),
        (
            vec![Remove("/paths/~1v2~1collect/post/summary")],
            &["/paths/~1v2~1collect/post: the operation has no summary"],
        ),
        (
            vec![Set("/paths/~1v2~1collect/post/description", json!(" "))],
            &["/paths/~1v2~1collect/post: the operation has no description"],
        ),
        (
            vec![Remove("/paths/~1v2~1collect/post/tags")],
            &[
                "/paths/~1v2~1collect/post: the operation has no tags",
                "/tags: no operation has the tag `Collect`",
            ],
        ),
        (
            vec![Remove("/paths/~1v2~1collect/post/operationId")],
            &["/paths/~1v2~1collect/post: the operation has no operationId"],
        ),
    ]);
}

#[test]
fn a_tag_that_the_document_does_not_have_is_found() {
    check(vec![(
        vec![Set("/paths/~1v2~1collect/post/tags/0", json!("Collected"))],
        &[
            "/paths/~1v2~1collect/post: the tag `Collected` is not among the document's",
            "/tags: no operation has the tag `Collect`",
        ],
    )]);
}

#[test]
fn an_operation_answers_to_what_is_right_and_to_what_is_wrong_and_asks_for_credentials() {
    check(vec![
        (
            vec![Remove("/paths/~1v2~1collect/post/responses/200")],
            &[
                "/components/schemas/CollectResponse: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced",
                "/components/schemas/InvalidEvent: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced",
                "/paths/~1v2~1collect/post: the operation has no answer of success, 2xx",
            ],
        ),
        (
            vec![Remove("/paths/~1v2~1collect/post/responses/401")],
            &["/paths/~1v2~1collect/post: the operation asks for credentials and has no answer 401"],
        ),
        (
            vec![Set("/paths/~1v2~1collect/post/responses", json!({ "200": { "description": "Taken." } }))],
            &[
                "/components/schemas/CollectResponse: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced",
                "/components/schemas/InvalidEvent: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced",
                "/paths/~1v2~1collect/post: the operation asks for credentials and has no answer 401",
                "/paths/~1v2~1collect/post: the operation has no answer of refusal, 4xx",
            ],
        ),
        (
            vec![Set("/paths/~1v2~1collect/post/security", json!([]))],
            &["/paths/~1v2~1collect/post: the operation asks for no credentials"],
        ),
    ]);
}

#[test]
fn the_names_in_a_path_are_its_parameters() {
    let parameter = |name: &str, required: bool| {
        json!([{
            "name": name, "in": "path", "required": required, "description": "Whose.",
            "schema": { "type": "boolean" }
        }])
    };
    let moved = || Rename("/paths/~1v2~1collect", "/v2/{tenant}/collect");
    check(vec![
        (
            vec![moved()],
            &["/paths/~1v2~1{tenant}~1collect/post: `{tenant}` in the path is not a declared parameter"],
        ),
        (vec![moved(), Set("/paths/~1v2~1{tenant}~1collect/parameters", parameter("tenant", true))], &[]),
        (
            vec![moved(), Set("/paths/~1v2~1{tenant}~1collect/post/parameters", parameter("tenant", true))],
            &[],
        ),
        (
            vec![moved(), Set("/paths/~1v2~1{tenant}~1collect/post/parameters", parameter("tenant", false))],
            &["/paths/~1v2~1{tenant}~1collect/post: the parameter `tenant` of the path must be required"],
        ),
        (
            vec![Set("/paths/~1v2~1collect/post/parameters", parameter("tenant", true))],
            &["/paths/~1v2~1collect/post: the parameter `tenant` is not in the path"],
        ),
    ]);
}

#[test]
fn the_names_in_a_servers_url_are_its_variables() {
    check(vec![
        (
            vec![Set("/servers/0/url", json!("https://{environment}.{region}.bycopilot.com"))],
            &["/servers/0: `region` is not a declared variable"],
        ),
        (
            vec![Set("/servers/0/url", json!("https://api.bycopilot.com"))],
            &["/servers/0: `environment` is not in the URL"],
        ),
    ]);
}
