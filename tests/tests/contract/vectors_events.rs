//! The vectors of events: every field of every event, spoilt in every way that the contract knows, and judged four times:
//! by the client's validator, by JSON Schema strictly and as usual today, and by the generated types.

use std::{collections::BTreeSet, fmt, sync::LazyLock};

use copilot_gen::types::Event;
use copilot_tests::{
    judge,
    vectors::{self, Body, Break},
};
use serde_json::Value;

/// A vector, with the clock of its file.
struct Vector {
    file: String,
    now: i64,
    case: Body,
}

static VECTORS: LazyLock<Vec<Vector>> = LazyLock::new(|| {
    let files = vectors::events().into_iter();
    let cases = files.flat_map(|(file, bodies)| {
        bodies.cases.into_iter().map(move |case| Vector { file: file.clone(), now: bodies.now, case })
    });
    cases.collect()
});

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.file, self.case.name, self.case.body)
    }
}

/// The rules that the types cannot express: they read such an event, and `violations` refuses it.
fn types_express(Break { pointer, rule, .. }: &Break) -> bool {
    let of_payload = pointer == "/payload" && rule == "anyOf";
    !of_payload && !["minimum", "maximum", "x-time-window", "x-property-limit"].contains(&rule.as_str())
}

fn found(violations: &[copilot_gen::contract::Violation]) -> Vec<Break> {
    let breaks = violations.iter().map(|violation| Break {
        pointer: violation.pointer().to_owned(),
        rule: violation.rule().to_owned(),
        grade: violation.provenance().to_string(),
    });
    let mut breaks: Vec<Break> = breaks.collect();
    breaks.sort();
    breaks
}

fn expected(vector: &Vector) -> Vec<Break> {
    let mut breaks = vector.case.breaks.clone();
    breaks.sort();
    breaks
}

/// All failures at once: one is seldom alone.
fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_validator_reports_what_a_vector_breaks_and_nothing_else() {
    let (mut refused, mut several, mut failures) = (0, 0, Vec::new());
    let mut rules = BTreeSet::new();
    for vector in VECTORS.iter() {
        let found = found(&Event::violations_in(&(&vector.case.body).into(), vector.now));
        if found != expected(vector) || vector.case.valid != found.is_empty() {
            failures.push(format!("{vector}\n  expected {:?}\n  found {found:?}", expected(vector)));
        }
        refused += usize::from(!vector.case.valid);
        several += usize::from(vector.case.breaks.len() > 1);
        rules.extend(vector.case.breaks.iter().map(|found| found.rule.as_str()));
    }
    let accepted = VECTORS.len() - refused;
    println!("{refused} vectors refused, {several} of them for several rules; {accepted} accepted");
    println!("rules broken: {rules:?}");
    assert_none(&failures);
    // One rule each, or a runner could not tell which one it lacks.
    assert!(refused > 3000 && accepted > 500 && several * 20 < refused);
}

#[test]
fn a_violation_says_the_rule_and_never_the_value() {
    for vector in VECTORS.iter() {
        for violation in Event::violations_in(&(&vector.case.body).into(), vector.now) {
            let words = format!("{violation} {violation:?}");
            assert!(!violation.message().is_empty() && words.contains(violation.rule()), "{vector}");
            let value = vector.case.body.pointer(violation.pointer());
            // Shorter ones could stand in any sentence.
            if let Some(text) = value.and_then(Value::as_str).filter(|text| text.chars().count() > 5) {
                assert!(!words.contains(text.trim()), "{vector}: {words}");
            }
            if let Some(number) = value.filter(|value| value.to_string().len() > 3 && value.is_number()) {
                assert!(!words.contains(&number.to_string()), "{vector}: {words}");
            }
        }
    }
}

/// Since draft 6, JSON Schema takes 1795509000000.0 for an integer.
fn is_whole_decimal(vector: &Vector) -> bool {
    vector.case.change().1 == "a whole decimal number" && !vector.case.valid
}

#[test]
fn json_schema_agrees_as_openapi_means_it_and_as_most_tools_run_it() {
    let mut failures = Vec::new();
    for vector in VECTORS.iter() {
        let refused = vector.case.breaks.iter().any(|found| !found.rule.starts_with("x-"));
        for (validator, refused) in
            [(&*judge::STRICT, refused), (&*judge::MODERN, refused && !is_whole_decimal(vector))]
        {
            if validator.is_valid(&vector.case.body) == refused {
                let errors = judge::errors(validator, &vector.case.body);
                failures.push(format!("{vector}\n  we say {:?}\n  it says {errors:?}", expected(vector)));
            }
        }
    }
    assert_none(&failures);
    assert!(VECTORS.iter().any(is_whole_decimal));
}

#[test]
fn the_types_agree_as_far_as_they_can_express_the_rules() {
    let mut failures = Vec::new();
    for vector in VECTORS.iter() {
        let refused = vector.case.breaks.iter().any(types_express);
        match serde_json::from_value::<Event>(vector.case.body.clone()) {
            Ok(_) if refused => failures.push(format!("{vector}: the types accept")),
            Err(error) if !refused => failures.push(format!("{vector}: the types refuse: {error}")),
            Ok(event) if found(&event.violations(vector.now)) != expected(vector) => {
                failures.push(format!("{vector}: typed: {:?}", found(&event.violations(vector.now))));
            }
            _ => {}
        }
    }
    assert_none(&failures);
}
