//! What schemas take.

use serde_json::{Value, json};

use super::{Edit, SCHEMAS, check, contract, edited, lines};

#[test]
fn bounds_break_when_they_narrow_what_is_sent_or_widen_what_is_read() {
    check(&[
        (
            &[("UserId/minLength", json!(2))],
            &["Senders: UserId/minLength: was 1, is 2"],
            &["Addition: UserId/minLength: was 2, is 1"],
        ),
        (
            &[("UserId/maxLength", json!(9))],
            &["Senders: UserId/maxLength: was not there, is 9"],
            &["Addition: UserId/maxLength: was 9, is gone"],
        ),
        (
            &[("EventId/maxLength", json!(60))],
            &["Addition: EventId/maxLength: was 50, is 60"],
            &["Senders: EventId/maxLength: was 60, is 50"],
        ),
        (
            &[("EpochMillis/minimum", json!(-1))],
            &["Addition: EpochMillis/minimum: was 0, is -1"],
            &["Senders: EpochMillis/minimum: was -1, is 0"],
        ),
        (
            &[("EpochMillis/minimum", Value::Null)],
            &["Addition: EpochMillis/minimum: was 0, is gone"],
            &["Senders: EpochMillis/minimum: was not there, is 0"],
        ),
        (
            &[("EpochMillis/maximum", json!(253_402_300_800_000_i64))],
            &["Addition: EpochMillis/maximum: was 253402300799999, is 253402300800000"],
            &["Senders: EpochMillis/maximum: was 253402300800000, is 253402300799999"],
        ),
        (
            &[("EpochMillis/exclusiveMinimum", json!(true))],
            &["Senders: EpochMillis/exclusiveMinimum: was not there, is true"],
            &["Addition: EpochMillis/exclusiveMinimum: was true, is gone"],
        ),
        (
            &[("CollectRequest/properties/events/minItems", json!(2))],
            &["Senders: CollectRequest/properties/events/minItems: was 1, is 2"],
            &["Addition: CollectRequest/properties/events/minItems: was 2, is 1"],
        ),
        (
            &[("CollectRequest/properties/events/maxItems", json!(500))],
            &["Senders: CollectRequest/properties/events/maxItems: was not there, is 500"],
            &["Addition: CollectRequest/properties/events/maxItems: was 500, is gone"],
        ),
        (
            &[("CollectRequest/properties/events/uniqueItems", json!(true))],
            &["Senders: CollectRequest/properties/events/uniqueItems: was not there, is true"],
            &["Addition: CollectRequest/properties/events/uniqueItems: was true, is gone"],
        ),
        (
            &[("CustomProperties/maxProperties", json!(20))],
            &["Senders: CustomProperties/maxProperties: was not there, is 20"],
            &["Addition: CustomProperties/maxProperties: was 20, is gone"],
        ),
        (
            &[("CustomProperties/minProperties", json!(1))],
            &["Senders: CustomProperties/minProperties: was not there, is 1"],
            &["Addition: CustomProperties/minProperties: was 1, is gone"],
        ),
    ]);
}

#[test]
fn patterns_and_formats_that_became_others_cannot_be_compared() {
    check(&[
        (
            &[("UserId/pattern", json!("^[a-z]*$"))],
            &["Anyone: UserId/pattern: was \"^[a-zA-Z0-9:\\\\-._+@]*$\", is \"^[a-z]*$\""],
            &["Anyone: UserId/pattern: was \"^[a-z]*$\", is \"^[a-zA-Z0-9:\\\\-._+@]*$\""],
        ),
        (
            &[("UserId/pattern", Value::Null)],
            &["Addition: UserId/pattern: was \"^[a-zA-Z0-9:\\\\-._+@]*$\", is gone"],
            &["Senders: UserId/pattern: was not there, is \"^[a-zA-Z0-9:\\\\-._+@]*$\""],
        ),
        (
            &[("InvalidEvent/properties/error/pattern", json!("^[a-z]*$"))],
            &["Addition: InvalidEvent/properties/error/pattern: was not there, is \"^[a-z]*$\""],
            &["Readers: InvalidEvent/properties/error/pattern: was \"^[a-z]*$\", is gone"],
        ),
        (
            &[("EpochMillis/format", Value::Null)],
            &["Addition: EpochMillis/format: was \"int64\", is gone"],
            &["Senders: EpochMillis/format: was not there, is \"int64\""],
        ),
        (
            &[("Token/format", json!("hostname"))],
            &["Senders: Token/format: was not there, is \"hostname\""],
            &["Addition: Token/format: was \"hostname\", is gone"],
        ),
        (
            &[("EpochMillis/format", json!("date"))],
            &["Anyone: EpochMillis/format: was \"int64\", is \"date\""],
            &["Anyone: EpochMillis/format: was \"date\", is \"int64\""],
        ),
        (
            &[("EpochMillis/format", json!("int32"))],
            &["Senders: EpochMillis/format: was \"int64\", is \"int32\""],
            &["Addition: EpochMillis/format: was \"int32\", is \"int64\""],
        ),
        (
            &[("InvalidEvent/properties/index/format", json!("int32"))],
            &["Addition: InvalidEvent/properties/index/format: was \"int64\", is \"int32\""],
            &["Readers: InvalidEvent/properties/index/format: was \"int32\", is \"int64\""],
        ),
    ]);
}

#[test]
fn types_and_enumerations_break_senders_by_less_and_readers_by_more() {
    check(&[
        (
            &[("EpochMillis/type", json!("string"))],
            &["Senders: EpochMillis/type: was \"integer\", is \"string\""],
            &["Senders: EpochMillis/type: was \"string\", is \"integer\""],
        ),
        (
            &[("EpochMillis/type", json!("number"))],
            &["Addition: EpochMillis/type: was \"integer\", is \"number\""],
            &["Senders: EpochMillis/type: was \"number\", is \"integer\""],
        ),
        (
            &[("InvalidEvent/properties/index/type", json!("number"))],
            &["Readers: InvalidEvent/properties/index/type: was \"integer\", is \"number\""],
            &["Addition: InvalidEvent/properties/index/type: was \"number\", is \"integer\""],
        ),
        (
            &[("UserId/nullable", json!(true))],
            &["Addition: UserId/nullable: was not there, is true"],
            &["Senders: UserId/nullable: was true, is gone"],
        ),
        (
            &[("InvalidEvent/properties/error/nullable", json!(true))],
            &["Readers: InvalidEvent/properties/error/nullable: was not there, is true"],
            &["Addition: InvalidEvent/properties/error/nullable: was true, is gone"],
        ),
        (
            &[("UtcOffset/enum", json!(["Z"]))],
            &["Senders: UtcOffset/enum: was not there, is [\"Z\"]"],
            &["Addition: UtcOffset/enum: was [\"Z\"], is gone"],
        ),
        (
            &[("InvalidEvent/properties/error/enum", json!(["no"]))],
            &["Addition: InvalidEvent/properties/error/enum: was not there, is [\"no\"]"],
            &["Readers: InvalidEvent/properties/error/enum: was [\"no\"], is gone"],
        ),
        (
            &[("UserCreatedEvent/properties/type/enum", json!(["user_created", "user_made"]))],
            &["Addition: UserCreatedEvent/properties/type/enum: \"user_made\" is new"],
            &["Senders: UserCreatedEvent/properties/type/enum: \"user_made\" is gone"],
        ),
        (
            &[("UtcTimestamp/minLength", json!(20))],
            &["Readers: UtcTimestamp/minLength: was 24, is 20"],
            &["Senders: UtcTimestamp/minLength: was 20, is 24"],
        ),
    ]);
}

#[test]
fn properties_break_when_they_go_or_come_under_rules() {
    check(&[
        (
            &[("UserDeletedPayload/required", json!([]))],
            &["Addition: UserDeletedPayload/required: `user_id` is no longer required"],
            &["Senders: UserDeletedPayload/required: `user_id` is required now"],
        ),
        (
            &[("InvalidEvent/required", json!(["event_id"]))],
            &["Addition: InvalidEvent/required: `event_id` is required now"],
            &["Readers: InvalidEvent/required: `event_id` is no longer required"],
        ),
        (
            &[("UserDeletedPayload/properties/reason", json!({"type": "string"}))],
            &[
                "Addition: UserDeletedPayload/properties/reason: the property `reason` is new in a closed object",
            ],
            &["Senders: UserDeletedPayload/properties/reason: the property `reason` is gone"],
        ),
        (
            &[("CollectRequest/properties/note", json!({"type": "string"}))],
            &["Addition: CollectRequest/properties/note: the property `note` is new in a closed object"],
            &["Senders: CollectRequest/properties/note: the property `note` is gone"],
        ),
        (
            &[("ThingInteractionPayload/properties/mode", json!({"$ref": "#/components/schemas/Token"}))],
            &[
                "Senders: ThingInteractionPayload/properties/mode: the property `mode` has rules now, and was the sender's own",
            ],
            &["Senders: ThingInteractionPayload/properties/mode: the property `mode` is gone"],
        ),
        (
            &[(
                "ThingInteractionPayload/properties/mode",
                json!({"$ref": "#/components/schemas/PropertyValue"}),
            )],
            &["Addition: ThingInteractionPayload/properties/mode: the property `mode` is new"],
            &["Senders: ThingInteractionPayload/properties/mode: the property `mode` is gone"],
        ),
        (
            &[("CollectResponse/properties/taken", json!({"type": "integer"}))],
            &["Addition: CollectResponse/properties/taken: the property `taken` is new"],
            &["Readers: CollectResponse/properties/taken: the property `taken` is gone"],
        ),
        (
            &[("UserDeletedPayload/additionalProperties", json!(true))],
            &["Addition: UserDeletedPayload/additionalProperties: was false, is true"],
            &["Senders: UserDeletedPayload/additionalProperties: was true, is false"],
        ),
        (
            &[("CustomProperties/additionalProperties", json!(true))],
            &[
                "Addition: CustomProperties/additionalProperties: was {\"$ref\":\"#/components/schemas/PropertyValue\"}, is true",
            ],
            &[
                "Senders: CustomProperties/additionalProperties: was true, is {\"$ref\":\"#/components/schemas/PropertyValue\"}",
            ],
        ),
        (
            &[("ErrorBody/additionalProperties", json!(false))],
            &["Addition: ErrorBody/additionalProperties: was true, is false"],
            &["Readers: ErrorBody/additionalProperties: was false, is true"],
        ),
        (
            &[("UserDeletedPayload/properties/user_id", json!({"$ref": "#/components/schemas/Token"}))],
            &[
                "Code: UserDeletedPayload/properties/user_id: was `#/components/schemas/UserId`, is `#/components/schemas/Token`",
                "Note: UserDeletedPayload/properties/user_id/description: differs",
                "Note: UserDeletedPayload/properties/user_id/example: differs",
            ],
            &[
                "Code: UserDeletedPayload/properties/user_id: was `#/components/schemas/Token`, is `#/components/schemas/UserId`",
                "Note: UserDeletedPayload/properties/user_id/description: differs",
                "Note: UserDeletedPayload/properties/user_id/example: differs",
            ],
        ),
    ]);
}

#[test]
fn variants_and_the_discriminator_are_matched_by_name() {
    let contract = contract();
    let mut scalars_but_booleans =
        contract.pointer(&format!("{SCHEMAS}PropertyValue/anyOf")).unwrap().clone();
    scalars_but_booleans.as_array_mut().unwrap().pop();
    check(&[
        (
            &[("PropertyValue/anyOf", json!([{"type": "string"}, {"type": "boolean"}]))],
            &[
                "Note: PropertyValue/anyOf/0/x-provenance: differs",
                "Note: PropertyValue/anyOf/0/x-unbounded: differs",
                "Senders: PropertyValue/anyOf/1: `integer` is gone",
                "Note: PropertyValue/anyOf/1/x-provenance: differs",
                "Senders: PropertyValue/anyOf/2: `number` is gone",
            ],
            &[
                "Note: PropertyValue/anyOf/0/x-provenance: differs",
                "Note: PropertyValue/anyOf/0/x-unbounded: differs",
                "Addition: PropertyValue/anyOf/1: `integer` is new",
                "Addition: PropertyValue/anyOf/2: `number` is new",
                "Note: PropertyValue/anyOf/3/x-provenance: differs",
            ],
        ),
        (
            &[("PropertyValue/anyOf", scalars_but_booleans)],
            &["Senders: PropertyValue/anyOf/3: `boolean` is gone"],
            &["Addition: PropertyValue/anyOf/3: `boolean` is new"],
        ),
        (
            &[("PropertyValue/anyOf", Value::Null)],
            &["Addition: PropertyValue/anyOf: is gone"],
            &["Senders: PropertyValue/anyOf: was not there"],
        ),
        (
            &[("ThingConnectedPayload/allOf", json!([{"required": ["user_id"]}]))],
            &["Senders: ThingConnectedPayload/allOf/0: a variant without a name is new"],
            &["Addition: ThingConnectedPayload/allOf/0: a variant without a name is gone"],
        ),
        (
            &[("Token/not", json!({"enum": ["none"]}))],
            &["Senders: Token/not: was not there, is {\"enum\":[\"none\"]}"],
            &["Addition: Token/not: was {\"enum\":[\"none\"]}, is gone"],
        ),
        (
            &[("Event/discriminator", Value::Null)],
            &["Code: Event/discriminator: is gone"],
            &["Code: Event/discriminator: is new"],
        ),
        (
            &[("Event/discriminator/propertyName", json!("kind"))],
            &["Code: Event/discriminator/propertyName: was \"type\", is \"kind\""],
            &["Code: Event/discriminator/propertyName: was \"kind\", is \"type\""],
        ),
        (
            &[("Event/discriminator/mapping/unsubscribe", Value::Null)],
            &["Senders: Event/discriminator/mapping/unsubscribe: `unsubscribe` is gone"],
            &["Addition: Event/discriminator/mapping/unsubscribe: `unsubscribe` is new"],
        ),
        (
            &[("Event/discriminator/mapping/unsubscribe", json!("#/components/schemas/CustomEvent"))],
            &[
                "Code: Event/discriminator/mapping/unsubscribe: was \"#/components/schemas/UnsubscribeEvent\", is \"#/components/schemas/CustomEvent\"",
            ],
            &[
                "Code: Event/discriminator/mapping/unsubscribe: was \"#/components/schemas/CustomEvent\", is \"#/components/schemas/UnsubscribeEvent\"",
            ],
        ),
    ]);
}

#[test]
fn extensions_that_refuse_values_are_bounds_too() {
    check(&[
        (
            &[("EventTime/x-time-window/past", json!(2_591_999_999_i64))],
            &["Senders: EventTime/x-time-window/past: was 2592000000, is 2591999999"],
            &["Addition: EventTime/x-time-window/past: was 2591999999, is 2592000000"],
        ),
        (
            &[("EventTime/x-time-window/future", json!(300_001))],
            &["Addition: EventTime/x-time-window/future: was 300000, is 300001"],
            &["Senders: EventTime/x-time-window/future: was 300001, is 300000"],
        ),
        (
            &[("EventTime/x-time-window", Value::Null)],
            &[
                "Addition: EventTime/x-time-window/future: was 300000, is gone",
                "Addition: EventTime/x-time-window/past: was 2592000000, is gone",
            ],
            &[
                "Senders: EventTime/x-time-window/future: was not there, is 300000",
                "Senders: EventTime/x-time-window/past: was not there, is 2592000000",
            ],
        ),
        (
            &[("Event/x-property-limit/maximum", json!(19))],
            &["Senders: Event/x-property-limit/maximum: was 20, is 19"],
            &["Addition: Event/x-property-limit/maximum: was 19, is 20"],
        ),
        (
            &[("Event/x-property-limit/within", json!("type"))],
            &["Anyone: Event/x-property-limit/within: was \"payload\", is \"type\""],
            &["Anyone: Event/x-property-limit/within: was \"type\", is \"payload\""],
        ),
        (
            &[("Event/x-unique-names", Value::Null)],
            &["Addition: Event/x-unique-names: was true, is gone"],
            &["Senders: Event/x-unique-names: was not there, is true"],
        ),
        (
            &[("Event/x-property-limit", Value::Null)],
            &["Addition: Event/x-property-limit/maximum: was 20, is gone"],
            &["Senders: Event/x-property-limit/maximum: was not there, is 20"],
        ),
    ]);
}

#[test]
fn a_variant_that_goes_breaks_who_sends_it() {
    let contract = contract();
    let variants = contract.pointer(&format!("{SCHEMAS}Event/oneOf")).and_then(Value::as_array).unwrap();
    let place = variants.iter().position(|it| it.to_string().contains("Unsubscribe")).unwrap();
    let mut fewer = variants.clone();
    fewer.remove(place);
    let told = |what| format!("Event/oneOf/{place}: `#/components/schemas/UnsubscribeEvent` is {what}");
    let gone = [("Event/oneOf", json!(fewer)), ("Event/discriminator/mapping/unsubscribe", Value::Null)];
    check(&[(
        &gone,
        &[
            "Senders: Event/discriminator/mapping/unsubscribe: `unsubscribe` is gone",
            &format!("Senders: {}", told("gone")),
        ],
        &[
            "Addition: Event/discriminator/mapping/unsubscribe: `unsubscribe` is new",
            &format!("Addition: {}", told("new")),
        ],
    )]);
}

/// A discriminator that readers go by may not bring them what they do not know.
#[test]
fn what_is_sent_and_read_breaks_either_way() {
    let token = ("CollectResponse/properties/batch", json!({"$ref": "#/components/schemas/Token"}));
    let event = ("CollectResponse/properties/last", json!({"$ref": "#/components/schemas/Event"}));
    let both = edited(&contract(), &[token, event]);
    let rows: [(Edit, &str, &str); 3] = [
        (
            ("Token/minLength", json!(2)),
            "Senders: Token/minLength: was 1, is 2",
            "Readers: Token/minLength: was 2, is 1",
        ),
        (
            ("Event/discriminator/mapping/more", json!("#/components/schemas/CustomEvent")),
            "Readers: Event/discriminator/mapping/more: `more` is new",
            "Senders: Event/discriminator/mapping/more: `more` is gone",
        ),
        (
            ("UserDeletedPayload/properties/reason", json!({"type": "string"})),
            "Readers: UserDeletedPayload/properties/reason: the property `reason` is new in a closed object",
            "Senders+Readers: UserDeletedPayload/properties/reason: the property `reason` is gone",
        ),
    ];
    for (edit, there, back) in rows {
        let changed = edited(&both, &[edit]);
        assert_eq!(lines(&both, &changed), [there]);
        assert_eq!(lines(&changed, &both), [back]);
    }
}

/// Both contracts have a schema that refers to itself, and a use of it that changed its name.
#[test]
fn a_schema_that_refers_to_itself_is_compared_once() {
    let tree =
        |name: &str| json!({"type": "object", "additionalProperties": {"$ref": format!("#{SCHEMAS}{name}")}});
    let use_of = |name: &str| ("ConsentChange/properties/tree", json!({"$ref": format!("#{SCHEMAS}{name}")}));
    let names = ["Tree", "Wood"].map(|name| (name, tree(name)));
    let old = edited(&contract(), &[names.as_slice(), &[use_of("Tree")]].concat());
    let new = edited(&contract(), &[names.as_slice(), &[use_of("Wood")]].concat());
    let expected = "Code: ConsentChange/properties/tree: was `#/components/schemas/Tree`, is `#/components/schemas/Wood`";
    assert_eq!(lines(&old, &new).first().unwrap(), expected);
}
