//! Properties of the caller's own, by name.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use litemap::LiteMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

use crate::{contract::Choice, types::PropertyValue};

/// Properties of your own, by name, in the order of their names.
///
/// Made by `properties!`, by [`from_serialize`](Self::from_serialize), or of pairs:
///
/// ```
/// # use copilot_gen as copilot_api;
/// use copilot_api::types::{Properties, PropertyValue};
///
/// let mut properties = Properties::from_iter([("plan", "gold")]);
/// properties.insert("devices", 2);
/// assert_eq!(properties.get("devices"), Some(&PropertyValue::Int64(2)));
/// assert_eq!(format!("{properties:?}"), r#"{"devices": Int64(2), "plan": String("gold")}"#);
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Properties {
    /// Few as a rule: a vector is made and dropped at once, and a search in it is short.
    by_name: LiteMap<Cow<'static, str>, PropertyValue>,
}

impl Properties {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { by_name: LiteMap::with_capacity(capacity) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&PropertyValue> {
        self.by_name.get(name)
    }

    /// Adds one; gives back the value that it replaces. A borrowed name must be a literal; of another one, give
    /// `name.to_owned()`.
    pub fn insert(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<PropertyValue>,
    ) -> Option<PropertyValue> {
        self.by_name.insert(name.into(), value.into())
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) -> Option<PropertyValue> {
        self.by_name.remove(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PropertyValue)> {
        self.by_name.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// About how many bytes of memory they take, beside what an empty list of them does.
    #[doc(hidden)]
    pub fn weight(&self) -> usize {
        let texts = self.iter().map(|(name, value)| name.len() + value.weight());
        self.len() * size_of::<Member>() + texts.sum::<usize>()
    }

    /// Adds one whose name must be new; gives back the name that is not.
    pub(super) fn add(
        &mut self,
        name: Cow<'static, str>,
        value: PropertyValue,
    ) -> Result<(), Cow<'static, str>> {
        self.by_name.try_insert(name, value).map_or(Ok(()), |(name, _)| Err(name))
    }

    /// Those that were read, in any order; none may stand there twice. However many they are: each put in its place as
    /// it comes would move all behind it.
    #[doc(hidden)]
    pub fn read<E: Error>(mut members: Vec<Member>) -> Result<Self, E> {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if members.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other)) {
            return Err(E::custom("a name stands more than once"));
        }
        Ok(Self { by_name: LiteMap::from_sorted_store_unchecked(members) })
    }
}

/// A property with its name.
type Member = (Cow<'static, str>, PropertyValue);

/// Of a name that comes more than once, the last value.
impl<K: Into<Cow<'static, str>>, V: Into<PropertyValue>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(properties: I) -> Self {
        Self { by_name: properties.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl IntoIterator for Properties {
    type Item = (Cow<'static, str>, PropertyValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_name.into_iter()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Properties;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings, numbers and booleans")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Properties, A::Error> {
        let mut read = Vec::new();
        while let Some(member) = members.next_entry()? {
            read.push(member);
        }
        Properties::read(read)
    }
}

impl JsonSchema for Properties {
    fn schema_name() -> Cow<'static, str> {
        "Properties".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, PropertyValue>::json_schema(generator)
    }
}
