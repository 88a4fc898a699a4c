//! Properties from a struct or a map: each member becomes one, and what is no property is collected.

use serde::{
    Serialize, Serializer,
    ser::{Impossible, SerializeMap, SerializeStruct},
};

use super::{
    Making,
    scalar::{self, NoScalar, Scalar},
};
use crate::json::Json;

pub(super) struct OfProperties;

/// The members, as they come.
#[derive(Default)]
pub(super) struct Members {
    made: Making,
    name: String,
}

impl SerializeStruct for Members {
    type Ok = Making;
    type Error = NoScalar;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NoScalar> {
        self.made.add(name.into(), scalar::of(value));
        Ok(())
    }

    fn end(self) -> Result<Making, NoScalar> {
        Ok(self.made)
    }
}

impl SerializeMap for Members {
    type Ok = Making;
    type Error = NoScalar;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), NoScalar> {
        self.name = match name.serialize(Scalar)? {
            Some(Json::String(name)) => name,
            Some(Json::Integer(number)) => number.to_string(),
            _ => return Err(NoScalar::Failed),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoScalar> {
        self.made.add(std::mem::take(&mut self.name).into(), scalar::of(value));
        Ok(())
    }

    fn end(self) -> Result<Making, NoScalar> {
        Ok(self.made)
    }
}

macro_rules! refused {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)+) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$ok, NoScalar> {
            Err(NoScalar::Failed)
        })+
    };
}

type Refused = Impossible<Making, NoScalar>;

impl Serializer for OfProperties {
    type Ok = Making;
    type Error = NoScalar;
    type SerializeSeq = Refused;
    type SerializeTuple = Refused;
    type SerializeTupleStruct = Refused;
    type SerializeTupleVariant = Refused;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Refused;

    refused! {
        serialize_bool(bool) -> Making;
        serialize_i8(i8) -> Making;
        serialize_i16(i16) -> Making;
        serialize_i32(i32) -> Making;
        serialize_i64(i64) -> Making;
        serialize_u8(u8) -> Making;
        serialize_u16(u16) -> Making;
        serialize_u32(u32) -> Making;
        serialize_u64(u64) -> Making;
        serialize_f32(f32) -> Making;
        serialize_f64(f64) -> Making;
        serialize_char(char) -> Making;
        serialize_str(&str) -> Making;
        serialize_bytes(&[u8]) -> Making;
        serialize_none() -> Making;
        serialize_unit() -> Making;
        serialize_unit_struct(&'static str) -> Making;
        serialize_unit_variant(&'static str, u32, &'static str) -> Making;
        serialize_seq(Option<usize>) -> Refused;
        serialize_tuple(usize) -> Refused;
        serialize_tuple_struct(&'static str, usize) -> Refused;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Refused;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Refused;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Making, NoScalar> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Making, NoScalar> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Making, NoScalar> {
        Err(NoScalar::Failed)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, NoScalar> {
        Ok(Members::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members, NoScalar> {
        Ok(Members::default())
    }
}
