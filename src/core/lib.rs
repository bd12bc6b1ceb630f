//! Nearside's decision: from a shopper's events to a ranked slate, and nothing else.
//!
//! This crate is pure. It has no clock, no entropy, no I/O, no JavaScript and no
//! model runtime: time, seeds and bytes are arguments, and the model comes in
//! through [`Scorer`]. The same input gives the same slate, natively and in
//! WebAssembly; transcendental functions come from `libm`, not from the platform.
//!
//! ```
//! use nearside_core::{Engine, Request, Timestamp, Value};
//!
//! let now = Timestamp(1_795_514_400_000);
//! let mut engine = Engine::new();
//! engine.load_catalogue(
//!     br#"{ "products": [{ "id": "a", "title": "Acoustic guitar", "product_type": "Music > Guitars" },
//!                        { "id": "b", "title": "Electric guitar", "product_type": "Music > Guitars" },
//!                        { "id": "c", "title": "Refrigerator", "product_type": "Kitchen" }],
//!           "placements": [{ "id": "home" }] }"#,
//!     now,
//! )?;
//! let view = Value::from_json(br#"{ "event": "view_item", "items": [{ "item_id": "a" }] }"#)?;
//! engine.observe(&view, now)?;
//! let decision = engine.rank(&Request { placement: "home".into(), ..Request::default() }, now)?;
//! let order: Vec<&str> = decision.slate.iter().map(|filled| filled.ad.as_str()).collect();
//! assert_eq!(order, ["a", "b", "c"]);
//! # Ok::<(), nearside_core::Error>(())
//! ```
//!
//! # Map
//!
//! - [`Value`]: what a shop hands over, before anyone trusts it. [`clean`]: from that to an [`Event`].
//! - [`history`] and [`Profile`]: what is remembered. [`snapshot`]: the same as bytes.
//! - [`Feed`]: products, campaigns, placements as a shop writes them. [`Catalogue`]: the same in columns.
//! - [`Assembly`]: a catalogue that comes in shards. [`content`]: what a product is, as a vector.
//! - [`feature`]: the ONNX contract's table. [`Scorer`] and [`Cosine`]: features to scores.
//! - [`Request`], [`Decision`], [`Feedback`]: question, answer, and what came of it.
//! - [`Engine`]: all of it for one shopper.

mod catalogue;
pub mod clean;
pub mod content;
mod cosine;
mod decision;
mod engine;
mod error;
mod event;
pub mod feature;
mod feedback;
mod hash;
pub mod history;
mod money;
mod profile;
mod rank;
mod request;
mod scan;
mod scorer;
pub mod snapshot;
mod statement;
mod stats;
mod time;
mod value;

pub use catalogue::{
    Anchors, Assembly, Availability, Campaign, Catalogue, CatalogueReport, Creative, DeltaReport, Exclusion, Feed,
    Listing, Placement, Problem, Product, Sale, Severity, Shard, Vocabulary, logit, shard_hash,
};
pub use cosine::Cosine;
pub use decision::{Basis, Decision, DecisionRecord, Fallback, Filled, ScoredBy};
pub use engine::{Engine, Observed, PACE_LIMIT, PACE_WINDOW_MS};
pub use error::{Error, Failure};
pub use event::{Event, EventName, Item, Timestamp};
pub use feature::{Feature, Features};
pub use feedback::{Counted, Counters, DECISION_LIMIT, DISMISS_MS, Feedback, FeedbackKind};
pub use hash::Fnv;
pub use profile::{
    AGE_BANDS, Basic, Decayed, GENDERS, HALF_LIFE_HOURS, INTEREST_LIMIT, ItemInterest, Profile, Stage, Subject,
};
pub use rank::{RETRIEVED, Retrieval, SCAN_ABOVE};
pub use request::{Device, Page, PageType, Request, Retrieve};
pub use scorer::{Scorer, ScorerError};
pub use statement::Statement;
pub use stats::{EventStats, Interest, ProfileStats, Stats};
pub use value::Value;
