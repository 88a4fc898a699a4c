//! One value, from whatever serializes as one: a serializer that takes scalars and says what else it met.

use std::fmt;

use serde::{
    Serialize, Serializer,
    ser::{self, Impossible, SerializeStruct},
};

use crate::{
    contract::{InvalidInput, Judge, Provenance, Violation},
    json::{Json, NUMBER},
    schemas::PROPERTY_VALUE,
    types::PropertyValue,
};

/// The value as it serializes itself; `None` for what serializes as an `Option` without a value.
pub(super) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Option<PropertyValue>, InvalidInput> {
    match value.serialize(Scalar) {
        Ok(Some(json)) | Err(NoScalar::Kind(json)) => judged(json).map(Some),
        Ok(None) => Ok(None),
        Err(NoScalar::Failed) => Err(NoScalar::Failed.into()),
    }
}

/// The value, if the contract takes it.
pub(super) fn judged(json: Json) -> Result<PropertyValue, InvalidInput> {
    Judge::of_choice(match json {
        Json::String(text) => PropertyValue::String(text),
        Json::Integer(value) => PropertyValue::Int64(value),
        Json::Decimal(value) => PropertyValue::Double(value),
        Json::Boolean(value) => PropertyValue::Boolean(value),
        Json::Null | Json::LongInteger | Json::Array(_) | Json::Object(_) => {
            PROPERTY_VALUE.check(&json)?;
            return Err(NoScalar::Failed.into());
        }
    })
}

/// The double that is written with the same digits.
pub(super) fn as_written(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

/// Why a value is no scalar.
#[derive(Debug)]
pub(super) enum NoScalar {
    /// It is of this kind, whatever it holds.
    Kind(Json),
    /// Its own `Serialize` implementation failed. It may repeat values, so what it said is not kept.
    Failed,
}

impl fmt::Display for NoScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot be written as a string, a number or a boolean")
    }
}

impl std::error::Error for NoScalar {}

impl ser::Error for NoScalar {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Failed
    }
}

impl From<NoScalar> for InvalidInput {
    fn from(found: NoScalar) -> Self {
        Self::one(Violation::new(String::new(), "type", Provenance::Documented, found.to_string()))
    }
}

fn array<T>() -> Result<T, NoScalar> {
    Err(NoScalar::Kind(Json::Array(Vec::new())))
}

fn object<T>() -> Result<T, NoScalar> {
    Err(NoScalar::Kind(Json::Object(Default::default())))
}

pub(super) struct Scalar;

macro_rules! scalars {
    ($($method:ident($value:ident: $ty:ty) $json:expr;)+) => {
        $(fn $method(self, $value: $ty) -> Result<Option<Json>, NoScalar> {
            Ok(Some($json))
        })+
    };
}

impl Serializer for Scalar {
    type Ok = Option<Json>;
    type Error = NoScalar;
    type SerializeSeq = Impossible<Option<Json>, NoScalar>;
    type SerializeTuple = Impossible<Option<Json>, NoScalar>;
    type SerializeTupleStruct = Impossible<Option<Json>, NoScalar>;
    type SerializeTupleVariant = Impossible<Option<Json>, NoScalar>;
    type SerializeMap = Impossible<Option<Json>, NoScalar>;
    type SerializeStruct = WrittenNumber;
    type SerializeStructVariant = Impossible<Option<Json>, NoScalar>;

    scalars! {
        serialize_bool(value: bool) Json::Boolean(value);
        serialize_i8(value: i8) Json::Integer(value.into());
        serialize_i16(value: i16) Json::Integer(value.into());
        serialize_i32(value: i32) Json::Integer(value.into());
        serialize_i64(value: i64) Json::Integer(value);
        serialize_i128(value: i128) value.try_into().map_or(Json::LongInteger, Json::Integer);
        serialize_u8(value: u8) Json::Integer(value.into());
        serialize_u16(value: u16) Json::Integer(value.into());
        serialize_u32(value: u32) Json::Integer(value.into());
        serialize_u64(value: u64) value.try_into().map_or(Json::LongInteger, Json::Integer);
        serialize_u128(value: u128) value.try_into().map_or(Json::LongInteger, Json::Integer);
        serialize_f32(value: f32) Json::Decimal(as_written(value));
        serialize_f64(value: f64) Json::Decimal(value);
        serialize_char(value: char) Json::String(value.to_string());
        serialize_str(value: &str) Json::String(value.to_owned());
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Option<Json>, NoScalar> {
        array()
    }

    fn serialize_none(self) -> Result<Option<Json>, NoScalar> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Json>, NoScalar> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Option<Json>, NoScalar> {
        Ok(Some(Json::Null))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Option<Json>, NoScalar> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Option<Json>, NoScalar> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Option<Json>, NoScalar> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Option<Json>, NoScalar> {
        object()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, NoScalar> {
        array()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, NoScalar> {
        array()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, NoScalar> {
        array()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NoScalar> {
        object()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NoScalar> {
        object()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<WrittenNumber, NoScalar> {
        if name == NUMBER { Ok(WrittenNumber(Json::Null)) } else { object() }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NoScalar> {
        object()
    }
}

/// A number of serde_json, which is a struct when some crate of the program turned on `arbitrary_precision`.
pub(super) struct WrittenNumber(Json);

impl SerializeStruct for WrittenNumber {
    type Ok = Option<Json>;
    type Error = NoScalar;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), NoScalar> {
        if let Some(Json::String(written)) = value.serialize(Scalar)? {
            self.0 = Json::number(&written);
        }
        Ok(())
    }

    fn end(self) -> Result<Option<Json>, NoScalar> {
        Ok(Some(self.0))
    }
}
