//! The engine a shop ships, as a command drives it.

use std::path::Path;

use clap::ValueEnum;
use nearside_core::{Page, PageType, Timestamp};
use nearside_log::{Log, Step};
use nearside_scorer::{Engine, Model};

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

/// An engine with its catalogue, and with a model where one is given; the cosine scorer ranks otherwise.
pub(crate) fn ready(
    catalogue: &Prepared,
    model: Option<ModelSource<'_>>,
    now: Timestamp,
) -> Result<nearside_core::Engine, Error> {
    let mut engine = nearside_core::Engine::new();
    let refused = |source| Error::Catalogue { path: None, source };
    engine.load_catalogue(&catalogue.bytes, now).map_err(refused)?;
    if let Some((path, bytes, name)) = model {
        let model = Model::load(bytes, name).map_err(|source| Error::Model { path: path.to_owned(), source })?;
        engine.set_scorer(Box::new(model), now).map_err(Error::Ranking)?;
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
