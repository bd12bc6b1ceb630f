//! Reading a catalogue's JSON: Google Merchant's attributes for products, our own for campaigns and placements.
//!
//! A fault in one product costs that product and is reported with its row and
//! the remedy. A fault that makes feedback ambiguous (an id twice) or leaves
//! nothing to show refuses the file.

mod product;

use std::collections::BTreeSet;

use serde::Serialize;

use super::texts::Texts;
use super::{Campaign, Creative, Exclusion, Placement, Product};
use crate::error::Error;
use crate::hash::{Fnv, Index};
use crate::money::Money;
use crate::time;
use crate::value::Value;
use product::Products;

/// The file format this build reads.
const SCHEMA: f64 = 1.0;
/// How many problems a report lists; the rest are counted.
const PROBLEMS_SHOWN: usize = 20;
const DEFAULT_MAX_ADS: usize = 4;

/// One thing in the file that was left out or ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `products`, `campaigns`, `placements` or `catalogue`.
    pub section: &'static str,
    /// One-based row in that section; 0 for the file itself.
    pub row: usize,
    /// The row's id, where it has one.
    pub id: Option<String>,
    /// The field at fault.
    pub field: String,
    /// What stood there, shortened.
    pub value: String,
    /// Whether the row was left out, or only the field.
    pub severity: Severity,
    /// What to do.
    pub remedy: &'static str,
}

/// What a problem cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row was left out.
    Error,
    /// The field was ignored.
    Warning,
}

/// A catalogue as its file tells it: every product with its texts, before anything is computed of it.
#[derive(Clone, Debug)]
pub struct Feed {
    pub(super) version: String,
    pub(super) currency: Option<String>,
    pub(super) products: Vec<Product>,
    /// The products' vectors, row-major, where the file brings them.
    pub(super) embeddings: Option<Vec<f32>>,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) placements: Vec<Placement>,
    /// Lists of items, categories and brands, where the file has them.
    pub(super) vocabulary: [Option<Texts>; 3],
    pub(super) problems: Vec<Problem>,
    pub(super) problems_total: usize,
}

impl Feed {
    /// Reads UTF-8 JSON.
    pub fn read(bytes: &[u8]) -> Result<Feed, Error> {
        let value = Value::from_json(bytes)?;
        Feed::from_value(&value, || Fnv::new().with(bytes).hex())
    }

    /// ISO 4217 code of all prices, where the file states one.
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// Every product that can be ranked, in the file's order.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    fn from_value(value: &Value<'_>, default_version: impl FnOnce() -> String) -> Result<Feed, Error> {
        if value.entries().is_none() {
            return Err(value.invalid("catalogue", "an object with `products`, `campaigns` and `placements`"));
        }
        if let Some(schema) = value.get("schema").filter(|s| s.number() != Some(SCHEMA)) {
            return Err(schema.invalid("schema", "1, the catalogue format this build reads"));
        }
        if let Some(manifest) = value.get("manifest") {
            return Err(manifest.invalid("manifest", "the manifest's address, so that its shards are found beside it"));
        }
        let currency = value.get("currency").and_then(Value::text).map(str::to_ascii_uppercase);
        let mut reader =
            Reader { currency, problems: Vec::new(), problems_total: 0, section: "catalogue", paths: Index::default() };
        reader.warn_unknown_keys(value, 0, None, CATALOGUE_KEYS);

        let Products { products, embeddings, by_id, left_out } = reader.products(section(value, "products")?)?;
        if products.is_empty() {
            return Err(Error::EmptyCatalogue { left_out });
        }
        let campaigns = reader.campaigns(section(value, "campaigns")?, &by_id)?;
        let placements = reader.placements(section(value, "placements")?)?;
        let vocabulary = match value.get("vocabulary") {
            Some(lists) => [words(lists, "item")?, words(lists, "category")?, words(lists, "brand")?],
            None => [None, None, None],
        };
        Ok(Feed {
            version: value.get("version").and_then(Value::id).unwrap_or_else(default_version),
            currency: reader.currency,
            products,
            embeddings,
            campaigns,
            placements,
            vocabulary,
            problems: reader.problems,
            problems_total: reader.problems_total,
        })
    }
}

fn section<'a>(value: &'a Value<'a>, key: &'static str) -> Result<&'a [Value<'a>], Error> {
    match value.get(key) {
        None => Ok(&[]),
        Some(rows) => rows.list().ok_or_else(|| rows.invalid(key, "an array")),
    }
}

fn words(lists: &Value<'_>, key: &'static str) -> Result<Option<Texts>, Error> {
    let Some(list) = lists.get(key) else { return Ok(None) };
    let field = || format!("vocabulary.{key}");
    let words = list.list().ok_or_else(|| list.invalid(field(), "an array of strings"))?;
    let words: Vec<String> = words
        .iter()
        .map(|w| w.id().ok_or_else(|| w.invalid(field(), "an array of strings")))
        .collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    match words.iter().find(|w| !seen.insert(w.as_str())) {
        Some(twice) => Err(Error::DuplicateId { kind: "vocabulary word", id: twice.clone() }),
        None => Ok(Some(words.iter().map(String::as_str).collect())),
    }
}

const CATALOGUE_KEYS: &[&str] = &[
    "schema",
    "$schema",
    "version",
    "currency",
    "locale",
    "products",
    "campaigns",
    "placements",
    "vocabulary",
    "description",
    "licence",
];
const CAMPAIGN_KEYS: &[&str] =
    &["id", "advertiser", "status", "start", "end", "bid", "pricing", "placements", "creatives", "name", "description"];
const PLACEMENT_KEYS: &[&str] = &["id", "max_ads", "exclude", "name", "description"];

struct Reader {
    currency: Option<String>,
    problems: Vec<Problem>,
    problems_total: usize,
    section: &'static str,
    /// Category paths as they are written, and as they are kept.
    paths: Index<String>,
}

impl Reader {
    fn problem(
        &mut self,
        row: usize,
        id: Option<&str>,
        field: &str,
        value: &Value<'_>,
        severity: Severity,
        remedy: &'static str,
    ) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_SHOWN {
            self.problems.push(Problem {
                section: self.section,
                row,
                id: id.map(str::to_owned),
                field: field.to_owned(),
                value: value.shown(),
                severity,
                remedy,
            });
        }
    }

    fn warn_unknown_keys(&mut self, value: &Value<'_>, row: usize, id: Option<&str>, known: &[&str]) {
        for (key, value) in value.entries().unwrap_or_default() {
            if !known.contains(&key.as_ref()) {
                let remedy = if *key == "slots" { "Call it `placements`" } else { "Unknown field, ignored" };
                self.problem(row, id, key, value, Severity::Warning, remedy);
            }
        }
    }

    /// `None` where the row must go; `Some(None)` where there simply is no price.
    fn price(&mut self, row: usize, id: &str, field: &'static str, value: Option<&Value<'_>>) -> Option<Option<f32>> {
        let Some(value) = value else { return Some(None) };
        let Some(money) = Money::read(value) else {
            let remedy = "Write a price such as \"15.00 USD\"";
            self.problem(row, Some(id), field, value, Severity::Error, remedy);
            return None;
        };
        match (&self.currency, &money.currency) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                let remedy = "Give all prices in the catalogue's currency; nothing is converted";
                self.problem(row, Some(id), field, value, Severity::Error, remedy);
                return None;
            }
            (None, Some(theirs)) => self.currency = Some(theirs.clone()),
            _ => {}
        }
        Some(Some(money.amount))
    }

    fn campaigns(&mut self, rows: &[Value<'_>], by_id: &Index) -> Result<Vec<Campaign>, Error> {
        self.section = "campaigns";
        let mut campaigns: Vec<Campaign> = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            if let Some(campaign) = self.campaign(index + 1, row, by_id)? {
                if campaigns.iter().any(|c| c.id == campaign.id) {
                    return Err(Error::DuplicateId { kind: "campaign", id: campaign.id });
                }
                campaigns.push(campaign);
            }
        }
        Ok(campaigns)
    }

    fn campaign(&mut self, row: usize, value: &Value<'_>, by_id: &Index) -> Result<Option<Campaign>, Error> {
        let Some(id) = value.get("id").and_then(Value::id) else {
            self.problem(row, None, "id", &Value::Null, Severity::Error, "Give every campaign a non-empty id");
            return Ok(None);
        };
        self.warn_unknown_keys(value, row, Some(&id), CAMPAIGN_KEYS);
        let mut faulty = false;
        let mut moment = |reader: &mut Reader, field: &'static str| {
            let given = value.get(field)?;
            let read = given.text().and_then(time::rfc3339);
            if read.is_none() {
                faulty = true;
                let remedy = "Write an RFC 3339 time such as 2026-11-24T10:00:00Z";
                reader.problem(row, Some(&id), field, given, Severity::Error, remedy);
            }
            read
        };
        let (start, end) = (moment(self, "start"), moment(self, "end"));
        let bid = value.get("bid").or_else(|| value.get("pricing").and_then(|p| p.get("bid")));
        let bid = match self.price(row, &id, "bid", bid) {
            Some(bid) => bid,
            None => return Ok(None),
        };
        if faulty {
            return Ok(None);
        }
        let creatives = self.creatives(row, &id, value.get("creatives").and_then(Value::list), by_id)?;
        let list = |key| value.get(key).and_then(Value::list).unwrap_or_default();
        Ok(Some(Campaign {
            advertiser: value.get("advertiser").and_then(Value::id).unwrap_or_else(|| id.clone()),
            start,
            end,
            active: value.get("status").and_then(Value::text).is_none_or(|s| s.eq_ignore_ascii_case("active")),
            bid,
            placements: list("placements").iter().filter_map(Value::id).collect(),
            creatives,
            id,
        }))
    }

    fn creatives(
        &mut self,
        row: usize,
        campaign: &str,
        values: Option<&[Value<'_>]>,
        by_id: &Index,
    ) -> Result<Vec<Creative>, Error> {
        let mut creatives: Vec<Creative> = Vec::new();
        for value in values.unwrap_or_default() {
            let item_id = value.get("item_id").and_then(Value::id).filter(|item| by_id.contains_key(item));
            let Some((id, item_id)) = value.get("id").and_then(Value::id).zip(item_id) else {
                let remedy = "Give every creative an id and the `item_id` of a product of this catalogue";
                let item = value.get("item_id").unwrap_or(&Value::Null);
                self.problem(row, Some(campaign), "creatives.item_id", item, Severity::Error, remedy);
                continue;
            };
            if creatives.iter().any(|c| c.id == id) {
                return Err(Error::DuplicateId { kind: "creative", id: format!("{campaign}/{id}") });
            }
            creatives.push(Creative { id, item_id });
        }
        Ok(creatives)
    }

    fn placements(&mut self, rows: &[Value<'_>]) -> Result<Vec<Placement>, Error> {
        self.section = "placements";
        let mut placements: Vec<Placement> = Vec::with_capacity(rows.len());
        for (index, value) in rows.iter().enumerate() {
            let row = index + 1;
            let Some(id) = value.get("id").and_then(Value::id) else {
                self.problem(row, None, "id", &Value::Null, Severity::Error, "Give every placement a non-empty id");
                continue;
            };
            self.warn_unknown_keys(value, row, Some(&id), PLACEMENT_KEYS);
            if placements.iter().any(|p| p.id == id) {
                return Err(Error::DuplicateId { kind: "placement", id });
            }
            let max_ads = match value.get("max_ads") {
                None => DEFAULT_MAX_ADS,
                Some(given) => match given.number().filter(|n| (1.0..=1000.0).contains(n)) {
                    Some(n) => n as usize,
                    None => {
                        let remedy = "Use a whole number from 1 to 1000; 4 was taken";
                        self.problem(row, Some(&id), "max_ads", given, Severity::Warning, remedy);
                        DEFAULT_MAX_ADS
                    }
                },
            };
            let exclude = match value.get("exclude") {
                None => Exclusion::ALL.to_vec(),
                Some(given) => self.exclusions(row, &id, given),
            };
            placements.push(Placement { id, max_ads, exclude });
        }
        Ok(placements)
    }

    fn exclusions(&mut self, row: usize, id: &str, given: &Value<'_>) -> Vec<Exclusion> {
        let words = given.list().unwrap_or_default();
        let read = words.iter().filter_map(|word| {
            let found = Exclusion::ALL.into_iter().find(|e| word.text() == Some(e.word()));
            if found.is_none() {
                let remedy = "Use bought, in_cart or current";
                self.problem(row, Some(id), "exclude", word, Severity::Warning, remedy);
            }
            found
        });
        read.collect()
    }
}
