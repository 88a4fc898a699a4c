//! What the setters of a builder take.

use std::{borrow::Cow, time::SystemTime};

use chrono::{DateTime, TimeZone};
use uuid::Uuid;

use super::{Given, InvalidInput};

/// A value for a property of the type `T`.
///
/// - Texts and ids take `&str`, `String`, `Cow<str>`, their own type, and ids a `Uuid`, which is written with hyphens.
/// - Times take what is [`IntoMillis`].
/// - Properties of your own take what `properties!` and `Properties::from_serialize` give.
///
/// What breaks the contract is kept, and the builder names it with all else in the end.
#[diagnostic::on_unimplemented(
    message = "a property of the type `{T}` cannot be made of `{Self}`",
    label = "this is no value for `{T}`",
    note = "texts and ids take `&str`, `String`, `Cow<str>` (ids also `Uuid`): turn another type into text with `.to_string()`",
    note = "times take `EventTimestamp`, `UtcTimestamp`, `chrono::DateTime`, `SystemTime`, or an `i64` of milliseconds since 1970",
    note = "properties of your own take what `properties!` and `Properties::from_serialize(&value)` give",
    note = "an `Option` goes to optional properties only"
)]
pub trait IntoProperty<T>: Sized {
    /// The value, or what breaks the contract in it.
    #[doc(hidden)]
    fn into_property(self) -> Result<T, InvalidInput>;
}

/// A value for an optional property: what a mandatory one takes, or an `Option` of that. `None`: the property is absent.
///
/// `M` only tells the two apart, and is always inferred.
#[diagnostic::on_unimplemented(
    message = "an optional property of the type `{T}` cannot be made of `{Self}`",
    label = "this is neither a value for `{T}` nor an `Option` of one",
    note = "texts and ids take `&str`, `String`, `Cow<str>` (ids also `Uuid`): turn another type into text with `.to_string()`",
    note = "times take `EventTimestamp`, `UtcTimestamp`, `chrono::DateTime`, `SystemTime`, or an `i64` of milliseconds since 1970",
    note = "properties of your own take what `properties!` and `Properties::from_serialize(&value)` give"
)]
pub trait IntoOptional<T, M>: Sized {
    /// The value, or what breaks the contract in it.
    #[doc(hidden)]
    fn into_optional(self) -> Given<T>;
}

/// Marks a value that was given as it is.
#[doc(hidden)]
#[derive(Debug)]
pub enum Bare {}

/// Marks a value that was given in an `Option`.
#[doc(hidden)]
#[derive(Debug)]
pub enum Wrapped {}

impl<T, V: IntoProperty<T>> IntoOptional<T, Bare> for V {
    fn into_optional(self) -> Given<T> {
        Some(self.into_property())
    }
}

impl<T, V: IntoProperty<T>> IntoOptional<T, Wrapped> for Option<V> {
    fn into_optional(self) -> Given<T> {
        self.map(V::into_property)
    }
}

/// A point in time: a type of time, or an `i64`, which is taken for milliseconds since 1970.
///
/// Times are rounded down to the millisecond. Those that no event may have are refused where the event is built or
/// sent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no point in time",
    label = "this is no point in time",
    note = "take `EventTimestamp`, `UtcTimestamp`, `chrono::DateTime`, `SystemTime`, or an `i64` of milliseconds since 1970",
    note = "a time of another kind says its milliseconds to `EventTimestamp::from_millis`"
)]
pub trait IntoMillis {
    /// Milliseconds since 1970; negative before. What is too far away for an `i64` becomes its nearest one.
    fn into_millis(self) -> i64;
}

impl IntoMillis for i64 {
    fn into_millis(self) -> i64 {
        self
    }
}

impl<Tz: TimeZone> IntoMillis for DateTime<Tz> {
    fn into_millis(self) -> i64 {
        self.timestamp_millis()
    }
}

impl IntoMillis for SystemTime {
    fn into_millis(self) -> i64 {
        match self.duration_since(Self::UNIX_EPOCH) {
            Ok(since) => since.as_millis().try_into().unwrap_or(i64::MAX),
            Err(before) => {
                let before = before.duration();
                let begun = i64::from(before.subsec_nanos() % 1_000_000 != 0);
                before.as_millis().try_into().map_or(i64::MIN, |millis: i64| -millis - begun)
            }
        }
    }
}

/// A generated type that is text.
#[doc(hidden)]
pub trait Text: TryFrom<String, Error: Into<InvalidInput>> + Clone {}

/// A generated type that is a whole number.
#[doc(hidden)]
pub trait Integer: From<i64> {}

/// A generated type of milliseconds since 1970.
#[doc(hidden)]
pub trait Millis: Integer {}

fn text<T: Text>(value: String) -> Result<T, InvalidInput> {
    T::try_from(value).map_err(Into::into)
}

macro_rules! conversions {
    ($([$($generics:tt)*] $source:ty => $target:ty: $convert:expr;)+) => {
        $(#[diagnostic::do_not_recommend]
        impl<$($generics)*> IntoProperty<$target> for $source {
            fn into_property(self) -> Result<$target, InvalidInput> {
                $convert(self)
            }
        })+
    };
}

conversions! {
    [T: Text] T => T: Ok;
    [T: Text] &T => T: |value: &T| Ok(value.clone());
    [T: Text] &str => T: |value: &str| text(value.to_owned());
    [T: Text] String => T: text;
    [T: Text] &String => T: |value: &String| text(value.clone());
    [T: Text] Cow<'_, str> => T: |value: Cow<'_, str>| text(value.into_owned());
    [T: Text] Uuid => T: |value: Uuid| text(value.to_string());
    [T: Integer] i64 => T: |value: i64| Ok(value.into());
    [T: Millis] SystemTime => T: |value: SystemTime| Ok(value.into_millis().into());
    [T: Millis, Tz: TimeZone] DateTime<Tz> => T: |value: DateTime<Tz>| Ok(value.into_millis().into());
    [] &str => String: |value: &str| Ok(value.to_owned());
    [] String => String: Ok;
    [] &String => String: |value: &String| Ok(value.clone());
    [] Cow<'_, str> => String: |value: Cow<'_, str>| Ok(value.into_owned());
    [] char => String: |value: char| Ok(value.to_string());
    [] bool => bool: Ok;
    [] i64 => i64: Ok;
    [] f64 => f64: Ok;
}
