//! Simulated shoppers over a catalogue: sessions to show a shop with, and to train a demo's model on.
//!
//! Nobody's behaviour is behind them. A shopper wants one or two categories, perhaps a brand, and has a price level; on
//! every page lists are shown, of which the first item that appeals is clicked. How much an item appeals is a logit of
//! the constants below: its likeness to what is wanted and to the page, brand, price, and how often it was looked at.
//! Lists are scanned from the top (the cascade of Craswell et al. 2008, <https://doi.org/10.1145/1341531.1341545>), and
//! fewer look at the places further down. What is shown is drawn half at random, so that it does not follow the taste.
//!
//! A session depends on its number and the seed alone.

use std::collections::HashMap;

use nearside_core::content::prefixes;
use nearside_core::{Availability, Device, Feed, PageType, Product};
use serde_json::{Value, json};

use crate::error::Error;
use crate::random::{Random, Stream};

/// Monday 2026-01-05 UTC, in milliseconds: the first session's day.
const START_MS: u64 = 1_767_571_200_000;
/// All sessions begin within so many milliseconds: four weeks.
const SPAN_MS: u64 = 28 * 24 * 60 * 60 * 1000;
/// Shortest and longest stay on a page, in seconds.
const STAY_S: (f32, f32) = (4.0, 60.0);
/// Most pages of a session.
const PAGES: usize = 25;
/// Share of shoppers that leave after a page on which nothing was clicked.
const LEAVE: f32 = 0.25;
/// Share of sessions that begin on any product at all, and of the category pages and searches that are for any.
const ASTRAY: f32 = 0.2;

/// Share of shoppers that look at each place of a list, of those that looked at the one before.
const LOOK_ON: f32 = 0.9;
/// The logit of an item that has nothing for it.
const APPEAL: f32 = -4.2;
/// What likeness to the wanted categories adds, by page type: on a product or search page the shopper has just said what
/// the matter is, on the home page only taste speaks.
const OF_TASTE: [f32; PageType::ALL.len()] = [3.4, 2.0, 0.4, 0.6, 2.6, 2.6, 2.6];
/// What likeness to the page's subject adds, by page type.
const OF_PAGE: [f32; PageType::ALL.len()] = [0.0, 1.6, 3.8, 3.6, 0.8, 0.4, 0.0];
const OF_BRAND: f32 = 1.6;
/// By unit of distance between the logarithms of the price and of the price that suits.
const OF_PRICE: f32 = -0.7;
/// By unit of ln(looks / 2), from three looks on.
const OF_LOOKS: f32 = -2.0;

/// Items of the lists: picks on the home page, results on a category or search page, related items on a product page.
const PICKS: usize = 8;
const RESULTS: usize = 12;
const RELATED: usize = 4;

/// Shoppers of one catalogue.
#[derive(Debug)]
pub struct Simulator<'a> {
    /// What can be bought.
    products: Vec<&'a Product>,
    /// The same by category path, those of narrower categories included.
    aisles: HashMap<&'a str, Vec<&'a Product>>,
    currency: &'a str,
    seed: u64,
}

impl<'a> Simulator<'a> {
    /// Shoppers that see what the catalogue of `feed` has in stock.
    ///
    /// Errors: `too-few-products` for fewer than the longest list.
    pub fn new(feed: &'a Feed, seed: u64) -> Result<Simulator<'a>, Error> {
        let in_stock = |product: &&Product| product.availability == Availability::InStock;
        let products: Vec<&Product> = feed.products().iter().filter(in_stock).collect();
        if products.len() < RESULTS {
            return Err(Error::TooFewProducts { got: products.len(), needed: RESULTS });
        }
        let mut aisles: HashMap<&str, Vec<&Product>> = HashMap::new();
        for product in &products {
            prefixes(&product.category).for_each(|path| aisles.entry(path).or_default().push(product));
        }
        Ok(Simulator { products, aisles, currency: feed.currency().unwrap_or("USD"), seed })
    }

    /// The events of session `number`, 0 the first of `sessions`: JSON lines of GA4's events, each marked `simulated`,
    /// lists with the `page` and `device` they were shown on.
    pub fn session(&self, number: u64, sessions: u64) -> Vec<String> {
        let mut random = Random::new(self.seed, Stream::Shoppers, number);
        let pause = SPAN_MS / sessions.max(1);
        let start = START_MS + number * pause + random.below(pause.max(1) as usize) as u64;
        let shopper = Shopper::new(self, &mut random);
        let mut visit = Visit {
            of: self,
            shopper,
            random,
            now: start,
            name: format!("simulated-{number}"),
            looks: Vec::new(),
            cart: Vec::new(),
            lines: Vec::new(),
        };
        visit.play();
        visit.lines
    }
}

/// What a shopper wants.
#[derive(Debug)]
struct Shopper<'a> {
    /// Category paths, by number of products: most are of a single aisle, some of a department.
    wanted: Vec<&'a str>,
    brand: Option<&'a str>,
    /// How far above or below a product's usual price the shopper's lies, in logarithms.
    level: f32,
    device: Device,
}

impl<'a> Shopper<'a> {
    fn new(of: &Simulator<'a>, random: &mut Random) -> Shopper<'a> {
        let first = of.any(random);
        let mut wanted = Vec::new();
        for product in [first, of.any(random)].into_iter().take(if random.below(3) == 0 { 2 } else { 1 }) {
            let up = if random.below(4) == 0 { 1 } else { 0 };
            wanted.extend(prefixes(&product.category).rev().nth(up).or(Some(product.category.as_str())));
        }
        let brand = (random.below(2) == 0 && !first.brand.is_empty()).then_some(first.brand.as_str());
        let device = match random.below(20) {
            0..11 => Device::Phone,
            11 => Device::Tablet,
            _ => Device::Desktop,
        };
        Shopper { wanted, brand, level: first.price.map_or(3.0, libm::log1pf) + 0.4 * random.normal(), device }
    }

    /// The logit of a click on an item that is looked at.
    fn appeal(&self, product: &Product, page: &Page<'_>, looks: u32) -> f32 {
        let taste = self.wanted.iter().map(|wanted| likeness(wanted, &product.category)).fold(0.0, f32::max);
        let subject = page.subject().map_or(0.0, |subject| likeness(subject, &product.category));
        let brand = f32::from(u8::from(self.brand == Some(&product.brand)));
        let distance = product.price.map_or(0.0, |price| (libm::log1pf(price) - self.level).abs());
        let tired = libm::logf(looks.max(2) as f32 / 2.0);
        APPEAL
            + OF_TASTE[page.kind() as usize] * taste
            + OF_PAGE[page.kind() as usize] * subject
            + OF_BRAND * brand
            + OF_PRICE * distance
            + OF_LOOKS * tired
    }
}

/// Share of the levels of `wanted` that `category` has too, 0 to 1.
fn likeness(wanted: &str, category: &str) -> f32 {
    let shared = prefixes(wanted).zip(prefixes(category)).take_while(|(a, b)| a == b).count();
    shared as f32 / prefixes(wanted).count().max(1) as f32
}

/// Where the shopper is.
#[derive(Clone, Copy, Debug)]
enum Page<'a> {
    Home,
    Category(&'a str),
    Search(&'a str),
    Product(&'a Product),
}

impl<'a> Page<'a> {
    fn kind(&self) -> PageType {
        match self {
            Page::Home => PageType::Home,
            Page::Category(_) => PageType::Category,
            Page::Search(_) => PageType::Search,
            Page::Product(_) => PageType::Product,
        }
    }

    /// The category path it is about.
    fn subject(&self) -> Option<&'a str> {
        match self {
            Page::Home => None,
            Page::Category(path) | Page::Search(path) => Some(path),
            Page::Product(product) => Some(&product.category),
        }
    }

    /// As a request for a slate says it.
    fn told(&self) -> Value {
        let mut told = json!({ "type": self.kind() });
        match self {
            Page::Home => {}
            Page::Category(path) => told["category"] = (*path).into(),
            Page::Search(path) => told["search_term"] = words(path).into(),
            Page::Product(product) => told["item_id"] = product.id.as_str().into(),
        }
        told
    }
}

/// What a shopper types who looks for a category: the name of its narrowest level.
fn words(path: &str) -> String {
    path.rsplit(" > ").next().unwrap_or(path).to_lowercase()
}

impl<'a> Simulator<'a> {
    fn any(&self, random: &mut Random) -> &'a Product {
        self.products[random.below(self.products.len())]
    }

    /// Any product of a category or below it; any at all where there is none.
    fn any_of(&self, path: &str, random: &mut Random) -> &'a Product {
        match self.aisles.get(path) {
            Some(aisle) => aisle[random.below(aisle.len())],
            None => self.any(random),
        }
    }
}

/// A session under way.
struct Visit<'s, 'a> {
    of: &'s Simulator<'a>,
    shopper: Shopper<'a>,
    random: Random,
    now: u64,
    name: String,
    /// Products that were looked at, as often as they were.
    looks: Vec<&'a Product>,
    cart: Vec<&'a Product>,
    lines: Vec<String>,
}

impl<'a> Visit<'_, 'a> {
    fn play(&mut self) {
        let mut page = if self.chance(ASTRAY) {
            Page::Product(self.of.any(&mut self.random))
        } else if self.random.below(2) == 0 {
            Page::Home
        } else {
            self.list_page()
        };
        for _ in 0..PAGES {
            let clicked = self.open(page);
            page = match clicked {
                Some(product) => Page::Product(product),
                None if self.chance(LEAVE) => break,
                None if self.random.below(3) == 0 => Page::Home,
                None => self.list_page(),
            };
        }
        self.check_out();
    }

    /// A page on which the shopper expects what is wanted, or looks around.
    fn list_page(&mut self) -> Page<'a> {
        let wanted = if self.chance(ASTRAY) {
            &self.of.any(&mut self.random).category
        } else {
            self.shopper.wanted[self.random.below(self.shopper.wanted.len())]
        };
        if self.random.below(3) == 0 { Page::Search(wanted) } else { Page::Category(wanted) }
    }

    /// What happens on one page; the product that was clicked.
    fn open(&mut self, page: Page<'a>) -> Option<&'a Product> {
        self.stay();
        match page {
            Page::Product(product) => {
                self.emit("view_item", json!({ "items": [item(product)] }));
                let wish = self.shopper.appeal(product, &page, 0) - 1.0;
                self.looks.push(product);
                if self.chance(sigmoid(wish)) && !self.cart.iter().any(|in_cart| in_cart.id == product.id) {
                    self.stay();
                    self.cart.push(product);
                    self.emit("add_to_cart", json!({ "items": [item(product)] }));
                }
                self.list("related", RELATED, page)
            }
            Page::Search(path) => {
                self.emit("search", json!({ "search_term": words(path) }));
                self.list("search", RESULTS, page)
            }
            Page::Category(_) => self.list("category", RESULTS, page),
            Page::Home => self.list("picks", PICKS, page),
        }
    }

    /// Shows a list; the item that was clicked, if one was.
    fn list(&mut self, id: &str, size: usize, page: Page<'a>) -> Option<&'a Product> {
        let shown = self.filled(size, page);
        let items: Vec<Value> =
            shown.iter().enumerate().map(|(index, p)| json!({ "item_id": p.id, "index": index })).collect();
        self.emit(
            "view_item_list",
            json!({ "item_list_id": id, "items": items, "page": page.told(), "device": self.shopper.device }),
        );
        for (index, product) in shown.into_iter().enumerate() {
            if index > 0 && !self.chance(LOOK_ON) {
                return None;
            }
            let looks = self.looks.iter().filter(|looked| looked.id == product.id).count() as u32;
            let appeal = self.shopper.appeal(product, &page, looks);
            if self.chance(sigmoid(appeal)) {
                self.stay();
                let item = json!({ "item_id": product.id, "index": index });
                self.emit("select_item", json!({ "item_list_id": id, "items": [item] }));
                return Some(product);
            }
        }
        None
    }

    /// What a list holds: half drawn from the whole catalogue; some that were looked at before; the rest from the page's
    /// subject, or else from the category that was looked at last.
    fn filled(&mut self, size: usize, page: Page<'a>) -> Vec<&'a Product> {
        let near = page.subject().or(self.looks.last().map(|product| product.category.as_str()));
        let mut shown: Vec<&Product> = Vec::with_capacity(size);
        // A narrow category runs out of products; a few tries more cost nothing.
        for _ in 0..4 * size {
            if shown.len() == size {
                break;
            }
            let product = match near {
                _ if !self.looks.is_empty() && self.random.below(8) == 0 => {
                    self.looks[self.random.below(self.looks.len())]
                }
                Some(near) if self.random.below(2) == 0 => {
                    // From the category or the one above it.
                    let path = prefixes(near).rev().nth(self.random.below(2)).unwrap_or(near);
                    self.of.any_of(path, &mut self.random)
                }
                _ => self.of.any(&mut self.random),
            };
            let on_page = matches!(page, Page::Product(current) if current.id == product.id);
            if !on_page && shown.iter().all(|other| other.id != product.id) {
                shown.push(product);
            }
        }
        shown
    }

    fn check_out(&mut self) {
        if self.cart.is_empty() || self.random.below(2) == 0 {
            return;
        }
        let items: Vec<Value> = self.cart.iter().map(|product| item(product)).collect();
        for event in ["view_cart", "begin_checkout"] {
            self.stay();
            self.emit(event, json!({ "items": items }));
        }
        self.stay();
        let transaction = format!("{}-order", self.name);
        self.emit("purchase", json!({ "items": items, "transaction_id": transaction }));
    }

    fn stay(&mut self) {
        self.now += (1000.0 * self.random.between(STAY_S.0, STAY_S.1)) as u64;
    }

    fn chance(&mut self, chance: f32) -> bool {
        self.random.uniform() < chance
    }

    fn emit(&mut self, event: &str, fields: Value) {
        let mut line = json!({ "event": event, "ts": self.now, "session": self.name, "simulated": true });
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
            line.extend(fields);
            if line.contains_key("items") && event != "view_item_list" && event != "select_item" {
                line.insert("currency".into(), self.of.currency.into());
            }
        }
        self.lines.push(line.to_string());
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-logit))
}

/// A product as GA4's events tell it.
fn item(product: &Product) -> Value {
    const LEVELS: [&str; 5] = ["item_category", "item_category2", "item_category3", "item_category4", "item_category5"];
    let mut item = json!({ "item_id": product.id, "item_name": product.title, "quantity": 1 });
    for (key, level) in LEVELS.iter().zip(product.category.split(" > ")).filter(|(_, level)| !level.is_empty()) {
        item[*key] = level.into();
    }
    if !product.brand.is_empty() {
        item["item_brand"] = product.brand.as_str().into();
    }
    if let Some(price) = product.price {
        item["price"] = json!(price);
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed() -> Feed {
        let product = |i: usize| {
            let category = ["Music > Guitars > Acoustic", "Music > Guitars > Electric", "Kitchen > Fridges"][i % 3];
            format!(
                r#"{{"id":"p{i}","title":"T {i}","product_type":"{category}","brand":"B{}","price":"{i} USD"}}"#,
                i % 5
            )
        };
        let products: Vec<String> = (1..=60).map(product).collect();
        let json =
            format!(r#"{{"currency":"USD","products":[{}],"placements":[{{"id":"home"}}]}}"#, products.join(","));
        Feed::read(json.as_bytes()).unwrap()
    }

    fn events(seed: u64, sessions: u64) -> Vec<Value> {
        let feed = feed();
        let simulator = Simulator::new(&feed, seed).unwrap();
        let lines = (0..sessions).flat_map(|number| simulator.session(number, sessions));
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    #[test]
    fn every_line_says_that_it_is_simulated_and_times_never_fall_within_a_session() {
        let events = events(1, 50);
        assert!(events.iter().all(|event| event["simulated"] == true && event["session"].is_string()));
        for session in events.chunk_by(|a, b| a["session"] == b["session"]) {
            assert!(session.windows(2).all(|pair| pair[0]["ts"].as_u64() <= pair[1]["ts"].as_u64()));
        }
    }

    #[test]
    fn a_session_depends_on_its_number_and_the_seed_alone() {
        let feed = feed();
        let [one, again, other] = [1, 1, 2].map(|seed| Simulator::new(&feed, seed).unwrap().session(7, 100));
        assert_eq!(one, again);
        assert_ne!(one, other);
    }

    #[test]
    fn a_click_is_on_an_item_of_the_list_before_it_and_leads_to_its_page() {
        let events = events(3, 200);
        let mut clicks = 0;
        for (index, event) in events.iter().enumerate().filter(|(_, event)| event["event"] == "select_item") {
            let id = &event["items"][0]["item_id"];
            let list = &events[index - 1];
            assert_eq!((&list["event"], &list["item_list_id"]), (&"view_item_list".into(), &event["item_list_id"]));
            assert!(list["items"].as_array().unwrap().iter().any(|item| item["item_id"] == *id));
            // A session of the most pages there may be ends with the click, or goes on to the cart.
            let goes_on = |next: &&Value| next["session"] == event["session"] && next["event"] != "view_cart";
            if let Some(next) = events.get(index + 1).filter(goes_on) {
                assert_eq!((&next["event"], &next["items"][0]["item_id"]), (&"view_item".into(), id));
            }
            clicks += 1;
        }
        assert!(clicks > 100, "{clicks}");
    }

    #[test]
    fn the_first_places_are_clicked_more_than_the_last_and_all_kinds_of_events_occur() {
        let events = events(5, 2000);
        let clicks = |event: &Value| event["event"] == "select_item" && event["item_list_id"] == "picks";
        let mut by_place = [0usize; PICKS];
        events.iter().filter(|event| clicks(event)).for_each(|event| {
            by_place[event["items"][0]["index"].as_u64().unwrap() as usize] += 1;
        });
        assert!(by_place[..2].iter().sum::<usize>() > 2 * by_place[6..].iter().sum::<usize>(), "{by_place:?}");
        for name in ["view_item", "add_to_cart", "search", "begin_checkout", "purchase"] {
            assert!(events.iter().any(|event| event["event"] == name), "{name}");
        }
    }

    #[test]
    fn a_catalogue_with_next_to_nothing_in_stock_is_refused() {
        let few = Feed::read(br#"{"products":[{"id":"a","title":"A"}],"placements":[]}"#).unwrap();
        assert_eq!(Simulator::new(&few, 1).unwrap_err().code(), "too-few-products");
    }
}
