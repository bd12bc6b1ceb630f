//! The profile: what this device remembers of the shopper.
//!
//! A pure function of events, stated preferences and time. Every weight is a
//! sum over events of `w · 2^(-age / half-life)`, with `w` from
//! [`EventName::weight`], kept so that events may come in any order and in any
//! portions. Bounded: the weakest interests go first.

use std::collections::{BTreeMap, HashSet};

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::content::{band_middle, prefixes, price_band};
use crate::event::{Event, EventName, Item, Timestamp};
use crate::history::{History, Record};

/// Half-life of an interest, in hours. At 1 the last hour decides the slate;
/// at 168 yesterday weighs nine tenths of today.
pub const HALF_LIFE_HOURS: f64 = 24.0;

/// Most categories, brands, items and search words that are kept, each.
pub const INTEREST_LIMIT: usize = 200;

/// Share of an event's weight that each level up the category path gets: interest in
/// `Guitars > Acoustic` is half an interest in `Guitars`.
const PARENT_SHARE: f64 = 0.5;

/// A weight that halves every [`HALF_LIFE_HOURS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decayed {
    weight: f64,
    at: Timestamp,
}

impl Decayed {
    /// Adds `weight` as of `at`, which may lie before what was added last.
    pub fn add(&mut self, weight: f64, at: Timestamp) {
        let later = self.at.max(at);
        self.weight = self.value(later) + weight * decay(later.since(at));
        self.at = later;
    }

    /// The weight at a moment. Before the last addition it is as if that moment were it.
    pub fn value(&self, now: Timestamp) -> f64 {
        self.weight * decay(now.since(self.at))
    }
}

fn decay(age_ms: u64) -> f64 {
    const HOUR_MS: f64 = 60.0 * 60.0 * 1000.0;
    libm::exp2(-(age_ms as f64) / (HALF_LIFE_HOURS * HOUR_MS))
}

/// Interest in one product, with enough of its content to place it should the catalogue not know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ItemInterest {
    /// How strong.
    pub interest: Decayed,
    /// How often its page was opened.
    pub views: u32,
    /// Units now in the cart.
    pub in_cart: u32,
    /// When it was last bought and not given back.
    pub bought: Option<Timestamp>,
    /// Its category path, or empty.
    pub category: String,
    /// Its brand, or empty.
    pub brand: String,
    /// Its unit price, where known.
    pub price: Option<f32>,
}

/// How far along the shopper is in this session. The strongest sign counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was done yet.
    New,
    /// Pages, lists and products were looked at.
    Browsing,
    /// A product was looked at again, or marked for later.
    Considering,
    /// Something is in the cart.
    Carting,
    /// The checkout began.
    CheckingOut,
    /// Something was bought.
    Bought,
}

/// Who the shopper says they are. Only what was told, and only for shops that may use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basic {
    /// Index into [`AGE_BANDS`].
    pub age_band: Option<u8>,
    /// Index into [`GENDERS`].
    pub gender: Option<u8>,
    /// A region's name, as the shop writes it.
    pub region: Option<String>,
}

/// The age bands that can be told. There is none for minors: they get no profile-based ads.
pub const AGE_BANDS: [&str; 6] = ["18-24", "25-34", "35-44", "45-54", "55-64", "65+"];
/// The genders that can be told.
pub const GENDERS: [&str; 3] = ["female", "male", "other"];

/// What a preference is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// A category path.
    Category(String),
    /// A brand.
    Brand(String),
}

/// What this device remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    categories: BTreeMap<String, Decayed>,
    brands: BTreeMap<String, Decayed>,
    price_bands: BTreeMap<u8, Decayed>,
    terms: BTreeMap<String, Decayed>,
    items: BTreeMap<String, ItemInterest>,
    basic: Basic,
    preferences: BTreeMap<Subject, f64>,
    history: History,
}

impl Profile {
    /// Learns from a clean event.
    pub fn learn(&mut self, event: &Event) {
        self.history.add(event);
        let weight = event.name.weight();
        for item in &event.items {
            self.learn_item(event, item, weight);
        }
        for term in &event.terms {
            self.terms.entry(term.clone()).or_default().add(weight, event.at);
        }
        self.forget_weakest(event.at);
    }

    fn learn_item(&mut self, event: &Event, item: &Item, weight: f64) {
        let interest = self.items.entry(item.id.clone()).or_default();
        interest.interest.add(weight, event.at);
        match event.name {
            EventName::ViewItem => interest.views += 1,
            EventName::AddToCart => interest.in_cart = interest.in_cart.saturating_add(item.quantity),
            EventName::RemoveFromCart => interest.in_cart = interest.in_cart.saturating_sub(item.quantity),
            EventName::Purchase => {
                interest.in_cart = 0;
                interest.bought = interest.bought.max(Some(event.at));
            }
            EventName::Refund => interest.bought = None,
            _ => {}
        }
        if let Some(category) = &item.category {
            interest.category.clone_from(category);
            let mut share = weight;
            for path in prefixes(category).rev() {
                self.categories.entry(path.to_owned()).or_default().add(share, event.at);
                share *= PARENT_SHARE;
            }
        }
        if let Some(brand) = &item.brand {
            interest.brand.clone_from(brand);
            self.brands.entry(brand.clone()).or_default().add(weight, event.at);
        }
        if let Some(price) = item.price {
            interest.price = Some(price);
            self.price_bands.entry(price_band(price)).or_default().add(weight, event.at);
        }
    }

    fn forget_weakest(&mut self, now: Timestamp) {
        forget_weakest(&mut self.categories, |d| d.value(now).abs());
        forget_weakest(&mut self.brands, |d| d.value(now).abs());
        forget_weakest(&mut self.terms, |d| d.value(now).abs());
        // What is bought or in the cart is kept whatever its weight: it must not be offered again.
        let owned = |i: &ItemInterest| i.bought.is_some() || i.in_cart > 0;
        forget_weakest(&mut self.items, |i| if owned(i) { f64::MAX } else { i.interest.value(now).abs() });
    }

    /// States a preference from -1 (never) to 1 (very much); 0 takes it back. Stated preferences do not fade.
    pub fn prefer(&mut self, subject: Subject, weight: f64) {
        if weight == 0.0 {
            self.preferences.remove(&subject);
        } else {
            self.preferences.insert(subject, weight.clamp(-1.0, 1.0));
        }
        forget_weakest(&mut self.preferences, |w| w.abs());
    }

    /// Replaces the basic information.
    pub fn set_basic(&mut self, basic: Basic) {
        self.basic = basic;
    }

    /// What the shopper told of themselves.
    pub fn basic(&self) -> &Basic {
        &self.basic
    }

    /// Stated preferences.
    pub fn preferences(&self) -> &BTreeMap<Subject, f64> {
        &self.preferences
    }

    /// The events behind the profile.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Interest by product.
    pub fn items(&self) -> &BTreeMap<String, ItemInterest> {
        &self.items
    }

    /// Weights of words searched for.
    pub fn terms(&self) -> &BTreeMap<String, Decayed> {
        &self.terms
    }

    /// Whether it holds nothing that could change a slate.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.terms.is_empty() && self.preferences.is_empty()
    }

    /// Interest in category paths, each level on its own, and stated preferences. -1 to 1.
    pub fn category_interests(&self, now: Timestamp) -> Vec<(&str, f32)> {
        let stated = self.preferences.iter().filter_map(|(subject, weight)| match subject {
            Subject::Category(path) => Some((path.as_str(), *weight)),
            Subject::Brand(_) => None,
        });
        interests(weights(&self.categories, now), stated)
    }

    /// Interest in brands, and stated preferences. -1 to 1.
    pub fn brand_interests(&self, now: Timestamp) -> Vec<(&str, f32)> {
        let stated = self.preferences.iter().filter_map(|(subject, weight)| match subject {
            Subject::Brand(brand) => Some((brand.as_str(), *weight)),
            Subject::Category(_) => None,
        });
        interests(weights(&self.brands, now), stated)
    }

    /// Interest in each of [`items`](Profile::items), in their order. -1 to 1.
    pub fn item_interests(&self, now: Timestamp) -> Vec<f32> {
        let weights: Vec<f64> = self.items.values().map(|item| item.interest.value(now)).collect();
        let scale = scale(weights.iter().copied());
        weights.into_iter().map(|weight| (weight / scale) as f32).collect()
    }

    /// The mean of ln(1 + price) over what was looked at, by weight.
    pub fn mean_log_price(&self, now: Timestamp) -> Option<f32> {
        let weights = self.price_bands.iter().map(|(band, d)| (*band, d.value(now).max(0.0)));
        let (sum, total) = weights.fold((0.0, 0.0), |(s, t), (band, w)| (s + w * band_middle(band), t + w));
        (total > 1e-9).then(|| (sum / total) as f32)
    }

    /// The stage of the session open at `now`.
    pub fn stage(&self, now: Timestamp) -> Stage {
        let session = self.history.session(now);
        let mut stage = if session.is_empty() { Stage::New } else { Stage::Browsing };
        let mut seen: HashSet<&str, FxBuildHasher> = HashSet::default();
        for record in session {
            let sign = match record.name {
                EventName::ViewItem if seen.contains(record.item.as_str()) => Stage::Considering,
                EventName::AddToWishlist => Stage::Considering,
                EventName::AddToCart => Stage::Carting,
                EventName::BeginCheckout => Stage::CheckingOut,
                EventName::Purchase => Stage::Bought,
                _ => Stage::Browsing,
            };
            if record.name == EventName::ViewItem {
                seen.insert(&record.item);
            }
            stage = stage.max(sign);
        }
        stage
    }

    /// The steps of the open session that models see, oldest first.
    pub fn steps(&self, now: Timestamp) -> impl DoubleEndedIterator<Item = &Record> {
        self.history.session(now).iter().filter(|r| r.name.is_step())
    }
}

fn weights(interests: &BTreeMap<String, Decayed>, now: Timestamp) -> impl Iterator<Item = (&str, f64)> {
    interests.iter().map(move |(key, interest)| (key.as_str(), interest.value(now)))
}

/// What weights are divided by, so that the strongest is ±1. A single glance is not yet a passion: below one view's
/// weight, interests stay below 1.
fn scale(weights: impl Iterator<Item = f64>) -> f64 {
    weights.fold(EventName::ViewItem.weight(), |most, weight| most.max(weight.abs()))
}

/// Weights scaled so that the strongest is ±1, joined with the stated ones, which replace what was observed.
fn interests<'a>(
    observed: impl Iterator<Item = (&'a str, f64)>,
    stated: impl Iterator<Item = (&'a str, f64)>,
) -> Vec<(&'a str, f32)> {
    let mut weights: Vec<(&str, f64)> = observed.collect();
    let scale = scale(weights.iter().map(|(_, weight)| *weight));
    weights.iter_mut().for_each(|(_, weight)| *weight /= scale);
    for (key, weight) in stated {
        match weights.iter_mut().find(|(observed, _)| *observed == key) {
            Some(observed) => observed.1 = weight,
            None => weights.push((key, weight)),
        }
    }
    weights.into_iter().map(|(key, weight)| (key, weight as f32)).collect()
}

/// Beyond [`INTEREST_LIMIT`], removes the weakest entries, and a tenth more, so that a full profile does not weigh
/// every entry at every event. Of equals, the first by key goes first.
fn forget_weakest<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, strength: impl Fn(&V) -> f64) {
    if map.len() <= INTEREST_LIMIT {
        return;
    }
    let mut weakest: Vec<(f64, K)> = map.iter().map(|(key, value)| (strength(value), key.clone())).collect();
    weakest.sort_by(|a, b| a.0.total_cmp(&b.0));
    weakest.truncate(map.len() - INTEREST_LIMIT * 9 / 10);
    for (_, key) in weakest {
        map.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u64 = 60 * 60 * 1000;

    fn event(name: EventName, at: u64, id: &str, category: &str) -> Event {
        let item = Item { id: id.into(), category: Some(category.into()), quantity: 1, ..Item::default() };
        Event { name, at: Timestamp(at), items: vec![item], terms: vec![], decision: None, ad: None, identity: None }
    }

    fn profile(events: &[Event]) -> Profile {
        let mut profile = Profile::default();
        events.iter().for_each(|e| profile.learn(e));
        profile
    }

    #[test]
    fn an_interest_halves_in_its_half_life() {
        let mut weight = Decayed::default();
        weight.add(1.0, Timestamp(0));
        assert!((weight.value(Timestamp(24 * HOUR)) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_cart_counts_more_than_a_view_and_its_parent_category_half() {
        use EventName::*;
        let profile = profile(&[event(ViewItem, 0, "a", "A > X"), event(AddToCart, 0, "b", "B > Y")]);
        let interests = profile.category_interests(Timestamp(0));
        assert!(interests.contains(&("B > Y", 1.0)) && interests.contains(&("B", 0.5)));
        assert!(interests.iter().all(|(path, weight)| path.starts_with('B') || *weight < 0.5));
    }

    #[test]
    fn a_stated_preference_replaces_what_was_observed_and_does_not_fade() {
        let mut profile = profile(&[event(EventName::ViewItem, 0, "a", "A")]);
        profile.prefer(Subject::Category("A".into()), -1.0);
        assert_eq!(profile.category_interests(Timestamp(1000 * HOUR)), [("A", -1.0)]);
    }

    #[test]
    fn the_stage_follows_the_strongest_sign_and_ends_with_the_session() {
        use EventName::*;
        let profile =
            profile(&[event(ViewItem, 0, "a", "A"), event(AddToCart, 1, "a", "A"), event(ViewItem, 2, "b", "A")]);
        assert_eq!(profile.stage(Timestamp(3)), Stage::Carting);
        assert_eq!(profile.stage(Timestamp(3 * HOUR)), Stage::New);
    }

    #[test]
    fn what_was_bought_is_never_forgotten_for_room() {
        let mut events = vec![event(EventName::Purchase, 0, "bought", "A")];
        events.extend((0..300).map(|i| event(EventName::ViewItem, 1000 * HOUR, &format!("i{i}"), "A")));
        let profile = profile(&events);
        assert!(profile.items().len() <= INTEREST_LIMIT);
        assert!(profile.items()["bought"].bought.is_some());
    }

    proptest! {
        #[test]
        fn the_order_of_events_does_not_change_the_interests(mut steps in prop::collection::vec((0u64..100 * HOUR, 0usize..5), 1..40)) {
            let names = ["A > a", "A > b", "B", "C > c > d", "D"];
            let build = |steps: &[(u64, usize)]| {
                profile(&steps.iter().map(|(at, i)| event(EventName::ViewItem, *at, names[*i], names[*i])).collect::<Vec<_>>())
            };
            let forward = build(&steps);
            steps.reverse();
            let backward = build(&steps);
            let now = Timestamp(100 * HOUR);
            let mut a = forward.category_interests(now);
            let mut b = backward.category_interests(now);
            a.sort_by(|x, y| x.0.cmp(y.0));
            b.sort_by(|x, y| x.0.cmp(y.0));
            for (x, y) in a.iter().zip(&b) {
                prop_assert_eq!(x.0, y.0);
                prop_assert!((x.1 - y.1).abs() < 1e-5);
            }
        }
    }
}
