//! The demo's model: made by the command that its documentation names, and still showing what the demo shows.

use std::path::Path;

use nearside_core::{Decision, Engine, Feed, Request, Timestamp, Value};
use nearside_scorer::{Model, ModelFile};

use crate::run::{nearside, repository, scratch};

/// 2026-11-24, 10:00 UTC.
const NOW: Timestamp = Timestamp(1_795_514_400_000);
const BOOKS: &str = "Musical Instruments > Sheet Music & DVDs > Instrument Instructional Books";
const FRIDGES: &str = "Appliances > Refrigerators > All Refrigerators";

/// The features of the demo's model: what the engine computes in one pass over the ads.
const FEATURES: &str =
    "profile.interest,context.interest,context.page,pair.category,pair.brand,pair.price_gap,pair.views";

fn catalogue() -> Vec<u8> {
    std::fs::read(repository("www/public/catalogue.json")).unwrap()
}

/// A shopper of the demo shop.
struct Shopper(Engine);

impl Shopper {
    fn new(model: &Path, engine: nearside_scorer::Engine) -> Shopper {
        let mut shopper = Engine::new();
        shopper.load_catalogue(&catalogue(), NOW).unwrap();
        let model = Model::load(&std::fs::read(model).unwrap(), engine).unwrap();
        shopper.set_scorer(Box::new(model), NOW).unwrap();
        Shopper(shopper)
    }

    fn observe(&mut self, event: &str) {
        let observed = self.0.observe(&Value::from_json(event.as_bytes()).unwrap(), NOW).unwrap();
        assert!(observed.accepted, "{event}: {observed:?}");
    }

    fn views(&mut self, ids: &[&str]) {
        for id in ids {
            self.observe(&format!(r#"{{"event":"view_item","items":[{{"item_id":"{id}"}}]}}"#));
        }
    }

    fn rank(&mut self, request: &str) -> Decision {
        let decision = self.0.rank(&Request::read(&Value::from_json(request.as_bytes()).unwrap(), 1).unwrap(), NOW);
        let decision = decision.unwrap();
        assert!(decision.fallback.is_none(), "{decision:?}");
        decision
    }

    fn picks(&mut self) -> Decision {
        self.rank(r#"{"placement":"picks","page":{"type":"home"},"limit":8,"device":"desktop"}"#)
    }

    /// How many of a slate are of a category or below it.
    fn under(&self, decision: &Decision, path: &str) -> usize {
        let of = |id: &str| self.0.catalogue().unwrap().product(id).unwrap().category.starts_with(path);
        decision.slate.iter().filter(|filled| of(&filled.item_id)).count()
    }
}

fn shopper() -> Shopper {
    Shopper::new(&repository("www/public/model.onnx"), nearside_scorer::Engine::Compact)
}

#[test]
fn two_looks_into_an_aisle_fill_the_picks_with_it() {
    let mut shopper = shopper();
    let before = shopper.picks();
    assert_eq!(shopper.under(&before, BOOKS), 0, "{before:?}");
    // As `cargo xtask demo --once` walks: the aisle's list, and the first two guitar books of it.
    let feed = Feed::read(&catalogue()).unwrap();
    let aisle: Vec<_> = feed.products().iter().filter(|p| p.category == BOOKS).collect();
    let shown: Vec<String> = aisle.iter().take(24).map(|p| format!(r#"{{"item_id":"{}"}}"#, p.id)).collect();
    for book in aisle.iter().filter(|p| p.title.contains("Guitar")).take(2) {
        shopper.observe(r#"{"event":"page_view"}"#);
        shopper.observe(&format!(r#"{{"event":"view_item_list","items":[{}]}}"#, shown.join(",")));
        shopper.observe(&format!(r#"{{"event":"select_item","items":[{{"item_id":"{}"}}]}}"#, book.id));
        shopper.views(&[&book.id]);
    }
    let after = shopper.picks();
    assert_eq!(shopper.under(&after, BOOKS), 8, "{after:?}");
}

#[test]
fn another_shopper_gets_other_picks_and_paid_cards_stand_among_them() {
    let [mut books, mut fridges] = [shopper(), shopper()];
    books.views(&["1145548", "1145502"]);
    fridges.views(&["1071015", "1071051"]);
    let [to_books, to_fridges] = [books.picks(), fridges.picks()];
    assert!(books.under(&to_books, BOOKS) >= 5, "{to_books:?}");
    assert!(fridges.under(&to_fridges, FRIDGES) >= 5, "{to_fridges:?}");
    assert_eq!((books.under(&to_books, FRIDGES), fridges.under(&to_fridges, BOOKS)), (0, 0));
    let related = r#"{"placement":"related","page":{"type":"product","item_id":"1145502"},"limit":4}"#;
    let related = books.rank(related);
    let paid = to_books.slate.iter().chain(&related.slate).filter(|filled| filled.sponsored).count();
    assert!(paid >= 2, "{to_books:?} {related:?}");
}

#[test]
fn a_product_page_of_another_aisle_turns_the_related_shelf_to_it() {
    let mut shopper = shopper();
    shopper.views(&["1145548", "1145502", "1071015"]);
    let related = shopper.rank(r#"{"placement":"related","page":{"type":"product","item_id":"1071015"},"limit":4}"#);
    assert_eq!(shopper.under(&related, "Appliances > Refrigerators"), 4, "{related:?}");
}

#[test]
fn a_ranking_takes_no_more_nodes_and_no_other_operators_than_the_reference_model_of_its_form() {
    let [model, reference] = ["www/public/model.onnx", "tests/vectors/content.onnx"]
        .map(|path| ModelFile::read(&std::fs::read(repository(path)).unwrap()).unwrap());
    assert!(model.nodes <= reference.nodes, "{} {}", model.nodes, reference.nodes);
    assert!(model.operators.iter().all(|operator| reference.operators.contains(operator)), "{:?}", model.operators);
}

#[test]
fn the_documented_commands_make_the_models_very_bytes() {
    let [log, model] = ["demo_events.jsonl", "demo_model.onnx"].map(scratch);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let catalogue = path(&repository("www/public/catalogue.json"));
    let simulated = nearside(["simulate", "--catalogue", &catalogue, "--sessions", "1500", "-o", &path(&log)]);
    assert_eq!(simulated.code, 0, "{}", simulated.stderr);
    let about = "Over the CC0 Best Buy catalogue of the demo shop.";
    let words = ["click", "--json", "--events", &path(&log), "--catalogue", &catalogue, "--features", FEATURES];
    let trained = nearside([&words[..], &["--about", about, "-o", &path(&model)]].concat());
    assert_eq!(trained.code, 0, "{}", trained.stderr);
    let report = trained.json();
    assert_eq!((&report["simulated"], &report["data"]), (&true.into(), &"lists".into()));
    assert!(report["figures"]["auc"]["low"].as_f64().unwrap() > 0.7, "{report}");
    assert!(report["figures"]["calibration_error"]["value"].as_f64().unwrap() < 0.02, "{report}");
    let [made, committed] = [model, repository("www/public/model.onnx")].map(|path| std::fs::read(path).unwrap());
    assert!(made == committed, "www/public/model.onnx is of other commands than its documentation names");
}
