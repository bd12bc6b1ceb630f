//! Events: what the shopper did, in GA4 e-commerce's names and fields.
//!
//! An [`Event`] is clean: it went through [`clean`](crate::clean) and holds
//! only what the profile may use. Times are milliseconds since 1970.

use serde::{Deserialize, Serialize};

use crate::time;

/// Milliseconds since 1970-01-01 UTC. The core never asks for the time; it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Reads RFC 3339 such as `2026-11-24T10:00:00Z`; without a zone it is UTC, without a time its day's first moment.
    /// `None` for anything else, and before 1970.
    pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
        time::rfc3339(text)
    }

    /// Milliseconds from `earlier` to here; 0 where that is later.
    pub fn since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

macro_rules! event_names {
    ($($variant:ident, $name:literal, $id:literal, $weight:literal, $doc:literal;)*) => {
        /// The kinds of event that are understood. Everything else is counted and ignored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum EventName { $(#[doc = $doc] $variant,)* }

        impl EventName {
            /// Every kind.
            pub const ALL: &'static [EventName] = &[$(EventName::$variant,)*];

            /// The name in GA4's spelling.
            pub const fn name(self) -> &'static str {
                match self { $(EventName::$variant => $name,)* }
            }

            /// The number in `session.kind`. Trained models rely on it; never renumber.
            pub const fn id(self) -> i32 {
                match self { $(EventName::$variant => $id,)* }
            }

            /// How much one such event adds to the interest in its item: `w` of the profile's formula.
            ///
            /// A product view is the unit. Negative where the shopper turned away.
            pub const fn weight(self) -> f64 {
                match self { $(EventName::$variant => $weight,)* }
            }
        }
    };
}

event_names! {
    ViewItem, "view_item", 1, 1.0, "A product page was opened: the unit of interest.";
    SelectItem, "select_item", 2, 0.3, "A product was clicked in a list; the view that follows says the rest.";
    AddToCart, "add_to_cart", 3, 3.0, "A product went into the cart.";
    RemoveFromCart, "remove_from_cart", 4, -2.0, "A product left the cart.";
    AddToWishlist, "add_to_wishlist", 5, 2.0, "A product was marked for later.";
    BeginCheckout, "begin_checkout", 6, 1.0, "The checkout began.";
    Purchase, "purchase", 7, 4.0, "Products were bought.";
    Refund, "refund", 8, -4.0, "A purchase was given back.";
    Search, "search", 9, 1.0, "The shop was searched; the words count, not an item.";
    ViewItemList, "view_item_list", 10, 0.02, "A list was shown: little more than having been there.";
    ViewCart, "view_cart", 11, 0.0, "The cart was opened.";
    PageView, "page_view", 12, 0.0, "Any page was opened.";
    ViewPromotion, "view_promotion", 13, 0.0, "A promotion of the shop's own was seen.";
    SelectPromotion, "select_promotion", 14, 0.5, "A promotion of the shop's own was clicked.";
    AdRender, "ad_render", 15, 0.0, "An ad was drawn, seen or not.";
    AdImpression, "ad_impression", 16, 0.0, "Half of an ad's pixels were seen for a second.";
    AdClick, "ad_click", 17, 0.5, "An ad was clicked.";
    AdDismiss, "ad_dismiss", 18, -2.0, "An ad was waved away.";
}

impl EventName {
    /// Looks a name up. `view_search_results` is GA4's other word for `search`.
    pub fn from_name(name: &str) -> Option<EventName> {
        if name == "view_search_results" {
            return Some(EventName::Search);
        }
        EventName::ALL.iter().copied().find(|e| e.name() == name)
    }

    /// Whether the event says nothing without an item.
    pub const fn needs_item(self) -> bool {
        use EventName::*;
        matches!(self, ViewItem | SelectItem | AddToCart | RemoveFromCart | AddToWishlist | Purchase)
    }

    /// Whether the event is a step of the session that models see (`session.*`).
    ///
    /// A click in a list is not: the view that follows it is the same step.
    pub const fn is_step(self) -> bool {
        use EventName::*;
        matches!(self, ViewItem | AddToCart | RemoveFromCart | AddToWishlist | Purchase)
    }
}

/// One product in an event. What the shop left out is filled from the catalogue where that knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// `item_id`; the name where the shop gives no id.
    pub id: String,
    /// `item_name`.
    pub name: Option<String>,
    /// `item_brand`.
    pub brand: Option<String>,
    /// `item_category` to `item_category5`, joined by ` > `.
    pub category: Option<String>,
    /// Unit price as the shop gave it; see `discount`.
    pub price: Option<f32>,
    /// Unit discount. Shops disagree whether `price` already has it taken off, so both are kept.
    pub discount: Option<f32>,
    /// Units, at least 1.
    pub quantity: u32,
}

/// One clean event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub name: EventName,
    /// When.
    pub at: Timestamp,
    /// What to: at most [`clean::ITEM_LIMIT`](crate::clean::ITEM_LIMIT) products.
    pub items: Vec<Item>,
    /// Lower-case words of a search, without any that look like personal data.
    pub terms: Vec<String>,
    /// Joins an `ad_*` event to the decision that showed the ad.
    pub decision: Option<String>,
    /// `creative_slot` or `promotion_id` of an `ad_*` event: the ad.
    pub ad: Option<String>,
    /// Tells repeats of this event: a hash of its id, or of its name and transaction. `None` where it has neither.
    pub identity: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_number_of_its_own_and_none_is_the_padding() {
        let mut ids: Vec<i32> = EventName::ALL.iter().map(|e| e.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), EventName::ALL.len());
        assert!(!ids.contains(&0));
    }

    #[test]
    fn names_and_serialised_names_agree() {
        for event in EventName::ALL {
            assert_eq!(serde_json::to_string(event).unwrap(), format!("\"{}\"", event.name()));
            assert_eq!(EventName::from_name(event.name()), Some(*event));
        }
    }
}
