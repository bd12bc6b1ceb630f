//! ONNX models as Nearside scorers.
//!
//! A file is read once and judged before any engine sees its bytes ([`ModelFile`]: sizes, order, finite
//! weights, metadata), bound to the feature table (`contract`), loaded into one of two engines
//! ([`Engine`]) and run on its own golden cases. What remains is a [`Model`], which implements
//! [`nearside_core::Scorer`]. Every refusal is an [`Error`] with a code, the value at fault and a remedy.
//!
//! ```
//! use nearside_core::feature::Values;
//! use nearside_core::{Feature, Features, Scorer};
//! use nearside_scorer::{Engine, Model};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/scores_n1.onnx");
//! let bytes = std::fs::read(path)?;
//! let mut model = Model::load(&bytes, Engine::ALL[0])?;
//! let mut features = Features::new(2);
//! for feature in model.inputs() {
//!     match feature {
//!         Feature::AdCategory => features.set(*feature, Values::Id(vec![3, 7].into())),
//!         _ => features.set(*feature, Values::Float(vec![0.1, 0.9].into())),
//!     }
//! }
//! let mut scores = Vec::new();
//! model.score(&features, &mut scores)?;
//! assert_eq!(scores.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`limits`] | how large a file may be |
//! | `wire`, `tensor`, `graph`, `file` | the file, read without an engine |
//! | `contract` | inputs and output against [`nearside_core::Feature::ALL`] |
//! | `compact`, `full` | the engines: our own over [`nearside_operators`], and tract-onnx with the feature `full` |
//! | `network` | a file in an engine, without the contract: for tests and `nearside check` |
//! | [`segments`] | kinds of shoppers that the metadata tells |
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
pub mod segments;
mod tensor;
mod wire;

pub use error::Error;
pub use file::{Calibration, Dim, Golden, GoldenInput, ModelFile, Output, Port};
pub use model::{GOLDEN_TOLERANCE, Model, ModelReport, SegmentReport};
pub use network::{Engine, Input, Network, Scores};
pub use segments::Segment;

/// The layout of the feature table that this build computes: `nearside.schema` of a file.
pub const SCHEMA: u32 = 1;
