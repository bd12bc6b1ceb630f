//! A model file in this build's engine, without contract and catalogue.
//!
//! The conformance tests run the reference vectors through it, so that what
//! is tested is the very file a shop serves.

use js_sys::{Array, Float32Array, Object, Reflect};
use nearside_core::feature::Values;
use nearside_scorer::{Input, Network};
use wasm_bindgen::prelude::*;

use crate::ENGINE;
use crate::convert::throw;

/// A model file in this build's engine.
#[wasm_bindgen]
pub struct NearsideNetwork {
    inner: Network,
}

struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Values<'static>,
}

#[wasm_bindgen]
impl NearsideNetwork {
    /// Reads an ONNX file.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8]) -> Result<NearsideNetwork, JsValue> {
        Ok(NearsideNetwork { inner: Network::load(bytes, ENGINE).map_err(throw)? })
    }

    /// Runs it on `{ name: { shape: number[], data: Float32Array | Int32Array } }`; the output `score`, flattened.
    pub fn run(&mut self, inputs: &Object) -> Result<Float32Array, JsValue> {
        let tensors: Vec<Tensor> = Object::entries(inputs).iter().map(tensor).collect::<Result<_, _>>()?;
        let inputs: Vec<Input<'_>> =
            tensors.iter().map(|t| Input { name: &t.name, shape: &t.shape, values: t.values.clone() }).collect();
        let scores = self.inner.run(&inputs).map_err(throw)?;
        Ok(Float32Array::from(scores.values.as_slice()))
    }
}

fn tensor(entry: JsValue) -> Result<Tensor, JsValue> {
    let entry: Array = entry.unchecked_into();
    let (name, tensor) = (entry.get(0).as_string().unwrap_or_default(), entry.get(1));
    let invalid = || {
        let expected = "{ shape: number[], data: Float32Array | Int32Array }";
        let value = "something else".into();
        throw(nearside_core::Error::InvalidField { field: name.clone(), value, expected })
    };
    let field = |key: &str| Reflect::get(&tensor, &key.into()).map_err(|_| invalid());
    let shape = field("shape")?.dyn_into::<Array>().map_err(|_| invalid())?;
    let shape = shape.iter().map(|d| d.as_f64().map(|d| d as usize)).collect::<Option<_>>().ok_or_else(invalid)?;
    let data = field("data")?;
    let values = if let Some(floats) = data.dyn_ref::<Float32Array>() {
        Values::Float(floats.to_vec().into())
    } else if let Some(ids) = data.dyn_ref::<js_sys::Int32Array>() {
        Values::Id(ids.to_vec().into())
    } else {
        return Err(invalid());
    };
    Ok(Tensor { name, shape, values })
}
