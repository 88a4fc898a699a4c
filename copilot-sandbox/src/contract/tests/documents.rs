//! Judging follows the contract, whatever it says.

use serde_json::{Value, json};

use crate::model::Operation;

use super::{CONTRACT, Contract, DOCUMENT, NOW, broken, example};

/// The contract with that value in that place.
fn changed(place: &str, value: Value) -> Contract {
    let mut contract = DOCUMENT.clone();
    *contract.pointer_mut(place).expect(place) = value;
    Contract::new(contract).unwrap()
}

#[test]
fn limits_windows_patterns_grades_and_types_are_those_of_the_contract() {
    let user = |place: &str, value: Value| example("user_created", &[(place, value)]);
    let schema = |steps: &str| format!("/components/schemas/{steps}");

    let judge = changed(&schema("EventTime/x-time-window"), json!({ "past": 1000, "future": 2000 }));
    assert_eq!(broken(&judge, &user("/timestamp", json!(NOW + 2000))), [""; 0]);
    assert_eq!(
        broken(&judge, &user("/timestamp", json!(NOW - 1001))),
        ["/timestamp x-time-window documented"]
    );

    let judge = changed(&schema("Event/x-property-limit"), json!({ "maximum": 2, "within": "payload" }));
    assert_eq!(broken(&judge, &user("/payload", json!({ "user_id": "u", "email": "a@b.c" }))), [""; 0]);
    assert_eq!(broken(&judge, &user("/event_id", json!("e"))), ["/payload x-property-limit documented"]);

    let judge = changed(&schema("EventId/pattern"), json!("^[x ]+$"));
    assert_eq!(broken(&judge, &user("/event_id", json!("x x"))), [""; 0]);
    assert_eq!(broken(&judge, &user("/event_id", json!("e-1"))), ["/event_id pattern documented"]);

    let judge = changed(&schema("EventId/x-provenance"), json!("seed"));
    assert_eq!(broken(&judge, &user("/event_id", json!(""))), ["/event_id minLength seed"]);

    let mapping = json!({ "left": "#/components/schemas/UserDeletedEvent" });
    let mut contract = DOCUMENT.clone();
    *contract.pointer_mut(&schema("Event/discriminator/mapping")).unwrap() = mapping;
    *contract.pointer_mut(&schema("UserDeletedEvent/properties/type/enum")).unwrap() = json!(["left"]);
    let judge = Contract::new(contract).unwrap();
    assert_eq!(judge.event_types().len(), 1);
    assert_eq!(broken(&judge, &example("user_deleted", &[("/type", json!("left"))])), [""; 0]);
    assert_eq!(broken(&judge, &example("user_deleted", &[])), ["/type discriminator documented"]);

    let mut contract = DOCUMENT.clone();
    contract["paths"] = json!({
        "/in": DOCUMENT["paths"]["/v2/collect"],
        "/yes": DOCUMENT["paths"]["/v2/api/report/user_copilot_analysis_consent_changed"],
    });
    let judge = Contract::new(contract).unwrap();
    assert_eq!((judge.path(Operation::Collect), judge.path(Operation::SetConsent)), ("/in", "/yes"));
    assert_eq!(CONTRACT.path(Operation::Collect), "/v2/collect");
    assert_eq!(CONTRACT.path(Operation::SetConsent), "/v2/api/report/user_copilot_analysis_consent_changed");
}

#[test]
fn a_contract_that_cannot_be_followed_is_named_with_the_place() {
    let error = |place: &str, value: Value| {
        let mut contract = DOCUMENT.clone();
        *contract.pointer_mut(place).expect(place) = value;
        Contract::new(contract).err().expect(place).to_string()
    };
    let schema = |name: &str| format!("/components/schemas/{name}");
    let refers_to = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let cases = [
        ("/paths/~1v2~1collect/post/operationId".to_owned(), json!("x"), "#/paths: no POST operation"),
        (schema("Event/discriminator/mapping/unsubscribe"), json!("#/x"), "mapping: nothing is at #/x"),
        (schema("EventTime/x-time-window/past"), json!("x"), "x-time-window/past: is not a whole number"),
        (schema("EventId/pattern"), json!("(?=x)"), "is no JSON Schema"),
        (schema("EventId"), refers_to("EventId"), "EventId: refers to itself"),
        (schema("UserId"), json!({ "properties": { "x": refers_to("UserId") } }), "UserId: holds itself"),
    ];
    for (place, value, words) in cases {
        let error = error(&place, value);
        assert!(error.contains(words), "{place}: {error}");
    }
}
