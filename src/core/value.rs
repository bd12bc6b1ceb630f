//! What a shop hands over, before anyone trusts it.
//!
//! Events and catalogues come from other people's code: numbers arrive as
//! strings, objects as `null`, keys nobody announced. They are first read as a
//! [`Value`], whatever they are, and then checked field by field, so that one
//! wrong field never costs the rest.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::error::Error;

/// Deepest nesting that is read. An event needs four levels, a catalogue five.
const MAX_DEPTH: u8 = 12;

/// Any JSON-like value. Object keys keep the order they came in.
///
/// Text read from JSON is borrowed from it where it has no escapes: a catalogue is some 20,000 strings.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`, or a JavaScript `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number; may be NaN or infinite where it comes from JavaScript.
    Number(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Value<'a>>),
    /// An object.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Reads UTF-8 JSON.
    pub fn from_json(bytes: &'a [u8]) -> Result<Value<'a>, Error> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let value = Value::read(&mut json, usize::MAX).map_err(|e| invalid_json(&e))?;
        json.end().map_err(|e| invalid_json(&e))?;
        Ok(value)
    }

    /// Reads from any self-describing format.
    ///
    /// At most `budget` values are read, so that an object which contains
    /// itself (JavaScript allows that) ends in an error and not in a full stack or memory.
    pub fn read<D: Deserializer<'a>>(from: D, budget: usize) -> Result<Value<'a>, D::Error> {
        let budget = Cell::new(budget);
        Seed { depth: MAX_DEPTH, budget: &budget }.deserialize(from)
    }

    /// The same value, borrowing from nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(b) => Value::Bool(b),
            Value::Number(n) => Value::Number(n),
            Value::Text(s) => Value::Text(s.into_owned().into()),
            Value::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
            Value::Map(entries) => {
                let owned = |(key, value): (Cow<'_, str>, Value<'_>)| (key.into_owned().into(), value.into_owned());
                Value::Map(entries.into_iter().map(owned).collect())
            }
        }
    }

    /// The value under `key`, where this is an object that has it and it is not `null`.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        match self {
            Value::Map(entries) => {
                entries.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v).filter(|v| **v != Value::Null)
            }
            _ => None,
        }
    }

    /// The first of `keys` that is there.
    pub fn get_any(&self, keys: &[&str]) -> Option<&Value<'a>> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The text, where this is a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }

    /// The finite number, where this is one or a string that spells one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(n) => Some(*n),
            Value::Text(s) => s.trim().parse().ok(),
            _ => None,
        }
        .filter(|n: &f64| n.is_finite())
    }

    /// An identifier: a non-empty string, or a number written as one. Shops use both for the same thing.
    pub fn id(&self) -> Option<String> {
        match self {
            Value::Text(s) => Some(s.trim().to_owned()).filter(|s| !s.is_empty()),
            Value::Number(n) if n.is_finite() => Some(n.to_string()),
            _ => None,
        }
    }

    /// The elements, where this is an array.
    pub fn list(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, where this is an object.
    pub fn entries(&self) -> Option<&[(Cow<'a, str>, Value<'a>)]> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value as it may stand in an error message: short, and without the contents of objects.
    pub fn shown(&self) -> String {
        match self {
            Value::Null => "null".into(),
            Value::Bool(b) => b.to_string(),
            Value::Number(n) => n.to_string(),
            Value::Text(s) => shorten(s),
            Value::List(items) => format!("an array of {}", items.len()),
            Value::Map(_) => "an object".into(),
        }
    }

    /// The error for this value standing in `field`.
    pub(crate) fn invalid(&self, field: impl Into<String>, expected: &'static str) -> Error {
        Error::InvalidField { field: field.into(), value: self.shown(), expected }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Number(n) => serializer.serialize_f64(*n),
            Value::Text(s) => serializer.serialize_str(s),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

/// At most 40 characters of `text`, for messages.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn invalid_json(e: &serde_json::Error) -> Error {
    Error::InvalidJson { line: e.line(), column: e.column(), message: e.to_string() }
}

struct Seed<'a> {
    depth: u8,
    budget: &'a Cell<usize>,
}

impl Seed<'_> {
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, budget: self.budget })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value<'de>, D::Error> {
        let left = self.budget.get().checked_sub(1).ok_or_else(|| de::Error::custom("too many values"))?;
        self.budget.set(left);
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value<'de>, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(n as f64))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(n as f64))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(n))
    }

    fn visit_borrowed_str<E>(self, s: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(s.into()))
    }

    fn visit_str<E>(self, s: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(s.to_owned().into()))
    }

    fn visit_string<E>(self, s: String) -> Result<Value<'de>, E> {
        Ok(Value::Text(s.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.inner()?)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(Key)? {
            entries.push((key, map.next_value_seed(self.inner()?)?));
        }
        Ok(Value::Map(entries))
    }
}

/// An object's key, borrowed where it can be.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Cow<'de, str>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, s: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(s.into())
    }

    fn visit_str<E>(self, s: &str) -> Result<Cow<'de, str>, E> {
        Ok(s.to_owned().into())
    }

    fn visit_string<E>(self, s: String) -> Result<Cow<'de, str>, E> {
        Ok(s.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_beyond_the_limit_is_an_error_and_not_a_full_stack() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Value::from_json(deep.as_bytes()).unwrap_err().code(), "invalid-json");
    }

    #[test]
    fn broken_json_names_line_and_column() {
        let error = Value::from_json(b"{\n \"products\": [,]\n}").unwrap_err();
        assert!(matches!(error, Error::InvalidJson { line: 2, .. }), "{error:?}");
    }

    #[test]
    fn trailing_text_is_refused() {
        assert_eq!(Value::from_json(b"{} {}").unwrap_err().code(), "invalid-json");
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_as_in_javascript() {
        assert_eq!(Value::from_json(br#"{"a":1,"a":2}"#).unwrap().get("a"), Some(&Value::Number(2.0)));
    }
}
