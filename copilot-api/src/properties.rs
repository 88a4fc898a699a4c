//! Properties of the caller's own, and what times become among them.

use copilot_gen::{
    IntoMillis, IntoProperty, IntoPropertyValue, InvalidInput, contract::Millis, types::PropertyValue,
};

use crate::{EventTimestamp, UtcTimestamp};

/// Properties of your own, for `extra` and `custom_properties`: a `Result<Properties, InvalidInput>`, which these take
/// as it is.
///
/// A name is a literal, or a `String` that is given away: of a borrowed one, `name.to_owned()`.
/// What a value may be: [`IntoPropertyValue`](crate::IntoPropertyValue). A struct of your own goes to
/// `Properties::from_serialize` instead.
///
/// ```
/// use copilot_api::{NewEvent, properties, types::CustomEventPayload};
///
/// let note: Option<String> = None;
/// let sensor: &str = &format!("sensor_{}", 7);
/// let event = CustomEventPayload::builder()
///     .subtype("recipe_started")
///     .user_id("user-7")
///     .extra(properties! { "recipe" => "Oolong, second infusion", "target_celsius" => 85, "note" => note, sensor.to_owned() => 21.5 })
///     .event()?;
/// # Ok::<(), copilot_api::InvalidInput>(())
/// ```
///
/// What the contract does not take is refused by its name, with all else that breaks the contract:
///
/// ```
/// # use copilot_api::{NewEvent, properties, types::CustomEventPayload};
/// let extra = properties! { "count" => u64::MAX, "share" => 1.0 / 0.0 };
/// let error = CustomEventPayload::builder().subtype("counted").user_id("user-7").extra(extra).event().unwrap_err();
/// let places: Vec<&str> = error.violations().iter().map(|violation| violation.pointer()).collect();
/// assert_eq!(places, ["/payload/count", "/payload/share"]);
/// ```
///
/// What is no scalar does not compile, and the compiler says what to do: for an enum or a struct of your own
/// `Properties::from_serialize`, for a decimal `f64` or text.
///
/// ```compile_fail,E0277
/// let cups = copilot_api::properties! { "cups" => vec![1, 2] };
/// ```
#[macro_export]
macro_rules! properties {
    ($($name:expr => $value:expr),* $(,)?) => {
        $crate::types::Properties::collected([
            $((::std::borrow::Cow::from($name), $crate::IntoPropertyValue::into_property_value($value))),*
        ])
    };
}

macro_rules! times {
    ($($time:ty),+) => {
        $(
            impl IntoMillis for $time {
                fn into_millis(self) -> i64 {
                    self.as_millis()
                }
            }

            impl<T: Millis> IntoProperty<T> for $time {
                fn into_property(self) -> Result<T, InvalidInput> {
                    Ok(self.as_millis().into())
                }
            }

            impl IntoPropertyValue for $time {
                fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
                    Ok(Some(self.as_millis().into()))
                }
            }
        )+
    };
}

times!(EventTimestamp, UtcTimestamp);

/// Of the kinds of values that people try, these do not compile.
///
/// ```compile_fail,E0277
/// enum Mode { Boil }
/// copilot_api::properties! { "mode" => Mode::Boil };
/// ```
///
/// ```compile_fail,E0277
/// struct Decimal;
/// copilot_api::properties! { "price" => Decimal };
/// ```
///
/// ```compile_fail,E0277
/// struct Brewed { cups: u8 }
/// copilot_api::types::CustomEventPayload::builder().extra(Brewed { cups: 1 });
/// ```
///
/// ```compile_fail,E0277
/// copilot_api::types::ThingConnectedPayload::builder().thing_id(Some("t-1"));
/// ```
///
/// ```compile_fail,E0277
/// copilot_api::types::ThingConnectedPayload::builder().user_id(7_u64);
/// ```
#[cfg(doctest)]
struct NoProperties;
