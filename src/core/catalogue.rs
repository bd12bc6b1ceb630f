//! The catalogue: products, campaigns and placements known at a moment.
//!
//! Replaced whole, or brought to the next version by a delta. It keeps what ranking reads, in columns; titles and links
//! are of no use to it once the content vectors are made.

mod anchors;
mod build;
mod creatives;
mod delta;
mod distinct;
mod entries;
mod feed;
mod file;
mod manifest;
mod report;
mod rows;
mod sections;
mod texts;
mod vocabulary;

use std::cmp::Ordering;
use std::ops::Range;

pub use anchors::{Anchors, logit};
pub(crate) use delta::Delta;
pub use delta::DeltaReport;
pub use entries::{Availability, Campaign, Creative, Exclusion, Placement, Product, Sale};
pub use feed::{Feed, Problem, Severity};
pub use manifest::{Assembly, Shard, shard_hash};
pub use report::CatalogueReport;
pub(crate) use rows::Embeddings;
pub use vocabulary::Vocabulary;

use crate::error::Error;
use crate::event::Timestamp;
use creatives::{AdKind, Creatives, Numbering};
use distinct::{Categories, Distinct};
use rows::Rows;

/// What a catalogue keeps of a product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listing<'a> {
    /// The shop's own id, as in events.
    pub id: &'a str,
    /// Category path, levels joined by ` > `, or empty.
    pub category: &'a str,
    /// Brand, or empty.
    pub brand: &'a str,
    /// List price in the catalogue's currency; `None` where the feed has none.
    pub price: Option<f32>,
    /// A lower price, while it holds.
    pub sale: Option<Sale>,
}

impl Listing<'_> {
    /// The price to pay at a moment.
    pub fn price_at(&self, now: Timestamp) -> Option<f32> {
        match self.sale {
            Some(sale) if sale.holds(now) => Some(sale.price),
            _ => self.price,
        }
    }

    /// The share taken off the list price at a moment, 0 to 1.
    pub fn discount_at(&self, now: Timestamp) -> f32 {
        match (self.price, self.price_at(now)) {
            (Some(list), Some(price)) if list > 0.0 => ((list - price) / list).clamp(0.0, 1.0),
            _ => 0.0,
        }
    }
}

/// Everything known about what can be shown.
///
/// Products are numbered by row. Ads are numbered too, `N` of them in the ONNX contract: the products that a file
/// brought, the creatives, then the products that deltas added.
#[derive(Clone, Debug)]
pub struct Catalogue {
    version: String,
    currency: Option<String>,
    rows: Rows,
    categories: Categories,
    brands: Distinct,
    /// By category and by brand: its id in the vocabulary.
    category_ids: Vec<i32>,
    brand_ids: Vec<i32>,
    campaigns: Vec<Campaign>,
    placements: Vec<Placement>,
    creatives: Creatives,
    numbering: Numbering,
    vocabulary: Vocabulary,
    /// What foretells a model's scores, and the rows that have to be scored for it.
    anchors: Option<(Anchors, Vec<usize>)>,
    /// Whether the embeddings were hashed from content and not brought along.
    hashed: bool,
    /// Products that are gone.
    gone: usize,
    /// Products that are there and cannot be had.
    sold_out: usize,
}

impl Catalogue {
    /// Reads UTF-8 JSON, or what [`to_bytes`](Catalogue::to_bytes) wrote.
    pub fn read(bytes: &[u8]) -> Result<(Catalogue, CatalogueReport), Error> {
        if Catalogue::is_binary(bytes) {
            return Catalogue::read_binary(bytes);
        }
        Feed::read(bytes).map(Catalogue::new)
    }

    /// Whether bytes are what [`to_bytes`](Catalogue::to_bytes) or [`to_shards`](Catalogue::to_shards) wrote.
    pub fn is_binary(bytes: &[u8]) -> bool {
        sections::is_binary(bytes)
    }

    /// The version the file states, or a hash of its bytes.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// ISO 4217 code of all prices, where the file states one.
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// How many products there are.
    pub fn product_count(&self) -> usize {
        self.rows.len() - self.gone
    }

    /// How many ads there are, those of products that are gone among them: every number below is an ad.
    pub fn ad_count(&self) -> usize {
        self.rows.len() + self.creatives.len()
    }

    /// The product with this id.
    pub fn product(&self, id: &str) -> Option<Listing<'_>> {
        self.product_index(id).map(|row| self.listing(row))
    }

    /// Its row.
    pub fn product_index(&self, id: &str) -> Option<usize> {
        self.rows.find(id).filter(|row| self.rows.state[*row] != rows::State::Gone)
    }

    /// The product in a row.
    pub fn listing(&self, row: usize) -> Listing<'_> {
        let rows = &self.rows;
        Listing {
            id: rows.ids.get(row),
            category: self.categories.paths().get(rows.category.get(row)),
            brand: self.brands.get(rows.brand.get(row)),
            price: rows.price(row),
            sale: rows.sales.get(&(row as u32)).copied(),
        }
    }

    /// Every campaign, in the file's order.
    pub fn campaigns(&self) -> &[Campaign] {
        &self.campaigns
    }

    /// Every placement, in the file's order.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// The placement with this id.
    pub fn placement(&self, id: &str) -> Option<&Placement> {
        self.placements.iter().find(|p| p.id == id)
    }

    /// The ids behind the integer features.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The id of an item in the vocabulary; 0 where it is unknown.
    pub fn item_id(&self, item: &str) -> i32 {
        let of_row = || self.rows.find(item).map_or(0, |row| self.row_item_id(row));
        self.vocabulary.listed_item(item).unwrap_or_else(of_row)
    }

    fn row_item_id(&self, row: usize) -> i32 {
        match self.rows.item.get(row) {
            Some(id) => *id,
            // Rows are numbered as they stand; what a delta added is unknown to models.
            None if row < self.vocabulary.item_count => row as i32 + 1,
            None => 0,
        }
    }

    /// Width of `ad.embedding`: `D` of the ONNX contract.
    pub fn embedding_width(&self) -> usize {
        self.rows.embeddings.width()
    }

    /// Whether the embeddings were hashed from content; only then can words be placed in their space.
    pub fn embeddings_are_hashed(&self) -> bool {
        self.hashed
    }

    /// Keeps what foretells a model's scores, in the place of what was kept before.
    ///
    /// Errors: `invalid-field` where an anchor is no product, or the products' vectors are not one for each row.
    pub fn set_anchors(&mut self, anchors: Anchors) -> Result<(), Error> {
        let rows = anchors.rows(&self.rows).filter(|_| anchors.vectors.count() == self.rows.len());
        let rows = rows.ok_or_else(|| Error::InvalidField {
            field: "anchors".into(),
            value: format!("{} vectors", anchors.vectors.count()),
            expected: "a vector for each row, and anchors that are products",
        })?;
        self.anchors = Some((anchors, rows));
        Ok(())
    }

    /// What foretells a model's scores, and the rows that have to be scored for it.
    pub(crate) fn anchors(&self) -> Option<(&Anchors, &[usize])> {
        self.anchors.as_ref().map(|(anchors, rows)| (anchors, rows.as_slice()))
    }

    /// Whether the content vectors are rounded to eight bits a number.
    pub fn is_quantised(&self) -> bool {
        matches!(self.rows.embeddings, Embeddings::Int8 { .. })
    }

    /// Bytes of memory that it takes, but for what is spent per campaign and placement.
    pub fn bytes(&self) -> usize {
        let lists = self.categories.bytes() + self.brands.bytes() + self.vocabulary.bytes();
        let ids = size_of::<i32>() * (self.category_ids.len() + self.brand_ids.len());
        let anchors = self.anchors.as_ref().map_or(0, |(anchors, _)| anchors.bytes());
        self.rows.bytes() + lists + ids + self.creatives.bytes() + anchors
    }

    /// The same by ad, of which there is at least one.
    pub fn bytes_per_ad(&self) -> f32 {
        self.bytes() as f32 / self.ad_count() as f32
    }

    /// The content vectors, one per row.
    pub(crate) fn embeddings(&self) -> &Embeddings {
        &self.rows.embeddings
    }

    /// Rows, those of products that are gone among them.
    pub(crate) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Whether the product in a row can be had.
    pub(crate) fn can_be_had(&self, row: usize) -> bool {
        self.rows.state[row].can_be_had()
    }

    /// Whether the product in a row is no longer part of the catalogue.
    pub(crate) fn is_gone(&self, row: usize) -> bool {
        self.rows.state[row] == rows::State::Gone
    }

    /// How many products are there and cannot be had.
    pub(crate) fn sold_out(&self) -> usize {
        self.sold_out
    }

    /// Interest in every category, by its index, given interests in category paths, -1 to 1.
    pub(crate) fn category_affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        self.categories.affinities(interests)
    }

    /// Interest in every brand, by its index, given interests in brands.
    pub(crate) fn brand_affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        self.brands.affinities(interests)
    }

    /// Index of the category of the product in a row.
    pub(crate) fn category_of(&self, row: usize) -> usize {
        self.rows.category.get(row) as usize
    }

    /// Index of the brand of the product in a row.
    pub(crate) fn brand_of(&self, row: usize) -> usize {
        self.rows.brand.get(row) as usize
    }

    /// `ad.item`, `ad.category` and `ad.brand` of the product in a row.
    pub(crate) fn ids_of(&self, row: usize) -> [i32; 3] {
        let (category, brand) = (self.category_ids[self.category_of(row)], self.brand_ids[self.brand_of(row)]);
        [self.row_item_id(row), category, brand]
    }

    /// The rows with a sale, whether it holds or not.
    pub(crate) fn sales(&self) -> impl Iterator<Item = (usize, Sale)> {
        self.rows.sales.iter().map(|(row, sale)| (*row as usize, *sale))
    }

    /// The id of an ad: the product's, or `campaign/creative`.
    pub fn ad_id(&self, ad: usize) -> &str {
        match self.numbering.kind(ad) {
            AdKind::Product(row) => self.rows.ids.get(row),
            AdKind::Creative(creative) => self.creatives.ids.get(creative),
        }
    }

    /// Row of the product an ad is about.
    pub(crate) fn row_of(&self, ad: usize) -> usize {
        match self.numbering.kind(ad) {
            AdKind::Product(row) => row,
            AdKind::Creative(creative) => self.creatives.product[creative] as usize,
        }
    }

    /// The ads that are creatives.
    pub(crate) fn creative_ads(&self) -> Range<usize> {
        self.numbering.creatives()
    }

    /// The ad that the product in a row is on its own.
    pub(crate) fn ad_of(&self, row: usize) -> usize {
        self.numbering.ad_of(row)
    }

    /// The ads about the product in a row: itself, then its creatives.
    pub(crate) fn ads_of(&self, row: usize) -> impl Iterator<Item = usize> {
        let first = self.numbering.creatives().start;
        [self.ad_of(row)].into_iter().chain(self.creatives.of(row).map(move |creative| first + creative))
    }

    /// One value per ad, from one per row.
    pub(crate) fn per_ad(&self, mut of_row: Vec<f32>) -> Vec<f32> {
        debug_assert_eq!(of_row.len(), self.rows.len());
        if self.creatives.len() > 0 {
            let later = of_row.split_off(self.numbering.first_products);
            let of_creative = self.creatives.product.iter().map(|row| {
                let row = *row as usize;
                of_row.get(row).copied().unwrap_or_else(|| later[row - self.numbering.first_products])
            });
            let of_creative: Vec<f32> = of_creative.collect();
            of_row.extend(of_creative);
            of_row.extend(later);
        }
        of_row
    }

    /// The campaign that pays for an ad.
    pub(crate) fn campaign_of(&self, ad: usize) -> Option<&Campaign> {
        match self.numbering.kind(ad) {
            AdKind::Product(_) => None,
            AdKind::Creative(creative) => Some(&self.campaigns[self.creatives.campaign[creative] as usize]),
        }
    }

    /// Which of two ads of equal score comes first. It rests on ids, so that a replay does not depend on the catalogue's
    /// order. A creative comes before its own product, with which it always ties: who pays for a product is to be seen
    /// paying for it.
    pub(crate) fn tie_order(&self, a: usize, b: usize) -> Ordering {
        let creative = |ad| match self.numbering.kind(ad) {
            AdKind::Product(_) => None,
            AdKind::Creative(creative) => Some(self.creatives.ids.get(creative)),
        };
        self.row_order(self.row_of(a), self.row_of(b)).then_with(|| match (creative(a), creative(b)) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        })
    }

    /// Which of two rows of equal score comes first.
    pub(crate) fn row_order(&self, a: usize, b: usize) -> Ordering {
        self.rows.order(a, b)
    }
}
