//! Conversions: JavaScript's values to the core's and back.

use nearside_core::{Error, Timestamp, Value};
use serde::Serialize;
use serde_wasm_bindgen::{Deserializer, Serializer};
use wasm_bindgen::JsValue;

/// More values than this in one argument are a loop or an attack: the largest event has some 5,000.
const BUDGET: usize = 20_000;

/// An error as it is thrown.
#[derive(Serialize)]
struct Thrown<'a> {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    remedy: String,
}

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

/// The core's error as a thrown object.
pub(crate) fn throw(error: Error) -> JsValue {
    thrown(Thrown {
        code: error.code(),
        message: error.to_string(),
        field: error.field(),
        value: error.value(),
        remedy: error.remedy(),
    })
}

/// The scorer's error as a thrown object.
pub(crate) fn throw_model(error: nearside_scorer::Error) -> JsValue {
    thrown(Thrown {
        code: error.code(),
        message: error.to_string(),
        field: error.field(),
        value: error.value(),
        remedy: error.remedy(),
    })
}

fn thrown(error: Thrown<'_>) -> JsValue {
    error.serialize(&Serializer::json_compatible()).expect("our own types are plain data")
}
