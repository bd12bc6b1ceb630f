//! A trained network made ready to ship: quantised, calibrated, described, with golden cases.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::calibration::{self, Calibration};
use crate::content::NewItems;
use crate::encoder::{KINDS, StepInputs};
use crate::error::Error;
use crate::export::{self, directions, graph, quantise, rounded};
use crate::measure::{Figures, places, scores};
use crate::network::{Network, Query, encode};
use crate::random::{Random, Stream};
use crate::run::Outcome;
use crate::segments::Segments;
use crate::sessions::{Detail, Sessions};

/// How a network is made ready.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// Size of the largest whole number of an item vector, 1 to 127.
    pub levels: u8,
    /// The item vocabulary's hash, as `nearside_core::Vocabulary::item_hash` gives it.
    pub vocabulary: String,
    /// One sentence about the training: what, when, from how much.
    pub about: String,
    /// Kinds of sessions to be told by the file, where there are any.
    pub segments: Option<Segments>,
    /// How items outside the vocabulary are ranked by `ad.embedding`, as [`ContentEncoder`](crate::ContentEncoder)
    /// makes it; without, their score says nothing.
    pub new_items: Option<NewItems>,
}

/// What ships, and how good it is.
#[derive(Clone, Debug)]
pub struct Ranker {
    /// The ONNX file.
    pub file: Vec<u8>,
    /// Its size after gzip; brotli comes out a few per cent smaller.
    pub compressed: usize,
    /// Figures on the validation sessions with the vectors as they were trained.
    pub float: Figures,
    /// The same with the whole numbers of the file.
    pub shipped: Figures,
    /// What a score means as a chance.
    pub calibration: Calibration,
}

/// Sessions and candidates of the golden cases.
const GOLDEN: usize = 3;
const GOLDEN_ADS: usize = 8;

impl Outcome {
    /// Quantises, measures and writes the network. `validation` must be sessions it did not learn from; where a
    /// network learnt from all, hand over the calibration of its twin that did not.
    pub fn ship(
        &self,
        validation: &Sessions,
        calibration: Option<Calibration>,
        shipping: &Shipping,
    ) -> Result<Ranker, Error> {
        let Shipping { levels, vocabulary, about, segments, new_items } = shipping;
        if !(1..=127).contains(levels) {
            return Err(Error::Option { name: "levels", got: levels.to_string(), range: "1 to 127".into() });
        }
        let shape = self.network.shape;
        let exact = self.network.table();
        let float = figures(&self.network, &exact, validation)?.0;
        let network = &Network { weights: rounded(&self.network.weights), ..self.network.clone() };
        let numbers = quantise(&exact, shape.width, *levels);
        let table = directions(&numbers, shape.width);
        let (shipped, queries) = figures(network, &table, validation)?;
        let calibration = match calibration {
            Some(calibration) => calibration,
            None => calibration::fit(&table, shape.width, &queries, validation)?,
        };
        let output = export::output(shape.architecture);
        let mut description = format!(
            "{about} Item vectors of {} numbers, whole numbers up to {levels}; the score is a {output}, calibrated to the \
             chance that the item is the next one. The file holds one vector an item and the network's weights: \
             averages over all sessions. It holds no session and no shopper; its golden cases are drawn at random.",
            shape.width
        );
        if let Some(segments) = segments {
            description = format!("{description} {}", segments.about());
        }
        if new_items.is_some() {
            description.push_str(
                " An item it has not learnt is ranked by ad.embedding, a vector that `nearside embed --content` makes of what \
                 the item is.",
            );
        }
        let mut metadata = vec![
            ("nearside.schema", "1".to_owned()),
            ("nearside.output", output.to_owned()),
            ("nearside.vocabulary", vocabulary.clone()),
        ];
        if !export::gives_probability(shape.architecture) {
            let line = json!({"scale": calibration.scale, "offset": calibration.offset});
            metadata.push(("nearside.calibration", line.to_string()));
        }
        metadata.push(("nearside.description", description));
        metadata.push(("nearside.golden", golden(network, &table, calibration, *new_items)?));
        if let Some(segments) = segments {
            metadata.push(("nearside.segments", segments.metadata()));
        }
        let file = graph(network, &numbers, calibration, *new_items).file("nearside", &metadata);
        Ok(Ranker { compressed: compressed(&file), file, float, shipped, calibration })
    }
}

fn figures(network: &Network, table: &[f32], sessions: &Sessions) -> Result<(Figures, Vec<Vec<Query>>), Error> {
    let queries = encode(network.shape, &network.weights, table, sessions)?;
    let figures = Figures::of(&places(table, network.shape.width, &queries, sessions)?);
    Ok((figures, queries))
}

fn compressed(file: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(file).and_then(|()| encoder.finish()).map_or(file.len(), |bytes| bytes.len())
}

/// Sessions drawn at random with some of their scores, as JSON.
fn golden(
    network: &Network,
    table: &[f32],
    calibration: Calibration,
    new_items: Option<NewItems>,
) -> Result<String, Error> {
    let (width, length) = (network.shape.width, network.shape.length);
    let items = table.len() / width - 1;
    let mut random = Random::new(0, Stream::Golden, 0);
    let mut cases = Vec::with_capacity(GOLDEN);
    for case in 0..GOLDEN {
        let steps = (1 + 3 * case).min(length);
        let session: Vec<u32> = (0..steps).map(|_| random.below(items) as u32 + 1).collect();
        // One of the session's own items is among the ads, so that repeats are checked too.
        let mut ads: Vec<u32> =
            (0..GOLDEN_ADS).map(|ad| if ad == 0 { session[0] } else { random.below(items) as u32 + 1 }).collect();
        let details = details(steps, Random::new(1, Stream::Golden, case as u64));
        let mut sessions = Sessions::default();
        let end = (1, Detail::default());
        sessions.push_detailed(&session.iter().copied().zip(details.iter().copied()).chain([end]).collect::<Vec<_>>());
        let queries = encode(network.shape, &network.weights, table, &sessions)?;
        let query = queries[0].last();
        let mut score: Vec<f32> = Vec::new();
        scores(table, width, query.into_iter(), |_, all| {
            score = ads.iter().map(|ad| all[*ad as usize]).collect();
        })?;
        let input = |shape: &[usize], data: serde_json::Value| json!({"shape": shape, "data": data});
        let per_step = |data: serde_json::Value| {
            let pads = std::iter::repeat_n(json!(0), length - steps);
            input(&[1, length], pads.chain(data.as_array().into_iter().flatten().cloned()).collect())
        };
        let mut inputs = BTreeMap::from([("session.item", per_step(json!(session)))]);
        if let (Some(new_items), Some(query)) = (new_items, query) {
            inputs.extend(new_items.golden(&mut random, query, &mut ads, &mut score));
        }
        if export::gives_probability(network.shape.architecture) {
            score.iter_mut().for_each(|score| *score = calibration.chance(*score));
        }
        inputs.insert("ad.item", input(&[ads.len()], json!(ads)));
        let StepInputs { kind, pause } = network.shape.steps;
        if kind {
            inputs.insert("session.kind", per_step(details.iter().map(|detail| json!(detail.kind)).collect()));
        }
        if pause {
            inputs.insert("session.age_s", per_step(json!(ages(&details))));
        }
        cases.push(json!({"inputs": inputs, "score": score}));
    }
    Ok(serde_json::Value::from(cases).to_string())
}

/// What the steps of a golden case were, drawn at random.
fn details(steps: usize, mut random: Random) -> Vec<Detail> {
    let mut detail = |step: usize| Detail {
        kind: 1 + random.below(KINDS) as u8,
        // As often short as long.
        pause_s: if step == 0 { 0 } else { random.between(0.0, 7.5).exp() as u16 },
    };
    (0..steps).map(&mut detail).collect()
}

/// `session.age_s` of steps, the newest two seconds ago.
fn ages(details: &[Detail]) -> Vec<f32> {
    let mut seconds = 2.0f32;
    let mut ages = vec![0.0; details.len()];
    for (age, detail) in ages.iter_mut().zip(details).rev() {
        *age = seconds.ln_1p();
        seconds += f32::from(detail.pause_s);
    }
    ages
}
