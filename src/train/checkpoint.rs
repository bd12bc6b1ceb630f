//! Checkpoints: everything a run needs to go on as if it had not stopped.
//!
//! One safetensors file, whole or not there, so that a run killed at any moment leaves the last one. Random streams are keyed by the step, so they need no state here.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::adam::Trained;
use crate::encoder::Shape;
use crate::error::Error;
use crate::file::write_whole;
use crate::network::Network;

/// The name of the tensor that holds the run's own state, as JSON.
const STATE: &str = "state";

/// Writes a network and the run's state.
pub(crate) fn save<S: Serialize>(path: &Path, network: &Network, state: &S) -> Result<(), Error> {
    let mut tensors = HashMap::new();
    let mut add = |name: &str, dims: &[usize], trained: &Trained| -> candle_core::Result<()> {
        for (part, values) in [("value", &trained.values), ("first", &trained.first), ("second", &trained.second)] {
            tensors.insert(format!("{name}/{part}"), Tensor::from_slice(values, dims, &Device::Cpu)?);
        }
        Ok(())
    };
    let width = network.shape.width;
    add("items", &[network.items.values.len() / width, width], &network.items)?;
    for (name, weight) in &network.weights.named {
        add(name, &weight.dims, &weight.trained)?;
    }
    let state = serde_json::to_vec(&(network.shape, state)).expect("a run's state is JSON");
    let length = state.len();
    tensors.insert(STATE.into(), Tensor::from_vec(state, length, &Device::Cpu)?);
    let bytes = safetensors::serialize(&tensors, None).expect("tensors have names and sizes that fit a file");
    write_whole(path, &bytes).map_err(|source| Error::Unwritable { path: path.to_owned(), source })
}

/// Reads what [`save`] wrote.
pub(crate) fn load<S: DeserializeOwned>(path: &Path) -> Result<(Network, S), Error> {
    let bytes = fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    let damaged = |fault: String| Error::DamagedCheckpoint { path: path.to_owned(), fault };
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|e| damaged(e.to_string()))?;
    let tensor = |name: &str| tensors.get(name).ok_or_else(|| damaged(format!("{name} is missing")));
    let state = tensor(STATE)?.to_vec1::<u8>().map_err(|e| damaged(e.to_string()))?;
    let (shape, state): (Shape, S) = serde_json::from_slice(&state).map_err(|e| damaged(e.to_string()))?;
    let numbers = |name: String, count: Option<usize>| -> Result<Vec<f32>, Error> {
        let values =
            tensor(&name)?.flatten_all().and_then(|t| t.to_vec1::<f32>()).map_err(|e| damaged(e.to_string()))?;
        match count {
            Some(count) if count != values.len() => {
                Err(damaged(format!("{name} has {} numbers instead of {count}", values.len())))
            }
            _ => Ok(values),
        }
    };
    let trained = |name: &str, count: Option<usize>| -> Result<Trained, Error> {
        let values = numbers(format!("{name}/value"), count)?;
        let first = numbers(format!("{name}/first"), Some(values.len()))?;
        let second = numbers(format!("{name}/second"), Some(values.len()))?;
        Ok(Trained { values, first, second })
    };
    let items = trained("items", None)?;
    if shape.width == 0 || items.values.len() % shape.width != 0 {
        return Err(damaged(format!("{} numbers are no rows of {}", items.values.len(), shape.width)));
    }
    let mut network = Network::new(shape, 0, 0);
    network.items = items;
    for (name, weight) in &mut network.weights.named {
        weight.trained = trained(name, Some(weight.dims.iter().product()))?;
    }
    Ok((network, state))
}
