//! What a catalogue is made of: products, campaigns with their creatives, placements.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// Whether a product can be had. Google Merchant's four states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sale {
    /// The price to pay.
    pub price: f32,
    /// First moment it holds.
    pub from: Timestamp,
    /// First moment it no longer holds.
    pub until: Timestamp,
}

impl Sale {
    /// Whether it holds at a moment.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
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

/// Who pays, for which creatives, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Creative {
    /// Its id within the campaign.
    pub id: String,
    /// The product it is about.
    pub item_id: String,
}

/// A place on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Its id.
    pub id: String,
    /// Most ads in one slate, at least 1; default 4.
    pub max_ads: usize,
    /// Which of the shopper's own items do not show here; default all.
    pub exclude: Vec<Exclusion>,
}

/// Items that a placement leaves out because of what the shopper did with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
