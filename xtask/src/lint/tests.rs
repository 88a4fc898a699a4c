//! Copies of the contract, each with one defect, and who catches it.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::{fs, path::PathBuf};

use copilot_vectors::{mutation::with, spec};
use serde_json::{Value, json};

use super::{Linter, findings};
use crate::{
    tool::Tool,
    workspace::{in_ci, root},
};

/// Who catches a defect: our rules, with these words, or a linter, with the rule of that name.
enum By {
    Ours(&'static str),
    Redocly(&'static str),
    Spectral(&'static str),
}
use By::{Ours, Redocly, Spectral};

/// A member to set in the contract, or to take away where it is `null`, and who catches that.
fn defects() -> Vec<(&'static str, Value, By)> {
    let reference = |to: &str| json!(format!("#/components/{to}"));
    vec![
        // What the rules of this contract catch.
        ("SCHEMAS/EventId/x-provenance/maxLength", Value::Null, Ours("does not grade `maxLength`")),
        ("SCHEMAS/EventId/x-provenance/maximum", json!("seed"), Ours("grades `maximum`, which the schema")),
        ("SCHEMAS/UtcOffset/x-provenance", Value::Null, Ours("`pattern` has no grade")),
        ("SCHEMAS/EventTime/x-provenance/x-time-window", Value::Null, Ours("does not grade `x-time-window`")),
        ("SCHEMAS/ConsentChange/additionalProperties", Value::Null, Ours("does not say what its additional")),
        ("SCHEMAS/InvalidEvent/x-open", Value::Null, Ours("the object is open")),
        ("SCHEMAS/ConsentChange/x-open", json!("No."), Ours("x-open is obsolete")),
        ("SCHEMAS/UserId/x-unbounded", Value::Null, Ours("has neither maxLength nor enum")),
        ("SCHEMAS/CollectRequest/properties/events/x-unbounded", Value::Null, Ours("has neither maxItems")),
        ("SCHEMAS/EventId/x-unbounded", json!("No."), Ours("x-unbounded is obsolete")),
        ("MAPPING/unsubscribe", Value::Null, Ours("the mapping lacks UnsubscribeEvent")),
        ("MAPPING/unsubscribe", reference("schemas/UserId"), Ours("which oneOf does not name")),
        ("SCHEMAS/UnsubscribeEvent/properties/type/enum", json!(["subscribe"]), Ours("with [unsubscribe]")),
        ("SCHEMAS/UnsubscribeEvent/required", json!(["payload"]), Ours("`type` must be required")),
        ("SCHEMAS/UserId/description", json!("```\npanic!();\n```"), Ours("holds a code block")),
        // What the linters' own rules catch.
        ("COLLECT/responses/401/$ref", reference("responses/None"), Redocly("no-unresolved-refs")),
        ("SCHEMAS/New", json!({ "description": "New.", "type": "boolean" }), Redocly("no-unused-components")),
        ("/components/securitySchemes/basicAuth", Value::Null, Redocly("security-defined")),
        ("COLLECT/responses/200", Value::Null, Redocly("operation-2xx-response")),
        ("COLLECT/operationId", json!("set_consent"), Redocly("operation-operationId-unique")),
        (
            "SCHEMAS/ConsentChange/required",
            json!(["consent"]),
            Redocly("no-required-schema-properties-undefined"),
        ),
        ("SCHEMAS/EventId/example", json!("has a space"), Spectral("oas3-valid-schema-example")),
        ("COLLECT_BODY/examples/oneEvent/value/events", json!([{}]), Spectral("oas3-valid-media-example")),
        ("/components/headers/RetryAfter/example", json!(30), Spectral("oas3-valid-media-example")),
        ("SCHEMAS/EventId/minLenght", json!(1), Spectral("oas3-schema")),
        // What their configuration catches.
        ("COLLECT/responses/401", Value::Null, Redocly("rule/wrong-credentials-have-an-answer")),
        ("COLLECT/security", json!([]), Redocly("rule/one-way-in")),
        ("SCHEMAS/Token/x-provenance", json!("sure"), Spectral("known-grades")),
        ("SCHEMAS/EventId/x-provenence", json!("seed"), Spectral("known-extensions")),
        ("SCHEMAS/InvalidEvent/x-open", json!(" "), Spectral("reasons")),
        ("SCHEMAS/UserDeletedPayload/type", Value::Null, Spectral("properties-of-an-object")),
        ("SCHEMAS/EventTime/format", Value::Null, Spectral("numbers-have-a-format")),
        ("SCHEMAS/InvalidEvent/properties/index/description", Value::Null, Spectral("described")),
        ("COLLECT_BODY/examples", Value::Null, Spectral("bodies-have-examples")),
        ("SCHEMAS/UnsubscribeEvent/example", Value::Null, Spectral("variants-have-examples")),
    ]
}

#[test]
fn each_defect_is_caught_and_the_contract_has_none() {
    let defects = defects();
    // Used by nothing, as the linters' configuration knows under its name in the contract's own files.
    let sound = with(&spec::ROOT, "/components/schemas/UtcTimestamp", None);
    let mut copies = vec![sound.clone()];
    copies.extend(defects.iter().map(|(pointer, member, _)| {
        let pointer = pointer
            .replace("MAPPING", "SCHEMAS/Event/discriminator/mapping")
            .replace("SCHEMAS", "/components/schemas")
            .replace("COLLECT_BODY", "COLLECT/requestBody/content/application~1json")
            .replace("COLLECT", "/paths/~1v2~1collect/post");
        let changed = with(&sound, &pointer, Some(member.clone()).filter(|member| !member.is_null()));
        assert_ne!(changed, sound, "{pointer} is so already");
        changed
    }));

    let root = root().unwrap();
    let folder = std::env::temp_dir().join(format!("xtask-lint-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let name = |at: usize| format!("copy-{at}.json");
    for (at, copy) in copies.iter().enumerate() {
        fs::write(folder.join(name(at)), format!("{copy:#}")).unwrap();
    }
    let are_installed = Tool::ContractLinters.is_installed(&root);
    assert!(are_installed || !in_ci(), "{}", Tool::ContractLinters.missing());
    // Each linter looks at the untouched copy and at those that it must find something in.
    let said = |linter: Linter, format, is_for: fn(&By) -> bool| {
        let chosen = defects.iter().enumerate().filter(|(_, (.., by))| is_for(by)).map(|(at, _)| at + 1);
        let files: Vec<PathBuf> = [0].into_iter().chain(chosen).map(|at| folder.join(name(at))).collect();
        let output = are_installed.then(|| linter.command(&root, format, &files).output().unwrap().stdout);
        String::from_utf8(output.unwrap_or_default()).unwrap()
    };
    let redocly = said(Linter::Redocly, "github-actions", |by| matches!(by, Redocly(_)));
    let spectral = said(Linter::Spectral, "text", |by| matches!(by, Spectral(_)));
    fs::remove_dir_all(&folder).unwrap();

    let named = |said: &str, at: usize, rule: &str| {
        said.lines().any(|line| line.contains(&name(at)) && line.contains(rule))
    };
    assert_eq!(findings(&sound.to_string()), []);
    assert!(!named(&redocly, 0, "") && !named(&spectral, 0, ""), "{redocly}\n{spectral}");
    for (at, (pointer, _, by)) in defects.iter().enumerate() {
        let at = at + 1;
        let (by, caught) = match by {
            Ours(words) => {
                let found = findings(&copies.get(at).unwrap().to_string());
                (words, found.iter().any(|(_, problem)| problem.contains(words)))
            }
            Redocly(rule) => (rule, named(&redocly, at, rule) || !are_installed),
            Spectral(rule) => (rule, named(&spectral, at, rule) || !are_installed),
        };
        assert!(caught, "{pointer}: not caught by {by}");
    }
}

#[test]
fn text_that_is_no_contract_is_one_finding() {
    for text in ["paths: [", "[]", "openapi: 3.0.3\nopenapi: 3.0.3\n", "openapi: 3.0.3\n"] {
        assert_eq!(findings(text).len(), 1, "{text:?}");
    }
}
