//! Conversions: JavaScript's values to the core's and back.

use nearside_core::{Error, Failure, Timestamp, Value};
use serde::Serialize;
use serde_wasm_bindgen::{Deserializer, Serializer};
use wasm_bindgen::JsValue;

/// More values than this in one argument are a loop or an attack: the largest event has some 5,000.
const BUDGET: usize = 20_000;

/// Any JavaScript value, checked for depth and size.
pub(crate) fn read(value: JsValue, field: &'static str) -> Result<Value<'static>, JsValue> {
    Value::read(Deserializer::from(value), BUDGET).map_err(|e| {
        let expected = "plain data: objects, arrays, strings, numbers, booleans";
        throw(Error::InvalidField { field: field.into(), value: e.to_string(), expected })
    })
}

/// A time in milliseconds.
pub(crate) fn millis(now_ms: f64) -> Result<Timestamp, JsValue> {
    if now_ms.is_finite() && now_ms >= 0.0 {
        return Ok(Timestamp(now_ms as u64));
    }
    let expected = "a clock that gives milliseconds since 1970";
    Err(throw(Error::InvalidField { field: "now".into(), value: now_ms.to_string(), expected }))
}

/// Plain objects, arrays, strings and numbers.
pub(crate) fn plain<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&Serializer::json_compatible()).expect("our own types are plain data"))
}

/// An error as a thrown object.
pub(crate) fn throw(error: impl Into<Failure>) -> JsValue {
    let failure: Failure = error.into();
    failure.serialize(&Serializer::json_compatible()).expect("our own types are plain data")
}
