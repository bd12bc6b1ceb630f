//! The engine a shop ships, as a command drives it.

use std::path::Path;

use clap::ValueEnum;
use nearside_core::{Page, PageType, Timestamp};
use nearside_log::{Log, Step};
use nearside_scorer::{Engine, Model, ModelFile};
use nearside_train::named_encoder;

use crate::catalogue::Prepared;
use crate::error::Error;

/// Which engine runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// What a shop ships.
    Compact,
    /// What a browser fetches where the compact one does not run a model.
    Full,
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Engine {
        match name {
            EngineName::Compact => Engine::Compact,
            EngineName::Full => Engine::Full,
        }
    }
}

/// A model's path, its bytes and the engine that is to run it.
pub(crate) type ModelSource<'a> = (&'a Path, &'a [u8], Engine);

/// Refuses a model beside vectors of another model's content encoder, where both tell which they are of. The vectors come
/// as the file that tells, and the encoder's fingerprint.
pub(crate) fn check_encoder((path, bytes): (&Path, &[u8]), vectors: Option<(&Path, &str)>) -> Result<(), Error> {
    let Some((vectors, theirs)) = vectors else { return Ok(()) };
    let file = ModelFile::read(bytes).map_err(|source| Error::Model { path: path.to_owned(), source })?;
    match file.description.as_deref().and_then(named_encoder) {
        Some(own) if own != theirs => Err(Error::OtherEncoder { model: path.to_owned(), vectors: vectors.to_owned() }),
        _ => Ok(()),
    }
}

/// An engine with its catalogue, and with a model where one is given; the cosine scorer ranks otherwise.
pub(crate) fn ready(
    catalogue: &Prepared,
    model: Option<ModelSource<'_>>,
    now: Timestamp,
) -> Result<nearside_core::Engine, Error> {
    let mut engine = nearside_core::Engine::new();
    engine.put_catalogue(catalogue.catalogue.clone(), catalogue.report.clone(), now);
    if let Some((path, bytes, name)) = model {
        let model = Model::load(bytes, name).map_err(|source| Error::Model { path: path.to_owned(), source })?;
        let unfit = |source| Error::Unfit { path: path.to_owned(), source };
        engine.set_scorer(Box::new(model), now).map_err(unfit)?;
    }
    Ok(engine)
}

/// The page the placement is on: the product's that the shopper went for last.
pub(crate) fn page(log: &Log, step: &Step) -> Page {
    match step.target {
        Some(item) => {
            Page { kind: PageType::Product, item_id: Some(log.items().name(item).to_owned()), ..Page::default() }
        }
        None => Page::default(),
    }
}
