//! The click head on clicks whose chances are known.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use nearside_core::{Engine, Feature, Request, Timestamp, Value};
use nearside_scorer::Model as Scorer;
use nearside_train::Random;
use nearside_train::click::{Example, Examples, Model, Options, Outcome, Recorder, Terms};

const NOW: Timestamp = Timestamp(1_795_514_400_000);
const PRODUCTS: usize = 40;

fn catalogue() -> Vec<u8> {
    let product = |i: usize| {
        let (kind, brand) = (["Guitars", "Fridges", "Phones", "Books"][i % 4], ["Ajax", "Bolt", "Crux"][i % 3]);
        let price = 5 + 7 * i;
        format!(
            r#"{{"id":"p{i}","title":"{brand} {kind} {i}","product_type":"Shop > {kind}","brand":"{brand}","price":"{price} USD"}}"#
        )
    };
    let products: Vec<String> = (0..PRODUCTS).map(product).collect();
    let json = format!(
        r#"{{"products":[{}],"placements":[{{"id":"home","max_ads":{PRODUCTS},"exclude":[]}}]}}"#,
        products.join(",")
    );
    json.into_bytes()
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.load_catalogue(&catalogue(), NOW).unwrap();
    engine
}

fn event(text: &str) -> Value<'_> {
    Value::from_json(text.as_bytes()).unwrap()
}

/// A page for every visit, in turn.
fn request(visit: usize) -> Request {
    let kind = ["home", "product", "search"][visit % 3];
    let item = format!("p{}", visit % PRODUCTS);
    let json = format!(r#"{{"placement":"home","page":{{"type":"{kind}","item_id":"{item}"}},"device":"phone"}}"#);
    Request::read(&event(&json), 1).unwrap()
}

/// Visits of shoppers who looked at a few products, with the features of every ad.
fn visits(terms: &Terms, visits: usize) -> Vec<Vec<Example>> {
    let mut engine = engine();
    let recorder = Recorder::new(&mut engine, terms, NOW).unwrap();
    let mut random = Random::of_seed(5);
    let ad = |product: usize| engine.catalogue().unwrap().product_index(&format!("p{product}")).unwrap();
    let ads: Vec<usize> = (0..PRODUCTS).map(ad).collect();
    let all = (0..visits).map(|visit| {
        engine.forget();
        for _ in 0..1 + random.below(5) {
            let view = format!(r#"{{"event":"view_item","items":[{{"item_id":"p{}"}}]}}"#, random.below(PRODUCTS));
            engine.observe(&event(&view), NOW).unwrap();
        }
        recorder.examples(&mut engine, &request(visit), NOW, &ads).unwrap()
    });
    all.collect()
}

/// A model to draw clicks from: trained on clicks that follow a rule, so that its weights are far from 0.
fn truth(terms: &Terms) -> Model {
    let mut examples = Examples::default();
    let mut random = Random::of_seed(9);
    for (visit, ads) in visits(terms, 200).iter().enumerate() {
        for (ad, example) in ads.iter().enumerate() {
            // Dear products, and more on one page than on the next.
            let clicked = random.below(200) < ad * (1 + visit % 3);
            examples.push(terms, visit as u32, example, Outcome { clicked, position: None, rate: 1.0 });
        }
    }
    Model::train(terms, &examples, None, &Options::default()).unwrap()
}

/// Clicks of a model. Non-clicks are kept with the chance `rate`.
fn clicks(truth: &Model, terms: &Terms, visits: &[Vec<Example>], rate: f64, seed: u64) -> Examples {
    let mut random = Random::of_seed(seed);
    let mut chance = |p: f64| f64::from(random.between(0.0, 1.0)) < p;
    let mut examples = Examples::default();
    for (visit, ads) in visits.iter().enumerate() {
        for example in ads {
            let clicked = chance(truth.chance(example));
            if clicked || chance(rate) {
                examples.push(terms, visit as u32, example, Outcome { clicked, position: None, rate });
            }
        }
    }
    examples
}

const NAMES: &[&str] = &[
    "profile.interest",
    "context.interest",
    "context.page",
    "pair.category",
    "pair.brand",
    "pair.price_gap",
    "ad.price",
];

#[test]
fn the_model_behind_the_clicks_is_found_again_and_is_calibrated() {
    let terms = Terms::of_names(NAMES, 64).unwrap();
    let (truth, visits) = (truth(&terms), visits(&terms, 1500));
    let found = Model::train(&terms, &clicks(&truth, &terms, &visits, 1.0, 3), None, &Options::default()).unwrap();
    // Bins of 600 examples at a rate of a fifth: the standard error of each is 0.016.
    assert!(found.figures.calibration_error.value < 0.02, "{:?}", found.figures);
    assert!(found.figures.auc.low > 0.65, "{:?}", found.figures);
    assert!((found.calibration.scale - 1.0).abs() < 0.15, "{:?}", found.calibration);
    for visit in visits.iter().take(50) {
        for example in visit {
            let (a, b) = (truth.chance(example), found.chance(example));
            // 54,000 impressions, 10,000 clicks, 27 weights.
            assert!((a - b).abs() < 0.03 + 0.1 * a, "{a} {b}");
        }
    }
    let weight = |model: &Model, name| model.weights().iter().find(|(feature, _)| *feature == name).unwrap().1.clone();
    let [known, again] = [&truth, &found].map(|model| weight(model, Feature::AdPrice)[0]);
    assert!((known - again).abs() < 0.1, "{known} {again}");
}

#[test]
fn sampled_non_clicks_give_the_chances_of_all() {
    let terms = Terms::of_names(NAMES, 64).unwrap();
    let (truth, visits) = (truth(&terms), visits(&terms, 1500));
    let all = clicks(&truth, &terms, &visits, 1.0, 3);
    let sampled = clicks(&truth, &terms, &visits, 0.1, 4);
    assert!(sampled.len() * 3 < all.len());
    let rate = all.clicks() as f64 / all.len() as f64;
    let found = Model::train(&terms, &sampled, None, &Options::default()).unwrap();
    assert!((found.figures.predicted.value - rate).abs() < 0.1 * rate, "{rate} {:?}", found.figures);
    let told = found.figures.rate;
    assert!(told.low < rate && rate < told.high, "{rate} {told:?}");
    let mean: f64 = visits.iter().flatten().map(|example| found.chance(example)).sum::<f64>() / all.len() as f64;
    assert!((mean - rate).abs() < 0.1 * rate, "{rate} {mean}");
}

#[test]
fn a_position_that_draws_clicks_is_not_taken_for_the_ad() {
    let terms = Terms::of_names(&["ad.price"], 64).unwrap();
    let (visits, mut random) = (visits(&terms, 400), Random::of_seed(2));
    let mut examples = Examples::default();
    for (visit, ads) in visits.iter().enumerate() {
        // The dearest ads stand first, and what stands first is clicked whatever it is.
        for (place, ad) in (0..PRODUCTS).rev().enumerate() {
            let place = if random.below(4) == 0 { random.below(10) } else { place / 4 };
            let clicked = random.below(100) < if place < 3 { 30 } else { 5 };
            examples.push(&terms, visit as u32, &ads[ad], Outcome { clicked, position: Some(place), rate: 1.0 });
        }
    }
    let model = Model::train(&terms, &examples, None, &Options::default()).unwrap();
    let price = model.weights()[0].1[0];
    assert!(price.abs() < 0.1, "{price}");
    assert!((model.figures.predicted.value - model.figures.rate.value).abs() < 0.02, "{:?}", model.figures);
}

#[test]
fn every_engine_computes_what_the_trainer_computes() {
    let all: Vec<&str> = Terms::known().map(Feature::name).collect();
    for names in [NAMES, &all, &["ad.embedding"], &["pair.views", "profile.stage"], &["profile.interest"]] {
        let terms = Terms::of_names(names, 64).unwrap();
        let model = truth(&terms);
        let file = model.file("Of a test.");
        // The file keeps the terms that the data told apart.
        let examples = visits(&terms, 3);
        for engine in nearside_scorer::Engine::ALL {
            let scorer = Scorer::load(&file, *engine).unwrap();
            assert_eq!((scorer.report().golden, scorer.report().warnings.len()), (2, 0));
            let mut served = self::engine();
            served.set_scorer(Box::new(scorer), NOW).unwrap();
            let mut random = Random::of_seed(5);
            for (visit, ads) in examples.iter().enumerate() {
                served.forget();
                for _ in 0..1 + random.below(5) {
                    let view =
                        format!(r#"{{"event":"view_item","items":[{{"item_id":"p{}"}}]}}"#, random.below(PRODUCTS));
                    served.observe(&event(&view), NOW).unwrap();
                }
                let request = Request { limit: Some(PRODUCTS), ..request(visit) };
                let decision = served.rank(&request, NOW).unwrap();
                assert!(decision.fallback.is_none() && decision.slate.len() > 5, "{decision:?}");
                for filled in decision.slate {
                    let ad: usize = filled.ad[1..].parse().unwrap();
                    let chance = model.chance(&ads[ad]);
                    assert!(
                        (f64::from(filled.score) - chance).abs() < 1e-5,
                        "{names:?} {}: {} {chance}",
                        engine.name(),
                        filled.score
                    );
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_learnt_from_is_refused_with_a_code() {
    let refused = |names: &[&str]| Terms::of_names(names, 64).unwrap_err();
    assert_eq!(
        (refused(&["pair.mood"]).code(), refused(&["pair.mood"]).value()),
        ("unknown-feature", Some("pair.mood".into()))
    );
    assert_eq!(refused(&["session.item"]).code(), "unknown-feature");
    assert_eq!(refused(&["context.page"]).code(), "option-out-of-range");

    let terms = Terms::of_names(NAMES, 64).unwrap();
    let visits = visits(&terms, 20);
    let train = |clicked: bool, options: &Options| {
        let mut examples = Examples::default();
        for (visit, ads) in visits.iter().enumerate() {
            ads.iter()
                .for_each(|ad| examples.push(&terms, visit as u32, ad, Outcome { clicked, position: None, rate: 1.0 }));
        }
        Model::train(&terms, &examples, None, options).unwrap_err().code()
    };
    let options = Options::default();
    assert_eq!((train(false, &options), train(true, &options)), ("no-clicks", "only-clicks"));
    assert_eq!(train(true, &Options { validation: 0.0, ..options.clone() }), "option-out-of-range");
    assert_eq!(train(true, &Options { ridge: 0.0, ..options }), "option-out-of-range");
}
