//! `Serializer` for a checked value: hands each kind of value to the rules, writes nothing.

use serde::{
    Serialize, Serializer,
    ser::{self, SerializeMap, SerializeStruct},
};

use super::walk::{Kind, Members, Unserializable, Walk};

impl SerializeStruct for Members<'_, '_> {
    type Ok = ();
    type Error = Unserializable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unserializable> {
        self.member(key, value)
    }

    fn end(self) -> Result<(), Unserializable> {
        self.finish();
        Ok(())
    }
}

impl SerializeMap for Members<'_, '_> {
    type Ok = ();
    type Error = Unserializable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unserializable> {
        self.key = match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => key,
            Ok(other) => other.to_string(),
            Err(error) => return Err(Unserializable(error.to_string())),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        let key = std::mem::take(&mut self.key);
        self.member(&key, value)
    }

    fn end(self) -> Result<(), Unserializable> {
        self.finish();
        Ok(())
    }
}

/// Members or items below a value that was refused already.
pub(super) struct Ignored;

macro_rules! ignore {
    ($($traits:ident: $($method:ident($($argument:ty),*)),+;)+) => {
        $(impl ser::$traits for Ignored {
            type Ok = ();
            type Error = Unserializable;
            $(fn $method<T: Serialize + ?Sized>(&mut self, $(_: $argument,)* _: &T) -> Result<(), Unserializable> { Ok(()) })+
            fn end(self) -> Result<(), Unserializable> { Ok(()) }
        })+
    };
}

ignore! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStructVariant: serialize_field(&'static str);
}

macro_rules! integers {
    ($($method:ident: $ty:ty),+) => {
        $(fn $method(self, value: $ty) -> Result<(), Unserializable> {
            self.integer(i64::try_from(value).ok());
            Ok(())
        })+
    };
}

impl<'a, 'p> Serializer for Walk<'a, 'p> {
    type Ok = ();
    type Error = Unserializable;
    type SerializeSeq = Ignored;
    type SerializeTuple = Ignored;
    type SerializeTupleStruct = Ignored;
    type SerializeTupleVariant = Ignored;
    type SerializeMap = Members<'a, 'p>;
    type SerializeStruct = Members<'a, 'p>;
    type SerializeStructVariant = Ignored;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_bool(self, _: bool) -> Result<(), Unserializable> {
        self.refuse(Kind::Boolean);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unserializable> {
        self.decimal(value.into());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unserializable> {
        self.decimal(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Unserializable> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Unserializable> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unserializable> {
        self.refuse(Kind::Array);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unserializable> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unserializable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unserializable> {
        self.refuse(Kind::Null);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unserializable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unserializable> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unserializable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unserializable> {
        self.refuse(Kind::Object);
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Ignored, Unserializable> {
        self.refuse(Kind::Array);
        Ok(Ignored)
    }

    fn serialize_tuple(self, _: usize) -> Result<Ignored, Unserializable> {
        self.refuse(Kind::Array);
        Ok(Ignored)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Ignored, Unserializable> {
        self.refuse(Kind::Array);
        Ok(Ignored)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Ignored, Unserializable> {
        self.refuse(Kind::Object);
        Ok(Ignored)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a, 'p>, Unserializable> {
        Ok(self.object(false))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a, 'p>, Unserializable> {
        Ok(self.object(true))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Ignored, Unserializable> {
        self.refuse(Kind::Object);
        Ok(Ignored)
    }
}
