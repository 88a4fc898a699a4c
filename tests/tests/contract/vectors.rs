//! The vectors of `openapi/vectors` that are not events: credentials, times, answers, and the form of all files.

use std::{collections::BTreeSet, time::Duration};

use copilot_api::{
    CollectReport, Credentials, CredentialsError, Error, EventTimestamp, RejectionCause, TimestampError,
    UtcTimestamp,
};
use copilot_gen::types::ConsentChange;
use copilot_sandbox::Fault;
use copilot_tests::{
    judge,
    server::{self, in_time},
    spec,
    vectors::{self, Response},
};
use jsonschema::Draft;
use serde_json::{Value, json};

#[test]
fn every_file_is_as_the_schema_of_the_vectors_says() {
    let text = std::fs::read_to_string(vectors::folder().join("schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::options().with_draft(Draft::Draft202012).build(&schema).unwrap();
    let files = vectors::all();
    let mut expected: BTreeSet<String> = ["basic-auth", "consent", "responses", "texts", "timestamps"]
        .map(|name| format!("{name}.json"))
        .into();
    expected.extend(spec::event_types().iter().map(|event| format!("events/{}.json", event.name)));
    assert_eq!(files.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), expected);
    for (name, json) in &files {
        assert!(validator.is_valid(json), "{name}: {:?}", judge::errors(&validator, json));
        let lists = ["cases", "utc", "epoch"].iter().filter_map(|list| json[*list].as_array());
        let names: Vec<&str> = lists.flatten().map(|case| case["name"].as_str().unwrap()).collect();
        let different = names.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(different, names.len(), "{name}: a name stands twice");
        for spoil in ["kind", "cases", "utc"] {
            let mut spoilt = json.clone();
            if spoilt.as_object_mut().unwrap().remove(spoil).is_some() {
                assert!(!validator.is_valid(&spoilt), "{name} without {spoil}");
            }
        }
    }
}

#[test]
fn every_rule_that_a_request_can_break_is_broken_by_a_vector_and_no_other() {
    let mut broken: BTreeSet<String> = BTreeSet::new();
    let files = vectors::events().into_iter().map(|(_, bodies)| bodies).chain([vectors::consent()]);
    for case in files.flat_map(|bodies| bodies.cases) {
        assert_eq!(case.valid, case.breaks.is_empty(), "{}", case.name);
        broken.extend(case.breaks.into_iter().map(|found| found.rule));
    }
    broken.extend(vectors::texts().cases.into_iter().flat_map(|case| case.breaks).map(|found| found.rule));
    let schema = std::fs::read_to_string(vectors::folder().join("schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let rules = schema.pointer("/$defs/breaks/items/properties/rule/enum").unwrap();
    let rules = rules.as_array().unwrap().iter().map(|rule| rule.as_str().unwrap().to_owned());
    // `enum` is only in `type`, where the discriminator speaks first.
    assert_eq!(broken, rules.filter(|rule| rule != "enum").collect());
}

#[test]
fn all_files_have_the_clock_that_the_documents_name() {
    let clocks: BTreeSet<i64> =
        vectors::all().iter().filter_map(|(_, json)| json.get("now").and_then(Value::as_i64)).collect();
    let [now] = clocks.into_iter().collect::<Vec<_>>()[..] else {
        panic!("the files have clocks of their own")
    };
    let readme = std::fs::read_to_string(vectors::folder().join("../README.md")).unwrap();
    assert!(readme.contains(&format!("--clock {now}")), "openapi/README.md does not name {now}");
}

#[test]
fn credentials_make_the_header_or_the_error_that_the_vectors_say() {
    let cases = vectors::basic_auth();
    assert!(cases.iter().filter(|case| case.rule.is_none()).count() > 10);
    for case in cases {
        let made = Credentials::new(case.client_id.clone(), case.client_secret.clone());
        for start in [case.client_id.get(..4), case.client_secret.get(..4)].into_iter().flatten() {
            assert!(made.is_ok() || !format!("{made:?}").contains(start), "{}", case.name);
        }
        match (&made, case.rule.as_deref()) {
            (Ok(credentials), None) => {
                let header = credentials.authorization();
                assert!(header.is_sensitive());
                assert_eq!(header.to_str().unwrap(), case.header.unwrap(), "{}", case.name);
            }
            (Err(CredentialsError::Empty(_)), Some("empty"))
            | (Err(CredentialsError::ColonInClientId), Some("colon"))
            | (Err(CredentialsError::ControlCharacter { .. }), Some("control-character")) => {}
            _ => panic!("{}: {made:?}", case.name),
        }
    }
}

#[test]
fn times_are_read_and_written_as_the_vectors_say() {
    let vectors = vectors::timestamps();
    let utc_schema = judge::validator("UtcTimestamp", Draft::Draft4);
    for case in vectors.utc {
        let read: Result<UtcTimestamp, TimestampError> = case.text.parse();
        let from_json = serde_json::from_value::<UtcTimestamp>(json!(case.text));
        assert_eq!(from_json.is_ok(), read.is_ok(), "{}", case.name);
        assert_eq!(utc_schema.is_valid(&json!(case.text)), read.is_ok(), "{}: JSON Schema", case.name);
        match (read, case.rule.as_deref()) {
            (Ok(time), None) => {
                assert_eq!(time.as_millis(), case.epoch_ms.unwrap(), "{}", case.name);
                assert_eq!(UtcTimestamp::from_millis(case.epoch_ms.unwrap()), Ok(time), "{}", case.name);
                assert_eq!((time.to_string(), json!(time)), (case.text.clone(), json!(case.text)));
            }
            (Err(TimestampError::Malformed(_)), Some("pattern"))
            | (Err(TimestampError::NoSuchDay), Some("format")) => {}
            (read, rule) => panic!("{}: {read:?}, not {rule:?}", case.name),
        }
    }
    let example = spec::event_types()[0].example;
    for case in vectors.epoch {
        let mut event = example.clone();
        event["timestamp"] = case.value.clone();
        let violations = copilot_gen::types::Event::violations_in(&(&event).into(), vectors.now);
        let rules: Vec<&str> = violations.iter().map(|violation| violation.rule()).collect();
        assert_eq!(rules, case.rule.as_deref().into_iter().collect::<Vec<_>>(), "{}", case.name);
        let read = serde_json::from_value::<EventTimestamp>(case.value.clone());
        // The window moves with the clock, so the type leaves it to the validation of the whole event.
        let of_the_type = case.rule.as_deref().is_some_and(|rule| rule != "x-time-window");
        assert_eq!(read.is_err(), of_the_type, "{}", case.name);
        if let Some(text) = case.text {
            let time = read.unwrap();
            assert_eq!(UtcTimestamp::from(time).to_string(), text, "{}", case.name);
            let back = EventTimestamp::try_from(text.parse::<UtcTimestamp>().unwrap()).unwrap();
            assert_eq!(json!(back), case.value, "{}", case.name);
        }
    }
}

#[test]
fn consent_changes_are_read_as_the_vectors_say() {
    let (mut good, mut bad) = (0, 0);
    for case in vectors::consent().cases {
        let read = serde_json::from_value::<ConsentChange>(case.body.clone());
        assert_eq!(read.is_ok(), case.valid, "{}: {read:?}", case.name);
        if let Ok(change) = read {
            assert_eq!(json!(change), case.body);
        }
        *(if case.valid { &mut good } else { &mut bad }) += 1;
    }
    assert!(good >= 3 && bad > 30, "{good} good, {bad} bad");
}

/// Makes the sandbox give the answer of the case, whenever it is asked.
fn fault(case: &Response) -> Fault {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let status = case.answer["status"].as_u64().unwrap().try_into().unwrap();
    let headers = case.answer["headers"].as_object().unwrap();
    headers.iter().fold(Fault::answer(status, text(&case.answer["body"])), |fault, (name, value)| {
        fault.header(name, text(value))
    })
}

fn assert_says(case: &Response, error: &Error) {
    let name = &case.name;
    assert_eq!(
        error.status().map(|status| json!(status.as_u16())).as_ref(),
        case.read.get("status"),
        "{name}"
    );
    assert_eq!(json!(error.reason()), *case.read.get("reason").unwrap_or(&Value::Null), "{name}");
    // An empty message says nothing.
    let words = case.read.get("error_message").filter(|words| **words != "");
    assert_eq!(error.server_words().first().cloned().map(Value::from).as_ref(), words, "{name}");
    assert_eq!(error.is_unreadable(), case.read.get("unreadable").is_some(), "{name}");
    // Of a success that is not listed nothing is read, and of a success of consent neither.
    let status = case.read["status"].as_u64();
    if !matches!(status, Some(201..=299)) && (status, &*case.operation) != (Some(200), "set_consent") {
        assert_eq!(error.body_excerpt(), case.answer["body"].as_str(), "{name}");
    }
    if let Some(wait) = case.read.get("retry_after") {
        let wait = wait.as_str().unwrap().parse().unwrap();
        let found = error.retry_after().map(|wait| wait.as_secs());
        assert_eq!(found, Some(wait), "{name}");
    }
}

fn assert_attributes(case: &Response, report: &CollectReport) {
    let (name, expected) =
        (&case.name, case.events.as_ref().expect("a success says what became of the events"));
    let refused: Vec<usize> = report.rejections().iter().map(|rejection| rejection.index()).collect();
    assert_eq!(refused, expected.refused, "{name}");
    let open: Vec<&[usize]> = report.unattributed().iter().map(|refusal| refusal.candidates()).collect();
    assert_eq!(open, expected.unattributed, "{name}");
    let open: BTreeSet<usize> = open.concat().into_iter().collect();
    let uncertain: BTreeSet<usize> = report.uncertain().iter().map(|event| event.index()).collect();
    assert_eq!(uncertain, open, "{name}");
    assert_eq!(report.accepted(), case.event_ids.len() - refused.len() - open.len(), "{name}");
    for rejection in report.rejections() {
        let RejectionCause::Server(words) = rejection.cause() else { panic!("{name}: {rejection:?}") };
        let told =
            case.read["invalid_events"].as_array().unwrap().iter().filter_map(|told| told["error"].as_str());
        let told: Vec<&str> = told.collect();
        assert!(words.iter().all(|words| told.contains(&words.as_str())), "{name}: {words:?}");
    }
}

#[tokio::test]
async fn the_client_reads_from_each_answer_what_the_vectors_say() {
    let sandbox = server::sandbox();
    // Nobody waits here as long as an answer asks for.
    let client = server::client_of(&sandbox).deadline(Duration::from_secs(1)).build().unwrap();
    let cases = vectors::responses();
    assert!(cases.len() > 60);
    for case in &cases {
        let name = &case.name;
        sandbox.reset();
        sandbox.add_fault(fault(case)).unwrap();
        if case.operation == "set_consent" {
            match in_time(client.set_consent("user-7", true)).await {
                Ok(()) => {
                    assert!(matches!(case.read["status"].as_u64(), Some(200..=299)), "{name}");
                    assert!(case.read.get("unreadable").is_none(), "{name}");
                }
                Err(error) => assert_says(case, &error),
            }
            continue;
        }
        let events = case.event_ids.iter().map(|id| server::event(id));
        match in_time(client.collect(events)).await {
            Ok(report) => {
                assert_eq!(case.read["status"], 200, "{name}");
                assert!(case.read.get("unreadable").is_none(), "{name}: {report:?}");
                assert_attributes(case, &report);
            }
            Err(failed) => {
                assert!(case.read.get("invalid_events").is_none(), "{name}: {failed}");
                assert_eq!(failed.report().undelivered().len(), case.event_ids.len(), "{name}");
                assert_says(case, failed.error());
            }
        }
    }
}

#[test]
fn an_answer_conforms_if_the_contract_describes_it() {
    for case in vectors::responses() {
        let status = case.answer["status"].as_u64().unwrap();
        let operations = spec::ROOT["paths"].as_object().unwrap().values().map(|path| &path["post"]);
        let operation =
            operations.into_iter().find(|post| post["operationId"] == case.operation.as_str()).unwrap();
        let class = format!("{}XX", status / 100);
        let listed = [status.to_string(), class].iter().find_map(|key| operation["responses"].get(key));
        let conforms = listed.is_some_and(|response| {
            let name = response["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
            let response = name.map_or(response, |name| &spec::ROOT["components"]["responses"][name]);
            let Some(schema) = response.pointer("/content/application~1json/schema/$ref") else {
                // There is nothing to read, but a page is an answer of somebody else's.
                let content_type = case.answer["headers"]["content-type"].as_str().unwrap_or_default();
                return !content_type.to_ascii_lowercase().starts_with("text/html");
            };
            let is_json = case.answer["headers"]["content-type"] == "application/json";
            let body = serde_json::from_str::<Value>(case.answer["body"].as_str().unwrap());
            let validator = judge::validator_at(schema.as_str().unwrap(), Draft::Draft4);
            is_json && body.is_ok_and(|body| validator.is_valid(&body))
        });
        assert_eq!(conforms, case.conforms, "{}", case.name);
    }
}
