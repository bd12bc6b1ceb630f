//! Retrieval: that ranking some ads finds what ranking all of them does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use nearside_core::feature::Values;
use nearside_core::{
    Decision, Engine, Feature, Features, RETRIEVED, Request, Retrieve, SCAN_ABOVE, Scorer, ScorerError, Timestamp,
    Value,
};

const NOW: Timestamp = Timestamp(1_795_514_400_000);

/// Products of 30 categories and 40 brands, every seventh sold out, with campaigns for some.
fn catalogue(products: usize) -> String {
    let mut json = String::from(r#"{"version":"v1","products":["#);
    for i in 0..products {
        let (category, brand) = (i * 7 % 30, i * 11 % 40);
        let availability = if i % 7 == 3 { "out_of_stock" } else { "in_stock" };
        let comma = if i == 0 { "" } else { "," };
        write!(
            json,
            r#"{comma}{{"id":"p{i}","title":"Thing {} {}","product_type":"C{} > D{category}","brand":"B{brand}","price":{},"availability":"{availability}"}}"#,
            i % 97,
            i % 13,
            category % 5,
            1 + i * 31 % 500
        )
        .unwrap();
    }
    json.push_str(
        r#"],"campaigns":[{"id":"on","creatives":[{"id":"a","item_id":"p1"},{"id":"b","item_id":"p1"},{"id":"c","item_id":"p3"},{"id":"d","item_id":"p20"}]},
           {"id":"over","end":"2020-01-01","creatives":[{"id":"a","item_id":"p2"},{"id":"b","item_id":"p10"}]}],
           "placements":[{"id":"home","max_ads":20}]}"#,
    );
    json
}

fn engine(products: usize) -> Engine {
    let mut engine = Engine::new();
    engine.load_catalogue(catalogue(products).as_bytes(), NOW).unwrap();
    for (event, item) in
        [("view_item", 17), ("view_item", 47), ("view_item", 20), ("add_to_cart", 40), ("view_item", 1)]
    {
        let event = format!(r#"{{"event":"{event}","items":[{{"item_id":"p{item}"}}]}}"#);
        assert!(engine.observe(&Value::from_json(event.as_bytes()).unwrap(), NOW).unwrap().accepted);
    }
    engine
}

fn rank(engine: &mut Engine, retrieve: Retrieve) -> Decision {
    let page = nearside_core::Page { item_id: Some("p50".into()), ..Default::default() };
    engine.rank(&Request { placement: "home".into(), page, retrieve, ..Request::default() }, NOW).unwrap()
}

#[test]
fn a_large_catalogue_is_scanned_and_shows_what_ranking_all_of_it_shows() {
    let mut engine = engine(SCAN_ABOVE + 500);
    let [scanned, all] = [Retrieve::Auto, Retrieve::All].map(|retrieve| rank(&mut engine, retrieve));
    assert_eq!((scanned.retrieval.by, all.retrieval.by), ("content", "all"));
    // The known items that may be shown, and the creatives about what was found, come on top.
    assert!((RETRIEVED..RETRIEVED + 10).contains(&scanned.retrieval.ads), "{}", scanned.retrieval.ads);
    assert_eq!(scanned.slate, all.slate);
    assert_eq!((scanned.candidates, &scanned.removed), (all.candidates, &all.removed));
}

#[test]
fn a_small_catalogue_is_ranked_whole_unless_the_request_says_otherwise() {
    let mut engine = engine(300);
    assert_eq!(rank(&mut engine, Retrieve::Auto).retrieval.by, "all");
    let few = rank(&mut engine, Retrieve::Best(5));
    assert_eq!((few.retrieval.by, few.slate.len()), ("content", 20));
}

#[test]
fn what_the_shopper_knows_is_scored_however_unlike_it_is() {
    let mut engine = engine(SCAN_ABOVE + 500);
    let request =
        Request { placement: "home".into(), limit: Some(1), retrieve: Retrieve::Best(1), ..Request::default() };
    let decision = engine.rank(&request, NOW).unwrap();
    // Of what was looked at, p17 is sold out; p1 has two creatives and p20 one. The scan may find another product.
    assert!((6..=7).contains(&decision.retrieval.ads), "{decision:?}");
}

#[test]
fn every_ad_is_a_candidate_or_removed_for_one_reason() {
    let decision = rank(&mut engine(300), Retrieve::All);
    // Sold out: every seventh product from the fourth, and the creatives about p3 and p10.
    let sold_out = (0..300).filter(|i| i % 7 == 3).count() + 2;
    let expected = [("campaign_not_running", 1), ("current", 1), ("in_cart", 1), ("out_of_stock", sold_out)];
    assert_eq!(decision.removed.iter().map(|(reason, n)| (*reason, *n)).collect::<Vec<_>>(), expected);
    assert_eq!(decision.candidates, 300 + 6 - expected.iter().map(|(_, n)| n).sum::<usize>());
}

/// Scores by all kinds of features, and notes what it was asked.
struct Mixed;

impl Scorer for Mixed {
    fn name(&self) -> &'static str {
        "mixed"
    }
    fn model(&self) -> Option<&str> {
        Some("feed")
    }
    fn inputs(&self) -> &[Feature] {
        &[
            Feature::AdPrice,
            Feature::PairCosine,
            Feature::PairCategory,
            Feature::PairBrand,
            Feature::PairItem,
            Feature::PairViews,
            Feature::PairPriceGap,
        ]
    }
    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        let column = |feature| match features.get(feature) {
            Some(Values::Float(values)) => values,
            _ => panic!("{feature} is missing"),
        };
        for index in 0..features.candidates() {
            let ad = features.rows().map_or(index, |rows| rows[index]);
            let pairs = Mixed.inputs()[1..].iter().map(|feature| column(*feature)[index]);
            scores.push(column(Feature::AdPrice)[ad] / 100.0 + pairs.sum::<f32>());
        }
        Ok(())
    }
}

#[test]
fn a_model_gives_an_ad_the_same_score_alone_as_among_all() {
    let mut engine = engine(400);
    engine.set_scorer(Box::new(Mixed), NOW).unwrap();
    let all = rank(&mut engine, Retrieve::All);
    let few = rank(&mut engine, Retrieve::Best(200));
    assert_eq!((all.scorer.name, few.scorer.name, few.retrieval.by), ("mixed", "mixed", "content"));
    let score = |decision: &Decision, item: &str| {
        decision.slate.iter().find(|filled| filled.item_id == item).map(|filled| filled.score)
    };
    let common = all.slate.iter().filter_map(|filled| Some((filled.score, score(&few, &filled.item_id)?)));
    let common: Vec<(f32, f32)> = common.collect();
    assert!(common.len() > 10 && common.iter().all(|(all, few)| all == few), "{common:?}");
}

#[test]
fn with_a_model_all_are_scored_unless_the_request_says_otherwise() {
    let mut engine = engine(SCAN_ABOVE + 500);
    engine.set_scorer(Box::new(Mixed), NOW).unwrap();
    assert_eq!(rank(&mut engine, Retrieve::Auto).retrieval.by, "all");
}
