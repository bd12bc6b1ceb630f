//! Anchors: that a model's own order is found by scoring a few, and that another model's is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use nearside_core::feature::Values;
use nearside_core::{
    Anchors, Catalogue, Decision, Engine, Feature, Features, Page, PageType, Request, Retrieve, SCAN_ABOVE, Scorer,
    ScorerError, Timestamp, logit,
};

const NOW: Timestamp = Timestamp(1_795_514_400_000);
const PRODUCTS: usize = SCAN_ABOVE + 300;

/// On the home page the dearest first, elsewhere the cheapest; content says nothing of it.
struct ByPrice {
    hash: &'static str,
    fails: bool,
}

impl Scorer for ByPrice {
    fn name(&self) -> &'static str {
        "price"
    }
    fn model(&self) -> Option<&str> {
        Some(self.hash)
    }
    fn inputs(&self) -> &[Feature] {
        &[Feature::ContextPage, Feature::AdPrice]
    }
    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        if self.fails && features.rows().is_some() {
            return Err(ScorerError { code: "engine-failed", message: "it broke".into(), remedy: "mend it".into() });
        }
        let column = |feature| match features.get(feature) {
            Some(Values::Float(values)) => values,
            _ => panic!("{feature} is missing"),
        };
        let sign = if column(Feature::ContextPage)[PageType::Home as usize] == 1.0 { 1.0 } else { -1.0 };
        for index in 0..features.candidates() {
            let ad = features.rows().map_or(index, |rows| rows[index]);
            scores.push(1.0 / (1.0 + (-sign * column(Feature::AdPrice)[ad]).exp()));
        }
        Ok(())
    }
}

fn price(i: usize) -> f32 {
    (1 + i * 7919 % 10_007) as f32
}

fn catalogue(version: &str, products: usize) -> Catalogue {
    let mut json = format!(r#"{{"version":"{version}","placements":[{{"id":"home","max_ads":20}}],"products":["#);
    for i in 0..products {
        let comma = if i == 0 { "" } else { "," };
        write!(json, r#"{comma}{{"id":"p{i}","title":"Thing {}","price":{}}}"#, i % 97, price(i)).unwrap();
    }
    // Dearer than all others.
    write!(json, r#",{{"id":"v{version}","title":"Gold","price":99999}}]}}"#).unwrap();
    Catalogue::read(json.as_bytes()).unwrap().0.quantised()
}

/// The logarithm of the price foretells every score from those of two products.
fn with_anchors(mut catalogue: Catalogue) -> Catalogue {
    let rows = 0..catalogue.product_count();
    let log_price = |row: usize| catalogue.listing(row).price.unwrap().ln_1p();
    let row = |id| catalogue.product_index(id).unwrap();
    let apart = log_price(row("p1")) - log_price(row("p2"));
    let mix = vec![1.0 / apart, -1.0 / apart];
    let vectors = rows.map(log_price).collect();
    let anchors = Anchors::new("of-price", ["p1", "p2"].into_iter(), mix, vectors).unwrap();
    catalogue.set_anchors(anchors).unwrap();
    catalogue
}

fn engine(catalogue: &Catalogue, hash: &'static str) -> Engine {
    let mut engine = Engine::new();
    engine.load_catalogue(&catalogue.to_bytes(), NOW).unwrap();
    engine.set_scorer(Box::new(ByPrice { hash, fails: false }), NOW).unwrap();
    engine
}

fn rank(engine: &mut Engine, kind: PageType, retrieve: Retrieve) -> Decision {
    let page = Page { kind, ..Page::default() };
    engine.rank(&Request { placement: "home".into(), page, retrieve, ..Request::default() }, NOW).unwrap()
}

#[test]
fn the_models_own_order_is_found_by_scoring_its_anchors_and_what_they_foretell() {
    let mut engine = engine(&with_anchors(catalogue("1", PRODUCTS)), "of-price");
    for kind in [PageType::Home, PageType::Search] {
        let [found, all] = [Retrieve::Auto, Retrieve::All].map(|retrieve| rank(&mut engine, kind, retrieve));
        assert_eq!((found.retrieval.by, all.retrieval.by), ("anchors", "all"));
        assert!(found.retrieval.ads < 420, "{:?}", found.retrieval);
        assert_eq!(found.slate, all.slate);
    }
}

#[test]
fn another_models_anchors_are_left_aside_and_the_decision_says_so() {
    let mut engine = engine(&with_anchors(catalogue("1", PRODUCTS)), "another");
    let decision = rank(&mut engine, PageType::Home, Retrieve::Auto);
    assert_eq!((decision.retrieval.by, decision.retrieval.other_anchors), ("all", true));
    assert_eq!(rank(&mut engine, PageType::Home, Retrieve::Best(100)).retrieval.by, "content");
    engine.clear_scorer();
    let decision = rank(&mut engine, PageType::Home, Retrieve::Auto);
    assert_eq!((decision.retrieval.by, decision.retrieval.other_anchors), ("content", false));
}

#[test]
fn a_product_that_a_delta_added_is_scored_without_being_foretold() {
    let old = with_anchors(catalogue("1", PRODUCTS));
    let mut engine = engine(&old, "of-price");
    assert_eq!(rank(&mut engine, PageType::Home, Retrieve::Auto).slate[0].item_id, "v1");
    engine.apply_delta(&old.delta(&catalogue("2", PRODUCTS)).unwrap(), NOW).unwrap();
    let decision = rank(&mut engine, PageType::Home, Retrieve::Auto);
    assert_eq!((decision.retrieval.by, decision.slate[0].item_id.as_str()), ("anchors", "v2"));
}

#[test]
fn a_model_that_fails_on_its_anchors_costs_quality_and_not_the_page() {
    let mut engine = engine(&with_anchors(catalogue("1", PRODUCTS)), "of-price");
    engine.set_scorer(Box::new(ByPrice { hash: "of-price", fails: true }), NOW).unwrap();
    let decision = rank(&mut engine, PageType::Home, Retrieve::Auto);
    assert_eq!((decision.scorer.name, decision.fallback.unwrap().code), ("cosine", "engine-failed"));
    assert_eq!((decision.retrieval.by, decision.slate.len()), ("content", 20));
}

#[test]
fn shards_bring_their_anchors_along_and_a_part_without_one_does_without() {
    let whole = with_anchors(catalogue("1", PRODUCTS));
    let anchor = whole.product_index("p1").unwrap();
    let rows: Vec<usize> = (0..whole.product_count()).filter(|row| *row != anchor).chain([anchor]).collect();
    let files = whole.to_shards(&rows, PRODUCTS - 50);
    let hash = |file: &Vec<u8>| nearside_core::shard_hash(file).unwrap();
    let shards: Vec<String> = files.iter().map(|file| format!(r#"{{"file":"","hash":"{}"}}"#, hash(file))).collect();
    let manifest = format!(r#"{{"manifest":1,"shards":[{}]}}"#, shards.join(","));
    for (count, by, dearest) in [(2, "anchors", "v1"), (1, "all", "p1040")] {
        let mut assembly = nearside_core::Assembly::new(manifest.as_bytes()).unwrap();
        files[..count].iter().for_each(|file| assembly.add(file).unwrap());
        let mut engine = Engine::new();
        let (catalogue, report) = assembly.finish().unwrap();
        engine.put_catalogue(catalogue, report, NOW);
        engine.set_scorer(Box::new(ByPrice { hash: "of-price", fails: false }), NOW).unwrap();
        let decision = rank(&mut engine, PageType::Home, Retrieve::Auto);
        assert_eq!((decision.retrieval.by, decision.slate[0].item_id.as_str()), (by, dearest));
    }
}

#[test]
fn anchors_that_do_not_fit_are_refused() {
    let mut catalogue = catalogue("1", 5);
    assert_eq!(Anchors::new("m", ["a"].into_iter(), vec![], vec![]).unwrap_err().code(), "invalid-field");
    for (id, products) in [("nobody", 6), ("p1", 5)] {
        let anchors = Anchors::new("m", [id].into_iter(), vec![1.0], vec![1.0; products]).unwrap();
        assert_eq!(catalogue.set_anchors(anchors).unwrap_err().code(), "invalid-field", "{id}");
    }
}

#[test]
fn a_logit_is_finite_at_either_end() {
    assert!([0.0, 1.0].into_iter().all(|score| logit(score).is_finite()));
    assert!((logit(0.5)).abs() < 1e-6);
}
