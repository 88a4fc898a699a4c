//! Conversions that make the values of free properties easy to write.

use crate::types::{CustomProperties, PropertyValue};

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
        Self::Double(value.to_string().parse().unwrap_or_else(|_| value.into()))
    }
}

impl From<&String> for PropertyValue {
    fn from(value: &String) -> Self {
        Self::String(value.clone())
    }
}

impl<K: Into<String>, V: Into<PropertyValue>> FromIterator<(K, V)> for CustomProperties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(properties: I) -> Self {
        Self(properties.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
