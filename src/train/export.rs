//! The trained network as a file of the contract: `session.item` and `ad.item` in, and what else the network reads of a
//! step; `score` out.
//!
//! Item vectors are stored as whole numbers, at most `levels` in size; rows are scaled to length 1 after they
//! are gathered, so that no scales need to be stored. What depends on `ad.item` alone stands apart from the
//! rest until the last product, so that an engine computes it once per catalogue.

mod attention;
mod hybrid;
mod recurrent;
mod writer;

use crate::calibration::Calibration;
use crate::content::NewItems;
use crate::encoder::{Architecture, Weights};
use crate::network::{Network, length};
use crate::onnx::{Attribute, Graph};
use writer::{Asked, Writer};

/// Size of the largest whole number of an item vector, where a file has to be small. 15 values to a number
/// compress to under four bits and cost some 0.2 points of Recall@20 against `float`.
pub const LEVELS: u8 = 7;

/// The finest that is of use: with whole numbers up to this, Recall@20 is that of `float`.
pub const FINEST: u8 = 10;

/// Rows as whole numbers: each scaled so that its largest number is `levels`, 1 to 127.
///
/// 127 is full `int8`. Fewer levels are still stored a byte each, but the file then compresses better: a
/// number of 15 levels to each side takes some five bits.
pub(crate) fn quantise(table: &[f32], width: usize, levels: u8) -> Vec<i8> {
    let levels = f32::from(levels.clamp(1, 127));
    table
        .chunks(width)
        .flat_map(|row| {
            let largest = row.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            let scale = if largest > 0.0 { levels / largest } else { 0.0 };
            row.iter().map(move |x| (x * scale).round() as i8)
        })
        .collect()
}

/// What a file of whole numbers stands for: rows of length 1.
pub(crate) fn directions(numbers: &[i8], width: usize) -> Vec<f32> {
    let mut table: Vec<f32> = numbers.iter().map(|x| f32::from(*x)).collect();
    for row in table.chunks_mut(width) {
        let length = length(row);
        row.iter_mut().for_each(|x| *x /= length);
    }
    table
}

/// A matrix as whole numbers, with one factor for each column.
struct Columns {
    numbers: Vec<i8>,
    factors: Vec<f32>,
}

impl Columns {
    fn new(values: &[f32], columns: usize) -> Columns {
        let largest = |column: usize| values.iter().skip(column).step_by(columns).fold(0.0f32, |l, x| l.max(x.abs()));
        let factors: Vec<f32> = (0..columns).map(|column| largest(column).max(f32::MIN_POSITIVE) / 127.0).collect();
        let numbers = values.iter().zip(factors.iter().cycle()).map(|(x, factor)| (x / factor).round() as i8).collect();
        Columns { numbers, factors }
    }

    fn values(&self) -> Vec<f32> {
        self.numbers.iter().zip(self.factors.iter().cycle()).map(|(n, factor)| f32::from(*n) * factor).collect()
    }
}

/// The weights as the file holds them: matrices rounded to whole numbers of eight bits.
pub(crate) fn rounded(weights: &Weights) -> Weights {
    let mut rounded = weights.clone();
    for weight in rounded.named.values_mut().filter(|weight| weight.matrix) {
        weight.trained.values = Columns::new(&weight.trained.values, weight.dims[1]).values();
    }
    rounded
}

/// What the output of a network's file is, in the words of `nearside.output`.
pub(crate) fn output(architecture: Architecture) -> &'static str {
    if gives_probability(architecture) { "probability" } else { "logit" }
}

/// Whether calibration and sigmoid are nodes of the file; else the calibration stands in its metadata.
pub(crate) fn gives_probability(architecture: Architecture) -> bool {
    architecture == Architecture::Lstm
}

/// The graph of a network whose item vectors are `numbers`. Its weights must be [`rounded`]. With `new_items`, ads that
/// are not in the vocabulary are ranked by their content.
pub(crate) fn graph(network: &Network, numbers: &[i8], calibration: Calibration, new_items: Option<NewItems>) -> Graph {
    let shape = network.shape;
    let items = numbers.len() / shape.width;
    let mut w = Writer::new(network, numbers, new_items);
    let session = w.session();
    let Asked { query, repeats } = match shape.architecture {
        Architecture::Hybrid => hybrid::asked(&mut w, &session),
        Architecture::Gru => recurrent::asked(&mut w, &session, recurrent::GRU),
        Architecture::Lstm => recurrent::asked(&mut w, &session, recurrent::LSTM),
        Architecture::Attention => attention::asked(&mut w, &session),
    };
    let added = repeats.map(|repeats| {
        let blank = w.graph.floats("blank", &[items], &vec![0.0; items]);
        w.graph.node(
            "ScatterElements",
            &[&blank, &session.ids, &repeats],
            &[Attribute::Int("axis", 0), Attribute::Text("reduction", "add")],
        )
    });

    let n = [-1];
    let ads = w.reshaped("ad.item", &n);
    let mut vectors = w.rows(&ads);
    if let Some(new_items) = new_items {
        vectors = new_items.vectors(&mut w.graph, &ads, &vectors, shape.width);
    }
    let score = w.graph.node("MatMul", &[&vectors, &query], &[]);
    let mut score = w.reshaped(&score, &n);
    if let Some(added) = added {
        let added = w.graph.node("Gather", &[&added, &ads], &[Attribute::Int("axis", 0)]);
        score = w.graph.node("Add", &[&score, &added], &[]);
    }
    if let Some(new_items) = new_items {
        score = new_items.added(&mut w.graph, &ads, &score);
    }
    if gives_probability(shape.architecture) {
        let scale = w.graph.floats("calibration.scale", &[1], &[calibration.scale]);
        let offset = w.graph.floats("calibration.offset", &[1], &[calibration.offset]);
        let scaled = w.graph.node("Mul", &[&score, &scale], &[]);
        let logit = w.graph.node("Add", &[&scaled, &offset], &[]);
        score = w.graph.node("Sigmoid", &[&logit], &[]);
    }
    w.graph.output(&score, "score", &[Err("N")]);
    w.graph
}

#[cfg(test)]
mod tests {
    use nearside_core::feature::Values;
    use nearside_scorer::{Engine, Input, Network as Scorer};

    use super::*;
    use crate::encoder::{Shape, StepInputs};
    use crate::measure::{place, places};
    use crate::network::encode;
    use crate::random::{Random, Stream};
    use crate::sessions::{Detail, Sessions};

    const ITEMS: usize = 40;
    const LENGTH: usize = 6;
    const CALIBRATION: Calibration = Calibration { scale: 0.8, offset: -1.0 };

    fn network(architecture: Architecture, steps: StepInputs) -> Network {
        let shape = Shape { state: 10, heads: 3, key: 5, length: LENGTH, steps, ..architecture.shape(12) };
        let mut network = Network::new(shape, ITEMS, 5);
        // Zeros would hide what they multiply.
        let mut random = Random::new(6, Stream::Weights, 0);
        for weight in network.weights.named.values_mut() {
            weight.trained.values.iter_mut().for_each(|x| *x += 0.3 * random.normal());
        }
        network.weights = rounded(&network.weights);
        network
    }

    /// The scores of all items after a session, by the trainer's own arithmetic.
    fn expected(network: &Network, table: &[f32], session: &[(u32, Detail)]) -> Vec<f32> {
        let mut sessions = Sessions::default();
        sessions.push_detailed(&[session, &[(1, Detail::default())]].concat());
        let queries = encode(network.shape, &network.weights, table, &sessions).unwrap();
        let query = queries[0].last().unwrap();
        let dot = |row: &[f32]| row.iter().zip(&query.vector).map(|(a, b)| a * b).sum();
        let mut scores: Vec<f32> = table.chunks(network.shape.width).map(dot).collect();
        query.added.iter().for_each(|(id, added)| scores[*id as usize] += added);
        if gives_probability(network.shape.architecture) {
            scores.iter_mut().for_each(|score| *score = CALIBRATION.chance(*score));
        }
        scores
    }

    /// The same by an engine, which is given the last steps, the newest 40 seconds ago.
    fn run(scorer: &mut Scorer, steps: StepInputs, session: &[(u32, Detail)]) -> Vec<f32> {
        let read = &session[session.len().saturating_sub(LENGTH)..];
        let padding = LENGTH - read.len();
        let (mut ids, mut kinds, mut ages) = (vec![0; padding], vec![0; padding], vec![0.0; padding]);
        ids.extend(read.iter().map(|(id, _)| *id as i32));
        kinds.extend(read.iter().map(|(_, detail)| i32::from(detail.kind)));
        let pauses = |from: usize| read[from..].iter().map(|(_, detail)| f32::from(detail.pause_s)).sum::<f32>();
        ages.extend((1..=read.len()).map(|from| (40.0 + pauses(from)).ln_1p()));
        let ads: Vec<i32> = (0..=ITEMS as i32).collect();
        let per_step = &[1, LENGTH];
        let mut inputs = vec![
            Input { name: "session.item", shape: per_step, values: Values::Id(ids.into()) },
            Input { name: "ad.item", shape: &[ITEMS + 1], values: Values::Id(ads.into()) },
        ];
        if steps.kind {
            inputs.push(Input { name: "session.kind", shape: per_step, values: Values::Id(kinds.into()) });
        }
        if steps.pause {
            inputs.push(Input { name: "session.age_s", shape: per_step, values: Values::Float(ages.into()) });
        }
        scorer.run(&inputs).unwrap().values
    }

    #[test]
    fn rounding_twice_changes_nothing_and_once_little() {
        for architecture in Architecture::ALL {
            let network = Network::new(architecture.shape(12), ITEMS, 5);
            let once = rounded(&network.weights);
            let twice = rounded(&once);
            for (name, weight) in &network.weights.named {
                let (values, rounded) = (&weight.trained.values, once.get(name));
                let largest = values.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
                let off = values.iter().zip(rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!((off > 0.0) == weight.matrix && off <= largest / 254.0 * 1.001, "{name} {off} {largest}");
                assert!(rounded.iter().zip(twice.get(name)).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs()), "{name}");
            }
        }
    }

    #[test]
    fn every_engine_computes_what_the_trainer_computes() {
        let step = |id: u32| (id, Detail { kind: 1 + (id % 7) as u8, pause_s: (id * id) as u16 });
        // The last one is longer than the file reads, with an item that comes back from before what is read.
        let long: Vec<u32> = (1..=LENGTH as u32 + 3).chain([1]).collect();
        let sessions =
            [&[7][..], &[3, 9, 3], &[1, 2, 3, 4, 5, 40], &long].map(|s| s.iter().map(|id| step(*id)).collect());
        let sessions: [Vec<(u32, Detail)>; 4] = sessions.map(|mut session: Vec<(u32, Detail)>| {
            session[0].1.pause_s = 0;
            session
        });
        let inputs = [(false, false), (true, false), (false, true), (true, true)];
        for architecture in Architecture::ALL {
            for steps in inputs.map(|(kind, pause)| StepInputs { kind, pause }) {
                let network = network(architecture, steps);
                let numbers = quantise(&network.table(), 12, 127);
                let table = directions(&numbers, 12);
                let file =
                    graph(&network, &numbers, CALIBRATION, None).file("test", &[("nearside.schema", "1".into())]);
                for engine in Engine::ALL {
                    let mut scorer = Scorer::load(&file, *engine).unwrap();
                    for session in &sessions {
                        let (got, expected) = (run(&mut scorer, steps, session), expected(&network, &table, session));
                        for (item, (got, expected)) in got.iter().zip(&expected).enumerate() {
                            // Sums of some dozen products of f32, in another order, times a temperature of about 12.
                            let off = (got - expected).abs();
                            assert!(off < 1e-4, "{} {:?} {session:?} {item}: {off}", engine.name(), network.shape);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_network_is_measured_on_what_its_file_is_given_of_a_long_session() {
        let session: Vec<u32> = (1..=LENGTH as u32 + 4).collect();
        for architecture in Architecture::ALL {
            let network = network(architecture, StepInputs::default());
            let numbers = quantise(&network.table(), 12, 127);
            let table = directions(&numbers, 12);
            let file = graph(&network, &numbers, CALIBRATION, None).file("test", &[("nearside.schema", "1".into())]);
            let mut scorer = Scorer::load(&file, Engine::ALL[0]).unwrap();
            let sessions: Sessions = [session.as_slice()].into_iter().collect();
            let queries = encode(network.shape, &network.weights, &table, &sessions).unwrap();
            let measured = places(&table, 12, &queries, &sessions).unwrap();
            let given = (1..session.len()).map(|end| {
                let steps: Vec<_> = session[..end].iter().map(|id| (*id, Detail::default())).collect();
                place(&run(&mut scorer, StepInputs::default(), &steps), session[end])
            });
            assert_eq!(measured, given.collect::<Vec<_>>(), "{architecture:?}");
        }
    }
}
