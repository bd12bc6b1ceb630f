//! The catalogue that is ranked: the shop's own, or one derived from the log.
//!
//! Either gets one more placement, in which nothing is left out: an item that
//! was bought or is looked at may be what comes next.

mod anchors;
pub(crate) mod command;
mod files;

use std::collections::HashMap;
use std::path::Path;

use nearside_core::{Catalogue, CatalogueReport, Feed, Product};
use nearside_log::{Facts, Log};
use nearside_train::{ContentEncoder, described, named_encoder};
use serde_json::{Value, json};

use crate::error::Error;
use files::ReadCatalogue;
pub(crate) use files::feed;

/// The placement that is ranked.
pub(crate) const PLACEMENT: &str = "replay";

/// A catalogue ready to be loaded.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// UTF-8 JSON.
    pub(crate) bytes: Vec<u8>,
    /// What they say.
    pub(crate) catalogue: Catalogue,
    /// What the log told of its items; `None` where the catalogue is the shop's own.
    pub(crate) derived: Option<Vec<&'static str>>,
    /// What could not be read of the shop's own.
    pub(crate) report: CatalogueReport,
    /// The fingerprint of the content encoder that the shop's own says its vectors are of.
    pub(crate) encoder: Option<String>,
    products: HashMap<String, usize>,
    /// By product: its row in the catalogue.
    rows: Vec<usize>,
}

impl Prepared {
    /// Reads a shop's catalogue. `vocabulary` goes before its own.
    pub(crate) fn read(path: &Path, vocabulary: Option<&[String]>, slate: usize) -> Result<Prepared, Error> {
        let mut json = Prepared::json(path)?;
        set_vocabulary(&mut json, vocabulary);
        let others = json["placements"].as_array().into_iter().flatten().filter(|p| p["id"] != PLACEMENT).cloned();
        json["placements"] = others.chain([placement(slate)]).collect();
        Prepared::new(&json, None).map_err(|source| Error::Catalogue { path: Some(path.to_owned()), source })
    }

    /// Derives a catalogue from what the log tells of its items: everything that occurs in it, in order of appearance.
    /// Without a vocabulary its items are known in sorted order.
    pub(crate) fn derive(log: &Log, vocabulary: Option<&[String]>, slate: usize) -> Result<Prepared, Error> {
        let facts = || (1..=log.items().len() as u32).map(|item| log.facts(item));
        let mut told = vec!["id"];
        for (word, known) in [
            ("name", facts().any(|f| !f.name.is_empty())),
            ("category", facts().any(|f| !f.category.is_empty())),
            ("brand", facts().any(|f| !f.brand.is_empty())),
            ("price", facts().any(|f| f.price.is_some())),
        ] {
            if known {
                told.push(word);
            }
        }
        let mut json = of_log(log);
        set_vocabulary(&mut json, vocabulary);
        json["placements"] = json!([placement(slate)]);
        Prepared::new(&json, Some(told)).map_err(|source| Error::Catalogue { path: None, source })
    }

    /// A catalogue in which exactly these items compete.
    ///
    /// Where there is one of the shop's own, the facts are the shop's; what else it sells is sold out, and the log
    /// stands in for what it lacks. `vocabulary` goes before the shop's. With `content`, every product gets its vector.
    pub(crate) fn of_items(
        items: &[(&str, &Facts)],
        vocabulary: Option<&[String]>,
        own: Option<&Value>,
        content: Option<&ContentEncoder>,
        slate: usize,
    ) -> Result<Prepared, Error> {
        let mut json = own.cloned().unwrap_or_else(|| json!({ "schema": 1 }));
        set_vocabulary(&mut json, vocabulary);
        let mut lacking: HashMap<&str, &Facts> = items.iter().copied().collect();
        let rows = json["products"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let mut products: Vec<Value> = rows
            .into_iter()
            .map(|mut row| {
                let competes = id(&row).is_some_and(|id| lacking.remove(id.as_str()).is_some());
                if row.is_object() {
                    row["availability"] = if competes { "in_stock" } else { "out_of_stock" }.into();
                }
                row
            })
            .collect();
        products.extend(items.iter().filter(|(id, _)| lacking.contains_key(id)).map(|(id, facts)| product(id, facts)));
        json["products"] = products.into();
        json["placements"] = json!([placement(slate)]);
        if let Some(json) = json.as_object_mut() {
            json.remove("campaigns");
        }
        if let Some(encoder) = content {
            embed(&mut json, |products| Ok(products.iter().map(|product| encoder.vector(&product.into())).collect()))?;
        }
        Prepared::new(&json, None).map_err(|source| Error::Catalogue { path: None, source })
    }

    /// Reads a shop's catalogue as JSON, after the core has accepted it.
    pub(crate) fn json(path: &Path) -> Result<Value, Error> {
        let bytes = std::fs::read(path).map_err(Error::reading(path))?;
        // The core says what is wrong with a file better than a JSON parser does.
        Feed::read(&bytes).map_err(|source| Error::Catalogue { path: Some(path.to_owned()), source })?;
        serde_json::from_slice(&bytes).map_err(|e| Error::reading(path)(e.into()))
    }

    fn new(json: &Value, derived: Option<Vec<&'static str>>) -> Result<Prepared, nearside_core::Error> {
        let bytes = serde_json::to_vec(json).expect("a JSON value is JSON");
        let ReadCatalogue { catalogue, report, order: rows, .. } = ReadCatalogue::of_feed(Feed::read(&bytes)?);
        let ids = rows.iter().map(|row| catalogue.listing(*row).id.to_owned());
        let products = ids.enumerate().map(|(index, id)| (id, index)).collect();
        let encoder = encoder(json).map(str::to_owned);
        Ok(Prepared { bytes, catalogue, derived, report, encoder, products, rows })
    }

    /// How many products there are.
    pub(crate) fn len(&self) -> usize {
        self.products.len()
    }

    /// The number of a product in the file's order, 0 the first.
    pub(crate) fn product(&self, id: &str) -> Option<usize> {
        self.products.get(id).copied()
    }

    /// The row of a product, which is also the number of the ad that it is on its own.
    pub(crate) fn row(&self, product: usize) -> usize {
        self.rows[product]
    }
}

/// Makes a catalogue's `vocabulary.item` these items, where any are given.
pub(crate) fn set_vocabulary(json: &mut Value, items: Option<&[String]>) {
    let Some(items) = items else { return };
    // The core takes anything else for none.
    if !json["vocabulary"].is_object() {
        json["vocabulary"] = json!({});
    }
    json["vocabulary"]["item"] = items.into();
}

/// The fingerprint of the content encoder that a catalogue says its vectors are of.
pub(crate) fn encoder(json: &Value) -> Option<&str> {
    json["description"].as_str().and_then(named_encoder)
}

/// Says in a catalogue's description which content encoder its vectors are of; `None` for another kind of encoder.
pub(crate) fn set_encoder(json: &mut Value, fingerprint: Option<&str>) {
    // What is no text is the shop's own business.
    let text = match json.get("description") {
        None => "",
        Some(Value::String(text)) => text,
        Some(_) => return,
    };
    let text = described(text, fingerprint);
    if !text.is_empty() {
        json["description"] = text.into();
    } else if let Some(json) = json.as_object_mut() {
        json.remove("description");
    }
}

/// Largest of a vector's whole numbers: three digits keep a direction to a part in a thousand.
const LARGEST: f32 = 999.0;

/// Gives every product that the core can read the vector that `vectors` makes of it, as whole numbers, and takes those of
/// the others away. Returns how many have one.
pub(crate) fn embed(
    json: &mut Value,
    vectors: impl FnOnce(&[Product]) -> Result<Vec<Vec<f32>>, Error>,
) -> Result<usize, Error> {
    // Vectors that are there may be of another width, for which the core would leave their products out.
    let rows = json["products"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut);
    rows.for_each(|row| {
        row.remove("embedding");
    });
    let bytes = serde_json::to_vec(json).expect("a JSON value is JSON");
    let feed = Feed::read(&bytes).map_err(|source| Error::Catalogue { path: None, source })?;
    let vectors = vectors(feed.products())?;
    let places: HashMap<&str, usize> =
        feed.products().iter().enumerate().map(|(place, product)| (product.id.as_str(), place)).collect();
    for row in json["products"].as_array_mut().into_iter().flatten() {
        if let Some(index) = id(row).and_then(|id| places.get(id.as_str()).copied()) {
            let largest = vectors[index].iter().fold(f32::MIN_POSITIVE, |largest, x| largest.max(x.abs()));
            let whole = |x: &f32| Value::from((x / largest * LARGEST).round() as i64);
            row["embedding"] = vectors[index].iter().map(whole).collect();
        }
    }
    Ok(vectors.len())
}

/// The id of a product's row, as the core reads it.
pub(crate) fn id(row: &Value) -> Option<String> {
    match &row["id"] {
        Value::String(id) => Some(id.trim().to_owned()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// A catalogue of what the log tells of its items, in order of appearance.
pub(crate) fn of_log(log: &Log) -> Value {
    let products: Vec<Value> =
        (1..=log.items().len() as u32).map(|item| product(log.items().name(item), log.facts(item))).collect();
    json!({ "schema": 1, "products": products })
}

/// A product of which only the log tells.
fn product(id: &str, facts: &Facts) -> Value {
    let title = if facts.name.is_empty() { id } else { &facts.name };
    let mut product = json!({ "id": id, "title": title });
    for (key, text) in [("product_type", &facts.category), ("brand", &facts.brand)] {
        if !text.is_empty() {
            product[key] = text.as_str().into();
        }
    }
    if let Some(price) = facts.price {
        product["price"] = price.into();
    }
    product
}

fn placement(slate: usize) -> Value {
    json!({ "id": PLACEMENT, "max_ads": slate, "exclude": [] })
}
