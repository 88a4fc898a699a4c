//! What the setter of an optional property takes.

use std::fmt::Display;

/// A value for an optional property: what converts to `T`, or an `Option` of that.
///
/// `M` only tells the two apart ([`Bare`], [`Wrapped`]) and is always inferred.
pub trait IntoOptional<T, M> {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// The rule that the value breaks, in words.
    fn into_optional(self) -> Result<Option<T>, String>;
}

/// Marks a value that was given as it is.
#[derive(Debug)]
pub enum Bare {}

/// Marks a value that was given in an `Option`.
#[derive(Debug)]
pub enum Wrapped {}

impl<T, V> IntoOptional<T, Bare> for V
where
    V: TryInto<T>,
    V::Error: Display,
{
    fn into_optional(self) -> Result<Option<T>, String> {
        self.try_into().map(Some).map_err(|error| error.to_string())
    }
}

impl<T, V> IntoOptional<T, Wrapped> for Option<V>
where
    V: TryInto<T>,
    V::Error: Display,
{
    fn into_optional(self) -> Result<Option<T>, String> {
        self.map(TryInto::try_into).transpose().map_err(|error| error.to_string())
    }
}
