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

    fn case(part: Part, expected: Value) -> Case {
        let body = expected.get("body").cloned().unwrap_or_default().to_string();
        let question = match expected.get("text") {
            Some(text) => json!({ "change": text }),
            None => json!({ "events": [body] }),
        };
        Case { part, name: "n".to_owned(), expected, question }
    }

    fn judged(part: Part, expected: Value, said: Value, sent: &[&str]) -> Result<Option<By>, String> {
        let head = "POST / HTTP/1.1\r\nauthorization: Basic x";
        let sent = sent.iter().map(|body| Request { head: head.to_owned(), body: body.as_bytes().to_vec() });
        let mut vectors = Vectors::default();
        vectors.event_types.insert("t".to_owned(), "TEvent".to_owned());
        judge(&vectors, &case(part, expected), &Did { said, sent: sent.collect() })
    }

    #[test]
    fn a_good_body_must_be_sent_as_it_is_and_taken() {
        let good = || json!({ "valid": true, "body": { "n": 5, "d": 5.0 } });
        let taken = || json!({ "taken": true, "invalid_events": [] });
        let judged = |said, sent: &[&str]| judged(Part::Body, good(), said, sent);
        assert_eq!(judged(taken(), &[r#"{"events":[{"d":5,"n":5}]}"#]), Ok(None));
        for (said, sent) in [
            (taken(), vec![r#"{"events":[{"d":5,"n":5.0}]}"#]),
            (taken(), vec![r#"{"events":[{"d":5}]}"#]),
            (taken(), vec![]),
            (taken(), vec![r#"{"events":[{"d":5,"n":5}]}"#; 2]),
            (json!({ "refused": "types" }), vec![]),
            (json!({ "refused": "types" }), vec![r#"{"events":[{"d":5,"n":5}]}"#]),
            (json!({ "taken": true, "invalid_events": [{}] }), vec![r#"{"events":[{"d":5,"n":5}]}"#]),
            (json!({ "status": 400 }), vec![r#"{"events":[{"d":5,"n":5}]}"#]),
            (json!({ "error": "x" }), vec![r#"{"events":[{"d":5,"n":5}]}"#]),
        ] {
            assert!(judged(said.clone(), &sent).is_err(), "{said} {sent:?}");
        }
    }

    #[test]
    fn a_bad_body_must_be_refused_by_somebody() {
        let judged = |said, sent: &[&str]| {
            judged(Part::Body, json!({ "valid": false, "body": { "n": 5 } }), said, sent)
        };
        let (given, other) = (r#"{"events":[{"n":5}]}"#, r#"{"events":[{}]}"#);
        assert_eq!(judged(json!({ "refused": "types" }), &[]), Ok(Some(By::Client)));
        assert_eq!(judged(json!({ "taken": true, "invalid_events": [{}] }), &[given]), Ok(Some(By::Server)));
        assert_eq!(judged(json!({ "status": 400 }), &[given]), Ok(Some(By::Server)));
        assert_eq!(judged(json!({ "taken": true }), &[other]), Ok(Some(By::Unrepresentable)));
        assert!(judged(json!({ "taken": true }), &[given]).is_err());
        assert!(judged(json!({ "taken": true }), &["no JSON"]).is_err());
        assert_eq!(
            big_integers("[9223372036854775808,-1,2.5,1e300]").collect::<Vec<_>>(),
            ["9223372036854775808"]
        );
    }

    #[test]
    fn the_example_of_a_type_must_be_read_as_its_schema() {
        let example = json!({ "name": "as in the contract", "valid": true, "body": { "type": "t" } });
        let judged = |read_as: &str| {
            let said = json!({ "taken": true, "read_as": read_as });
            judged(Part::Body, example.clone(), said, &[r#"{"events":[{"type":"t"}]}"#])
        };
        assert_eq!(judged("TEvent"), Ok(None));
        assert!(judged("UEvent").is_err());
    }

    #[test]
    fn headers_and_times_must_be_right_or_refused() {
        let refused = || json!({ "refused": "x" });
        for (part, expected, right, wrong) in [
            (Part::Credentials, json!({ "valid": true, "header": "Basic x" }), json!({}), refused()),
            (Part::Credentials, json!({ "valid": true, "header": "Basic y" }), Value::Null, json!({})),
            (Part::Credentials, json!({ "valid": false }), refused(), json!({})),
            (
                Part::Time,
                json!({ "valid": true, "text": "T", "epoch_ms": 7 }),
                json!({ "epoch_ms": 7 }),
                refused(),
            ),
            (
                Part::Time,
                json!({ "valid": true, "text": "T" }),
                json!({ "text": "T" }),
                json!({ "text": "U" }),
            ),
            (Part::Time, json!({ "valid": false, "text": "T" }), refused(), json!({ "text": "T" })),
        ] {
            let sent = |said: &Value| if said.get("refused").is_some() { vec![] } else { vec!["{}"] };
            let judged = |said: &Value| judged(part, expected.clone(), said.clone(), &sent(said));
            assert!(right.is_null() || judged(&right).is_ok(), "{expected}");
            assert!(judged(&wrong).is_err(), "{expected}");
        }
    }

    #[test]
    fn an_answer_must_be_read_as_it_stands() {
        let refused = json!({ "conforms": true, "read": { "status": 401, "reason": "R" } });
        let page = json!({ "conforms": false, "read": { "status": 200, "unreadable": true } });
        let taken =
            json!({ "conforms": true, "read": { "status": 200, "invalid_events": [{ "index": 1 }] } });
        let status = |reason: &str| json!({ "status": 401, "reason": reason });
        let events = |index: u8| json!({ "taken": true, "invalid_events": [{ "index": index }] });
        for (expected, right, wrong) in [
            (
                &refused,
                status("R"),
                vec![status("S"), json!({ "status": 400, "reason": "R" }), json!({ "error": "x" })],
            ),
            (&page, json!({ "error": "x" }), vec![events(1), status("R")]),
            (&taken, events(1), vec![events(0), status("R"), json!({ "error": "x" })]),
        ] {
            let judged = |said: &Value| judged(Part::Answer, expected.clone(), said.clone(), &["{}"]);
            assert_eq!(judged(&right), Ok(None));
            wrong.iter().for_each(|wrong| assert!(judged(wrong).is_err(), "{wrong}"));
        }
    }

    #[test]
    fn a_validator_must_find_the_very_rules() {
        let breaks = |pointer: &str| json!([{ "pointer": pointer, "rule": "type" }]);
        let verdict = |expected: Value, said: Value| {
            judge_verdict(&case(Part::Body, expected), &Did { said, sent: vec![] }).is_ok()
        };
        let bad = || json!({ "valid": false, "breaks": breaks("/p") });
        assert!(verdict(json!({ "valid": true }), json!({})));
        assert!(!verdict(json!({ "valid": true }), json!({ "breaks": breaks("/p") })));
        assert!(verdict(bad(), json!({ "breaks": breaks("/p") })));
        assert!(!verdict(bad(), json!({ "breaks": breaks("/q") })));
        // A body is JSON: no reader may refuse it. A text it may, and what is no JSON breaks no rule.
        assert!(!verdict(bad(), json!({ "refused": "reader" })));
        let twice = json!({ "text": "{}", "valid": false, "breaks": breaks("/p") });
        let none = json!({ "text": "-", "valid": false, "json": false });
        assert!(verdict(twice.clone(), json!({ "refused": "reader" })));
        assert!(!verdict(twice, json!({ "breaks": breaks("/q") })));
        assert!(verdict(none.clone(), json!({ "breaks": breaks("/q") })) && !verdict(none, json!({})));
    }
}
