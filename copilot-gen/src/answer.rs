//! How the members of answers are read.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::json::Json;

/// Reads a member of an answer of which nothing depends on its being there: what does not fit counts as absent.
pub fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(T::deserialize(Json::deserialize(deserializer)?).ok())
}

/// Reads a list in an answer: null is the empty list to many a server. Anything else must fit, or refusals were lost.
pub fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}
