//! What can go wrong in the core, with the value at fault and the remedy.

use std::fmt;

use serde::Serialize;

use crate::scorer::ScorerError;

/// Every failure of the core. None of them changes state: what was in force stays in force.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that should be JSON are not.
    InvalidJson {
        /// One-based line of the first fault.
        line: usize,
        /// Column in that line, as the parser counts.
        column: usize,
        /// The parser's words.
        message: String,
    },
    /// A field has a type or value that cannot be used.
    InvalidField {
        /// Path of the field, such as `campaigns[2].bid`.
        field: String,
        /// What stood there, shortened.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Ranking was asked for before a catalogue was loaded.
    NoCatalogue,
    /// A catalogue without one usable product. Holds how many rows were left out.
    EmptyCatalogue {
        /// Rows that were there but could not be used.
        left_out: usize,
    },
    /// Two things of one kind share an id, so feedback could not be told apart.
    DuplicateId {
        /// `product`, `campaign`, `creative` or `placement`.
        kind: &'static str,
        /// The id that occurs twice.
        id: String,
    },
    /// A placement that the catalogue does not define.
    UnknownPlacement {
        /// The placement asked for.
        placement: String,
        /// The placements there are.
        known: Vec<String>,
    },
    /// Feedback for a decision this device did not make, or made too long ago.
    UnknownDecision {
        /// The decision named.
        decision: String,
    },
    /// Feedback for an ad that was not in the decision's slate.
    UnknownAd {
        /// The ad named.
        ad: String,
        /// The decision it was looked for in.
        decision: String,
    },
    /// A snapshot written by a newer version, or by one too old to be read.
    SnapshotVersion {
        /// The version in the bytes.
        found: u16,
        /// The newest version this build reads.
        supported: u16,
    },
    /// A snapshot that is truncated or altered.
    SnapshotDamaged {
        /// What did not fit.
        what: &'static str,
    },
    /// A catalogue's file, shard or delta in a layout that this build does not read.
    CatalogueSchema {
        /// The schema in the bytes.
        found: u16,
        /// The schema this build reads.
        supported: u16,
    },
    /// A catalogue's file, shard or delta that is truncated or altered.
    CatalogueDamaged {
        /// What did not fit.
        what: &'static str,
    },
    /// A shard that is not the one the manifest names.
    ShardMismatch {
        /// The file as the manifest names it.
        file: String,
        /// The hash the manifest states.
        expected: String,
        /// The hash in the shard.
        found: String,
    },
    /// A delta for another version of the catalogue than the one in force.
    DeltaMismatch {
        /// The version the delta applies to.
        expected: String,
        /// The version in force.
        found: String,
    },
    /// Two catalogues between which there is no delta.
    DeltaImpossible {
        /// What keeps one from becoming the other.
        what: &'static str,
    },
    /// A scorer gave NaN, infinity, or the wrong number of scores.
    NonFiniteScore {
        /// Which ad, or how many scores.
        ad: String,
        /// The value as text.
        value: String,
    },
    /// The scorer's own failure.
    Scorer(ScorerError),
}

/// An error as a program receives it: thrown in JavaScript, printed by the command line with `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// A stable kebab-case word a program can test.
    pub code: &'static str,
    /// One sentence for people.
    pub message: String,
    /// The field, column or part at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The value at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What to do about it.
    pub remedy: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure {
            code: error.code(),
            message: error.to_string(),
            field: error.field().map(str::to_owned),
            value: error.value(),
            remedy: error.remedy(),
        }
    }
}

impl Error {
    /// A stable word a program can test.
    pub fn code(&self) -> &'static str {
        match self {
            Error::InvalidJson { .. } => "invalid-json",
            Error::InvalidField { .. } => "invalid-field",
            Error::NoCatalogue => "no-catalogue",
            Error::EmptyCatalogue { .. } => "empty-catalogue",
            Error::DuplicateId { .. } => "duplicate-id",
            Error::UnknownPlacement { .. } => "unknown-placement",
            Error::UnknownDecision { .. } => "unknown-decision",
            Error::UnknownAd { .. } => "unknown-ad",
            Error::SnapshotVersion { .. } => "snapshot-version",
            Error::SnapshotDamaged { .. } => "snapshot-damaged",
            Error::CatalogueSchema { .. } => "catalogue-schema",
            Error::CatalogueDamaged { .. } => "catalogue-damaged",
            Error::ShardMismatch { .. } => "shard-mismatch",
            Error::DeltaMismatch { .. } => "delta-mismatch",
            Error::DeltaImpossible { .. } => "delta-impossible",
            Error::NonFiniteScore { .. } => "non-finite-score",
            Error::Scorer(e) => e.code,
        }
    }

    /// The field at fault, where there is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Error::InvalidField { field, .. } => Some(field),
            Error::EmptyCatalogue { .. } => Some("products"),
            Error::DuplicateId { .. } => Some("id"),
            Error::UnknownPlacement { .. } => Some("placement"),
            Error::UnknownDecision { .. } => Some("decision"),
            Error::UnknownAd { .. } => Some("ad"),
            Error::ShardMismatch { .. } => Some("shards"),
            Error::DeltaMismatch { .. } => Some("version"),
            _ => None,
        }
    }

    /// The value at fault, where there is one.
    pub fn value(&self) -> Option<String> {
        match self {
            Error::InvalidJson { line, column, .. } => Some(format!("line {line}, column {column}")),
            Error::InvalidField { value, .. } | Error::NonFiniteScore { value, .. } => Some(value.clone()),
            Error::EmptyCatalogue { left_out } => Some(left_out.to_string()),
            Error::DuplicateId { id, .. } => Some(id.clone()),
            Error::UnknownPlacement { placement, .. } => Some(placement.clone()),
            Error::UnknownDecision { decision } => Some(decision.clone()),
            Error::UnknownAd { ad, .. } => Some(ad.clone()),
            Error::SnapshotVersion { found, .. } => Some(found.to_string()),
            Error::CatalogueSchema { found, .. } => Some(found.to_string()),
            Error::ShardMismatch { file, .. } => Some(file.clone()),
            Error::DeltaMismatch { found, .. } => Some(found.clone()),
            Error::SnapshotDamaged { .. }
            | Error::CatalogueDamaged { .. }
            | Error::DeltaImpossible { .. }
            | Error::NoCatalogue
            | Error::Scorer(_) => None,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Error::InvalidJson { .. } => "Check the file with a JSON validator; it must be UTF-8 and complete".into(),
            Error::InvalidField { expected, .. } => format!("Use {expected}"),
            Error::NoCatalogue => "Load a catalogue before ranking".into(),
            Error::EmptyCatalogue { .. } => {
                "Give at least one product with an id and a title; the report names the rows left out".into()
            }
            Error::DuplicateId { kind, .. } => format!("Give every {kind} an id of its own"),
            Error::UnknownPlacement { known, .. } if known.is_empty() => {
                "Define placements in the catalogue's `placements`".into()
            }
            Error::UnknownPlacement { known, .. } => format!("Use one of: {}", known.join(", ")),
            Error::UnknownDecision { .. } => {
                "Send the `decision` of a slate this device ranked; the newest are remembered".into()
            }
            Error::UnknownAd { .. } => "Send an `ad` of that decision's slate".into(),
            Error::SnapshotVersion { .. } => "Load the build that wrote it, or start with an empty profile".into(),
            Error::SnapshotDamaged { .. } => "Restore an older copy, or start with an empty profile".into(),
            Error::CatalogueSchema { .. } | Error::CatalogueDamaged { .. } => {
                "Write it again with `nearside catalogue` of this release; the catalogue before stays".into()
            }
            Error::ShardMismatch { .. } => {
                "Serve the manifest and the shards of one build; the catalogue before stays".into()
            }
            Error::DeltaMismatch { expected, .. } => {
                format!("Load the catalogue of version {expected}, or the newest one whole; the one before stays")
            }
            Error::DeltaImpossible { .. } => "Publish the new catalogue whole".into(),
            Error::NonFiniteScore { .. } => "Check the model with `nearside check`; the last good scorer stays".into(),
            Error::Scorer(e) => e.remedy.clone(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidJson { message, .. } => write!(f, "not valid JSON: {message}"),
            Error::InvalidField { field, value, .. } => write!(f, "`{field}` cannot be {value}"),
            Error::NoCatalogue => f.write_str("no catalogue is loaded"),
            Error::EmptyCatalogue { left_out } => {
                write!(f, "the catalogue has no usable product ({left_out} rows left out)")
            }
            Error::DuplicateId { kind, id } => write!(f, "the {kind} id `{id}` occurs twice"),
            Error::UnknownPlacement { placement, .. } => write!(f, "there is no placement `{placement}`"),
            Error::UnknownDecision { decision } => write!(f, "there is no decision `{decision}`"),
            Error::UnknownAd { ad, decision } => write!(f, "decision `{decision}` did not show the ad `{ad}`"),
            Error::SnapshotVersion { found, supported } => {
                write!(f, "the snapshot has version {found}; this build reads up to {supported}")
            }
            Error::SnapshotDamaged { what } => write!(f, "the snapshot is damaged: {what}"),
            Error::CatalogueSchema { found, supported } => {
                write!(f, "the catalogue's file has schema {found}; this build reads {supported}")
            }
            Error::CatalogueDamaged { what } => write!(f, "the catalogue's file is damaged: {what}"),
            Error::ShardMismatch { file, expected, found } => {
                write!(f, "the shard {file} has hash {found}; the manifest says {expected}")
            }
            Error::DeltaMismatch { expected, found } => {
                write!(f, "the delta is for version {expected} of the catalogue; version {found} is in force")
            }
            Error::DeltaImpossible { what } => write!(f, "there is no delta between the catalogues: {what}"),
            Error::NonFiniteScore { ad, value } => write!(f, "the scorer gave {value} for {ad}"),
            Error::Scorer(e) => f.write_str(&e.message),
        }
    }
}

impl std::error::Error for Error {}

impl From<ScorerError> for Error {
    fn from(e: ScorerError) -> Self {
        Error::Scorer(e)
    }
}
