//! The request: which placement, on which page, for which device.

use serde::Serialize;

use crate::error::Error;
use crate::value::Value;

macro_rules! one_of {
    ($(#[$meta:meta])* $enum:ident, $expected:literal { $($variant:ident, $word:literal, $doc:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $enum { $(#[doc = $doc] $variant,)* }

        impl $enum {
            /// Every one, in the order of its one-hot feature.
            pub const ALL: &'static [$enum] = &[$($enum::$variant,)*];

            fn read(value: &Value<'_>, field: &'static str) -> Result<$enum, Error> {
                match value.text() {
                    $(Some($word) => Ok($enum::$variant),)*
                    _ => Err(value.invalid(field, $expected)),
                }
            }
        }
    };
}

one_of! {
    /// What kind of page the placement is on.
    PageType, "one of home, category, product, search, cart, checkout, other" {
        Home, "home", "The shop's front page.";
        Category, "category", "A list of products of one category.";
        Product, "product", "One product.";
        Search, "search", "Results of a search.";
        Cart, "cart", "The cart.";
        Checkout, "checkout", "A step of the checkout.";
        Other, "other", "Anything else.";
    }
}

one_of! {
    /// What the shopper holds.
    Device, "one of phone, tablet, desktop" {
        Phone, "phone", "A telephone.";
        Tablet, "tablet", "A tablet.";
        Desktop, "desktop", "A desktop or portable computer.";
    }
}

/// What the page is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its kind; `other` where not told.
    pub kind: PageType,
    /// The product shown, on a product page.
    pub item_id: Option<String>,
    /// The category path shown, levels joined by ` > `.
    pub category: Option<String>,
    /// The words searched for.
    pub search_term: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self { kind: PageType::Other, item_id: None, category: None, search_term: None }
    }
}

/// Most products that a request can have retrieved; beyond it, scoring all is no slower.
const RETRIEVE_LIMIT: f64 = 100_000.0;

/// How many products are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retrieve {
    /// In a catalogue of more than [`SCAN_ABOVE`](crate::SCAN_ABOVE) products the best [`RETRIEVED`](crate::RETRIEVED): by
    /// the anchors of the model in force, or by content where there is no model. Otherwise all.
    #[default]
    Auto,
    /// All, every score exact.
    All,
    /// The best so many by the model's anchors where the catalogue has them, otherwise by content; and those the shopper
    /// knows. At least as many as the slate is long. A model without anchors that prefers what is unlike in content finds
    /// less of it the fewer there are.
    Best(usize),
}

/// A question for the ranker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The placement to fill.
    pub placement: String,
    /// The page it is on.
    pub page: Page,
    /// Most ads wanted; the placement's `max_ads` where not told, or where that is less.
    pub limit: Option<usize>,
    /// The shopper's device, where told.
    pub device: Option<Device>,
    /// How many products are scored.
    pub retrieve: Retrieve,
    /// Makes the decision repeatable.
    pub seed: u64,
}

impl Request {
    /// Reads `{ placement, page?: { type?, item_id?, category?, search_term? }, limit?, device?, retrieve?, seed? }`.
    ///
    /// `seed` is used where the request names none. Unknown fields are ignored.
    pub fn read(value: &Value<'_>, seed: u64) -> Result<Request, Error> {
        if value.entries().is_none() {
            return Err(value.invalid("request", "an object such as { placement: 'home' }"));
        }
        let placement = value.get("placement").and_then(Value::id);
        let placement =
            placement.ok_or_else(|| value.get("placement").unwrap_or(&Value::Null).invalid("placement", "a string"))?;
        let page = match value.get("page") {
            None => Page::default(),
            Some(page) => read_page(page)?,
        };
        let limit = match value.get("limit") {
            None => None,
            Some(limit) => match limit.number().filter(|n| (1.0..=1000.0).contains(n)) {
                Some(n) => Some(n as usize),
                None => return Err(limit.invalid("limit", "a whole number from 1 to 1000")),
            },
        };
        let device = value.get("device").map(|d| Device::read(d, "device")).transpose()?;
        let retrieve = match value.get("retrieve") {
            None => Retrieve::Auto,
            Some(given) if given.text() == Some("all") => Retrieve::All,
            Some(given) => match given.number().filter(|n| (1.0..=RETRIEVE_LIMIT).contains(n)) {
                Some(n) => Retrieve::Best(n as usize),
                None => return Err(given.invalid("retrieve", "\"all\", or a whole number from 1 to 100000")),
            },
        };
        let seed = match value.get("seed") {
            None => seed,
            // The largest integer that a JavaScript number holds exactly.
            Some(seed) => match seed.number().filter(|n| (0.0..=9_007_199_254_740_991.0).contains(n)) {
                Some(n) => n as u64,
                None => return Err(seed.invalid("seed", "a whole number from 0 to 2^53 - 1")),
            },
        };
        Ok(Request { placement, page, limit, device, retrieve, seed })
    }
}

fn read_page(page: &Value<'_>) -> Result<Page, Error> {
    if page.entries().is_none() {
        return Err(page.invalid("page", "an object such as { type: 'product', item_id: 'sku-1' }"));
    }
    let kind = page.get("type").map(|t| PageType::read(t, "page.type")).transpose()?;
    let text = |key: &'static str, field: &'static str| match page.get(key) {
        None => Ok(None),
        Some(value) => value.id().map(Some).ok_or_else(|| value.invalid(field, "a string")),
    };
    Ok(Page {
        kind: kind.unwrap_or(PageType::Other),
        item_id: text("item_id", "page.item_id")?,
        category: text("category", "page.category")?,
        search_term: text("search_term", "page.search_term")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Request, Error> {
        Request::read(&Value::from_json(json.as_bytes()).unwrap(), 7)
    }

    #[test]
    fn a_placement_alone_is_enough() {
        let request = read(r#"{"placement":"home"}"#).unwrap();
        assert_eq!((request.placement.as_str(), request.page.kind, request.seed), ("home", PageType::Other, 7));
    }

    #[test]
    fn each_wrong_field_is_named() {
        for (json, field) in [
            ("[]", "request"),
            ("{}", "placement"),
            (r#"{"placement":{}}"#, "placement"),
            (r#"{"placement":"p","page":3}"#, "page"),
            (r#"{"placement":"p","page":{"type":"pdp"}}"#, "page.type"),
            (r#"{"placement":"p","page":{"item_id":[]}}"#, "page.item_id"),
            (r#"{"placement":"p","limit":0}"#, "limit"),
            (r#"{"placement":"p","device":"fridge"}"#, "device"),
            (r#"{"placement":"p","retrieve":"most"}"#, "retrieve"),
            (r#"{"placement":"p","retrieve":0}"#, "retrieve"),
            (r#"{"placement":"p","seed":-1}"#, "seed"),
        ] {
            assert_eq!(read(json).unwrap_err().field(), Some(field), "{json}");
        }
    }
}
