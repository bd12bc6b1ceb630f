//! ONNX models as Nearside scorers.
//!
//! A file is read once and judged before any engine sees its bytes ([`ModelFile`]: sizes, order, finite
//! weights, metadata), bound to the feature table (`contract`), loaded into one of two engines
//! ([`Engine`]) and run on its own golden cases. What remains is a [`Model`], which implements
//! [`nearside_core::Scorer`]. Every refusal is an [`Error`] with a code, the value at fault and a remedy.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`limits`] | how large a file may be |
//! | `wire`, `tensor`, `graph`, `file` | the file, read without an engine |
//! | `contract` | inputs and output against [`nearside_core::Feature::ALL`] |
//! | `compact`, `full` | the engines: rten, and tract-onnx with the feature `full` |
//! | `network` | a file in an engine, without the contract: for tests and `nearside check` |
//! | `model` | contract, golden cases, calibration: the scorer |

#[cfg(feature = "compact")]
mod compact;
mod contract;
mod error;
mod file;
#[cfg(feature = "full")]
mod full;
mod graph;
pub mod limits;
mod model;
mod network;
mod tensor;
mod wire;

pub use error::Error;
pub use file::{Calibration, Dim, Golden, GoldenInput, ModelFile, Output, Port};
pub use model::{GOLDEN_TOLERANCE, Model, ModelReport};
pub use network::{Engine, Input, Network, Scores};

/// The layout of the feature table that this build computes: `nearside.schema` of a file.
pub const SCHEMA: u32 = 1;
