//! A click model as a file of the contract.
//!
//! All that multiplies an ad's content vector is first summed to one row, so that there is one pass over the ads'
//! vectors. What depends on the catalogue alone stands apart, and so does what depends on the shopper alone.

use std::collections::BTreeMap;

use nearside_core::content::normalise;
use nearside_core::feature::{Shape, Values};
use nearside_core::{Feature, Features};
use serde_json::json;

use super::logistic::{dot, sigmoid};
use super::terms::{BIAS, TIRED_FROM, Terms, is_of_ads};
use crate::onnx::{Attribute, Element, Graph};
use crate::random::{Random, Stream};

/// Candidates of each golden case.
const GOLDEN: [usize; 2] = [3, 1];
/// Width of content vectors in a golden case, where the file does not fix it: fewer numbers to ship.
const GOLDEN_WIDTH: usize = 8;

/// The file.
pub(super) fn file(terms: &Terms, weights: &[f64], about: &str) -> Vec<u8> {
    let metadata = [
        ("nearside.schema", "1".to_owned()),
        ("nearside.output", "probability".to_owned()),
        ("nearside.description", about.to_owned()),
        ("nearside.golden", golden(terms, weights)),
    ];
    graph(terms, weights).file("nearside", &metadata)
}

fn graph(terms: &Terms, weights: &[f64]) -> Graph {
    let mut g = Graph::default();
    let has = |feature| terms.features().any(|known| known == feature);
    let own = |feature| Some(terms.weights_of(feature, weights)?.iter().map(|w| *w as f32).collect::<Vec<f32>>());
    let mut bias = Some(weights[BIAS] as f32);

    let page = has(Feature::ContextPage).then(|| input(&mut g, terms, Feature::ContextPage));
    let mut vector: Option<String> = None;
    for feature in [Feature::ProfileInterest, Feature::ContextInterest] {
        let Some(own) = own(feature) else { continue };
        let interest = input(&mut g, terms, feature);
        let share = match &page {
            Some(page) => {
                let by_page = g.floats("share", &[own.len(), 1], &own);
                g.node("MatMul", &[page, &by_page], &[])
            }
            None => g.floats("share", &[1], &own),
        };
        let wanted = g.node("Mul", &[&interest, &share], &[]);
        vector = Some(sum(&mut g, vector, wanted));
    }
    if let Some(own) = own(Feature::AdEmbedding) {
        let wanted = g.floats("content", &[1, own.len()], &own);
        vector = Some(sum(&mut g, vector, wanted));
    }

    let mut shopper: Option<String> = None;
    for feature in [
        Feature::ContextPage,
        Feature::ProfileStage,
        Feature::ProfileBasic,
        Feature::ContextDevice,
        Feature::ContextTime,
    ] {
        let Some(mut own) = own(feature) else { continue };
        let row = match &page {
            Some(page) if feature == Feature::ContextPage => {
                // Exactly one page type is told, so each can carry the constant.
                let bias = bias.take().unwrap_or_default();
                own.iter_mut().for_each(|weight| *weight += bias);
                page.clone()
            }
            _ => input(&mut g, terms, feature),
        };
        let weights = g.floats("weights", &[own.len(), 1], &own);
        let part = g.node("MatMul", &[&row, &weights], &[]);
        shopper = Some(sum(&mut g, shopper, part));
    }

    let mut ad: Option<String> = None;
    for feature in [Feature::AdPrice, Feature::AdDiscount] {
        ad = add_number(&mut g, terms, feature, own(feature), ad);
    }
    if let Some(bias) = bias {
        let constant = g.floats("bias", &[1], &[bias]);
        match (&mut shopper, &mut ad) {
            (Some(part), _) | (None, Some(part)) => *part = g.node("Add", &[part, &constant], &[]),
            (None, None) => shopper = Some(constant),
        }
    }

    let alike = vector.map(|vector| {
        let ads = input(&mut g, terms, Feature::AdEmbedding);
        let column = g.node("Transpose", &[&vector], &[Attribute::Ints("perm", &[1, 0])]);
        g.node("MatMul", &[&ads, &column], &[])
    });
    let mut logit = alike;
    for part in [ad, shopper].into_iter().flatten() {
        logit = Some(sum(&mut g, logit, part));
    }
    for feature in
        [Feature::PairCategory, Feature::PairBrand, Feature::PairItem, Feature::PairPriceGap, Feature::PairViews]
    {
        logit = add_number(&mut g, terms, feature, own(feature), logit);
    }
    let logit = logit.expect("terms tell ads apart");
    g.output_of("Sigmoid", &[&logit], "score", &[Err("N"), Ok(1)]);
    g
}

fn sum(g: &mut Graph, first: Option<String>, second: String) -> String {
    match first {
        Some(first) => g.node("Add", &[&first, &second], &[]),
        None => second,
    }
}

/// Adds the term of a feature that has one number an ad.
fn add_number(
    g: &mut Graph,
    terms: &Terms,
    feature: Feature,
    own: Option<Vec<f32>>,
    before: Option<String>,
) -> Option<String> {
    let Some(own) = own else { return before };
    let mut value = input(g, terms, feature);
    match feature {
        Feature::PairPriceGap => value = g.node("Abs", &[&value], &[]),
        Feature::PairViews => {
            let from = g.floats("tired", &[1], &[TIRED_FROM]);
            value = g.node("Sub", &[&value, &from], &[]);
            value = g.node("Relu", &[&value], &[]);
        }
        _ => {}
    }
    let weight = g.floats("weight", &[1], &own);
    let term = g.node("Mul", &[&value, &weight], &[]);
    Some(sum(g, before, term))
}

fn input(g: &mut Graph, terms: &Terms, feature: Feature) -> String {
    // The term of an ad's own vector has a weight for each of its numbers, so their count is fixed.
    let embedding = if terms.weighs_content() { Ok(terms.embedding() as u64) } else { Err("D") };
    let dims: [Result<u64, &str>; 2] = match feature.shape() {
        Shape::Row(width) => [Ok(1), Ok(width as u64)],
        Shape::Embedding => [Ok(1), embedding],
        Shape::AdEmbedding => [Err("N"), embedding],
        Shape::PerAd | Shape::PerEvent => [Err("N"), Ok(1)],
    };
    g.input(feature.name(), Element::Float, &dims)
}

/// Inputs drawn at random with their scores, as JSON. No shopper's features are among them.
fn golden(terms: &Terms, weights: &[f64]) -> String {
    let width = if terms.weighs_content() { terms.embedding() } else { GOLDEN_WIDTH };
    let weights: Vec<f64> = weights.iter().map(|weight| f64::from(*weight as f32)).collect();
    let mut random = Random::new(0, Stream::Golden, 1);
    let case = |ads: usize| {
        let mut features = Features::new(ads);
        let mut inputs = BTreeMap::new();
        for feature in terms.inputs() {
            let shape = match feature.shape() {
                Shape::Row(width) => [1, width],
                Shape::Embedding => [1, width],
                Shape::AdEmbedding => [ads, width],
                Shape::PerAd | Shape::PerEvent => [ads, 1],
            };
            let data = values(feature, shape, &mut random);
            inputs.insert(feature.name(), json!({"shape": shape, "data": data}));
            features.set(feature, Values::Float(data.into()));
        }
        let chance = |ad| sigmoid(dot(&terms.row(&features, ad), &weights)) as f32;
        json!({"inputs": inputs, "score": (0..ads).map(chance).collect::<Vec<f32>>()})
    };
    json!(GOLDEN.map(case)).to_string()
}

/// Values of a feature within its range, short to write.
fn values(feature: Feature, shape: [usize; 2], random: &mut Random) -> Vec<f32> {
    let count = shape[0] * shape[1];
    let rounded = |x: f32| (x * 1000.0).round() / 1000.0;
    let mut between = |low, high| (0..count).map(|_| rounded(random.between(low, high))).collect::<Vec<f32>>();
    match (feature.shape(), feature) {
        (Shape::Row(_), Feature::ContextTime) => between(-1.0, 1.0),
        (Shape::Row(width), _) => {
            let told = random.below(width);
            (0..width).map(|index| f32::from(u8::from(index == told))).collect()
        }
        (Shape::Embedding | Shape::AdEmbedding, _) => {
            let mut rows = between(-1.0, 1.0);
            rows.chunks_mut(shape[1]).for_each(normalise);
            rows.into_iter().map(rounded).collect()
        }
        (_, Feature::AdPrice) => between(0.0, 8.0),
        (_, Feature::PairViews) => between(0.0, 3.0),
        (_, Feature::AdDiscount) => between(0.0, 0.9),
        _ if is_of_ads(feature) => between(-1.0, 1.0),
        _ => vec![0.0; count],
    }
}
