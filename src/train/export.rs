//! The trained network as a file of the contract: `session.item` and `ad.item` in, `score` out, a logit.
//!
//! Item vectors are stored as whole numbers, at most `levels` in size; rows are scaled to length 1 after they
//! are gathered, so that no scales need to be stored. What depends on `ad.item` alone stands apart from the
//! rest until the last product, so that an engine computes it once per catalogue.

use crate::encoder::{Shape, Weights};
use crate::network::length;
use crate::onnx::{Attribute, Element, Graph};

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

/// The matrices of the encoder that are stored as whole numbers; the rest is small.
const MATRICES: [&str; 7] =
    ["gru.input", "gru.state", "head.query", "head.key", "output", "repeat.query", "repeat.key"];

/// The weights as the file holds them: matrices rounded to whole numbers of eight bits.
pub(crate) fn rounded(weights: &Weights) -> Weights {
    let mut rounded = weights.clone();
    for name in MATRICES {
        let (dims, trained) = rounded.named.get_mut(name).expect("every name is one of `Weights::new`");
        trained.values = Columns::new(&trained.values, dims[1]).values();
    }
    rounded
}

/// The graph of a network whose item vectors are `numbers`. `weights` must be [`rounded`].
pub(crate) fn graph(shape: Shape, weights: &Weights, numbers: &[i8]) -> Graph {
    let Shape { width, state, heads, key, length } = shape;
    let items = numbers.len() / width;
    let (w, s, h, k, l) = (width as i64, state as i64, heads as i64, key as i64, length as i64);
    let weight = |name: &str| {
        let (_, trained) = weights.named.get(name).expect("every name is one of `Weights::new`");
        trained.values.as_slice()
    };
    let mut g = Graph::default();
    let session = g.input("session.item", Element::Int64, &[Ok(1), Ok(length as u64)]);
    let ads = g.input("ad.item", Element::Int64, &[Err("N")]);
    let table = g.bytes("items", &[items, width], numbers);
    let to = |g: &mut Graph, value: &str, dims: &[i64]| {
        let dims = g.ints("dims", &[dims.len()], dims);
        g.node("Reshape", &[value, &dims], &[])
    };
    let tiny = g.floats("tiny", &[1], &[1e-6]);
    let one = g.floats("one", &[], &[1.0]);
    let unit = |g: &mut Graph, rows: &str| {
        let length = g.node("ReduceL2", &[rows], &[Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)]);
        let length = g.node("Max", &[&length, &tiny], &[]);
        g.node("Div", &[rows, &length], &[])
    };
    let rows = |g: &mut Graph, ids: &str| {
        let rows = g.node("Gather", &[&table, ids], &[Attribute::Int("axis", 0)]);
        let rows = g.node("DequantizeLinear", &[&rows, &one], &[]);
        unit(g, &rows)
    };

    let ids = to(&mut g, &session, &[l]);
    let x = rows(&mut g, &ids);
    let root = g.floats("root", &[1], &[(width as f32).sqrt()]);
    let scaled = g.node("Mul", &[&x, &root], &[]);

    let columns = |name: &str, columns: usize| Columns::new(weight(name), columns);
    // ONNX's GRU has its weights by output, ours by input.
    let gru = |g: &mut Graph, name: &str, inputs: usize| {
        let Columns { numbers, factors } = columns(name, 3 * state);
        let transposed: Vec<i8> =
            (0..3 * state).flat_map(|o| numbers.iter().skip(o).step_by(3 * state).copied()).collect();
        let numbers = g.bytes(name, &[3 * state, inputs], &transposed);
        let factors = g.floats(name, &[3 * state], &factors);
        let matrix = g.node("DequantizeLinear", &[&numbers, &factors], &[Attribute::Int("axis", 0)]);
        to(g, &matrix, &[1, 3 * s, inputs as i64])
    };
    let matrix = |g: &mut Graph, name: &str, dims: [usize; 2], times: f32| {
        let Columns { numbers, mut factors } = columns(name, dims[1]);
        factors.iter_mut().for_each(|factor| *factor *= times);
        let numbers = g.bytes(name, &dims, &numbers);
        let factors = g.floats(name, &[dims[1]], &factors);
        g.node("DequantizeLinear", &[&numbers, &factors], &[Attribute::Int("axis", 1)])
    };
    let sequence = to(&mut g, &scaled, &[l, 1, w]);
    let by_input = gru(&mut g, "gru.input", width);
    let by_state = gru(&mut g, "gru.state", state);
    let [states, last] = g.second_output(
        "GRU",
        &[&sequence, &by_input, &by_state],
        &[Attribute::Int("hidden_size", s), Attribute::Int("linear_before_reset", 1)],
    );
    let states = to(&mut g, &states, &[l, s]);
    let last = to(&mut g, &last, &[1, s]);
    let both = g.node("Concat", &[&states, &scaled], &[Attribute::Int("axis", 1)]);

    let zero = g.ints("zero", &[1], &[0]);
    let padding = g.node("Equal", &[&ids, &zero], &[]);
    let never = g.floats("never", &[1], &[-1e9]);
    let none = g.floats("none", &[1], &[0.0]);
    let mask = g.node("Where", &[&padding, &never, &none], &[]);
    let mask = to(&mut g, &mask, &[1, 1, l]);

    // Position `length - 1` is the newest; tables of age start with it.
    let by_age =
        |name: &str| -> Vec<f32> { weight(name).chunks(length).flat_map(|ages| ages.iter().rev().copied()).collect() };
    let scale = 1.0 / (key as f32).sqrt();
    let scores = |g: &mut Graph, q: (&str, usize), k_name: &str, age: &str, heads: usize| {
        let to_query = matrix(g, q.0, [state, q.1], scale);
        let query = g.node("MatMul", &[&last, &to_query], &[]);
        let query = to(g, &query, &[heads as i64, 1, k]);
        let to_key = matrix(g, k_name, [state + width, q.1], 1.0);
        let keys = g.node("MatMul", &[&both, &to_key], &[]);
        let keys = to(g, &keys, &[l, heads as i64, k]);
        let keys = g.node("Transpose", &[&keys], &[Attribute::Ints("perm", &[1, 2, 0])]);
        let near = g.node("MatMul", &[&query, &keys], &[]);
        let ages = g.floats(age, &[heads, 1, length], &by_age(age));
        g.node("Add", &[&near, &ages], &[])
    };
    let near = scores(&mut g, ("head.query", heads * key), "head.key", "head.age", heads);
    let near = g.node("Add", &[&near, &mask], &[]);
    let shares = g.node("Softmax", &[&near], &[Attribute::Int("axis", -1)]);
    let shares = to(&mut g, &shares, &[h, l]);
    let averages = g.node("MatMul", &[&shares, &x], &[]);
    let by_head = g.floats("head.scale", &[heads, width], weight("head.scale"));
    let averages = g.node("Mul", &[&averages, &by_head], &[]);
    let first_axis = g.ints("axis", &[1], &[0]);
    let average = g.node("ReduceSum", &[&averages, &first_axis], &[Attribute::Int("keepdims", 1)]);
    let to_output = matrix(&mut g, "output", [state, width], 1.0);
    let projected = g.node("MatMul", &[&last, &to_output], &[]);
    let query = g.node("Add", &[&average, &projected], &[]);
    let query = unit(&mut g, &query);
    let temperature = g.floats("temperature", &[1], &[weight("temperature")[0].exp()]);
    let query = g.node("Mul", &[&query, &temperature], &[]);
    let query = to(&mut g, &query, &[w, 1]);

    let added = scores(&mut g, ("repeat.query", key), "repeat.key", "repeat.age", 1);
    let added = to(&mut g, &added, &[l]);
    let added = g.node("Where", &[&padding, &none, &added], &[]);
    let blank = g.floats("blank", &[items], &vec![0.0; items]);
    let added = g.node(
        "ScatterElements",
        &[&blank, &ids, &added],
        &[Attribute::Int("axis", 0), Attribute::Text("reduction", "add")],
    );

    let n = [-1];
    let ads = to(&mut g, &ads, &n);
    let vectors = rows(&mut g, &ads);
    let score = g.node("MatMul", &[&vectors, &query], &[]);
    let score = to(&mut g, &score, &n);
    let added = g.node("Gather", &[&added, &ads], &[Attribute::Int("axis", 0)]);
    let score = g.node("Add", &[&score, &added], &[]);
    g.output(&score, "score", &[Err("N")]);
    g
}

#[cfg(test)]
mod tests {
    use nearside_core::feature::Values;
    use nearside_scorer::{Engine, Input, Network as Scorer};

    use super::*;
    use crate::network::{Network, encode};
    use crate::sessions::Sessions;

    const SHAPE: Shape = Shape { width: 12, state: 10, heads: 3, key: 5, length: 6 };
    const ITEMS: usize = 40;

    fn trained() -> Network {
        let mut network = Network::new(SHAPE, ITEMS, 5);
        // Zeros would hide what they multiply.
        let mut random = crate::random::Random::new(6, crate::random::Stream::Weights, 0);
        for (_, trained) in network.weights.named.values_mut() {
            trained.values.iter_mut().for_each(|x| *x += 0.3 * random.normal());
        }
        network.weights = rounded(&network.weights);
        network
    }

    /// The scores of all items after a session, by the trainer's own arithmetic.
    fn expected(network: &Network, table: &[f32], session: &[u32]) -> Vec<f32> {
        let mut sessions = Sessions::default();
        sessions.push(&[session, &[1]].concat());
        let queries = encode(SHAPE, &network.weights, table, &sessions).unwrap();
        let query = queries[0].last().unwrap();
        let mut scores: Vec<f32> =
            table.chunks(SHAPE.width).map(|row| row.iter().zip(&query.vector).map(|(a, b)| a * b).sum()).collect();
        query.added.iter().for_each(|(id, added)| scores[*id as usize] += added);
        scores
    }

    fn run(scorer: &mut Scorer, session: &[u32]) -> Vec<f32> {
        let mut ids = vec![0; SHAPE.length - session.len()];
        ids.extend(session.iter().map(|id| *id as i32));
        let ads: Vec<i32> = (0..=ITEMS as i32).collect();
        let inputs = [
            Input { name: "session.item", shape: &[1, SHAPE.length], values: Values::Id(ids.into()) },
            Input { name: "ad.item", shape: &[ITEMS + 1], values: Values::Id(ads.into()) },
        ];
        scorer.run(&inputs).unwrap().values
    }

    #[test]
    fn rounding_twice_changes_nothing_and_once_little() {
        let network = Network::new(SHAPE, ITEMS, 5);
        let once = rounded(&network.weights);
        let (values, rounded_values) =
            (&network.weights.named["gru.state"].1.values, &once.named["gru.state"].1.values);
        let largest = values.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let off = values.iter().zip(rounded_values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off > 0.0 && off <= largest / 254.0 * 1.001, "{off} {largest}");
        let twice = rounded(&once);
        let again = &twice.named["gru.state"].1.values;
        assert!(rounded_values.iter().zip(again).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs()));
    }

    #[test]
    fn every_engine_computes_what_the_trainer_computes() {
        let network = trained();
        let numbers = quantise(&network.table(), SHAPE.width, 127);
        let table = directions(&numbers, SHAPE.width);
        let file = graph(SHAPE, &network.weights, &numbers).file("test", &[("nearside.schema", "1".into())]);
        for engine in Engine::ALL {
            let mut scorer = Scorer::load(&file, *engine).unwrap();
            for session in [&[7][..], &[3, 9, 3], &[1, 2, 3, 4, 5, 40]] {
                let (got, expected) = (run(&mut scorer, session), expected(&network, &table, session));
                for (item, (got, expected)) in got.iter().zip(&expected).enumerate() {
                    // Sums of some dozen products of f32, in another order, times a temperature of about 12.
                    assert!((got - expected).abs() < 1e-4, "{} {session:?} {item}: {got} {expected}", engine.name());
                }
            }
        }
    }
}
