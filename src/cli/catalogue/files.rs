//! Catalogues read from whatever they are kept in.

use std::path::Path;

use nearside_core::{Assembly, Catalogue, CatalogueReport, Feed};

use crate::error::Error;

/// The name of a manifest.
pub(super) const MANIFEST: &str = "catalogue.json";

/// A catalogue, and how its file was.
pub(super) struct ReadCatalogue {
    pub(super) catalogue: Catalogue,
    pub(super) report: CatalogueReport,
    /// The rows in the file's order.
    pub(super) order: Vec<usize>,
    /// Whether the file was none of JSON products.
    pub(super) is_binary: bool,
}

/// Reads a catalogue's JSON, with what the engine does not keep.
pub(crate) fn feed(path: &Path) -> Result<Feed, Error> {
    Feed::read(&std::fs::read(path).map_err(Error::reading(path))?).map_err(refused(path))
}

impl ReadCatalogue {
    /// Reads a catalogue's JSON.
    pub(super) fn feed(path: &Path) -> Result<ReadCatalogue, Error> {
        feed(path).map(ReadCatalogue::of_feed)
    }

    /// Reads a catalogue's JSON, a manifest with its shards, or one shard.
    pub(super) fn any(path: &Path) -> Result<ReadCatalogue, Error> {
        let bytes = std::fs::read(path).map_err(Error::reading(path))?;
        if Assembly::is_manifest(&bytes) {
            let mut assembly = Assembly::new(&bytes).map_err(refused(path))?;
            for shard in assembly.shards().to_vec() {
                let path = path.with_file_name(&shard.file);
                assembly.add(&std::fs::read(&path).map_err(Error::reading(&path))?).map_err(refused(&path))?;
            }
            return Ok(ReadCatalogue::binary(assembly.finish().map_err(refused(path))?));
        }
        if Catalogue::is_binary(&bytes) {
            return Ok(ReadCatalogue::binary(Catalogue::read(&bytes).map_err(refused(path))?));
        }
        Feed::read(&bytes).map(ReadCatalogue::of_feed).map_err(refused(path))
    }

    /// Makes a catalogue of what was read.
    pub(super) fn of_feed(feed: Feed) -> ReadCatalogue {
        let ids: Vec<String> = feed.products().iter().map(|product| product.id.clone()).collect();
        let (catalogue, report) = Catalogue::new(feed);
        let row = |id: &String| catalogue.product_index(id).expect("the catalogue has the feed's products");
        let order = ids.iter().map(row).collect();
        ReadCatalogue { catalogue, report, order, is_binary: false }
    }

    fn binary((catalogue, report): (Catalogue, CatalogueReport)) -> ReadCatalogue {
        ReadCatalogue { order: Vec::new(), catalogue, report, is_binary: true }
    }
}

fn refused(path: &Path) -> impl FnOnce(nearside_core::Error) -> Error {
    let path = Some(path.to_owned());
    move |source| Error::Catalogue { path, source }
}
