//! Judges a report by the vectors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    example::Example,
    tally::Tally,
    vectors::{Key, Vectors},
};

/// Who may refuse a bad body, `server` last: the others are the client.
const BY: [&str; 5] = ["reader", "types", "validator", "unrepresentable", "server"];

/// Counts what the report says, and names what is wrong with it.
pub(super) fn judge(example: &Example, vectors: &Vectors, report: &str) -> (Tally, Vec<String>) {
    let mut tally = Tally { cases: cases(example, vectors).count(), ..Tally::default() };
    let mut problems = Vec::new();
    let mut lines: BTreeMap<Key, Value> = BTreeMap::new();
    let mut trips = BTreeSet::new();
    for (number, line) in report.lines().enumerate() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            problems.push(format!("line {} of the report is no JSON", number + 1));
            continue;
        };
        match text(&line, "part") {
            "round_trip" => {
                trips.insert(text(&line, "type").to_owned());
                let expected = vectors.event_types.get(text(&line, "type")).map(String::as_str);
                if line.get("sent") == Some(&Value::Bool(true)) && Some(text(&line, "read_as")) == expected {
                    tally.round_trip += 1;
                } else {
                    problems.push(format!("a round trip failed: {line}"));
                }
            }
            "wrong_field" => text(&line, "by").clone_into(&mut tally.wrong_field),
            part => {
                let key = (part.to_owned(), text(&line, "file").to_owned(), text(&line, "name").to_owned());
                if lines.insert(key.clone(), line).is_some() {
                    problems.push(format!("the report has {key:?} twice"));
                }
            }
        }
    }
    if !example.is_judge() {
        let missing = vectors.event_types.keys().filter(|name| !trips.contains(*name));
        problems.extend(missing.map(|name| format!("no round trip of {name}")));
        if !["types", "validator"].contains(&tally.wrong_field.as_str()) {
            problems.push(format!("a wrong field is refused by `{}`", tally.wrong_field));
        }
    }

    let mut unmet: BTreeSet<(&str, &str)> = differences(example).collect();
    for (key, case) in cases(example, vectors) {
        let Some(line) = lines.remove(key) else {
            problems.push(format!("the report lacks {key:?}"));
            continue;
        };
        if let Some(skipped) = line.get("skipped").and_then(Value::as_str) {
            let needs = case.get("needs").and_then(Value::as_array).into_iter().flatten();
            if needs.into_iter().any(|need| need == skipped) {
                tally.skipped += 1;
            } else {
                problems.push(format!("{key:?} was skipped, and does not need {skipped}"));
            }
            continue;
        }
        let known = differences(example).find(|(part, name)| *part == key.0 && names(name, &key.2));
        match (check(example, &key.0, case, &line), known) {
            (Ok(()), _) => tally.alike += 1,
            (Err(_), Some(known)) => {
                tally.known += 1;
                unmet.remove(&known);
            }
            (Err(words), None) => problems.push(format!("{key:?}: {words}: {line}")),
        }
        count_rule(&mut tally, case, &line);
    }
    problems.extend(lines.keys().map(|key| format!("the report has {key:?}, which is no vector")));
    problems.extend(unmet.iter().map(|differs| format!("the known difference {differs:?} was not met")));
    (tally, problems)
}

/// The cases that the example must report: a judge by JSON Schema sees no header and no answer.
fn cases<'v>(example: &Example, vectors: &'v Vectors) -> impl Iterator<Item = (&'v Key, &'v Value)> {
    let is_judge = example.is_judge();
    vectors.cases.iter().filter(move |(key, _)| !is_judge || ["event", "time"].contains(&key.0.as_str()))
}

fn differences(example: &Example) -> impl Iterator<Item = (&str, &str)> {
    let limits = example.limits.iter().flat_map(|limit| &limit.differs);
    limits.map(|differs| (differs.part.as_str(), differs.name.as_str()))
}

/// Whether the pattern of a known difference names the case.
fn names(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => {
            name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
        }
        None => pattern == name,
    }
}

fn text<'j>(json: &'j Value, member: &str) -> &'j str {
    json.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn is_true(json: &Value, member: &str) -> bool {
    json.get(member) == Some(&Value::Bool(true))
}

/// What is wrong with the line of a case.
fn check(example: &Example, part: &str, case: &Value, line: &Value) -> Result<(), String> {
    match part {
        "event" => body(example, case, line),
        "auth" | "time" => value(example, case, line),
        _ => answer(case, line),
    }
}

fn body(example: &Example, case: &Value, line: &Value) -> Result<(), String> {
    if line.get("valid") != case.get("valid") {
        return Err("the verdict differs".to_owned());
    }
    // A text that is no JSON breaks no rule, and one that is refused while it is read is not judged by rules.
    let by_rules = case.get("json").is_none() && (case.get("text").is_none() || text(line, "by") != "reader");
    if example.is_judge() && by_rules {
        let breaks = |json: &Value| {
            let breaks = json.get("breaks").and_then(Value::as_array).into_iter().flatten();
            let breaks =
                breaks.map(|found| (text(found, "pointer").to_owned(), text(found, "rule").to_owned()));
            breaks.collect::<BTreeSet<_>>()
        };
        return if breaks(line) == breaks(case) { Ok(()) } else { Err("the rules differ".to_owned()) };
    }
    let is_told = is_true(line, "valid") || BY.contains(&text(line, "by"));
    if is_told { Ok(()) } else { Err("it does not say who refuses it".to_owned()) }
}

/// A header or a time: what it is, or that it is refused.
fn value(example: &Example, case: &Value, line: &Value) -> Result<(), String> {
    if !is_true(case, "valid") {
        return if is_true(line, "refused") { Ok(()) } else { Err("it must be refused".to_owned()) };
    }
    if is_true(line, "refused") {
        return Err("it must not be refused".to_owned());
    }
    let told = ["header", "epoch_ms", "text"]
        .into_iter()
        .find_map(|member| Some((case.get(member)?, line.get(member)?)));
    // In `utc` the text is what is given; a judge by JSON Schema converts nothing.
    let expected =
        ["header", "epoch_ms"].into_iter().find_map(|member| case.get(member)).or_else(|| case.get("text"));
    match told {
        Some((_, found)) if Some(found) == expected => Ok(()),
        None if example.is_judge() => Ok(()),
        _ => Err(format!("it is {}", expected.unwrap_or(&Value::Null))),
    }
}

fn answer(case: &Value, line: &Value) -> Result<(), String> {
    let Some(read) = case.get("read") else { return Err("the vector says nothing".to_owned()) };
    let conforms = is_true(case, "conforms");
    if is_true(line, "error") {
        return if conforms { Err("the contract describes this answer".to_owned()) } else { Ok(()) };
    }
    if is_true(read, "unreadable") {
        return Err("it cannot be read, and no success may come of it".to_owned());
    }
    for member in ["status", "reason", "invalid_events"] {
        let found = line.get(member).unwrap_or(&Value::Null);
        let expected = read.get(member).unwrap_or(&Value::Null);
        let lenient = member == "reason" && !conforms && found.is_null();
        if found != expected && !lenient {
            return Err(format!("its {member} is {expected}"));
        }
    }
    Ok(())
}

/// Counts a bad body that breaks one rule.
fn count_rule(tally: &mut Tally, case: &Value, line: &Value) {
    let Some([only]) = case.get("breaks").and_then(Value::as_array).map(Vec::as_slice) else { return };
    let (caught, all) = tally.by_rule.entry(text(only, "rule").to_owned()).or_default();
    *all += 1;
    let by = text(line, "by");
    *caught += usize::from(by != "server" && BY.contains(&by));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn example(json: Value) -> Example {
        let mut all = json!({
            "language": "L", "generator": "g", "version": "1", "needs": [], "install": [], "run": "r"
        });
        all.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn vectors() -> Vectors {
        let mut vectors = Vectors::default();
        vectors.event_types.insert("t".to_owned(), "TEvent".to_owned());
        let breaks = json!([{ "pointer": "/p", "rule": "type" }]);
        for (part, file, case) in [
            ("event", "f", json!({ "name": "good", "valid": true })),
            ("event", "f", json!({ "name": "bad", "valid": false, "breaks": breaks, "needs": ["decimals"] })),
            ("auth", "", json!({ "name": "a", "valid": true, "header": "Basic x" })),
            ("time", "", json!({ "name": "u", "valid": true, "text": "T", "epoch_ms": 7 })),
            ("time", "", json!({ "name": "e", "valid": true, "value": 7, "text": "T" })),
            ("time", "", json!({ "name": "x", "valid": false })),
            (
                "response",
                "",
                json!({ "name": "r", "conforms": true, "read": { "status": 401, "reason": "R" } }),
            ),
            (
                "response",
                "",
                json!({ "name": "h", "conforms": false, "read": { "status": 200, "unreadable": true } }),
            ),
        ] {
            let name = text(&case, "name").to_owned();
            vectors.cases.insert((part.to_owned(), file.to_owned(), name), case);
        }
        vectors
    }

    /// A report with nothing wrong.
    fn good() -> Vec<Value> {
        vec![
            json!({ "part": "event", "file": "f", "name": "good", "valid": true }),
            json!({ "part": "event", "file": "f", "name": "bad", "valid": false, "by": "types" }),
            json!({ "part": "auth", "name": "a", "header": "Basic x" }),
            json!({ "part": "time", "name": "u", "epoch_ms": 7 }),
            json!({ "part": "time", "name": "e", "text": "T" }),
            json!({ "part": "time", "name": "x", "refused": true }),
            json!({ "part": "response", "name": "r", "status": 401, "reason": "R" }),
            json!({ "part": "response", "name": "h", "error": true }),
            json!({ "part": "round_trip", "type": "t", "sent": true, "read_as": "TEvent" }),
            json!({ "part": "wrong_field", "by": "types" }),
        ]
    }

    fn judged(example: &Example, lines: &[Value]) -> (Tally, Vec<String>) {
        let report: Vec<String> = lines.iter().map(Value::to_string).collect();
        judge(example, &vectors(), &report.join("\n"))
    }

    #[test]
    fn a_good_report_has_no_problem_and_is_counted() {
        let (tally, problems) = judged(&example(json!({})), &good());
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((tally.cases, tally.alike, tally.skipped, tally.round_trip), (8, 8, 0, 1));
        assert_eq!(tally.by_rule.get("type"), Some(&(1, 1)));
        assert_eq!(tally.words(), "8 of 8");
    }

    #[test]
    fn every_line_can_be_missing_double_or_wrong() {
        let wrong = [
            json!({ "valid": false, "by": "types" }),
            json!({ "valid": false, "by": "luck" }),
            json!({ "header": "Basic y" }),
            json!({ "epoch_ms": 8 }),
            json!({ "text": "U" }),
            json!({ "refused": false }),
            json!({ "reason": "S" }),
            json!({ "error": false, "status": 200 }),
            json!({ "read_as": "UEvent" }),
            json!({ "by": "none" }),
        ];
        for (at, change) in wrong.iter().enumerate() {
            let mut lines = good();
            lines.get_mut(at).unwrap().as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert_eq!(judged(&example(json!({})), &lines).1.len(), 1, "{change}");
            let mut lines = good();
            lines.remove(at);
            assert_eq!(judged(&example(json!({})), &lines).1.len(), 1, "without {change}");
            if at < 8 {
                let mut lines = good();
                lines.push(lines.get(at).unwrap().clone());
                assert_eq!(judged(&example(json!({})), &lines).1.len(), 1, "twice {change}");
            }
        }
        let mut lines = good();
        lines.push(json!({ "part": "auth", "name": "no vector", "refused": true }));
        assert_eq!(judged(&example(json!({})), &lines).1.len(), 1);
    }

    #[test]
    fn a_known_difference_counts_only_while_it_is_met() {
        let known = |name: &str| {
            let differs = json!([{ "part": "event", "name": name }]);
            example(json!({ "limits": [{ "what": "w", "why": "y", "differs": differs }] }))
        };
        let mut lines = good();
        *lines.get_mut(1).unwrap() = json!({ "part": "event", "file": "f", "name": "bad", "valid": true });
        let (tally, problems) = judged(&known("ba*"), &lines);
        assert_eq!((tally.known, tally.alike, problems.len()), (1, 7, 0), "{problems:?}");
        assert_eq!(judged(&known("good"), &lines).1.len(), 2);
        assert_eq!(judged(&known("bad"), &good()).1.len(), 1);
    }

    #[test]
    fn only_what_a_case_needs_can_be_skipped() {
        for (at, need, problems) in [(1, "decimals", 0), (1, "int64", 1), (0, "decimals", 1)] {
            let mut lines = good();
            let line = lines.get_mut(at).unwrap().as_object_mut().unwrap();
            line.insert("skipped".to_owned(), need.into());
            assert_eq!(judged(&example(json!({})), &lines).1.len(), problems, "{need}");
        }
    }

    #[test]
    fn a_judge_by_json_schema_must_find_the_very_rules() {
        let judge = example(json!({ "generator": null }));
        let mut lines = good();
        lines.retain(|line| ["event", "time"].contains(&text(line, "part")));
        *lines.get_mut(1).unwrap() = json!({
            "part": "event", "file": "f", "name": "bad", "valid": false,
            "breaks": [{ "pointer": "/p", "rule": "type" }]
        });
        assert_eq!(judged(&judge, &lines).1, Vec::<String>::new());
        *lines.get_mut(1).unwrap() = json!({
            "part": "event", "file": "f", "name": "bad", "valid": false,
            "breaks": [{ "pointer": "/p", "rule": "format" }]
        });
        assert_eq!(judged(&judge, &lines).1.len(), 1);
    }

    #[test]
    fn a_judge_by_json_schema_may_refuse_a_text_while_it_reads_it() {
        let judge = example(json!({ "generator": null }));
        let verdict = |case: Value, line: Value| body(&judge, &case, &line).is_ok();
        let breaks = json!([{ "pointer": "/p", "rule": "x-unique-names" }]);
        let twice = json!({ "text": "{}", "valid": false, "breaks": breaks });
        let none = json!({ "text": "", "valid": false, "json": false });
        let read = json!({ "valid": false, "by": "reader" });
        let judged =
            json!({ "valid": false, "by": "validator", "breaks": [{ "pointer": "/q", "rule": "type" }] });
        assert!(verdict(twice.clone(), read.clone()) && verdict(none.clone(), read.clone()));
        assert!(verdict(none.clone(), judged.clone()) && !verdict(twice, judged));
        assert!(!verdict(none, json!({ "valid": true })));
        // A body is JSON: no reader may refuse it.
        assert!(!verdict(json!({ "valid": false, "breaks": breaks }), read));
    }
}
