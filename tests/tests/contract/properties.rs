//! What properties are made of: what each kind of value becomes, and what is refused, by which name.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, FixedOffset, Utc};
use copilot_api::{
    Error, EventTimestamp, InvalidInput, NewEvent, Properties, UtcTimestamp, properties,
    types::{
        CustomEventPayload, PropertyValue, ThingConnectedPayload, ThingInteractionPayload,
        ThingStatusChangedPayload, UserCreatedPayload,
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

/// As a decimal type of a library, which serializes as text.
struct Decimal;

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("20.50")
    }
}

struct Failing;

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("secret"))
    }
}

#[derive(Serialize)]
struct Wrapped(u8);

#[derive(Serialize)]
struct Brewed<'a> {
    count: u64,
    size: usize,
    note: Option<&'a str>,
    cups: Option<u32>,
    mode: Mode,
    at: EventTimestamp,
    chrono: DateTime<Utc>,
    utc: UtcTimestamp,
    id: Uuid,
    price: Decimal,
    cow: Cow<'a, str>,
    number: Value,
    degrees: f32,
    wrapped: Wrapped,
    #[serde(rename = "Shared")]
    shared: bool,
}

fn brewed() -> Brewed<'static> {
    Brewed {
        count: 7,
        size: 8,
        note: None,
        cups: Some(2),
        mode: Mode::QuickBoil,
        at: EventTimestamp::from_millis(MILLIS).unwrap(),
        chrono: utc(),
        utc: UtcTimestamp::from_millis(MILLIS).unwrap(),
        id: Uuid::parse_str(UUID).unwrap(),
        price: Decimal,
        cow: "oolong".into(),
        number: json!(9.5),
        degrees: 21.3,
        wrapped: Wrapped(1),
        shared: true,
    }
}

#[test]
fn a_struct_becomes_properties_as_it_serializes() {
    let expected = json!({
        "count": 7, "size": 8, "cups": 2, "mode": "quick_boil", "at": MILLIS, "chrono": "2019-01-29T16:31:57.121Z",
        "utc": "2019-01-29T16:31:57.121Z", "id": UUID, "price": "20.50", "cow": "oolong", "number": 9.5,
        "degrees": 21.3, "wrapped": 1, "Shared": true
    });
    assert_eq!(written(Properties::from_serialize(&brewed())), expected);
    assert_eq!(written(Properties::from_serialize(&Some(brewed()))), expected);
    assert_eq!(written(Properties::from_serialize(&expected)), expected);
    assert_eq!(written(Properties::from_serialize(&BTreeMap::from([(7, true)]))), json!({ "7": true }));

    let event = CustomEventPayload::builder()
        .subtype("brewed")
        .user_id("user-7")
        .extra(Properties::from_serialize(&brewed()))
        .event()
        .unwrap();
    let sent = serde_json::to_value(&event).unwrap();
    assert_eq!((&sent["payload"]["count"], &sent["payload"]["mode"]), (&json!(7), &json!("quick_boil")));
    assert_eq!(sent["payload"].get("note"), None);
}

#[test]
fn a_struct_with_members_that_are_no_properties_names_each_of_them() {
    #[derive(Serialize)]
    enum Choice {
        Tuple(u8, u8),
        Struct { a: u8 },
        Newtype(u8),
    }
    #[derive(Serialize)]
    struct Wrong {
        good: u8,
        max: u64,
        nan: f32,
        unit: (),
        pair: (u8, u8),
        list: Vec<u8>,
        map: BTreeMap<String, u8>,
        nested: Wrapped2,
        choice: Choice,
        choice_2: Choice,
        choice_3: Choice,
        bytes: Bytes,
        clock: SystemTime,
        failing: Failing,
    }
    #[derive(Serialize)]
    struct Wrapped2 {
        inner: u8,
    }
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(b"secret")
        }
    }
    let wrong = Wrong {
        good: 1,
        max: u64::MAX,
        nan: f32::NAN,
        unit: (),
        pair: (1, 2),
        list: vec![1],
        map: BTreeMap::new(),
        nested: Wrapped2 { inner: 1 },
        choice: Choice::Tuple(1, 2),
        choice_2: Choice::Struct { a: 1 },
        choice_3: Choice::Newtype(1),
        bytes: Bytes,
        clock: system(),
        failing: Failing,
    };
    let error = Properties::from_serialize(&wrong).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    let found: Vec<&str> = error.violations().iter().map(|found| found.pointer()).collect();
    let names = "bytes choice choice_2 choice_3 clock failing list map max nan nested pair unit";
    assert_eq!(
        found.join(" "),
        names.split(' ').map(|name| format!("/{name}")).collect::<Vec<_>>().join(" ")
    );

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
fn a_violation_of_a_builder_has_the_grade_of_its_rule_and_never_the_value() {
    let error = ThingConnectedPayload::builder().user_id("zoe martinez").build().unwrap_err();
    let found: Vec<_> = error
        .violations()
        .iter()
        .map(|found| (found.pointer(), found.rule(), found.provenance().to_string()))
        .collect();
    assert_eq!(
        found,
        [
            ("/thing_id", "required", "documented".to_owned()),
            ("/user_id", "pattern", "documented".to_owned())
        ]
    );
    assert!(!format!("{error} {error:?}").contains("martinez"));
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
        (builder().user_id(Cow::Borrowed("u-1")), Some("u-1")),
        (builder().user_id(&user_id), Some("u-1")),
        (builder().user_id(user_id.clone()), Some("u-1")),
        (builder().user_id(Some("u-1")), Some("u-1")),
        (builder().user_id(uuid), Some(UUID)),
        (builder().user_id(Some(uuid)), Some(UUID)),
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
        payload().event_at(returned),
        payload().event_at(utc()),
        payload().event_at(elsewhere()),
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

/// Compiles: one error through building, reading, checking, consent and sending.
async fn whole_day(client: &copilot_api::Client, json: &str) -> Result<usize, Error> {
    let connected = ThingConnectedPayload::builder().thing_id("t-1").event()?;
    let pressed =
        ThingInteractionPayload::builder().thing_id("t-1").extra(properties! { "held" => 2 }).event()?;
    let read = copilot_api::parse_event(json)?;
    copilot_api::check_event(&read)?;
    let named = connected.clone().event_id().as_str().parse::<copilot_api::types::EventId>()?;
    let properties = properties! { "id" => named.as_str() }?;
    client.set_consent("user-7", true).await?;
    let report = client.collect([connected, pressed, read]).await?;
    Ok(report.accepted() + properties.len())
}

#[tokio::test]
async fn one_error_goes_through_building_reading_and_sending() {
    let client = copilot_api::Client::for_tests("http://127.0.0.1:9", "id", "secret").unwrap();
    let error = whole_day(&client, "{").await.unwrap_err();
    assert!(error.is_invalid_input() && error.operation().is_none() && !error.may_have_been_taken());
    assert_eq!((error.violations()[0].pointer(), error.violations()[0].rule()), ("", "json"));
    assert!(error.to_string().contains("line 1, column 2"), "{error}");
    let error: Error = ThingConnectedPayload::builder().event().unwrap_err().into();
    assert_eq!(error.to_string(), "/payload/thing_id: `thing_id` is missing (required, documented)");
}
