//! Rankers from sessions: trained, measured and written as ONNX files of the Nearside contract.
//!
//! ```
//! use std::ops::ControlFlow;
//! use nearside_train::{Data, Options, Sessions, Shape, Shipping, train};
//!
//! // Item ids from 1; every session goes up by one, some start late.
//! let sessions = |from: u32| -> Sessions {
//!     let mut all = Sessions::default();
//!     (from..from + 40).for_each(|first| all.push(&[first % 8 + 1, first % 8 + 2, first % 8 + 3]));
//!     all
//! };
//! let (training, validation) = (sessions(0), sessions(40));
//! let data = Data { training: &training, validation: &validation, items: 10 };
//! let options = Options { shape: Shape::of_width(8), epochs: 2, ..Options::default() };
//! let outcome = train(&options, data, &[], None, &mut |_| ControlFlow::Continue(()))?;
//! let vocabulary = "5d1f0a3c2b4e6f78".into();
//! let about = "An example.".into();
//! let shipping = Shipping { levels: 7, vocabulary, about, segments: None, new_items: None, rules: None };
//! let ranker = outcome.ok_or("ended early")?.ship(&validation, None, &shipping)?;
//! std::fs::write(std::env::temp_dir().join("ranker.onnx"), &ranker.file)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//!
//! | module | what it holds |
//! | --- | --- |
//! | `sessions`, `batch` | what is learnt from, and a step's share of it |
//! | `encoder`, `network` | the networks: items and steps to a query, and one step of learning |
//! | `loss`, `adam` | where a step's time goes: the loss over the candidates, and sparse updates |
//! | `run`, `checkpoint`, `page` | a run: epochs, early stopping, resuming, curves |
//! | `file` | files that are whole or not there |
//! | `measure`, `calibration` | how good the network is, and what its scores mean |
//! | `membership` | whether a file tells whose sessions it was learnt from |
//! | `export`, `onnx`, `ranker` | the file that ships |
//! | `budget` | how large it may be |
//! | `click` | the chance of a click: a logistic model over the contract's features |
//! | `anchors` | a few ads whose scores foretell all others' |
//! | `simulate` | shoppers that nobody is, over a catalogue |
//! | `segments`, `cluster`, `agreement` | kinds of sessions, and how clear they are |
//! | `sentence` | a sentence encoder that others trained, given as a folder |
//! | `content` | what items are, for those that training never saw |
//! | `rules` | item-to-item tables with a floor and differential privacy |
//!
//! # Limits
//!
//! Sessions and the item table are held in memory: 4 bytes a step, 8 where it is known what a step was, 4 a session where it
//! is known whose it is, and 12 a number of an item vector. Results are the same to the last bit on one machine with any number of threads; another processor
//! may sum in another order.

mod adam;
mod agreement;
mod anchors;
mod batch;
mod budget;
mod calibration;
mod checkpoint;
pub mod click;
mod cluster;
mod content;
mod encoder;
mod error;
mod export;
mod file;
mod loss;
mod measure;
mod membership;
mod network;
mod onnx;
mod page;
mod random;
mod ranker;
mod rules;
mod run;
mod segments;
mod sentence;
mod sessions;
mod simulate;

pub use anchors::Anchors;
pub use budget::{Budget, Fitting};
pub use calibration::Calibration;
pub use content::{ContentEncoder, NewItems, described, named_encoder, title, told};
pub use encoder::{Architecture, Shape, StepInputs};
pub use error::{Error, Over, Part};
pub use export::{FINEST, LEVELS};
pub use file::write_whole;
pub use measure::Figures;
pub use membership::{Membership, Told};
pub use page::page;
pub use random::Random;
pub use ranker::{Ranker, Shipping};
pub use rules::{Blend, Entropy, Mining, Privacy, Rule, Rules, RulesFile, Unit};
pub use run::{Checkpoints, Data, Epoch, FEWEST_SESSIONS, Options, Outcome, Progress, train};
pub use segments::{Clarity, Segment, Segmenting, Segments};
pub use sentence::SentenceEncoder;
pub use sessions::{Detail, Sessions};
pub use simulate::Simulator;
