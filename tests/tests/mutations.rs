//! Every field of every event, spoilt in every way that the contract knows, and judged four times: by the contract's
//! validator, by JSON Schema strictly and as usual today, and by the generated types.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;

use copilot_gen::types::Event;
use copilot_tests::{
    judge,
    mutation::{self, Mutation},
    spec,
};
use jsonschema::Validator;
use serde_json::Value;

/// Who judges beside the contract's validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judge {
    /// JSON Schema as OpenAPI 3.0 means it (draft 4, formats asserted).
    Strict,
    /// JSON Schema as most tools run it today (2020-12).
    Modern,
    /// `serde_json::from_value::<Event>`.
    Types,
}

/// A difference between a judge and the contract's validator that is meant to be.
struct Explained {
    judge: Judge,
    applies: fn(&Mutation) -> bool,
    why: &'static str,
}

const EXPLAINED: &[Explained] = &[
    Explained {
        judge: Judge::Strict,
        applies: beyond_64_bits_in_a_free_property,
        why: "`anyOf` lets `number` take what `integer` refuses, and `format: int64` is only an annotation",
    },
    Explained {
        judge: Judge::Modern,
        applies: beyond_64_bits_in_a_free_property,
        why: "`anyOf` lets `number` take what `integer` refuses, and `format: int64` is only an annotation",
    },
    Explained {
        judge: Judge::Modern,
        applies: |mutation| mutation.change == "a whole decimal number" && !mutation.breaks.is_empty(),
        why: "since draft 6, JSON Schema takes 1795509000000.0 for an integer",
    },
    Explained {
        judge: Judge::Types,
        applies: beyond_64_bits_in_a_free_property,
        why: "serde tries the alternatives in turn: what no i64 holds is read as an f64",
    },
    Explained {
        judge: Judge::Types,
        applies: |mutation| mutation.change == "null" && is_optional(mutation),
        why: "serde reads null for an optional property as if it were absent",
    },
    Explained {
        judge: Judge::Types,
        applies: |mutation| {
            mutation.place == "/payload" && mutation.change == "an empty array" && nothing_in(mutation)
        },
        why: "serde reads a struct from an array of its fields, and a struct of none from an empty one",
    },
    Explained {
        judge: Judge::Types,
        applies: |mutation| {
            mutation.place == "/payload"
                && mutation.change == "an array"
                && mutation.event_type == "user_deleted"
        },
        why: "serde reads a struct from an array of its fields",
    },
];

fn beyond_64_bits_in_a_free_property(mutation: &Mutation) -> bool {
    let listed = ["timestamp", "_date"].iter().any(|end| mutation.place.ends_with(end));
    mutation.change == "one too great for 64 bits" && !listed
}

/// The types of events whose payload has no properties.
fn nothing_in(mutation: &Mutation) -> bool {
    mutation.event_type.starts_with("preexisting_sync_")
}

/// Whether the place is that of a property that the payload lists and that may be missing.
fn is_optional(mutation: &Mutation) -> bool {
    let events = spec::event_types();
    let event = events.iter().find(|event| event.name == mutation.event_type).unwrap();
    let name = mutation.place.strip_prefix("/payload/");
    spec::fields(event.payload).iter().any(|field| Some(field.name) == name && !field.required)
}

/// The rules that the types cannot express: they read such an event, and `violations` refuses it.
fn types_express((pointer, rule, _): &mutation::Broken) -> bool {
    let of_payload = pointer == "/payload" && *rule == "anyOf";
    !of_payload && !["minimum", "maximum", "x-time-window", "x-property-limit"].contains(rule)
}

fn verdict_differs(judge: Judge, mutation: &Mutation) -> Option<&'static Explained> {
    EXPLAINED.iter().find(|row| row.judge == judge && (row.applies)(mutation))
}

fn found(violations: &[copilot_gen::contract::Violation]) -> Vec<(String, &'static str, String)> {
    let mut found: Vec<_> = violations
        .iter()
        .map(|violation| {
            (violation.pointer().to_owned(), violation.rule(), violation.provenance().to_string())
        })
        .collect();
    found.sort();
    found
}

fn expected(mutation: &Mutation) -> Vec<(String, &'static str, String)> {
    mutation
        .breaks
        .iter()
        .map(|(pointer, rule, grade)| (pointer.clone(), *rule, (*grade).to_owned()))
        .collect()
}

/// All failures at once: one is seldom alone.
fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_validator_reports_what_a_mutation_breaks_and_nothing_else() {
    let mutations = mutation::all();
    let (refused, accepted): (Vec<_>, Vec<_>) =
        mutations.iter().partition(|mutation| !mutation.breaks.is_empty());
    let failures: Vec<String> = mutations
        .iter()
        .filter_map(|mutation| {
            let found = found(&Event::violations_in(&mutation.json, mutation.now));
            (found != expected(mutation))
                .then(|| format!("{mutation}\n  expected {:?}\n  found {found:?}", expected(mutation)))
        })
        .collect();
    println!("{} mutations refused, {} accepted", refused.len(), accepted.len());
    assert_none(&failures);
    assert!(refused.len() >= 120);
    let rules: BTreeSet<&str> =
        refused.iter().flat_map(|mutation| &mutation.breaks).map(|(_, rule, _)| *rule).collect();
    println!("rules broken: {rules:?}");
}

#[test]
fn most_mutations_break_one_rule_and_report_it_once() {
    let (mut single, mut several) = (0, 0);
    for mutation in mutation::all().iter().filter(|mutation| !mutation.breaks.is_empty()) {
        let violations = Event::violations_in(&mutation.json, mutation.now);
        if mutation.breaks.len() == 1 {
            assert_eq!(violations.len(), 1, "{mutation}");
            single += 1;
        } else {
            several += 1;
        }
    }
    println!("{single} break one rule, {several} break several");
    assert!(single >= 120 && single > several * 5);
}

#[test]
fn a_violation_says_the_rule_and_never_the_value() {
    for mutation in mutation::all() {
        for violation in Event::violations_in(&mutation.json, mutation.now) {
            let words = format!("{violation} {violation:?}");
            assert!(!violation.message().is_empty() && words.contains(violation.rule()), "{mutation}");
            let value = mutation.json.pointer(violation.pointer());
            // Shorter ones could stand in any sentence.
            if let Some(text) = value.and_then(Value::as_str).filter(|text| text.chars().count() > 5) {
                assert!(!words.contains(text.trim()), "{mutation}: {words}");
            }
            if let Some(number) = value.filter(|value| value.to_string().len() > 3 && value.is_number()) {
                assert!(!words.contains(&number.to_string()), "{mutation}: {words}");
            }
        }
    }
}

#[test]
fn seconds_sent_for_milliseconds_are_named_as_such() {
    for mutation in mutation::all().iter().filter(|mutation| mutation.change == "in seconds") {
        let violations = Event::violations_in(&mutation.json, mutation.now);
        let [violation] = violations.as_slice() else { panic!("{mutation}: {violations:?}") };
        assert!(violation.message().contains("in seconds"), "{violation}");
        assert!(violation.message().contains("milliseconds"), "{violation}");
    }
}

fn compare_with_json_schema(judge: Judge, validator: &Validator) {
    let mut failures = Vec::new();
    for mutation in mutation::all() {
        let refused = mutation.breaks.iter().any(|(_, rule, _)| !rule.starts_with("x-"));
        let differs = verdict_differs(judge, &mutation).is_some();
        if validator.is_valid(&mutation.json) == (refused ^ differs) {
            let errors = judge::errors(validator, &mutation.json);
            failures.push(format!("{mutation}\n  we say {:?}\n  it says {errors:?}", expected(&mutation)));
        }
    }
    assert_none(&failures);
}

#[test]
fn json_schema_as_openapi_means_it_agrees() {
    compare_with_json_schema(Judge::Strict, &judge::STRICT);
}

#[test]
fn json_schema_as_most_tools_run_it_agrees() {
    compare_with_json_schema(Judge::Modern, &judge::MODERN);
}

#[test]
fn the_types_agree_as_far_as_they_can_express_the_rules() {
    let mut failures = Vec::new();
    for mutation in mutation::all() {
        let refused = mutation.breaks.iter().any(types_express);
        let differs = verdict_differs(Judge::Types, &mutation).is_some();
        match serde_json::from_value::<Event>(mutation.json.clone()) {
            Ok(_) if refused ^ differs => failures.push(format!("{mutation}: the types accept")),
            Err(error) if !(refused ^ differs) => {
                failures.push(format!("{mutation}: the types refuse: {error}"))
            }
            Ok(event) if !differs && found(&event.violations(mutation.now)) != expected(&mutation) => {
                failures.push(format!("{mutation}: typed: {:?}", found(&event.violations(mutation.now))));
            }
            _ => {}
        }
    }
    assert_none(&failures);
}

#[test]
fn every_explained_difference_is_met() {
    let mutations = mutation::all();
    for row in EXPLAINED {
        let count = mutations.iter().filter(|mutation| (row.applies)(mutation)).count();
        println!("{:?}, {count} times: {}", row.judge, row.why);
        assert!(count > 0, "no mutation shows it: {}", row.why);
    }
}

#[test]
fn the_untouched_examples_are_accepted() {
    let untouched: Vec<Mutation> =
        mutation::all().into_iter().filter(|mutation| mutation.change == "nothing").collect();
    assert_eq!(untouched.len(), spec::event_types().len());
    for mutation in untouched {
        assert_eq!(Event::violations_in(&mutation.json, mutation.now), [], "{mutation}");
    }
}
