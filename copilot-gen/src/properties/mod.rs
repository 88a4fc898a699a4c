//! Properties of the caller's own: how they are made, and of what.

mod map;
mod scalar;
mod serializer;

use std::{borrow::Cow, time::SystemTime};

use chrono::{DateTime, TimeZone};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    contract::{IntoMillis, IntoProperty, InvalidInput, Judge, Provenance, Violation},
    json::Json,
    types::PropertyValue,
};

pub use map::Properties;

/// A value for a property of your own, as `properties!` takes it.
///
/// - Every integer type; what does not fit an `i64` is refused when the properties are made.
/// - `f64` and `f32`, if they are finite and within 64 bits; an `f32` is sent as the decimal that was written.
/// - `bool`, `char`, `&str`, `String`, `Cow<str>`, and a `Uuid`, which is written with hyphens.
/// - Times, as whole milliseconds since 1970: so are all times that the API takes. For another form, format them.
/// - A `serde_json::Value` that is a string, a number or a boolean.
/// - An `Option` of one of these; `None`: the property is absent.
///
/// A struct of your own gives all its fields at once to `Properties::from_serialize`, which takes enums as well.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of a property",
    label = "this is no string, number, boolean, time or `Uuid`, and no `Option` of one",
    note = "turn a decimal into an `f64`, or into text with `.to_string()`; write the name of an enum's variant",
    note = "a struct whose fields are the properties goes to `Properties::from_serialize(&value)`, whose fields may also be enums"
)]
pub trait IntoPropertyValue {
    /// The value; `None` where there is none.
    #[doc(hidden)]
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput>;
}

/// The contract takes them all, or the generator would have refused it.
macro_rules! taken {
    ($($source:ty),+) => {
        $(impl IntoPropertyValue for $source {
            fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
                Ok(Some(self.into()))
            }
        })+
    };
}

taken!(i8, i16, i32, i64, u8, u16, u32, bool, &str, String, &String, char);

impl IntoPropertyValue for Cow<'_, str> {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        Ok(Some(self.into_owned().into()))
    }
}

impl IntoPropertyValue for f64 {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        PropertyValue::Double(self).into_property_value()
    }
}

impl IntoPropertyValue for f32 {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        PropertyValue::from(self).into_property_value()
    }
}

macro_rules! long_integers {
    ($($source:ty),+) => {
        $(impl IntoPropertyValue for $source {
            fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
                scalar::judged(self.try_into().map_or(Json::LongInteger, Json::Integer)).map(Some)
            }
        })+
    };
}

long_integers!(i128, isize, u64, u128, usize);

impl IntoPropertyValue for PropertyValue {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        Judge::of_choice(self).map(Some)
    }
}

impl IntoPropertyValue for Uuid {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        self.to_string().into_property_value()
    }
}

impl<Tz: TimeZone> IntoPropertyValue for DateTime<Tz> {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        self.into_millis().into_property_value()
    }
}

impl IntoPropertyValue for SystemTime {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        self.into_millis().into_property_value()
    }
}

impl IntoPropertyValue for Value {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        scalar::judged(Json::from(&self)).map(Some)
    }
}

impl<V: IntoPropertyValue> IntoPropertyValue for Option<V> {
    fn into_property_value(self) -> Result<Option<PropertyValue>, InvalidInput> {
        self.map_or(Ok(None), V::into_property_value)
    }
}

impl Properties {
    /// Makes properties of a struct or a map, one of each field: so that events of your own have a type.
    ///
    /// Each field is what it serializes as: a string, a number, a boolean, the name of a unit variant. `None` is absent.
    /// Times of chrono and a `Uuid` serialize as text, an `EventTimestamp` as milliseconds.
    ///
    /// ```
    /// # use copilot_gen as copilot_api;
    /// use copilot_api::types::{CustomEventPayload, Properties};
    ///
    /// #[derive(serde::Serialize)]
    /// #[serde(rename_all = "snake_case")]
    /// enum Tea {
    ///     Oolong,
    /// }
    ///
    /// #[derive(serde::Serialize)]
    /// struct Brewed {
    ///     tea: Tea,
    ///     cups: u64,
    ///     note: Option<String>,
    /// }
    ///
    /// let brewed = Brewed { tea: Tea::Oolong, cups: 2, note: None };
    /// let payload = CustomEventPayload::builder()
    ///     .subtype("brewed")
    ///     .user_id("user-7")
    ///     .extra(Properties::from_serialize(&brewed))
    ///     .build()?;
    /// assert_eq!(payload.extra.len(), 2);
    /// # Ok::<(), copilot_gen::InvalidInput>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the value is neither a struct nor a map with names, or a field is something else than a scalar (a struct, a
    /// sequence, a map, bytes, null) or does not fit (an integer beyond an `i64`, a decimal that is not finite). The error
    /// lists every one by its name.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, InvalidInput> {
        let no_object = |_| {
            let message = "must be a struct, or a map with names: each member is a property".to_owned();
            InvalidInput::one(Violation::new(String::new(), "type", Provenance::Documented, message))
        };
        value.serialize(serializer::OfProperties).map_err(no_object)?.finish()
    }

    /// What `properties!` makes.
    #[doc(hidden)]
    pub fn collected<const N: usize>(properties: [Named; N]) -> Result<Self, InvalidInput> {
        let mut made = Making::with_capacity(N);
        properties.into_iter().for_each(|(name, value)| made.add(name, value));
        made.finish()
    }
}

/// A property of the caller's own, before its value was judged.
type Named = (Cow<'static, str>, Result<Option<PropertyValue>, InvalidInput>);

/// Properties while they are put together.
#[derive(Default)]
struct Making {
    properties: Properties,
    judge: Judge,
}

impl Making {
    fn with_capacity(capacity: usize) -> Self {
        Self { properties: Properties::with_capacity(capacity), judge: Judge::default() }
    }

    fn add(&mut self, name: Cow<'static, str>, value: Result<Option<PropertyValue>, InvalidInput>) {
        let value = match value {
            Ok(Some(value)) => value,
            Ok(None) => return,
            Err(invalid) => {
                let _ = self.judge.part::<()>(&name, Err(invalid));
                return;
            }
        };
        if let Err(name) = self.properties.add(name, value) {
            let message = "stands more than once among the properties".to_owned();
            let twice = Violation::new(String::new(), "x-unique-names", Provenance::Assumed, message);
            let _ = self.judge.part::<()>(&name, Err(InvalidInput::one(twice)));
        }
    }

    fn finish(self) -> Result<Properties, InvalidInput> {
        self.judge.made(|| Some(self.properties))
    }
}

impl IntoProperty<Properties> for Properties {
    fn into_property(self) -> Result<Properties, InvalidInput> {
        Ok(self)
    }
}

impl IntoProperty<Properties> for Result<Properties, InvalidInput> {
    fn into_property(self) -> Result<Properties, InvalidInput> {
        self
    }
}

macro_rules! from {
    ($variant:ident: $($source:ty),+) => {
        $(impl From<$source> for PropertyValue {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

from!(String: String, &str, char);
from!(Int64: i8, i16, i32, u8, u16, u32);

/// The decimal that was written: `21.3_f32` is 21.3, and not the double nearest to the `f32`, 21.299999237060547.
impl From<f32> for PropertyValue {
    fn from(value: f32) -> Self {
        Self::Double(scalar::as_written(value))
    }
}

impl From<&String> for PropertyValue {
    fn from(value: &String) -> Self {
        Self::String(value.clone())
    }
}
