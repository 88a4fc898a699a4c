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
from!(Double: f32);

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
