//! The generator: what is in the contract comes out, always in the same bytes, and what it cannot check it refuses.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use copilot_codegen::{Contract, generate};
use copilot_tests::spec;
use serde_json::{Value, json};

/// The real contract after an edit.
fn edited(edit: impl FnOnce(&mut Value)) -> Contract {
    let mut root = spec::ROOT.clone();
    edit(&mut root);
    assert_ne!(root, *spec::ROOT, "the edit changes nothing");
    Contract::from_value(root).unwrap()
}

fn at<'a>(root: &'a mut Value, pointer: &str) -> &'a mut Value {
    root.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"))
}

fn schema<'a>(root: &'a mut Value, name: &str) -> &'a mut Value {
    at(root, &format!("/components/schemas/{name}"))
}

/// Takes a member away from an object that has it.
fn take(object: &mut Value, name: &str) {
    assert!(object.as_object_mut().unwrap().remove(name).is_some(), "no {name}");
}

/// Puts a property into the payload of `user_deleted`.
fn put_property(root: &mut Value, property: Value) {
    schema(root, "UserDeletedPayload")["properties"]["motive"] = property;
}

#[test]
fn the_yaml_alone_decides_what_the_types_are() {
    let before = generate(&Contract::parse(spec::YAML).unwrap()).unwrap();
    let yaml = spec::YAML.replacen(
        "    UnsubscribePayload:\n      type: object\n      description: The address that is to be left alone.\n      required: [email]\n      additionalProperties: false\n      x-provenance: documented\n      properties:\n",
        "    UnsubscribePayload:\n      type: object\n      description: The address that is to be left alone.\n      required: [email]\n      additionalProperties: false\n      x-provenance: documented\n      properties:\n        newsletter:\n          $ref: '#/components/schemas/Token'\n",
        1,
    );
    assert_ne!(yaml, spec::YAML);
    let after = generate(&Contract::parse(&yaml).unwrap()).unwrap();
    let wanted = "pub newsletter: ::std::option::Option<Token>,";
    assert!(!before.contains(wanted) && after.contains(wanted));
    assert!(after.contains("name: \"newsletter\""), "the validation table does not know it");
}

#[test]
fn the_same_contract_gives_the_same_bytes() {
    let contract = Contract::parse(spec::YAML).unwrap();
    let first = generate(&contract).unwrap();
    assert!(first.starts_with("// @generated") && first.ends_with("}\n"));
    assert_eq!(first, generate(&contract).unwrap());
    // From its JSON form as well.
    assert_eq!(first, generate(&Contract::parse(&contract.to_json()).unwrap()).unwrap());
}

/// A contract that must be refused: what was done to it, and words that the error must hold.
type Bad = (&'static str, fn(&mut Value), &'static [&'static str]);

fn assert_refused(rows: &[Bad]) {
    let mut failures = Vec::new();
    for (what, edit, words) in rows {
        match generate(&edited(edit)) {
            Ok(_) => failures.push(format!("{what}: accepted")),
            Err(error) => {
                let error = error.to_string();
                if let Some(missing) = words.iter().find(|word| !error.contains(**word)) {
                    failures.push(format!("{what}: `{missing}` is not in the error: {error}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_rewrite_whose_reason_is_gone_says_that_it_is_to_be_deleted() {
    assert_refused(&[
        (
            "the event is no oneOf",
            |root| take(schema(root, "Event"), "oneOf"),
            &["inline_event_variants", "delete this rewrite"],
        ),
        (
            "no object has an allOf",
            |root| take(schema(root, "CustomEventPayload"), "allOf"),
            &["drop_conditions", "delete this rewrite"],
        ),
        (
            "no integer has a bound",
            |root| {
                for (name, bound) in [
                    ("EpochMillis", "minimum"),
                    ("EpochMillis", "maximum"),
                    ("EventTime", "minimum"),
                    ("EventTime", "maximum"),
                ] {
                    take(schema(root, name), bound);
                }
            },
            &["drop_integer_ranges", "delete this rewrite"],
        ),
        (
            "no alternative of a free property has a bound",
            |root| {
                for (alternative, bound) in [(1, "minimum"), (1, "maximum"), (2, "minimum"), (2, "maximum")] {
                    take(&mut schema(root, "PropertyValue")["anyOf"][alternative], bound);
                }
            },
            &["drop_ranges_of_alternatives", "delete this rewrite"],
        ),
        (
            "no operation has two success responses",
            |root| {
                let path = "/paths/~1v2~1api~1report~1user_copilot_analysis_consent_changed/post/responses";
                take(at(root, path), "204");
            },
            &["merge_success_responses", "delete this rewrite"],
        ),
        (
            "an operation has no error response",
            |root| {
                at(root, "/paths/~1v2~1collect/post/responses")
                    .as_object_mut()
                    .unwrap()
                    .retain(|status, _| status == "200")
            },
            &["unify_error_responses", "collect", "delete this rewrite"],
        ),
        (
            "every schema is referred to",
            |root| {
                let names: Vec<String> =
                    at(root, "/components/schemas").as_object().unwrap().keys().cloned().collect();
                for name in names {
                    schema(root, "CollectResponse")["properties"][format!("x_{}", name.to_lowercase())] =
                        json!({ "$ref": format!("#/components/schemas/{name}") });
                }
            },
            &["drop_unreferenced_schemas", "delete this rewrite"],
        ),
    ]);
}

#[test]
fn a_contract_that_does_not_say_enough_is_refused() {
    assert_refused(&[
        (
            "a pattern without an end",
            |root| schema(root, "Token")["pattern"] = json!("^[a-z]*"),
            &["Token", "begin with ^ and end with $"],
        ),
        (
            "a pattern without a start",
            |root| schema(root, "Token")["pattern"] = json!("[a-z]*$"),
            &["Token", "begin with ^ and end with $"],
        ),
        (
            "a pattern of which only one branch is anchored at either end",
            |root| schema(root, "Token")["pattern"] = json!("^a|b$"),
            &["Token"],
        ),
        (
            "a constraint without a grade",
            |root| take(schema(root, "Token"), "x-provenance"),
            &["Token", "x-provenance is missing"],
        ),
        (
            "a constraint that the map of grades leaves out",
            |root| take(&mut schema(root, "EventId")["x-provenance"], "maxLength"),
            &["EventId", "maxLength"],
        ),
        (
            "a grade that is none",
            |root| schema(root, "Token")["x-provenance"] = json!("guessed"),
            &["Token", "guessed"],
        ),
        (
            "an integer of unknown size",
            |root| take(schema(root, "EpochMillis"), "format"),
            &["EpochMillis", "int64"],
        ),
        (
            "an object that does not say whether it is open",
            |root| take(schema(root, "UserDeletedPayload"), "additionalProperties"),
            &["UserDeletedPayload", "additionalProperties"],
        ),
        (
            "a mandatory property that is not listed",
            |root| schema(root, "UserDeletedPayload")["required"] = json!(["user_id", "motive"]),
            &["UserDeletedPayload", "motive"],
        ),
        (
            "a mapping to a schema that is not there",
            |root| {
                schema(root, "Event")["discriminator"]["mapping"]["thing_lost"] =
                    json!("#/components/schemas/ThingLostEvent")
            },
            &["ThingLostEvent"],
        ),
        (
            "names that may stand twice",
            |root| take(schema(root, "ConsentChange"), "x-unique-names"),
            &["ConsentChange", "x-unique-names"],
        ),
        ("no discriminator", |root| take(schema(root, "Event"), "discriminator"), &["discriminator"]),
        (
            "a time window without its future",
            |root| take(&mut schema(root, "EventTime")["x-time-window"], "future"),
            &["EventTime", "x-time-window", "future"],
        ),
        (
            "a property limit that does not say where",
            |root| take(&mut schema(root, "Event")["x-property-limit"], "within"),
            &["Event", "x-property-limit"],
        ),
        (
            "events that name their ids differently",
            |root| {
                schema(root, "UserDeletedEvent")["properties"]["event_id"] =
                    json!({ "$ref": "#/components/schemas/Token" })
            },
            &["event_id"],
        ),
    ]);
    assert!(Contract::parse("- a list").is_err());
    assert!(Contract::parse("a: [").is_err());
}

#[test]
fn a_rule_that_would_silently_not_be_checked_is_refused() {
    assert_refused(&[
        (
            "a keyword that the generator does not know",
            |root| schema(root, "UserDeletedPayload")["maxProperties"] = json!(1),
            &["UserDeletedPayload", "maxProperties"],
        ),
        (
            "a time window where no clock is",
            |root| put_property(root, json!({ "$ref": "#/components/schemas/EventTime" })),
            &["motive", "time window"],
        ),
        (
            "a string of a few values with a rule beside them",
            |root| {
                schema(root, "Token")["enum"] = json!(["a", "b"]);
            },
            &["Token", "a few values"],
        ),
        (
            "a condition of what is not listed",
            |root| schema(root, "CustomEventPayload")["allOf"][0]["anyOf"][0]["required"] = json!(["motive"]),
            &["CustomEventPayload", "`motive`", "not among its properties"],
        ),
        (
            "a condition that nothing meets",
            |root| schema(root, "CustomEventPayload")["allOf"][0]["anyOf"] = json!([]),
            &["CustomEventPayload", "anyOf of nothing"],
        ),
        (
            "a condition that everything meets",
            |root| schema(root, "CustomEventPayload")["allOf"][0]["anyOf"][0]["required"] = json!([]),
            &["CustomEventPayload", "`required` only"],
        ),
        (
            "a choice without a name",
            |root| {
                let choice = schema(root, "PropertyValue").clone();
                put_property(root, choice);
            },
            &["motive", "must be a named schema"],
        ),
        (
            "a choice with a number and no integer",
            |root| {
                let mut choice = schema(root, "PropertyValue").clone();
                choice["anyOf"].as_array_mut().unwrap().remove(1);
                at(root, "/components/schemas")["Motive"] = choice;
                put_property(root, json!({ "$ref": "#/components/schemas/Motive" }));
            },
            &["Motive", "5 would be sent as 5.0"],
        ),
        (
            "an object in a payload without a name",
            |root| {
                let object = schema(root, "CustomProperties").clone();
                put_property(root, object);
            },
            &["an inline object", "must be named"],
        ),
        (
            "further properties of another kind",
            |root| {
                schema(root, "UserDeletedPayload")["additionalProperties"] =
                    json!({ "$ref": "#/components/schemas/Token" })
            },
            &["UserDeletedPayload", "further properties"],
        ),
        (
            "a keyword that the generator does not know, of an integer",
            |root| schema(root, "EpochMillis")["multipleOf"] = json!(1000),
            &["EpochMillis", "multipleOf"],
        ),
        (
            "a property that may be null",
            |root| schema(root, "UserId")["nullable"] = json!(true),
            &["UserId", "nullable"],
        ),
        (
            "an exclusive bound of a decimal number",
            |root| {
                put_property(
                    root,
                    json!({ "type": "number", "format": "double", "minimum": 0, "exclusiveMinimum": true, "x-provenance": "assumed" }),
                )
            },
            &["exclusiveMinimum"],
        ),
        (
            "a rule of another kind of value",
            |root| schema(root, "EpochMillis")["maxLength"] = json!(13),
            &["EpochMillis", "maxLength"],
        ),
        (
            "an integer of a few values",
            |root| schema(root, "EpochMillis")["enum"] = json!([0, 1]),
            &["EpochMillis", "enum"],
        ),
        (
            "a rule beside a reference",
            |root| put_property(root, json!({ "$ref": "#/components/schemas/Token", "maxLength": 5 })),
            &["maxLength"],
        ),
        (
            "an extension that is misspelt",
            |root| {
                let window =
                    schema(root, "EventTime").as_object_mut().unwrap().remove("x-time-window").unwrap();
                schema(root, "EventTime")["x-time-windows"] = window;
            },
            &["EventTime", "x-time-windows"],
        ),
        (
            "a property limit that is misspelt",
            |root| {
                let limit =
                    schema(root, "Event").as_object_mut().unwrap().remove("x-property-limit").unwrap();
                schema(root, "Event")["x-properties-limit"] = limit;
            },
            &["Event", "x-properties-limit"],
        ),
        (
            "an array in a payload",
            |root| {
                put_property(
                    root,
                    json!({ "type": "array", "items": { "$ref": "#/components/schemas/Token" }, "x-provenance": "assumed" }),
                )
            },
            &["motive"],
        ),
        (
            "a variant of the event that the mapping does not name",
            |root| take(&mut schema(root, "Event")["discriminator"]["mapping"], "unsubscribe"),
            &["UnsubscribeEvent"],
        ),
    ]);
}

/// A property of `user_deleted` under that name.
fn named(root: &mut Value, name: &str) {
    schema(root, "UserDeletedPayload")["properties"][name] = json!({ "$ref": "#/components/schemas/Token" });
}

/// Another schema that is used.
fn named_schema(root: &mut Value, name: &str) {
    at(root, "/components/schemas")[name] =
        json!({ "type": "string", "description": "Why.", "maxLength": 9, "x-provenance": "assumed" });
    put_property(root, json!({ "$ref": format!("#/components/schemas/{name}") }));
}

fn operation_named(root: &mut Value, id: &str) {
    at(root, "/paths/~1v2~1collect/post")["operationId"] = json!(id);
}

#[test]
fn names_that_become_one_identifier_are_refused_at_their_place() {
    const PAYLOAD: &str = "/components/schemas/UserDeletedPayload/properties/";
    const CUSTOM: &str = "/components/schemas/CustomEventPayload/properties/extra: ";
    const MAPPING: &str = "/components/schemas/Event/discriminator/mapping/";
    assert_refused(&[
        (
            "a case",
            |root| named(root, "userId"),
            &[PAYLOAD, "/userId: becomes `user_id`", "the property `user_id`"],
        ),
        ("another case", |root| named(root, "User_ID"), &[PAYLOAD, "/User_ID: becomes `user_id`"]),
        ("a sign", |root| named(root, "user-id"), &[PAYLOAD, "/user-id: becomes `user_id`"]),
        ("a slash", |root| named(root, "user/id"), &[PAYLOAD, "/user~1id: becomes `user_id`"]),
        (
            "a keyword",
            |root| {
                named(root, "type");
                named(root, "type_");
            },
            &[PAYLOAD, "/type_: becomes `type_`", "the property `type`"],
        ),
        (
            "`build`",
            |root| named(root, "build"),
            &[PAYLOAD, "/build: becomes `build`", "the builder's own method"],
        ),
        (
            "`event`",
            |root| named(root, "Event"),
            &[PAYLOAD, "/Event: becomes `event`", "the builder's own method"],
        ),
        ("`event_at`", |root| named(root, "eventAt"), &[PAYLOAD, "/eventAt: becomes `event_at`"]),
        (
            "`extra` beside free properties",
            |root| {
                schema(root, "CustomEventPayload")["properties"]["extra"] =
                    json!({ "$ref": "#/components/schemas/Token" })
            },
            &[CUSTOM, "not listed"],
        ),
        (
            "`body_excerpt` of an error",
            |root| schema(root, "ErrorBody")["properties"]["bodyExcerpt"] = json!({ "type": "string" }),
            &["/components/schemas/ErrorBody/properties/bodyExcerpt: becomes `body_excerpt`"],
        ),
        (
            "an object within an answer",
            |root| schema(root, "InvalidEvent")["properties"]["Index"] = json!({ "type": "string" }),
            &["/components/schemas/InvalidEvent/properties/Index: becomes `index`"],
        ),
        (
            "a schema",
            |root| named_schema(root, "user_id"),
            &["/components/schemas/user_id: becomes `UserId`", "the schema `UserId`"],
        ),
        (
            "a schema with a dot",
            |root| named_schema(root, "User.Id"),
            &["/components/schemas/User.Id: becomes `UserId`"],
        ),
        (
            "a schema of the generated client",
            |root| named_schema(root, "Properties"),
            &["/components/schemas/Properties: becomes `Properties`"],
        ),
        (
            "the members of another schema",
            |root| named_schema(root, "ConsentChangeMembers"),
            &["/components/schemas/ConsentChangeMembers: becomes"],
        ),
        (
            "the members of the event",
            |root| named_schema(root, "EventMembers"),
            &["/components/schemas/EventMembers: becomes"],
        ),
        (
            "a name of Rust's own",
            |root| named_schema(root, "Option"),
            &["/components/schemas/Option: becomes `Option`"],
        ),
        (
            "a schema that is not named as its type",
            |root| named_schema(root, "motiveKind"),
            &["/components/schemas/motiveKind: must be named as its Rust type is: `MotiveKind`"],
        ),
        (
            "a type of event",
            |root| {
                let user_deleted = json!("#/components/schemas/UserDeletedEvent");
                schema(root, "Event")["discriminator"]["mapping"]["user-deleted"] = user_deleted;
            },
            &[MAPPING, "/user-deleted: becomes `UserDeleted`", "the type of event `user_deleted`"],
        ),
        (
            "a value of an enumeration",
            |root| {
                let values = json!({ "type": "string", "enum": ["soon", "Soon"], "x-provenance": "assumed" });
                put_property(root, values)
            },
            &[PAYLOAD, "/motive/enum/1: becomes `Soon`", "the value `soon`"],
        ),
        (
            "an operation",
            |root| operation_named(root, "setConsent"),
            &["/post/operationId: becomes `set_consent`", "`setConsent` of /v2/collect"],
        ),
        (
            "an operation that the client has already",
            |root| operation_named(root, "newWithClient"),
            &["/paths/~1v2~1collect/post/operationId: becomes `new_with_client`"],
        ),
    ]);
}

/// What typify makes of them is what stands in the source, so a name that it makes otherwise than we do shows here.
#[test]
fn odd_names_become_the_identifiers_that_typify_makes() {
    let names = [
        ("HTTPStatus2Code", "http_status2_code"),
        ("2nd", "x2nd"),
        ("+1", "plus1"),
        ("don't", "dont"),
        ("gen", "gen_"),
        ("self", "self_"),
        ("größe", "größe"),
        ("a.b c", "a_b_c"),
        ("🫖", "x"),
        ("building", "building"),
        ("payload", "payload"),
    ];
    let source = generate(&edited(|root| names.iter().for_each(|(name, _)| named(root, name)))).unwrap();
    for (name, ident) in names {
        let setter = format!("pub fn {ident}<M>(mut self, value: impl IntoOptional<super::Token, M>)");
        let one_line: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
        let one_line = one_line.replace("( mut", "(mut").replace(", )", ")");
        assert!(one_line.contains(&format!("pub {ident}: ::std::option::Option<Token>")), "{name}");
        assert!(one_line.contains(&setter), "{name}");
        for twin in [format!("{ident}-"), format!("-{ident}")] {
            let twice = edited(|root| [name, &twin].into_iter().for_each(|name| named(root, name)));
            assert!(
                generate(&twice).unwrap_err().to_string().contains(&format!("becomes `{ident}`")),
                "{twin}"
            );
        }
    }
}

#[test]
fn words_that_would_become_more_than_documentation_are_refused_at_their_place() {
    let place = "/components/schemas/UserId/description";
    for (words, problem) in [
        ("The user.\n\n```\npanic!();\n```", "code block"),
        ("The user.\n\n```rust,no_run\npanic!();\n```", "code block"),
        ("The user.\n\n~~~\npanic!();\n~~~", "code block"),
        ("The user.\n```\npanic!();", "code block"),
        ("The user.\n\n    panic!();", "code block"),
        ("The user.\n\n\tpanic!();", "code block"),
        ("    panic!();", "code block"),
        ("- The user:\n\n      panic!();", "code block"),
        ("- ```\n  panic!();", "code block"),
        ("> The user.\n>\n>     panic!();", "code block"),
        ("The user, see [UserId].", "a link that is no URL"),
        ("The user, see [it](UserId).", "a link that is no URL"),
        ("The user, see [it][UserId].", "a link that is no URL"),
        ("The user <b>.", "HTML"),
        ("A list of Vec<String>.", "HTML"),
        ("<div>\nThe user.\n</div>", "HTML"),
        ("The user, see https://docs.copilot.cx.", "bare URL"),
        ("The user.\rIt is.", "control character"),
        ("The user\u{202e}.", "control character"),
    ] {
        let error =
            generate(&edited(|root| schema(root, "UserId")["description"] = json!(words))).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(&format!("{place}: ")) && error.contains(problem), "{words:?}: {error}");
    }
    type Place = (&'static str, fn(&mut Value) -> &mut Value);
    let places: [Place; 6] =
        [
            ("/info/description", |root| &mut root["info"]["description"]),
            ("/paths/~1v2~1collect/post/summary", |root| &mut at_collect(root)["summary"]),
            ("/paths/~1v2~1collect/post/description", |root| &mut at_collect(root)["description"]),
            ("/paths/~1v2~1collect/post/requestBody/description", |root| {
                &mut at_collect(root)["requestBody"]["description"]
            }),
            ("/components/schemas/UserDeletedPayload/title", |root| {
                &mut schema(root, "UserDeletedPayload")["title"]
            }),
            ("/components/schemas/UserDeletedPayload/properties/motive/description", |root| {
                put_property(root, json!({ "type": "boolean", "x-provenance": "assumed" }));
                &mut schema(root, "UserDeletedPayload")["properties"]["motive"]["description"]
            }),
        ];
    for (place, words) in places {
        let error = generate(&edited(|root| *words(root) = json!("```\npanic!();\n```"))).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{place}: holds a code block")), "{error}");
    }
}

fn at_collect(root: &mut Value) -> &mut Value {
    at(root, "/paths/~1v2~1collect/post")
}

#[test]
fn words_stay_in_their_comment_whatever_they_are() {
    for words in [
        "One.\n\n*/ pub fn escaped() {} /*",
        "*/ pub fn escaped() {}",
        "One.\n\n/* Two.",
        "\"] pub fn escaped() {} #[doc = \"",
        "One.\npub fn escaped() {}",
        "One: `code`, `[x]`, `Vec<String>`, \\[x\\], a < b > c, and <https://docs.copilot.cx>.",
        "- One,\n- [two](https://docs.copilot.cx).",
    ] {
        let source = generate(&edited(|root| {
            for name in ["UserId", "Event", "UserDeletedPayload"] {
                schema(root, name)["description"] = json!(words);
            }
            at_collect(root)["description"] = json!(words);
            root["info"]["description"] = json!(words);
        }));
        let file = syn::parse_file(&source.unwrap()).unwrap();
        let items = file.items.iter().flat_map(|item| match item {
            syn::Item::Mod(module) => module.content.as_ref().map_or(&[][..], |(_, items)| items),
            item => std::slice::from_ref(item),
        });
        let escaped =
            items.filter(|item| matches!(item, syn::Item::Fn(found) if found.sig.ident == "escaped"));
        assert_eq!(escaped.count(), 0, "{words}");
    }
    // An example is a value: what it says is nobody's documentation.
    generate(&edited(|root| schema(root, "UserDeletedPayload")["example"] = json!({ "description": "```" })))
        .unwrap();
}

/// typify checks such values with crates that the generated code does not have, or by integers of odd types.
#[test]
fn a_value_with_rules_of_its_own_inside_a_payload_is_refused() {
    let words: &[&str] = &["motive", "must be a named schema"];
    assert_refused(&[
        ("a pattern", |root| put_property(root, with_rules("string", "pattern", json!("^[a-z]*$"))), words),
        ("a format", |root| put_property(root, with_rules("string", "format", json!("uuid"))), words),
        ("a length", |root| put_property(root, with_rules("string", "maxLength", json!(5))), words),
        ("a bound", |root| put_property(root, with_rules("integer", "minimum", json!(1))), words),
    ]);
}

#[test]
fn a_named_schema_with_rules_of_its_own_becomes_code_that_needs_no_other_crate() {
    for rules in [
        with_rules("string", "pattern", json!("^[a-z]*$")),
        with_rules("string", "maxLength", json!(5)),
        with_rules("integer", "minimum", json!(1)),
    ] {
        let source = generate(&edited(|root| {
            at(root, "/components/schemas")["Motive"] = rules.clone();
            put_property(root, json!({ "$ref": "#/components/schemas/Motive" }));
        }));
        let source = source.unwrap_or_else(|error| panic!("{rules}: {error}"));
        assert!(source.contains("pub struct Motive"), "{rules}");
        for odd in ["::regress::", "::uuid::", "::chrono::", "::std::num::NonZero"] {
            assert!(!source.contains(odd), "{rules} becomes code that needs {odd}");
        }
    }
}

/// The schema of a scalar with one rule.
fn with_rules(kind: &str, keyword: &str, rule: Value) -> Value {
    let mut schema = json!({ "type": kind, "description": "Why.", "x-provenance": "assumed" });
    if kind == "integer" {
        schema["format"] = json!("int64");
    }
    schema[keyword] = rule;
    schema
}
