//! ONNX in, ONNX out: models of the contract, rewritten so that as little as possible is computed per ad.
//!
//! The compact engine computes what depends on `ad.` inputs alone once per catalogue, what depends on `session.`,
//! `profile.` and `context.` inputs alone once per ranking, and the rest for every ad. [`compile`] moves work out of that
//! rest, which no engine does by itself, since sums come out in another order. The result is an ordinary ONNX file with
//! the same inputs and metadata; it is held against the original in every engine that runs that, before it is given away.
//!
//! ```
//! use nearside_compile::{Options, compile};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/mlp_expand_concat.onnx");
//! let original = std::fs::read(path)?;
//! let compiled = compile(&original, &Options::default(), &[])?;
//! // A dense layer of 44 by 64 and one of 64 by 1: of the first, nothing is left to be computed per ad.
//! assert_eq!(compiled.report.before.cost.ad.multiply_adds, 2880.0);
//! assert_eq!(compiled.report.after.cost.ad.multiply_adds, 64.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | `file`, `graph`, `weight` | a file, taken apart and put together |
//! | `size`, `facts` | what is known of every value: how often it is computed, its shape |
//! | `passes` | the rewriting |
//! | `emit` | nodes that take another's place |
//! | `cost` | operations per ad, per ranking, per catalogue |
//! | `verify` | the compiled file against the original; golden cases |
//! | `compile` | all of it in order |

mod compile;
mod cost;
mod emit;
mod error;
mod facts;
mod file;
mod graph;
mod passes;
mod report;
mod size;
mod verify;
mod weight;

pub use compile::{Compiled, Options, compile};
pub use cost::{Cost, Operations};
pub use error::Error;
pub use report::{Agreement, Dropped, Figures, Golden, PassReport, Report};
pub use size::Sizes;
pub use verify::TOLERANCE;
