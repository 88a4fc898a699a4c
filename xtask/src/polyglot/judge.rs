//! Judges what a client did in a case.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    server::{Answer, Request},
    vectors::{Case, Part, Vectors},
};

/// Who refuses a bad body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Whoever reads JSON, the types, or a validator: nothing was sent.
    Client,
    /// Nobody: what is wrong has no place in the types, and something good was sent instead.
    Unrepresentable,
    Server,
}

/// What a client did.
pub(super) struct Did {
    /// Its answer.
    pub(super) said: Value,
    /// What it sent meanwhile.
    pub(super) sent: Vec<Request>,
}

impl Did {
    fn says(&self, member: &str) -> bool {
        self.said.get(member).is_some()
    }

    /// Refused before anything was sent.
    fn refused(&self) -> Result<bool, String> {
        match (self.says("refused"), self.sent.len()) {
            (true, 0) => Ok(true),
            (false, 1) => Ok(false),
            (true, _) => Err("it was refused, and sent all the same".to_owned()),
            (false, count) => Err(format!("it was sent in {count} requests")),
        }
    }

    /// Whether the server took all of it, as the client says; `None`: it does not know.
    fn taken(&self) -> Option<bool> {
        let invalid = self.said.get("invalid_events").and_then(Value::as_array);
        let taken = self.said.get("taken").map(|_| invalid.is_none_or(Vec::is_empty));
        taken.or_else(|| self.says("status").then_some(false))
    }
}

/// What the server must answer, if the case is about that.
pub(super) fn answer(case: &Case) -> Option<Answer> {
    let answer = case.expected.get("answer")?;
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    let status = answer.get("status").and_then(Value::as_u64).unwrap_or_default();
    let mut text = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n");
    for (name, value) in answer.get("headers").and_then(Value::as_object).into_iter().flatten() {
        text.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap_or_default()));
    }
    if status != 204 {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    Some(Answer::Text(format!("{text}\r\n{body}")))
}

/// What is wrong with what a client did; of a bad body that is refused, by whom.
pub(super) fn judge(vectors: &Vectors, case: &Case, did: &Did) -> Result<Option<By>, String> {
    match case.part {
        Part::Body => body(vectors, case, did),
        Part::Credentials => credentials(case, did).map(|()| None),
        Part::Time => time(case, did, false).map(|()| None),
        Part::Answer => answered(case, did).map(|()| None),
    }
}

/// The same of a validator by JSON Schema, which sends nothing, and finds the very rules that are broken, each with its grade.
pub(super) fn judge_verdict(case: &Case, did: &Did) -> Result<Option<By>, String> {
    if case.part == Part::Time {
        return time(case, did, true).map(|()| None);
    }
    let refused = did.says("refused") || did.says("breaks");
    if refused == case.is("valid") {
        return Err("the verdict differs".to_owned());
    }
    // A text that is no JSON breaks no rule, and one that is refused while it is read is not judged by rules.
    let by_rules = match case.expected.get("text") {
        Some(_) => !did.says("refused") && case.expected.get("json").is_none(),
        None => true,
    };
    if refused && by_rules && rules(&did.said) != rules(&case.expected) {
        return Err("the rules differ".to_owned());
    }
    Ok(refused.then_some(By::Client))
}

fn rules(json: &Value) -> BTreeSet<[&str; 3]> {
    let breaks = json.get("breaks").and_then(Value::as_array).into_iter().flatten();
    let rule = |found| -> Option<[&str; 3]> {
        let member = |name| Value::as_str(Value::get(found, name)?);
        Some([member("pointer")?, member("rule")?, member("grade").unwrap_or_default()])
    };
    breaks.filter_map(rule).collect()
}

fn body(vectors: &Vectors, case: &Case, did: &Did) -> Result<Option<By>, String> {
    if did.refused()? {
        return if case.is("valid") { Err("it is good".to_owned()) } else { Ok(Some(By::Client)) };
    }
    let text = did.sent.first().map(|request| String::from_utf8_lossy(&request.body)).unwrap_or_default();
    let sent: Option<Value> = serde_json::from_str(&text).ok();
    let as_given = match (&sent, case.body()) {
        (Some(sent), Some(body)) => {
            let given = case.question.to_string();
            same(&body, sent) && big_integers(&given).all(|integer| text.contains(integer))
        }
        _ => false,
    };
    let taken = did.taken().ok_or("it must say what became of it")?;
    if !case.is("valid") {
        return match (taken, as_given) {
            (false, _) => Ok(Some(By::Server)),
            (true, false) if sent.is_some() => Ok(Some(By::Unrepresentable)),
            (true, _) => Err("it is bad, and was taken".to_owned()),
        };
    }
    if !as_given {
        return Err(format!("it was sent as {}", sent.unwrap_or_default()));
    }
    if !taken {
        return Err("it was refused".to_owned());
    }
    if case.is_example() {
        let event_type = case.expected.pointer("/body/type").and_then(Value::as_str).unwrap_or_default();
        let schema = vectors.event_types.get(event_type).map(String::as_str);
        if did.said.get("read_as").and_then(Value::as_str) != schema {
            return Err(format!("it must be read as {}", schema.unwrap_or_default()));
        }
    }
    Ok(None)
}

/// Whether the JSON that was sent is that of the vector: an integer is written as one, a decimal number has its value.
fn same(given: &Value, sent: &Value) -> bool {
    match (given, sent) {
        (Value::Array(given), Value::Array(sent)) => {
            given.len() == sent.len() && given.iter().zip(sent).all(|(given, sent)| same(given, sent))
        }
        (Value::Object(given), Value::Object(sent)) => {
            given.len() == sent.len()
                && given.iter().all(|(name, given)| sent.get(name).is_some_and(|sent| same(given, sent)))
        }
        (Value::Number(given), Value::Number(sent)) if given.is_f64() => given.as_f64() == sent.as_f64(),
        _ => given == sent,
    }
}

/// The integers beyond 64 bits, which look like decimal numbers once they are read.
fn big_integers(text: &str) -> impl Iterator<Item = &str> {
    let numbers = text.split(|sign: char| !sign.is_ascii_digit() && !"+-.eE".contains(sign));
    numbers.filter(|number| number.parse::<i128>().is_ok() && number.parse::<i64>().is_err())
}

fn credentials(case: &Case, did: &Did) -> Result<(), String> {
    if did.refused()? == case.is("valid") {
        return Err(format!("it must {}be refused", if case.is("valid") { "not " } else { "" }));
    }
    let header = did.sent.first().and_then(|request| request.field("Authorization")).unwrap_or_default();
    if header == case.text("header") { Ok(()) } else { Err(format!("the header is `{header}`")) }
}

/// The other way to write a time, or that it is none. A validator by JSON Schema converts nothing.
fn time(case: &Case, did: &Did, is_validator: bool) -> Result<(), String> {
    if (did.says("refused") || did.says("breaks")) == case.is("valid") {
        return Err(format!("it must {}be refused", if case.is("valid") { "not " } else { "" }));
    }
    let converts = case.is("valid") && !is_validator;
    let member = if case.expected.get("epoch_ms").is_some() { "epoch_ms" } else { "text" };
    if converts && did.said.get(member) != case.expected.get(member) {
        return Err(format!("it is {}", case.expected.get(member).unwrap_or(&Value::Null)));
    }
    Ok(())
}

fn answered(case: &Case, did: &Did) -> Result<(), String> {
    let read = case.expected.get("read").ok_or("the vector says nothing")?;
    if did.sent.len() != 1 {
        return Err(format!("{} requests were sent", did.sent.len()));
    }
    if did.says("error") {
        return if case.is("conforms") {
            Err("the contract describes this answer".to_owned())
        } else {
            Ok(())
        };
    }
    if read.get("unreadable").is_some() {
        return Err("it cannot be read, and no success may come of it".to_owned());
    }
    let status = read.get("status").and_then(Value::as_u64).unwrap_or_default();
    let members: &[&str] = if status < 300 { &["invalid_events"] } else { &["status", "reason"] };
    if did.says("taken") != (status < 300) {
        return Err(format!("its status is {status}"));
    }
    for member in members {
        let found = did.said.get(*member).unwrap_or(&Value::Null);
        let expected = read.get(*member).unwrap_or(&Value::Null);
        let lenient = *member == "reason" && !case.is("conforms") && found.is_null();
        if found != expected && !lenient {
            return Err(format!("its {member} is {expected}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const ALIKE: &str = "alike";

    fn case(part: Part, expected: &Value) -> Case {
        let body = expected.get("body").cloned().unwrap_or_default().to_string();
        let question = json!({ "events": [expected.get("text").and_then(Value::as_str).unwrap_or(&body)] });
        Case { part, name: "n".to_owned(), expected: expected.clone(), question }
    }

    /// What is said of a client that says this and sends these bodies.
    fn verdict(part: Part, expected: &Value, said: &Value, sent: &[&str]) -> String {
        let head = "POST / HTTP/1.1\r\nauthorization: Basic x";
        let sent = sent.iter().map(|body| Request { head: head.to_owned(), body: body.as_bytes().to_vec() });
        let mut vectors = Vectors::default();
        vectors.event_types.insert("t".to_owned(), "TEvent".to_owned());
        let did = Did { said: said.clone(), sent: sent.collect() };
        match judge(&vectors, &case(part, expected), &did) {
            Ok(None) => ALIKE.to_owned(),
            Ok(Some(by)) => format!("{by:?}"),
            Err(words) => words,
        }
    }

    #[test]
    fn a_body_is_sent_as_it_is_and_taken_or_refused_by_somebody() {
        let good = &json!({ "valid": true, "body": { "n": 5, "d": 5.0 } });
        let bad = &json!({ "valid": false, "body": { "n": 5 } });
        let example = &json!({ "name": "as in the contract", "valid": true, "body": { "type": "t" } });
        let (given, other) = (r#"{"events":[{"n":5}]}"#, r#"{"events":[{}]}"#);
        let (as_given, twice) = ([r#"{"events":[{"d":5,"n":5}]}"#], [r#"{"events":[{"d":5,"n":5}]}"#; 2]);
        let taken = || json!({ "taken": true, "invalid_events": [] });
        let some = || json!({ "taken": true, "invalid_events": [{}] });
        let read_as = |name| json!({ "taken": true, "read_as": name });
        let refused = || json!({ "refused": "types" });
        let typed = r#"{"events":[{"type":"t"}]}"#;
        for (expected, said, sent, verdict_is) in [
            (good, taken(), &as_given[..], ALIKE),
            (good, taken(), &[r#"{"events":[{"d":5,"n":5.0}]}"#], "it was sent as"),
            (good, taken(), &[r#"{"events":[{"d":5}]}"#], "it was sent as"),
            (good, taken(), &[], "it was sent in 0 requests"),
            (good, taken(), &twice, "it was sent in 2 requests"),
            (good, refused(), &[], "it is good"),
            (good, refused(), &as_given, "it was refused, and sent all the same"),
            (good, some(), &as_given, "it was refused"),
            (good, json!({ "status": 400 }), &as_given, "it was refused"),
            (good, json!({ "error": "x" }), &as_given, "it must say what became of it"),
            (bad, refused(), &[], "Client"),
            (bad, some(), &[given], "Server"),
            (bad, json!({ "status": 400 }), &[given], "Server"),
            (bad, taken(), &[other], "Unrepresentable"),
            (bad, taken(), &[given], "it is bad, and was taken"),
            (bad, taken(), &["no JSON"], "it is bad, and was taken"),
            (example, read_as("TEvent"), &[typed], ALIKE),
            (example, read_as("UEvent"), &[typed], "it must be read as TEvent"),
        ] {
            let found = verdict(Part::Body, expected, &said, sent);
            assert!(found.starts_with(verdict_is), "{expected} {said} {sent:?}: {found}");
        }
        let text = "[9223372036854775808,-1,2.5,1e300]";
        assert_eq!(big_integers(text).collect::<Vec<_>>(), ["9223372036854775808"]);
    }

    #[test]
    fn headers_times_and_answers_must_be_right() {
        let reason = &json!({ "conforms": true, "read": { "status": 401, "reason": "R" } });
        let page = &json!({ "conforms": false, "read": { "status": 200, "unreadable": true } });
        let taken =
            &json!({ "conforms": true, "read": { "status": 200, "invalid_events": [{ "index": 1 }] } });
        let (header, none) = (&json!({ "valid": true, "header": "Basic x" }), &json!({ "valid": false }));
        let time = &json!({ "valid": true, "text": "T" });
        let milliseconds = &json!({ "valid": true, "text": "T", "epoch_ms": 7 });
        let refused = || json!({ "refused": "x" });
        let status = |reason| json!({ "status": 401, "reason": reason });
        let events = |index: u8| json!({ "taken": true, "invalid_events": [{ "index": index }] });
        for (part, expected, right, wrong) in [
            (Part::Credentials, header, json!({}), vec![refused()]),
            (Part::Credentials, none, refused(), vec![json!({})]),
            (Part::Time, milliseconds, json!({ "epoch_ms": 7 }), vec![json!({ "epoch_ms": 8 }), refused()]),
            (Part::Time, time, json!({ "text": "T" }), vec![json!({ "text": "U" }), refused()]),
            (Part::Time, none, refused(), vec![json!({ "text": "T" })]),
            (Part::Answer, reason, status("R"), vec![status("S"), json!({ "error": "x" }), events(1)]),
            (Part::Answer, page, json!({ "error": "x" }), vec![events(1), status("R")]),
            (Part::Answer, taken, events(1), vec![events(0), status("R"), json!({ "error": "x" })]),
        ] {
            let sent = |said: &Value| if said.get("refused").is_some() { vec![] } else { vec!["{}"] };
            let is_alike = |said: &Value| verdict(part, expected, said, &sent(said)) == ALIKE;
            assert!(is_alike(&right), "{expected}");
            wrong.iter().for_each(|wrong| assert!(!is_alike(wrong), "{expected} {wrong}"));
        }
        let other = &json!({ "valid": true, "header": "Basic y" });
        assert_ne!(verdict(Part::Credentials, other, &json!({}), &["{}"]), ALIKE);
    }

    #[test]
    fn a_validator_must_find_the_very_rules() {
        let breaks = |pointer| json!({ "breaks": [{ "pointer": pointer, "rule": "type", "grade": "seed" }] });
        let with = |mut expected: Value, found: Value| {
            expected.as_object_mut().unwrap().extend(found.as_object().unwrap().clone());
            expected
        };
        let (good, bad) = (&json!({ "valid": true }), &with(json!({ "valid": false }), breaks("/p")));
        let twice = &with(json!({ "text": "{}", "valid": false }), breaks("/p"));
        let none = &json!({ "text": "", "valid": false, "json": false });
        let reader = || json!({ "refused": "reader" });
        for (expected, said, is_alike) in [
            (good, json!({}), true),
            (good, breaks("/p"), false),
            (bad, breaks("/p"), true),
            (bad, breaks("/q"), false),
            // A body is JSON: no reader may refuse it. A text it may, and what is no JSON breaks no rule.
            (bad, reader(), false),
            (twice, reader(), true),
            (twice, breaks("/q"), false),
            (none, breaks("/q"), true),
            (none, json!({}), false),
        ] {
            let did = Did { said, sent: vec![] };
            let found = judge_verdict(&case(Part::Body, expected), &did).is_ok();
            assert_eq!(found, is_alike, "{expected} {}", did.said);
        }
    }
}
