//! A catalogue in shards: a manifest that names them, and putting together as many as a page wants.

use super::build::Parts;
use super::sections::Sections;
use super::{Catalogue, CatalogueReport};
use crate::error::Error;
use crate::value::Value;

/// The manifest's format that this build reads.
const SCHEMA: f64 = 1.0;

/// One shard, as the manifest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its file, beside the manifest.
    pub file: String,
    /// The hash it must have: 16 hexadecimal digits.
    pub hash: String,
}

/// A catalogue that comes shard by shard.
///
/// Shards are added in the manifest's order; any number from the first on makes a catalogue.
pub struct Assembly {
    shards: Vec<Shard>,
    added: usize,
    parts: Option<Parts>,
}

impl Assembly {
    /// Reads a manifest: `{ manifest: 1, version, ads, shards: [{ file, bytes, hash, ads }] }`. Of a shard, `file` and
    /// `hash` are read; the rest is for whoever decides how many to load.
    pub fn new(manifest: &[u8]) -> Result<Assembly, Error> {
        let value = Value::from_json(manifest)?;
        let schema = value.get("manifest").unwrap_or(&Value::Null);
        if schema.number() != Some(SCHEMA) {
            return Err(schema.invalid("manifest", "1, the manifest's format this build reads"));
        }
        let shards = value.get("shards").unwrap_or(&Value::Null);
        let list = shards.list().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| shards.invalid("shards", "an array of at least one shard"))?;
        let shard = |shard: &Value<'_>| {
            let text = |key| shard.get(key).and_then(Value::text).map(str::to_owned);
            let (file, hash) = text("file").zip(text("hash"))?;
            Some(Shard { file, hash })
        };
        let read: Option<Vec<Shard>> = list.iter().map(shard).collect();
        let shards = read.ok_or_else(|| shards.invalid("shards", "shards with `file` and `hash`"))?;
        Ok(Assembly { shards, added: 0, parts: None })
    }

    /// Whether bytes begin as a manifest does, with the key `manifest`. A catalogue's JSON never has it.
    pub fn is_manifest(bytes: &[u8]) -> bool {
        let inside = bytes.trim_ascii_start().strip_prefix(b"{");
        inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(br#""manifest""#))
    }

    /// The shards there are.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Adds the next shard. On an error nothing is added.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let sections = Sections::read(bytes)?;
        let Some(shard) = self.shards.get(self.added) else {
            let value = format!("{} shards", self.added + 1);
            return Err(Error::InvalidField { field: "shards".into(), value, expected: "the manifest's shards" });
        };
        if sections.hash() != shard.hash {
            let (file, expected) = (shard.file.clone(), shard.hash.clone());
            return Err(Error::ShardMismatch { file, expected, found: sections.hash() });
        }
        match &mut self.parts {
            None => self.parts = Some(Parts::read(&sections)?),
            Some(parts) => parts.add_shard(&sections)?,
        }
        self.added += 1;
        Ok(())
    }

    /// The catalogue of the shards added.
    pub fn finish(self) -> Result<(Catalogue, CatalogueReport), Error> {
        self.parts.map(Parts::finish).ok_or(Error::EmptyCatalogue { left_out: 0 })
    }
}

/// The hash of a shard's bytes, as its manifest states it.
pub fn shard_hash(bytes: &[u8]) -> Result<String, Error> {
    Sections::read(bytes).map(|sections| sections.hash())
}
