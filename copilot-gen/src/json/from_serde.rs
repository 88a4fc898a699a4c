//! Reads JSON from any deserializer.

use std::{fmt, sync::LazyLock};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, SeqAccess, Visitor},
};

use super::{Json, Name, Object};

/// The name of the only member of the object that serde_json, with its feature `arbitrary_precision`, hands out for a
/// number. The value is the number as it is written.
pub(crate) const NUMBER: &str = "$serde_json::private::Number";

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        Json::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        Json::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Json, E> {
        Ok(value.try_into().map_or(Json::LongInteger, Json::Integer))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.try_into().map_or(Json::LongInteger, Json::Integer))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Json, E> {
        Ok(value.try_into().map_or(Json::LongInteger, Json::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Decimal(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element()? {
            read.push(item);
        }
        Ok(Json::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let first = members.next_key()?;
        Json::of_members(first, members)
    }
}

impl Json {
    /// An object of which the first name was read.
    pub fn of_members<'de, A: MapAccess<'de>>(
        mut next: Option<Name<'de>>,
        mut members: A,
    ) -> Result<Self, A::Error> {
        let mut read = Object::default();
        while let Some(name) = next {
            read.insert(name.into_string(), members.next_value()?);
            next = members.next_key()?;
        }
        Ok(match read.members.first_key_value() {
            Some((name, Json::String(written)))
                if name == NUMBER && read.members.len() == 1 && numbers_are_objects() =>
            {
                Json::number(written)
            }
            _ => Json::Object(read),
        })
    }
}

/// Whether some crate of this program turned on serde_json's feature `arbitrary_precision`: without it, no `Number`
/// holds this one.
fn numbers_are_objects() -> bool {
    static ARE: LazyLock<bool> =
        LazyLock::new(|| serde_json::from_str::<serde_json::Number>("1e400").is_ok());
    *ARE
}

/// Reads a type straight from text. `None` where it does not fit, and where serde_json hands out numbers as objects: an
/// object that stands in the text could then pass for a number.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    if numbers_are_objects() { None } else { serde_json::from_str(text).ok() }
}
