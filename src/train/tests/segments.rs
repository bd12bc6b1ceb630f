//! Segments from the log to the device: what the trainer wrote, the reader reads, and a profile of the core finds its own.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use nearside_core::content::Content;
use nearside_core::feature::Values;
use nearside_core::{Engine, Feature, Features, Request, Scorer, ScorerError, Timestamp, Value};
use nearside_scorer::{Model, ModelFile, segments::nearest};
use nearside_train::{Data, Options, Segmenting, Segments, Sessions, Shape, Shipping, train};
use serde_json::json;

const CATEGORIES: [&str; 3] = ["Music > Guitars", "Garden > Mowers", "Kitchen > Kettles"];
const PER_CATEGORY: usize = 12;

fn ids() -> Vec<String> {
    (0..CATEGORIES.len() * PER_CATEGORY).map(|id| format!("sku-{id}")).collect()
}

fn category(item: usize) -> &'static str {
    CATEGORIES[item / PER_CATEGORY]
}

/// Sessions of three steps in one category, the categories in turns.
fn sessions(from: usize, count: usize) -> Sessions {
    let mut all = Sessions::default();
    for session in from..from + count {
        let first = session % CATEGORIES.len() * PER_CATEGORY;
        let step = |step| (first + (session * 5 + step * (1 + session % 4)) % PER_CATEGORY + 1) as u32;
        all.push(&[0, 1, 2].map(step));
    }
    all
}

/// Scores nothing, but keeps the profile's vector.
struct Look(Rc<RefCell<Vec<f32>>>);

impl Scorer for Look {
    fn name(&self) -> &'static str {
        "look"
    }

    fn model(&self) -> Option<&str> {
        None
    }

    fn inputs(&self) -> &[Feature] {
        &[Feature::ProfileInterest]
    }

    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        if let Some(Values::Float(interest)) = features.get(Feature::ProfileInterest) {
            *self.0.borrow_mut() = interest.to_vec();
        }
        scores.resize(features.candidates(), 0.5);
        Ok(())
    }
}

/// `profile.interest` of a shopper who looked at these items.
fn interest(items: &[usize]) -> Vec<f32> {
    let products: Vec<_> = ids()
        .iter()
        .enumerate()
        .map(|(item, id)| json!({"id": id, "title": "A thing", "product_type": category(item)}))
        .collect();
    let catalogue = json!({"products": products, "placements": [{"id": "home", "exclude": []}]}).to_string();
    let now = Timestamp(1_795_514_400_000);
    let mut engine = Engine::new();
    engine.load_catalogue(catalogue.as_bytes(), now).unwrap();
    let seen = Rc::new(RefCell::new(Vec::new()));
    engine.set_scorer(Box::new(Look(Rc::clone(&seen))), now).unwrap();
    for item in items {
        let view = json!({"event": "view_item", "items": [{"item_id": ids()[*item]}]}).to_string();
        engine.observe(&Value::from_json(view.as_bytes()).unwrap(), now).unwrap();
    }
    engine.rank(&Request { placement: "home".into(), ..Request::default() }, now).unwrap();
    seen.take()
}

#[test]
fn a_device_finds_its_segment_in_the_file_that_ships() {
    let (training, validation) = (sessions(0, 240), sessions(240, 30));
    let ids = ids();
    let items: Vec<Content<'_>> = ids
        .iter()
        .enumerate()
        .map(|(item, id)| Content { id: Some(id), title: "A thing", category: category(item), ..Content::default() })
        .collect();
    let segmenting = Segmenting { count: 3, ..Segmenting::default() };
    let segments = Segments::of(&items, &training, &validation, segmenting).unwrap();
    let data = Data { training: &training, validation: &validation, items: items.len() };
    let options = Options { shape: Shape::of_width(8), epochs: 1, ..Options::default() };
    let outcome = train(&options, data, &[], None, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    let ship = |segments: Option<Segments>| {
        let vocabulary = "0123456789abcdef".into();
        let shipping =
            Shipping { levels: 7, vocabulary, about: "A test.".into(), segments, new_items: None, rules: None };
        outcome.ship(&validation, None, &shipping).unwrap().file
    };
    let file = ship(Some(segments.clone()));

    let read = ModelFile::read(&file).unwrap();
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    let told = Model::load(&file, nearside_scorer::Engine::ALL[0]).unwrap().report().segments;
    let told: Vec<(&str, f32)> = told.iter().map(|s| (s.name.as_str(), s.share)).collect();
    let written: Vec<(&str, f32)> = segments.all.iter().map(|s| (s.name.as_str(), 0.3333)).collect();
    assert_eq!(told, written);
    for (kind, category) in CATEGORIES.iter().enumerate() {
        let first = kind * PER_CATEGORY;
        let segment = nearest(&read.segments, &interest(&[first, first + 3, first + 7])).unwrap();
        assert_eq!(read.segments[segment].name, *category);
    }
    assert!(ModelFile::read(&ship(None)).unwrap().segments.is_empty());
}
