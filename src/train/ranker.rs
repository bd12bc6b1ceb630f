//! A trained network made ready to ship: quantised, calibrated, described, with golden cases.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::calibration::{self, Calibration};
use crate::content::{NewItems, phrase};
use crate::encoder::{KINDS, StepInputs};
use crate::error::{Error, Part};
use crate::export::{self, directions, graph, quantise, rounded};
use crate::measure::{Figures, places, scores};
use crate::network::{Network, Query, encode};
use crate::random::{Random, Stream};
use crate::rules::{Blend, Rules};
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
    /// Rules that are added to the scores, mined from the sessions that the network learnt from.
    pub rules: Option<Rules>,
}

/// What ships, and how good it is.
#[derive(Clone, Debug)]
pub struct Ranker {
    /// The ONNX file.
    pub file: Vec<u8>,
    /// Its size after gzip.
    pub compressed: usize,
    /// Figures on the validation sessions with the vectors as they were trained.
    pub float: Figures,
    /// The same with the whole numbers of the file, without rules.
    pub shipped: Figures,
    /// What a score means as a chance.
    pub calibration: Calibration,
    /// What rules beside the network do, where there are any: their figures are to be compared with `shipped`.
    pub blend: Option<Blend>,
}

/// Sessions and candidates of the golden cases.
const GOLDEN: usize = 3;
const GOLDEN_ADS: usize = 8;

impl Outcome {
    /// Quantises, measures and writes the network. `validation` must be sessions it did not learn from. Where it learnt
    /// from all, hand over its twin that did not: figures, calibration and the weight of the rules are then the twin's.
    ///
    /// Errors: `option-out-of-range` for levels, and for rules beside a network whose scores are no logits;
    /// `too-few-sessions` for no validation session of two steps, or beside rules for less than one in each half.
    pub fn ship(&self, validation: &Sessions, twin: Option<&Ranker>, shipping: &Shipping) -> Result<Ranker, Error> {
        let Shipping { levels, rules, .. } = shipping;
        if !(1..=127).contains(levels) {
            return Err(Error::Option { name: "levels", got: levels.to_string(), range: "1 to 127".into() });
        }
        if rules.is_some() {
            Blend::check(self.network.shape)?;
        }
        let network = self.shipped(*levels);
        let Fitted { float, shipped, calibration, blend } = match twin {
            Some(Ranker { float, shipped, calibration, blend, .. }) => {
                Fitted { float: *float, shipped: *shipped, calibration: *calibration, blend: *blend }
            }
            None => {
                enough(validation, 1)?;
                let float = figures(&self.network, &self.network.table(), validation)?.0;
                Fitted::new(&network, float, rules.as_ref(), validation)?
            }
        };
        let file = network.file(calibration, blend.map(|blend| blend.weight), shipping)?;
        Ok(Ranker { compressed: compressed(&file), file, float, shipped, calibration, blend })
    }

    /// The network with whole numbers of up to `levels` for item vectors.
    pub(crate) fn shipped(&self, levels: u8) -> Shipped {
        let width = self.network.shape.width;
        let numbers = quantise(&self.network.table(), width, levels);
        let table = directions(&numbers, width);
        Shipped { network: Network { weights: rounded(&self.network.weights), ..self.network.clone() }, numbers, table }
    }
}

/// Whether as many sessions as needed have a step to ask about.
pub(crate) fn enough(validation: &Sessions, needed: usize) -> Result<(), Error> {
    let got = validation.iter().filter(|session| session.len() > 1).count();
    if got < needed { Err(Error::TooFewSessions { part: Part::Validation, got, needed }) } else { Ok(()) }
}

/// What is told of a network by sessions that it did not learn from.
struct Fitted {
    float: Figures,
    shipped: Figures,
    calibration: Calibration,
    blend: Option<Blend>,
}

impl Fitted {
    /// Of a network with the vectors of its file.
    fn new(shipped: &Shipped, float: Figures, rules: Option<&Rules>, validation: &Sessions) -> Result<Fitted, Error> {
        let Shipped { network, table, .. } = shipped;
        let width = network.shape.width;
        let (shipped, mut queries) = figures(network, table, validation)?;
        let blend = rules.map(|rules| Blend::new(rules, (table, network.shape), &queries, validation)).transpose()?;
        if let Some((rules, blend)) = rules.zip(blend) {
            rules.blend(blend.weight, network.shape.length, &mut queries, validation);
        }
        let calibration = calibration::fit(table, width, &queries, validation)?;
        Ok(Fitted { float, shipped, calibration, blend })
    }
}

/// What the file of a network stands for.
pub(crate) struct Shipped {
    pub(crate) network: Network,
    /// The item vectors as the file holds them.
    pub(crate) numbers: Vec<i8>,
    /// The same as they are computed with.
    pub(crate) table: Vec<f32>,
}

impl Shipped {
    /// The file. Rules are in it where their weight is known.
    pub(crate) fn file(
        &self,
        calibration: Calibration,
        weight: Option<f32>,
        shipping: &Shipping,
    ) -> Result<Vec<u8>, Error> {
        let Shipped { network, numbers, table } = self;
        let Shipping { levels, vocabulary, about, segments, new_items, rules } = shipping;
        let shape = network.shape;
        let output = export::output(shape.architecture);
        let blended = rules.as_ref().zip(weight);
        let mut description = format!(
            "{about} Item vectors of {} numbers, whole numbers up to {levels}; the score is a {output}, calibrated to the \
             chance that the item is the next one. The file holds one vector an item and the network's weights: \
             averages over all sessions. It holds no session and no shopper; its golden cases are drawn at random.",
            shape.width
        );
        if let Some((rules, weight)) = blended {
            description = format!("{description} {} are added to the scores, times {weight}.", rules.about());
        }
        if let Some(segments) = segments {
            description = format!("{description} {}", segments.about());
        }
        if let Some(new_items) = new_items {
            description = format!(
                "{description} An item it has not learnt is ranked by ad.embedding, a vector that `nearside embed --content` \
                 makes of what the item is, by the {}.",
                phrase(&new_items.fingerprint(network))
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
        let golden = golden(shape.length, numbers.len() / shape.width - 1, shape.steps, |steps, ads, random| {
            let query = after(network, table, blended, steps)?;
            let mut score = Vec::new();
            scores(table, shape.width, std::iter::once(&query), |_, all| score = of_ads(all, ads))?;
            let inputs = new_items.map_or_else(Vec::new, |n| n.golden(random, &query, ads, &mut score));
            if export::gives_probability(shape.architecture) {
                score.iter_mut().for_each(|score| *score = calibration.chance(*score));
            }
            Ok(Answer { score, inputs })
        })?;
        metadata.push(("nearside.description", description));
        metadata.push(("nearside.golden", golden));
        if let Some(segments) = segments {
            metadata.push(("nearside.segments", segments.metadata()));
        }
        let mut graph = graph(network, numbers, calibration, *new_items);
        if let Some((rules, weight)) = blended {
            rules.blend_into(&mut graph, weight, shape.length);
        }
        Ok(graph.file("nearside", &metadata))
    }
}

fn figures(network: &Network, table: &[f32], sessions: &Sessions) -> Result<(Figures, Vec<Vec<Query>>), Error> {
    let queries = encode(network.shape, &network.weights, table, sessions)?;
    let figures = Figures::of(&places(table, network.shape.width, &queries, sessions)?);
    Ok((figures, queries))
}

/// The query after a session's steps.
fn after(
    network: &Network,
    table: &[f32],
    blended: Option<(&Rules, f32)>,
    steps: &[(u32, Detail)],
) -> Result<Query, Error> {
    let mut sessions = Sessions::default();
    sessions.push_detailed(&[steps, &[(1, Detail::default())]].concat());
    let mut queries = encode(network.shape, &network.weights, table, &sessions)?;
    if let Some((rules, weight)) = blended {
        rules.blend(weight, network.shape.length, &mut queries, &sessions);
    }
    Ok(queries.pop().and_then(|mut queries| queries.pop()).unwrap_or_default())
}

/// What a golden case expects.
pub(crate) struct Answer {
    /// One score an ad.
    pub(crate) score: Vec<f32>,
    /// What else is to be read, by name.
    pub(crate) inputs: Vec<(&'static str, serde_json::Value)>,
}

/// The scores of some ads among those of all items.
pub(crate) fn of_ads(all: &[f32], ads: &[u32]) -> Vec<f32> {
    ads.iter().map(|ad| all[*ad as usize]).collect()
}

/// The size of a file after gzip.
pub(crate) fn compressed(file: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(file).and_then(|()| encoder.finish()).map_or(file.len(), |bytes| bytes.len())
}

/// Sessions of at most `length` steps of `items` items, drawn at random, with what is read of a step beside its item, and
/// what `answer` gives to some ads, as JSON.
pub(crate) fn golden(
    length: usize,
    items: usize,
    read: StepInputs,
    answer: impl Fn(&[(u32, Detail)], &mut [u32], &mut Random) -> Result<Answer, Error>,
) -> Result<String, Error> {
    let mut random = Random::new(0, Stream::Golden, 0);
    let mut cases = Vec::with_capacity(GOLDEN);
    for case in 0..GOLDEN {
        let steps = (1 + 3 * case).min(length);
        let session: Vec<u32> = (0..steps).map(|_| random.below(items) as u32 + 1).collect();
        // One of the session's own items is among the ads, so that repeats are checked too.
        let mut ads: Vec<u32> =
            (0..GOLDEN_ADS).map(|ad| if ad == 0 { session[0] } else { random.below(items) as u32 + 1 }).collect();
        let details = details(steps, Random::new(1, Stream::Golden, case as u64));
        let told = session.iter().copied().zip(details.iter().copied()).collect::<Vec<_>>();
        let Answer { score, inputs } = answer(&told, &mut ads, &mut random)?;
        let input = |shape: &[usize], data: serde_json::Value| json!({"shape": shape, "data": data});
        let per_step = |data: serde_json::Value| {
            let pads = std::iter::repeat_n(json!(0), length - steps);
            input(&[1, length], pads.chain(data.as_array().into_iter().flatten().cloned()).collect())
        };
        let mut inputs: BTreeMap<&str, serde_json::Value> = inputs.into_iter().collect();
        inputs.insert("session.item", per_step(json!(session)));
        inputs.insert("ad.item", input(&[ads.len()], json!(ads)));
        let StepInputs { kind, pause } = read;
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
