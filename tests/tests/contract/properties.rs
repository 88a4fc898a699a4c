//! What properties are made of: what each kind of value becomes, and what is refused, by which name.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, FixedOffset, Utc};
use copilot_api::{
    EventTimestamp, InvalidInput, NewEvent, Properties, UtcTimestamp, properties,
    types::{
        CustomEventPayload, PropertyValue, ThingConnectedPayload, ThingStatusChangedPayload,
        UserCreatedPayload,
    },
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

const MILLIS: i64 = 1_548_779_517_121;
const UUID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

fn utc() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(MILLIS).unwrap()
}

fn elsewhere() -> DateTime<FixedOffset> {
    utc().with_timezone(&FixedOffset::east_opt(7200).unwrap())
}

fn system() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(MILLIS.unsigned_abs())
}

fn written(properties: Result<Properties, InvalidInput>) -> Value {
    serde_json::to_value(properties.unwrap()).unwrap()
}

/// The places and rules of what is broken.
fn broken<T: std::fmt::Debug>(made: Result<T, InvalidInput>) -> Vec<(String, &'static str)> {
    let error = made.unwrap_err();
    error.violations().iter().map(|found| (found.pointer().to_owned(), found.rule())).collect()
}

fn places(pointers: &[&str], rule: &'static str) -> Vec<(String, &'static str)> {
    pointers.iter().map(|pointer| ((*pointer).to_owned(), rule)).collect()
}

#[test]
fn each_kind_of_value_becomes_what_it_is() {
    let made = properties! {
        "i8" => i8::MIN, "i16" => -2_i16, "i32" => 3, "i64" => i64::MIN, "i128" => 5_i128, "isize" => -6_isize,
        "u8" => u8::MAX, "u16" => 2_u16, "u32" => 3_u32, "u64" => 4_u64, "u128" => 5_u128, "usize" => 6_usize,
        "f32" => 21.3_f32, "f64" => 21.3, "bool" => true, "char" => 'ü',
        "str" => "a", "String" => "b".to_owned(), "&String" => &"c".to_owned(),
        "Cow" => Cow::Borrowed("d"), "some" => Some(7_u64), "none" => None::<&str>,
        "EventTimestamp" => EventTimestamp::from_millis(MILLIS).unwrap(),
        "UtcTimestamp" => UtcTimestamp::from_millis(MILLIS).unwrap(),
        "DateTime<Utc>" => utc(), "DateTime<FixedOffset>" => elsewhere(), "SystemTime" => system(),
        "Uuid" => Uuid::parse_str(UUID).unwrap(), "PropertyValue" => PropertyValue::from("e"),
        "Value" => json!(8), "Value, text" => json!("f"),
    };
    let expected = json!({
        "i8": -128, "i16": -2, "i32": 3, "i64": i64::MIN, "i128": 5, "isize": -6,
        "u8": 255, "u16": 2, "u32": 3, "u64": 4, "u128": 5, "usize": 6,
        "f32": 21.3, "f64": 21.3, "bool": true, "char": "ü",
        "str": "a", "String": "b", "&String": "c", "Cow": "d", "some": 7,
        "EventTimestamp": MILLIS, "UtcTimestamp": MILLIS, "DateTime<Utc>": MILLIS,
        "DateTime<FixedOffset>": MILLIS, "SystemTime": MILLIS, "Uuid": UUID, "PropertyValue": "e",
        "Value": 8, "Value, text": "f"
    });
    assert_eq!(written(made), expected);
    assert_eq!(written(properties! {}), json!({}));
}

#[test]
fn what_does_not_fit_is_refused_by_its_name_and_never_changed() {
    let made = properties! {
        "u64" => u64::MAX, "usize" => usize::MAX, "u128" => u128::MAX, "i128" => i128::MIN, "some" => Some(u64::MAX),
        "nan" => f64::NAN, "inf" => f32::INFINITY, "huge" => 1e300, "fits" => i64::MAX,
        "a/b~c" => u64::MAX,
        "null" => json!(null), "list" => json!([1]), "object" => json!({}),
    };
    let names = [
        "/a~1b~0c", "/huge", "/i128", "/inf", "/list", "/nan", "/null", "/object", "/some", "/u128", "/u64",
        "/usize",
    ];
    assert_eq!(broken(made), places(&names, "anyOf"));
    let error = properties! { "count" => u64::MAX }.unwrap_err();
    assert_eq!(error.to_string(), "/count: must fit a signed 64-bit integer (anyOf, documented)");
    assert_eq!(broken(properties! { "twice" => 1, "twice" => 2 }), places(&["/twice"], "x-unique-names"));
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    QuickBoil,
}

struct Failing;

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("secret"))
    }
}

#[derive(Serialize)]
struct Brewed<'a> {
    count: u64,
    note: Option<&'a str>,
    mode: Mode,
    #[serde(rename = "Shared")]
    shared: bool,
}

/// What a member of that value becomes.
fn member(value: impl Serialize) -> Result<Value, InvalidInput> {
    let properties = Properties::from_serialize(&BTreeMap::from([("p", value)]))?;
    Ok(serde_json::to_value(properties).unwrap()["p"].take())
}

#[test]
fn a_struct_becomes_properties_as_it_serializes() {
    for (made, expected) in [
        (member(8_usize), json!(8)),
        (member(Some(2)), json!(2)),
        (member(None::<u32>), Value::Null),
        (member(Mode::QuickBoil), json!("quick_boil")),
        (member(EventTimestamp::from_millis(MILLIS).unwrap()), json!(MILLIS)),
        (member(utc()), json!("2019-01-29T16:31:57.121Z")),
        (member(21.3_f32), json!(21.3)),
    ] {
        assert_eq!(made.unwrap(), expected);
    }
    let brewed = || Brewed { count: 7, note: None, mode: Mode::QuickBoil, shared: true };
    let expected = json!({ "count": 7, "mode": "quick_boil", "Shared": true });
    assert_eq!(written(Properties::from_serialize(&brewed())), expected);
    assert_eq!(written(Properties::from_serialize(&Some(brewed()))), expected);
    assert_eq!(written(Properties::from_serialize(&expected)), expected);
    assert_eq!(written(Properties::from_serialize(&BTreeMap::from([(7, true)]))), json!({ "7": true }));

    let custom = CustomEventPayload::builder().subtype("brewed").user_id("user-7");
    let event = custom.extra(Properties::from_serialize(&brewed())).event().unwrap();
    let sent = serde_json::to_value(&event).unwrap();
    assert_eq!((&sent["payload"]["count"], sent["payload"].get("note")), (&json!(7), None));
}

#[test]
fn a_struct_with_members_that_are_no_properties_names_each_of_them() {
    for (what, made) in [
        ("too large", member(u64::MAX)),
        ("no number", member(f32::NAN)),
        ("nothing", member(())),
        ("a pair", member((1, 2))),
        ("a list", member(vec![1])),
        ("an object", member(BTreeMap::<String, u8>::new())),
        ("a struct", member(Brewed { count: 1, note: None, mode: Mode::QuickBoil, shared: true })),
        ("a clock", member(system())),
        ("what cannot be serialized", member(Failing)),
    ] {
        let error = made.expect_err(what);
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert_eq!(
            error.violations().iter().map(|found| found.pointer()).collect::<Vec<_>>(),
            ["/p"],
            "{what}"
        );
    }
    let several = json!({ "b": [1], "good": 1, "a": null });
    let error = Properties::from_serialize(&several).unwrap_err();
    assert_eq!(error.violations().iter().map(|found| found.pointer()).collect::<Vec<_>>(), ["/a", "/b"]);

    for (what, made) in [
        ("a number", Properties::from_serialize(&7)),
        ("a text", Properties::from_serialize("a")),
        ("a list", Properties::from_serialize(&[1])),
        ("nothing", Properties::from_serialize(&None::<u8>)),
        ("a variant", Properties::from_serialize(&Mode::QuickBoil)),
        ("keys that are no names", Properties::from_serialize(&BTreeMap::from([((1, 2), 3)]))),
    ] {
        assert_eq!(broken(made), places(&[""], "type"), "{what}");
    }
}

#[test]
fn a_builder_names_everything_that_breaks_the_contract_in_the_order_of_the_places() {
    let custom = CustomEventPayload::builder()
        .thing_id("a b")
        .extra(properties! { "count" => u64::MAX, "thing_id" => "twice", "fine" => 1 });
    let found = [("/count", "anyOf"), ("/subtype", "required"), ("/thing_id", "pattern")];
    let at = |place: &str| -> Vec<_> {
        found.iter().map(|(pointer, rule)| (format!("{place}{pointer}"), *rule)).collect()
    };
    assert_eq!(broken(custom.clone().build()), at(""));
    assert_eq!(broken(custom.clone().event()), at("/payload"));
    let mut all = vec![("/event_id".to_owned(), "pattern")];
    all.extend(at("/payload"));
    all.push(("/timestamp".to_owned(), "minimum"));
    assert_eq!(broken(custom.event_with("not an id", -1)), all);

    // Rules that no type holds.
    let twenty = Properties::from_iter((0..20).map(|at| (format!("p{at:02}"), at)));
    let nobody = CustomEventPayload::builder().subtype("brewed");
    assert_eq!(broken(nobody.clone().build()), places(&[""], "anyOf"));
    let many = nobody.clone().user_id("u-1").extra(twenty.clone());
    assert_eq!(broken(many.build()), places(&[""], "x-property-limit"));
    let many = UserCreatedPayload::builder().user_id("u-1").email("a").custom_properties(twenty);
    let found =
        [("/payload", "x-property-limit"), ("/payload/email", "minLength"), ("/payload/email", "pattern")];
    assert_eq!(broken(many.event()), found.map(|(pointer, rule)| (pointer.to_owned(), rule)));
    let twice = nobody.user_id("u-1").extra(properties! { "user_id" => "u-2" });
    assert_eq!(broken(twice.build()), places(&["/user_id"], "x-unique-names"));
    let late = ThingStatusChangedPayload::builder().thing_id("t").status_key("k").status_value("v");
    assert_eq!(broken(late.clone().status_date(i64::MAX).build()), places(&["/status_date"], "maximum"));
    assert!(late.status_date(MILLIS).build().is_ok());
}

#[test]
fn setters_take_texts_ids_and_times_of_every_kind() {
    let uuid = Uuid::parse_str(UUID).unwrap();
    let builder = || ThingConnectedPayload::builder().thing_id("t-1");
    let text = "u-1".to_owned();
    let user_id: copilot_api::types::UserId = "u-1".parse().unwrap();
    for (given, expected) in [
        (builder().user_id("u-1"), Some("u-1")),
        (builder().user_id(&text), Some("u-1")),
        (builder().user_id(text), Some("u-1")),
        (builder().user_id(&user_id), Some("u-1")),
        (builder().user_id(user_id.clone()), Some("u-1")),
        (builder().user_id(Some("u-1")), Some("u-1")),
        (builder().user_id(uuid), Some(UUID)),
        (builder().user_id("u-2").user_id(None::<&str>), None),
        (builder(), None),
    ] {
        let event = given.event_with(uuid, MILLIS).unwrap();
        assert_eq!(event.user_id().map(|id| id.as_str()), expected);
        assert_eq!((event.event_id().as_str(), **event.timestamp()), (UUID, MILLIS));
    }

    let changed = || ThingStatusChangedPayload::builder().thing_id("t").status_key("k").status_value("v");
    let at = EventTimestamp::from_millis(MILLIS).unwrap();
    let returned = UtcTimestamp::from_millis(MILLIS).unwrap();
    for given in [
        changed().status_date(MILLIS),
        changed().status_date(at),
        changed().status_date(returned),
        changed().status_date(utc()),
        changed().status_date(elsewhere()),
        changed().status_date(system()),
    ] {
        assert_eq!(*given.build().unwrap().status_date, MILLIS);
    }
    let payload = || builder().build().unwrap();
    for event in [
        payload().event_at(MILLIS),
        payload().event_at(at),
        payload().event_at(system()),
        payload().event_with("e-1".parse().unwrap(), at),
        builder().event_at(utc()).unwrap(),
    ] {
        assert_eq!(**event.timestamp(), MILLIS);
    }
    // Before the start of 1970, no event is built; of a payload, the check before sending refuses it.
    let early = DateTime::from_timestamp_millis(-1).unwrap();
    assert_eq!(broken(builder().event_at(early)), places(&["/timestamp"], "minimum"));
    let sent = copilot_api::check_event(&payload().event_at(early));
    assert_eq!(broken(sent), places(&["/timestamp"], "minimum"));
    assert_eq!(broken(changed().status_date(early).build()), places(&["/status_date"], "minimum"));
}
