//! Decisions, through the engine as a shop uses it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nearside_core::{
    DISMISS_MS, Engine, Error, Feature, Features, Feedback, Request, Scorer, ScorerError, Statement, Timestamp, Value,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_795_514_400_000);
const CATALOGUE: &str = r#"{ "version": "v1", "currency": "USD", "products": [
    { "id": "acoustic", "title": "Acoustic guitar", "product_type": "Music > Guitars > Acoustic", "brand": "Fender", "price": "199.00 USD" },
    { "id": "classical", "title": "Classical guitar", "product_type": "Music > Guitars > Classical", "brand": "Yamaha", "price": 249 },
    { "id": "strings", "title": "Guitar strings", "product_type": "Music > Accessories", "brand": "Fender", "price": "9.99" },
    { "id": "fridge", "title": "Refrigerator", "product_type": "Kitchen > Refrigerators", "brand": "LG", "price": "999.00 USD" },
    { "id": "oven", "title": "Wall oven", "product_type": "Kitchen > Ovens", "brand": "LG", "price": "799.00 USD" },
    { "id": "gone", "title": "Sold out guitar", "product_type": "Music > Guitars > Acoustic", "availability": "out of stock" } ],
  "campaigns": [
    { "id": "c1", "advertiser": "LG", "creatives": [{ "id": "k", "item_id": "fridge" }] },
    { "id": "over", "advertiser": "LG", "end": "2020-01-01", "creatives": [{ "id": "k", "item_id": "oven" }] } ],
  "placements": [{ "id": "home", "max_ads": 3 }, { "id": "all", "max_ads": 100, "exclude": [] }] }"#;

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.load_catalogue(CATALOGUE.as_bytes(), NOW).unwrap();
    engine
}

fn observe(engine: &mut Engine, event: &str, item: &str) {
    let json = format!(r#"{{"event":"{event}","items":[{{"item_id":"{item}"}}]}}"#);
    assert!(engine.observe(&Value::from_json(json.as_bytes()).unwrap(), NOW).unwrap().accepted);
}

fn request(json: &str) -> Request {
    Request::read(&Value::from_json(json.as_bytes()).unwrap(), 0).unwrap()
}

fn slate(engine: &mut Engine, json: &str) -> Vec<String> {
    engine.rank(&request(json), NOW).unwrap().slate.into_iter().map(|f| f.item_id).collect()
}

#[test]
fn looking_at_a_guitar_brings_guitars_before_refrigerators() {
    let mut engine = engine();
    observe(&mut engine, "view_item", "acoustic");
    let slate = slate(&mut engine, r#"{"placement":"all"}"#);
    let place = |id: &str| slate.iter().position(|s| s == id).unwrap();
    assert!(place("classical") < place("fridge") && place("classical") < place("oven"));
}

#[test]
fn the_page_alone_is_enough_on_a_first_visit() {
    let mut engine = engine();
    let page = r#"{"placement":"home","page":{"type":"category","category":"Kitchen > Ovens"}}"#;
    assert_eq!(slate(&mut engine, page)[0], "oven");
    let search = r#"{"placement":"home","page":{"type":"search","search_term":"guitar strings"}}"#;
    assert_eq!(slate(&mut engine, search)[0], "strings");
}

#[test]
fn what_is_sold_out_bought_in_the_cart_or_on_the_page_is_left_out_and_counted() {
    let mut engine = engine();
    observe(&mut engine, "purchase", "acoustic");
    observe(&mut engine, "add_to_cart", "classical");
    let decision =
        engine.rank(&request(r#"{"placement":"home","page":{"type":"product","item_id":"strings"}}"#), NOW).unwrap();
    let items: Vec<&str> = decision.slate.iter().map(|f| f.item_id.as_str()).collect();
    assert!(items.iter().all(|i| ["fridge", "oven"].contains(i)), "{items:?}");
    for reason in ["out_of_stock", "bought", "in_cart", "current", "campaign_not_running"] {
        assert_eq!(decision.removed.get(reason), Some(&1), "{reason}");
    }
    assert_eq!(decision.candidates, 3);
}

#[test]
fn a_placement_may_show_what_was_bought() {
    let mut engine = engine();
    observe(&mut engine, "purchase", "acoustic");
    assert!(slate(&mut engine, r#"{"placement":"all"}"#).contains(&"acoustic".to_owned()));
}

#[test]
fn a_product_shows_once_even_where_a_campaign_pays_for_it_too() {
    let slate = slate(&mut engine(), r#"{"placement":"all"}"#);
    assert_eq!(slate.iter().filter(|id| *id == "fridge").count(), 1);
    assert_eq!(slate.len(), 5);
}

#[test]
fn of_a_product_and_its_campaign_the_campaign_shows() {
    let decision = engine().rank(&request(r#"{"placement":"all"}"#), NOW).unwrap();
    let fridge = decision.slate.iter().find(|f| f.item_id == "fridge").unwrap();
    assert_eq!((fridge.ad.as_str(), fridge.sponsored), ("c1/k", true));
}

#[test]
fn a_dismissed_product_stays_away_for_two_days() {
    let mut engine = engine();
    let decision = engine.rank(&request(r#"{"placement":"all"}"#), NOW).unwrap();
    let (ad, item) = (decision.slate[0].ad.clone(), decision.slate[0].item_id.clone());
    let feedback = format!(r#"{{"decision":"{}","ad":"{ad}","kind":"dismiss"}}"#, decision.decision);
    let feedback = Feedback::read(&Value::from_json(feedback.as_bytes()).unwrap()).unwrap();
    assert!(engine.feedback(&feedback, NOW).unwrap().counted);
    assert!(!slate(&mut engine, r#"{"placement":"all"}"#).contains(&item));
    let later = engine.rank(&request(r#"{"placement":"all"}"#), Timestamp(NOW.0 + DISMISS_MS)).unwrap();
    assert!(later.slate.iter().any(|f| f.item_id == item));
}

#[test]
fn feedback_twice_counts_once_and_strangers_are_named() {
    let mut engine = engine();
    let decision = engine.rank(&request(r#"{"placement":"home"}"#), NOW).unwrap();
    let mut send = |decision: &str, ad: &str| {
        let json = format!(r#"{{"decision":"{decision}","ad":"{ad}","kind":"click"}}"#);
        engine.feedback(&Feedback::read(&Value::from_json(json.as_bytes()).unwrap()).unwrap(), NOW)
    };
    let ad = &decision.slate[0].ad;
    assert!(send(&decision.decision, ad).unwrap().counted);
    assert_eq!(send(&decision.decision, ad).unwrap().reason, Some("repeat"));
    assert_eq!(send("nowhere", ad).unwrap_err().code(), "unknown-decision");
    assert_eq!(send(&decision.decision, "nobody").unwrap_err().code(), "unknown-ad");
    assert_eq!(engine.stats(NOW).clicks, 1);
}

#[test]
fn a_sale_changes_the_price_features_when_it_begins() {
    struct Prices(Vec<f32>);
    impl Scorer for Prices {
        fn name(&self) -> &'static str {
            "prices"
        }
        fn model(&self) -> Option<&str> {
            None
        }
        fn inputs(&self) -> &[Feature] {
            &[Feature::AdPrice]
        }
        fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
            let Some(nearside_core::feature::Values::Float(prices)) = features.get(Feature::AdPrice) else { panic!() };
            self.0 = prices.to_vec();
            scores.extend_from_slice(prices);
            Ok(())
        }
    }
    let mut engine = Engine::new();
    let sale = r#"{ "products": [
        { "id": "a", "title": "A", "price": 100, "sale_price": 10, "sale_price_effective_date": "2026-11-24T11:00Z/2026-11-25" },
        { "id": "b", "title": "B", "price": 50 } ], "placements": [{ "id": "home" }] }"#;
    engine.load_catalogue(sale.as_bytes(), NOW).unwrap();
    engine.set_scorer(Box::new(Prices(vec![])), NOW).unwrap();
    let mut first = |now| engine.rank(&request(r#"{"placement":"home"}"#), now).unwrap().slate[0].item_id.clone();
    assert_eq!(first(NOW), "a");
    assert_eq!(first(Timestamp(NOW.0 + 60 * 60 * 1000)), "b");
}

/// A scorer that is sound until it is told to fail.
struct Failing(&'static str, std::rc::Rc<std::cell::Cell<bool>>);

impl Scorer for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }
    fn model(&self) -> Option<&str> {
        Some("feed")
    }
    fn inputs(&self) -> &[Feature] {
        &[]
    }
    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        let count = features.candidates();
        match self.0 {
            _ if !self.1.get() => scores.extend(vec![0.5; count]),
            "nan" => scores.extend(vec![f32::NAN; count]),
            "short" => scores.push(0.5),
            code => {
                return Err(ScorerError { code, message: "it broke".into(), remedy: "mend it".into() });
            }
        }
        Ok(())
    }
}

#[test]
fn a_model_that_fails_while_in_force_costs_quality_and_not_the_page() {
    for fault in ["nan", "short", "engine-failed"] {
        let broken = std::rc::Rc::new(std::cell::Cell::new(false));
        let mut engine = engine();
        engine.set_scorer(Box::new(Failing(fault, broken.clone())), NOW).unwrap();
        broken.set(true);
        let decision = engine.rank(&request(r#"{"placement":"home"}"#), NOW).unwrap();
        assert_eq!(decision.scorer.name, "cosine");
        assert_eq!(decision.slate.len(), 3);
        let expected = if fault == "engine-failed" { fault } else { "non-finite-score" };
        assert_eq!(decision.fallback.unwrap().code, expected);
    }
}

#[test]
fn a_model_that_fails_on_trial_leaves_the_old_one_in_force() {
    let mut engine = engine();
    let (sound, broken) = (Default::default(), std::rc::Rc::new(std::cell::Cell::new(true)));
    engine.set_scorer(Box::new(Failing("good", sound)), NOW).unwrap();
    let error = engine.set_scorer(Box::new(Failing("nan", broken)), NOW).unwrap_err();
    assert_eq!(error.code(), "non-finite-score");
    assert_eq!(engine.stats(NOW).scorer.name, "failing");
}

#[test]
fn a_model_that_does_not_go_with_a_new_catalogue_leaves_and_the_report_says_why() {
    let mut engine = engine();
    let fault = std::rc::Rc::new(std::cell::Cell::new(false));
    engine.set_scorer(Box::new(Failing("vocabulary-mismatch", fault.clone())), NOW).unwrap();
    fault.set(true);
    let report = engine.load_catalogue(CATALOGUE.as_bytes(), NOW).unwrap();
    assert_eq!(report.model_dropped.unwrap().code, "vocabulary-mismatch");
    assert_eq!(engine.stats(NOW).scorer.name, "cosine");
}

#[test]
fn bad_requests_and_catalogues_are_named_and_the_engine_goes_on() {
    let mut engine = engine();
    let unknown = engine.rank(&request(r#"{"placement":"attic"}"#), NOW).unwrap_err();
    assert_eq!(unknown.remedy(), "Use one of: home, all");
    for (json, code, field) in [
        ("{", "invalid-json", None),
        ("[]", "invalid-field", Some("catalogue")),
        (r#"{"schema":2}"#, "invalid-field", Some("schema")),
        (r#"{"products":{}}"#, "invalid-field", Some("products")),
        ("{}", "empty-catalogue", Some("products")),
        (r#"{"products":[{"id":"a","title":"A"},{"id":"a","title":"B"}]}"#, "duplicate-id", Some("id")),
    ] {
        let error = engine.load_catalogue(json.as_bytes(), NOW).unwrap_err();
        assert_eq!((error.code(), error.field()), (code, field), "{json}");
    }
    assert_eq!(slate(&mut engine, r#"{"placement":"home"}"#).len(), 3);
    assert_eq!(Engine::new().rank(&Request::default(), NOW).unwrap_err(), Error::NoCatalogue);
}

#[test]
fn a_bad_row_is_left_out_with_its_row_field_and_remedy() {
    let json = r#"{ "currency": "USD", "slots": [], "products": [
        { "id": "a", "title": "A", "price": "about ten" }, { "title": "B" }, { "id": "c", "title": "" },
        { "id": "d", "title": "D", "price": "3 EUR" }, { "id": "e", "title": "E", "availability": "maybe" },
        { "id": "f", "title": "F", "price": 5, "sale_price": 9 }] }"#;
    let report = Engine::new().load_catalogue(json.as_bytes(), NOW).unwrap();
    let faults: Vec<(usize, &str)> = report.problems.iter().map(|p| (p.row, p.field.as_str())).collect();
    let expected =
        [(0, "slots"), (1, "price"), (2, "id"), (3, "title"), (4, "price"), (5, "availability"), (6, "sale_price")];
    assert_eq!(faults, expected);
    assert_eq!(report.products, 1);
}

#[test]
fn every_spelling_of_availability_is_read() {
    for (word, ads) in [
        ("in stock", 1),
        ("in_stock", 1),
        ("IN_STOCK", 1),
        ("https://schema.org/InStock", 1),
        ("preorder", 1),
        ("out_of_stock", 0),
        ("http://schema.org/OutOfStock", 0),
        ("OUT OF STOCK", 0),
    ] {
        let json =
            format!(r#"{{"products":[{{"id":"a","title":"A","availability":"{word}"}}],"placements":[{{"id":"p"}}]}}"#);
        let mut engine = Engine::new();
        engine.load_catalogue(json.as_bytes(), NOW).unwrap();
        assert_eq!(slate(&mut engine, r#"{"placement":"p"}"#).len(), ads, "{word}");
    }
}

#[test]
fn a_snapshot_carries_everything_that_decides() {
    let mut engine = engine();
    observe(&mut engine, "view_item", "acoustic");
    observe(&mut engine, "add_to_cart", "classical");
    engine
        .tell(Statement::read(&Value::from_json(br#"{"preferences":[{"brand":"LG","weight":1}]}"#).unwrap()).unwrap());
    let mut other = self::engine();
    other.restore(&engine.snapshot()).unwrap();
    let request = request(r#"{"placement":"home","seed":1}"#);
    assert_eq!(engine.rank(&request, NOW).unwrap(), other.rank(&request, NOW).unwrap());
    assert_eq!(engine.snapshot(), other.snapshot());
}

#[test]
fn a_refused_snapshot_leaves_the_memory_as_it_was() {
    let mut engine = engine();
    observe(&mut engine, "view_item", "acoustic");
    let before = engine.snapshot();
    assert_eq!(engine.restore(b"nonsense").unwrap_err().code(), "snapshot-damaged");
    assert_eq!(engine.snapshot(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn splitting_a_stream_of_events_leaves_the_profile_unchanged(
        steps in prop::collection::vec((0usize..4, 0usize..5), 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let events = ["view_item", "add_to_cart", "remove_from_cart", "purchase"];
        let items = ["acoustic", "classical", "strings", "fridge", "oven"];
        let mut whole = engine();
        steps.iter().for_each(|(e, i)| observe(&mut whole, events[*e], items[*i]));
        let cut = cut.index(steps.len());
        let mut first = engine();
        steps[..cut].iter().for_each(|(e, i)| observe(&mut first, events[*e], items[*i]));
        let mut second = engine();
        second.restore(&first.snapshot()).unwrap();
        steps[cut..].iter().for_each(|(e, i)| observe(&mut second, events[*e], items[*i]));
        prop_assert_eq!(whole.profile(), second.profile());
    }

    #[test]
    fn no_json_makes_observe_panic(text in "[\\[\\]{}:,\"a-z0-9 _.-]{0,80}") {
        if let Ok(value) = Value::from_json(text.as_bytes()) {
            let _ = engine().observe(&value, NOW);
            let _ = Engine::new().load_catalogue(text.as_bytes(), NOW);
        }
    }
}
