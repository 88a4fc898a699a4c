//! The two forms of time, over their whole range.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, Utc};
use copilot_api::{EventTimestamp, TimestampError, UtcTimestamp, types::EventTime};
use copilot_tests::spec::{self, schema};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn the_bounds_are_the_contracts() {
    let event_time = schema("EventTime");
    assert_eq!(event_time.pointer("/minimum"), Some(&json!(EventTimestamp::MIN.as_millis())));
    assert_eq!(event_time.pointer("/maximum"), Some(&json!(EventTimestamp::MAX.as_millis())));
    assert_eq!(UtcTimestamp::MIN.to_string(), "0000-01-01T00:00:00.000Z");
    assert_eq!(UtcTimestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    assert_eq!(UtcTimestamp::from(EventTimestamp::MAX), UtcTimestamp::MAX);
    assert_eq!(EventTimestamp::MIN.to_string(), "1970-01-01T00:00:00.000Z");
}

#[test]
fn a_time_outside_the_range_is_refused_and_says_the_range() {
    for millis in [-1, i64::MIN, EventTimestamp::MAX.as_millis() + 1, i64::MAX] {
        let error = EventTimestamp::from_millis(millis).unwrap_err();
        assert!(
            matches!(error, TimestampError::OutOfRange { millis: found, .. } if found == i128::from(millis))
        );
        assert!(serde_json::from_value::<EventTimestamp>(json!(millis)).is_err());
    }
    assert!(UtcTimestamp::from_millis(UtcTimestamp::MAX.as_millis() + 1).is_err());
    assert!(EventTimestamp::from_secs(253_402_300_800).is_err());
    assert!(EventTimestamp::from_secs(253_402_300_799).is_ok());
    assert!(EventTimestamp::try_from(UtcTimestamp::MIN).is_err());
    assert!(EventTimestamp::try_from(UNIX_EPOCH - Duration::from_nanos(1)).is_err());
}

proptest! {
    #[test]
    fn utc_timestamps_survive_text_chrono_and_json(millis in UtcTimestamp::MIN.as_millis()..=UtcTimestamp::MAX.as_millis()) {
        let time = UtcTimestamp::from_millis(millis).unwrap();
        let text = time.to_string();
        prop_assert_eq!(text.parse::<UtcTimestamp>().unwrap(), time);
        prop_assert_eq!(UtcTimestamp::try_from(DateTime::<Utc>::from(time)).unwrap(), time);
        prop_assert_eq!(serde_json::from_value::<UtcTimestamp>(serde_json::to_value(time).unwrap()).unwrap(), time);
        // An independent reader agrees, and so does the contract's pattern.
        prop_assert_eq!(DateTime::parse_from_rfc3339(&text).unwrap().timestamp_millis(), millis);
        prop_assert!(spec::matches(schema("UtcTimestamp")["pattern"].as_str().unwrap(), &text));
    }

    #[test]
    fn event_timestamps_survive_every_conversion(millis in EventTimestamp::MIN.as_millis()..=EventTimestamp::MAX.as_millis()) {
        let time = EventTimestamp::from_millis(millis).unwrap();
        prop_assert_eq!(i64::from(time), millis);
        prop_assert_eq!(EventTimestamp::try_from(millis).unwrap(), time);
        prop_assert_eq!(EventTimestamp::try_from(DateTime::<Utc>::from(time)).unwrap(), time);
        prop_assert_eq!(EventTimestamp::try_from(SystemTime::from(time)).unwrap(), time);
        prop_assert_eq!(EventTimestamp::try_from(UtcTimestamp::from(time)).unwrap(), time);
        prop_assert_eq!(EventTimestamp::try_from(EventTime::from(time)).unwrap(), time);
        prop_assert_eq!(serde_json::to_value(time).unwrap(), json!(millis));
        prop_assert_eq!(serde_json::from_value::<EventTimestamp>(json!(millis)).unwrap(), time);
    }

    #[test]
    fn what_is_finer_than_a_millisecond_is_rounded_down(millis in 0..=4_102_444_800_000_i64, nanos in 0..1_000_000_u32, hours in -12..=14) {
        let offset = FixedOffset::east_opt(hours * 3600).unwrap();
        let fine = DateTime::<Utc>::from_timestamp_millis(millis).unwrap() + Duration::from_nanos(nanos.into());
        prop_assert_eq!(EventTimestamp::try_from(fine.with_timezone(&offset)).unwrap().as_millis(), millis);
        prop_assert_eq!(UtcTimestamp::try_from(fine.with_timezone(&offset)).unwrap().as_millis(), millis);
        let system = UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs()) + Duration::from_nanos(nanos.into());
        prop_assert_eq!(EventTimestamp::try_from(system).unwrap().as_millis(), millis);
    }

    #[test]
    fn no_text_makes_the_reader_panic_or_read_another_form(text in "\\PC{0,30}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z") {
        match text.parse::<UtcTimestamp>() {
            Ok(time) => prop_assert_eq!(time.to_string(), text),
            Err(_) => prop_assert!(DateTime::parse_from_rfc3339(&text).is_err() || text.len() != 24 || text.contains(":60.")),
        }
    }
}
