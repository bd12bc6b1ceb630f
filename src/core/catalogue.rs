//! The catalogue: products, campaigns and placements known at a moment.
//!
//! Immutable once read; replaced whole. What depends on the catalogue alone,
//! the `ad.` features, is computed here, once. [`read`](Catalogue::read) is in `catalogue/read.rs`.

mod columns;
mod read;
mod vocabulary;

use ndarray::Array2;
use serde::Serialize;

pub use read::{CatalogueReport, Problem, Severity};
pub use vocabulary::Vocabulary;

use crate::event::Timestamp;
use crate::hash::Index;
use columns::{Categories, Columns, Distinct};

/// Whether a product can be had. Google Merchant's four states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Can be bought now. Also taken where the feed says nothing.
    #[default]
    InStock,
    /// Cannot be bought; never shown.
    OutOfStock,
    /// Can be ordered before it exists.
    Preorder,
    /// Can be ordered and comes later.
    Backorder,
}

/// A price that holds for a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sale {
    /// The price to pay.
    pub price: f32,
    /// First moment it holds.
    pub from: Timestamp,
    /// First moment it no longer holds.
    pub until: Timestamp,
}

/// One product, in Google Merchant's attribute names.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// The shop's own id, as in events.
    pub id: String,
    /// What the shopper reads.
    pub title: String,
    /// Where the product page is.
    pub link: Option<String>,
    /// Where its picture is.
    pub image_link: Option<String>,
    /// List price in the catalogue's currency; `None` where the feed has none.
    pub price: Option<f32>,
    /// A lower price, while it holds.
    pub sale: Option<Sale>,
    /// Whether it can be had.
    pub availability: Availability,
    /// Brand, or empty.
    pub brand: String,
    /// `product_type` (or Google's category): levels joined by ` > `, or empty.
    pub category: String,
}

impl Product {
    /// The price to pay at a moment.
    pub fn price_at(&self, now: Timestamp) -> Option<f32> {
        match self.sale {
            Some(sale) if sale.from <= now && now < sale.until => Some(sale.price),
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

/// Who pays, for which creatives, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// Its id.
    pub id: String,
    /// On whose behalf.
    pub advertiser: String,
    /// First moment it may show.
    pub start: Option<Timestamp>,
    /// First moment it may no longer show.
    pub end: Option<Timestamp>,
    /// `false` where the file's `status` says paused or ended.
    pub active: bool,
    /// What is offered, in the catalogue's currency; kept for the auction, not part of the score.
    pub bid: Option<f32>,
    /// Placements it is for; empty means all.
    pub placements: Vec<String>,
    /// What is drawn.
    pub creatives: Vec<Creative>,
}

impl Campaign {
    /// Whether it may show in a placement at a moment.
    pub fn runs(&self, placement: &str, now: Timestamp) -> bool {
        self.active
            && self.start.is_none_or(|start| start <= now)
            && self.end.is_none_or(|end| now < end)
            && (self.placements.is_empty() || self.placements.iter().any(|p| p == placement))
    }
}

/// What is drawn for a campaign: so far always about one product.
#[derive(Clone, Debug, PartialEq)]
pub struct Creative {
    /// Its id within the campaign.
    pub id: String,
    /// The product it is about.
    pub item_id: String,
}

/// A place on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Its id.
    pub id: String,
    /// Most ads in one slate, at least 1; default 4.
    pub max_ads: usize,
    /// Which of the shopper's own items do not show here; default all.
    pub exclude: Vec<Exclusion>,
}

/// Items that a placement leaves out because of what the shopper did with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// Already bought.
    Bought,
    /// In the cart.
    InCart,
    /// The product of the page itself.
    Current,
}

impl Exclusion {
    /// Every exclusion.
    pub const ALL: [Exclusion; 3] = [Exclusion::Bought, Exclusion::InCart, Exclusion::Current];

    /// The word in files and in a decision's `removed`.
    pub const fn word(self) -> &'static str {
        match self {
            Exclusion::Bought => "bought",
            Exclusion::InCart => "in_cart",
            Exclusion::Current => "current",
        }
    }
}

/// The unit that competes: a product on its own, or a campaign's creative about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ad {
    /// The product's id, or `campaign/creative`.
    pub id: String,
    /// Index of the product.
    pub product: usize,
    /// Index of the campaign; `None` for a product on its own.
    pub campaign: Option<usize>,
}

/// Everything known about what can be shown.
#[derive(Clone, Debug)]
pub struct Catalogue {
    version: String,
    currency: Option<String>,
    products: Vec<Product>,
    campaigns: Vec<Campaign>,
    placements: Vec<Placement>,
    vocabulary: Vocabulary,
    ads: Vec<Ad>,
    by_id: Index,
    /// Each ad's place among ads of equal score.
    tie_places: Vec<usize>,
    /// One row per ad.
    embeddings: Array2<f32>,
    /// Whether `embeddings` were hashed here and not brought along.
    hashed: bool,
    columns: Columns,
    categories: Categories,
    brands: Distinct,
}

impl Catalogue {
    /// The version the file states, or a hash of its bytes.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// ISO 4217 code of all prices, where the file states one.
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// Every product, in the file's order.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The product with this id.
    pub fn product(&self, id: &str) -> Option<&Product> {
        self.product_index(id).map(|i| &self.products[i])
    }

    /// Its place in [`products`](Catalogue::products).
    pub fn product_index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Interest in each product's category, given interests in category paths, -1 to 1.
    pub(crate) fn category_affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        self.categories.affinities(interests)
    }

    /// Interest in each product's brand, given interests in brands.
    pub(crate) fn brand_affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        self.brands.affinities(interests)
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

    /// Everything that competes: the products, then the creatives. `N` of the ONNX contract.
    pub fn ads(&self) -> &[Ad] {
        &self.ads
    }

    /// An ad's place among ads of equal score. It rests on ids, so that a replay does not depend on the
    /// catalogue's order. A creative comes before its own product, with which it always ties: who pays for a product
    /// is to be seen paying for it.
    pub(crate) fn tie_place(&self, ad: usize) -> usize {
        self.tie_places[ad]
    }

    /// The ids behind the integer features.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Width of `ad.embedding`: `D` of the ONNX contract.
    pub fn embedding_width(&self) -> usize {
        self.embeddings.ncols()
    }

    /// Whether the embeddings were hashed from content; only then can words be placed in their space.
    pub fn embeddings_are_hashed(&self) -> bool {
        self.hashed
    }

    /// The content vector of one ad.
    pub fn embedding(&self, ad: usize) -> &[f32] {
        let width = self.embedding_width();
        &self.all_embeddings()[ad * width..][..width]
    }

    /// `ad.embedding`, row-major.
    pub fn all_embeddings(&self) -> &[f32] {
        self.embeddings.as_slice().expect("built in standard layout")
    }

    /// The content vector of a product.
    pub fn product_embedding(&self, id: &str) -> Option<&[f32]> {
        // The first ads are the products, in the same order.
        self.product_index(id).map(|i| self.embedding(i))
    }

    /// `ad.item`.
    pub fn item_ids(&self) -> &[i32] {
        &self.columns.item
    }

    /// `ad.category`.
    pub fn category_ids(&self) -> &[i32] {
        &self.columns.category
    }

    /// `ad.brand`.
    pub fn brand_ids(&self) -> &[i32] {
        &self.columns.brand
    }

    /// Per ad, whether its product can be had.
    pub(crate) fn in_stock(&self) -> &[bool] {
        &self.columns.in_stock
    }

    /// Index of the product an ad is about.
    pub(crate) fn product_index_of(&self, ad: usize) -> usize {
        // The first ads are the products, in the same order.
        if ad < self.products.len() { ad } else { self.ads[ad].product }
    }

    /// One value per ad, from one per product.
    pub(crate) fn per_ad(&self, mut values: Vec<f32>) -> Vec<f32> {
        debug_assert_eq!(values.len(), self.products.len());
        let creatives = &self.ads[self.products.len()..];
        values.reserve(creatives.len());
        creatives.iter().for_each(|ad| values.push(values[ad.product]));
        values
    }

    /// The product an ad is about.
    pub fn product_of(&self, ad: usize) -> &Product {
        &self.products[self.ads[ad].product]
    }

    /// The campaign that pays for an ad.
    pub fn campaign_of(&self, ad: usize) -> Option<&Campaign> {
        if ad < self.products.len() {
            return None;
        }
        self.ads[ad].campaign.map(|i| &self.campaigns[i])
    }
}
