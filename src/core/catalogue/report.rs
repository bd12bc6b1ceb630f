//! What was read of a catalogue, and what was not.

use serde::Serialize;

use super::{Catalogue, Problem};
use crate::decision::Fallback;

/// What was read, and what was not.
#[derive(Clone, Debug, Serialize)]
pub struct CatalogueReport {
    /// The catalogue's version.
    pub version: String,
    /// Products that can be ranked.
    pub products: usize,
    /// Campaigns read.
    pub campaigns: usize,
    /// Placements read.
    pub placements: usize,
    /// Ads that compete: products and creatives.
    pub ads: usize,
    /// Width of `ad.embedding`.
    pub embedding_width: usize,
    /// Bytes of memory that the catalogue takes, by the number of its ads.
    pub bytes_per_ad: f32,
    /// Hash of the item vocabulary.
    pub vocabulary: String,
    /// The first problems, in the file's order.
    pub problems: Vec<Problem>,
    /// How many problems there were.
    pub problems_total: usize,
    /// Why the model in force left when this catalogue came, where it did.
    pub model_dropped: Option<Fallback>,
}

impl CatalogueReport {
    /// What a catalogue holds, with the problems that its file had.
    pub(crate) fn new(catalogue: &Catalogue, problems: Vec<Problem>, problems_total: usize) -> CatalogueReport {
        let mut report = CatalogueReport {
            version: String::new(),
            products: 0,
            campaigns: 0,
            placements: 0,
            ads: 0,
            embedding_width: catalogue.embedding_width(),
            bytes_per_ad: 0.0,
            vocabulary: catalogue.vocabulary().item_hash().to_owned(),
            problems,
            problems_total,
            model_dropped: None,
        };
        report.follow(catalogue);
        report
    }

    /// Takes over what a delta changes.
    pub(crate) fn follow(&mut self, catalogue: &Catalogue) {
        self.version = catalogue.version().to_owned();
        self.products = catalogue.product_count();
        self.campaigns = catalogue.campaigns().len();
        self.placements = catalogue.placements().len();
        self.ads = catalogue.ad_count();
        self.bytes_per_ad = catalogue.bytes_per_ad();
    }
}
