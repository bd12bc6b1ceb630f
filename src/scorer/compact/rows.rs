//! Whether a graph may be run a few ads at a time.
//!
//! It may where every value that depends on the ads has one row for each of them, computed from the same row of what it
//! was computed from. Each operator says when that holds. The shapes come from two runs on a few ads: what is computed
//! with their number is kept to sums and multiples of it, which two numbers tell apart.

use nearside_operators::Node;

/// How a value depends on the number of ads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Not at all.
    One,
    /// Its first dimension has a row for each.
    Each,
    /// It is the number of ads, in a shape or on the way into one.
    Count,
}

/// What one run has shown of a value.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) shape: Vec<usize>,
    /// The values of a short list of whole numbers.
    pub(super) ints: Option<Vec<i32>>,
}

/// What one run on so many ads has shown, by value.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) ads: usize,
    pub(super) seen: Vec<Option<Seen>>,
}

/// An input of a node.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) rows: Rows,
    /// Whether it may differ for another shopper.
    pub(super) of_shopper: bool,
    pub(super) seen: &'a Seen,
}

impl Side<'_> {
    fn rank(&self) -> usize {
        self.seen.shape.len()
    }

    fn is(&self, rows: Rows) -> bool {
        self.rows == rows
    }

    /// Whether it is the same for every row of a value with `rank` dimensions.
    fn repeats(&self, rank: usize) -> bool {
        self.is(Rows::One) && (self.rank() < rank || self.seen.shape.first() == Some(&1))
    }

    /// Whether it goes with rows of a value with `rank` dimensions, one by one.
    fn goes_along(&self, rank: usize) -> bool {
        match self.rows {
            Rows::Each => self.rank() == rank,
            Rows::One => self.repeats(rank) || self.rank() == 0,
            Rows::Count => false,
        }
    }
}

/// Operators that make one element of one element each.
const ELEMENTWISE: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Div",
    "Equal",
    "Erf",
    "Exp",
    "Gelu",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Relu",
    "Sigmoid",
    "Softplus",
    "Sqrt",
    "Sub",
    "Sum",
    "Tanh",
    "Where",
];

/// Whether an operator keeps what it is given of the number of ads a multiple of that number and a summand.
fn is_linear(operator: &str, inputs: &[Option<Side<'_>>]) -> bool {
    let others_are_one = |but: usize| {
        let mut others = inputs.iter().enumerate().filter(|(index, _)| *index != but);
        others.all(|(_, side)| side.is_none_or(|side| side.is(Rows::One)))
    };
    match operator {
        "Add" | "Cast" | "Concat" | "Identity" | "Sub" => true,
        "Gather" | "Reshape" | "Slice" | "Squeeze" | "Unsqueeze" => others_are_one(0),
        // Another shopper's factor would be one that the runs have not shown.
        "Mul" => (0..2).any(|count| others_are_one(count) && inputs.iter().flatten().all(|side| !side.of_shopper)),
        _ => false,
    }
}

/// How the outputs of a node depend on the number of ads, of which the run had `ads`; `None` where its rows cannot be
/// computed one by one.
pub(super) fn follow(node: &Node, inputs: &[Option<Side<'_>>], output: &Seen, ads: usize) -> Option<Rows> {
    let given = || inputs.iter().flatten();
    let input = |index: usize| inputs.get(index).copied().flatten();
    if given().all(|side| side.is(Rows::One)) {
        return Some(Rows::One);
    }
    let operator = node.operator.as_str();
    let first = input(0)?;
    if operator == "Shape" {
        return Some(Rows::Count);
    }
    let of_count = given().all(|side| !side.is(Rows::Each));
    if of_count && is_linear(operator, inputs) && output.ints.is_some() && output.shape.len() <= 1 {
        return Some(Rows::Count);
    }
    // From here on there is to be a row for each.
    let rank = output.shape.len();
    if output.shape.first() != Some(&ads) {
        return None;
    }
    let ints = |side: Option<Side<'_>>, attribute: &str| -> Option<Vec<i64>> {
        match side {
            Some(side) if side.of_shopper => None,
            Some(side) => Some(side.seen.ints.as_ref()?.iter().map(|v| i64::from(*v)).collect()),
            None => node.ints(attribute).map(<[i64]>::to_vec),
        }
    };
    // Whether a dimension, counted from either end, is another than the first.
    let inner = |axis: i64, rank: usize| axis > 0 || (axis < 0 && axis + rank as i64 > 0);
    let all_inner = |axes: Option<Vec<i64>>, rank: usize| {
        axes.is_some_and(|axes| !axes.is_empty() && axes.iter().all(|axis| inner(*axis, rank)))
    };
    let alone = first.is(Rows::Each) && inputs[1..].iter().flatten().all(|side| side.is(Rows::One));
    let by_row = match operator {
        _ if ELEMENTWISE.contains(&operator) => given().all(|side| side.goes_along(rank)),
        "Concat" => {
            let along = given().all(|side| side.is(Rows::Each) && side.rank() == rank);
            along && inner(node.int("axis").unwrap_or(1), rank)
        }
        "ConstantOfShape" => first.is(Rows::Count),
        "DequantizeLinear" | "QuantizeLinear" => {
            let one_scale = input(1).is_some_and(|scale| scale.seen.shape.iter().all(|size| *size == 1));
            alone && (one_scale || inner(node.int("axis").unwrap_or(1), rank))
        }
        "Expand" => {
            // A shape of its own would hold this very number of ads.
            let by_count = input(1).is_some_and(|shape| shape.is(Rows::Count));
            by_count && (first.repeats(rank) || (first.is(Rows::Each) && first.rank() == rank))
        }
        "Flatten" => alone && node.int("axis").unwrap_or(1) == 1,
        "Gather" => {
            let axis = node.int("axis").unwrap_or_default();
            let indices = input(1)?;
            let chosen = first.is(Rows::One) && indices.is(Rows::Each) && axis == 0;
            chosen || (alone && inner(axis, first.rank()))
        }
        "Gemm" => {
            let summand = input(2).is_none_or(|summand| summand.goes_along(rank));
            let turned = node.int("transA").unwrap_or_default() != 0;
            first.is(Rows::Each) && !turned && input(1)?.is(Rows::One) && summand
        }
        "LayerNormalization" => alone && inner(node.int("axis").unwrap_or(-1), rank),
        "MatMul" => {
            let right = input(1)?;
            let batches = |side: Side<'_>| side.rank() == rank && rank > 2;
            match (first.rows, right.rows) {
                (Rows::Each, Rows::One) => first.rank() > 1 && (right.rank() <= 2 || right.repeats(rank)),
                (Rows::One, Rows::Each) => batches(right) && (first.rank() <= 2 || first.repeats(rank)),
                (Rows::Each, Rows::Each) => batches(first) && batches(right),
                _ => false,
            }
        }
        "MatMulInteger" => alone && input(2).is_none_or(|zero| zero.seen.shape.iter().all(|size| *size == 1)),
        "ReduceL2" | "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceSum" => {
            alone && all_inner(ints(input(1), "axes"), first.rank())
        }
        "Reshape" => {
            let open = |shape: Vec<i64>| matches!(shape.first(), Some(0 | -1));
            let shape = input(1)?;
            first.is(Rows::Each) && (shape.is(Rows::Count) || ints(Some(shape), "shape").is_some_and(open))
        }
        "Slice" => alone && all_inner(ints(input(3), "axes"), first.rank()),
        "Softmax" => {
            let default = if node.opset >= 13 { -1 } else { 1 };
            alone && inner(node.int("axis").unwrap_or(default), rank)
        }
        "Split" => alone && inner(node.int("axis").unwrap_or_default(), rank),
        "Squeeze" => {
            let axes = ints(input(1), "axes");
            alone && (axes.is_none() && input(1).is_none() || all_inner(axes, first.rank()))
        }
        "Tile" => alone && ints(input(1), "repeats").is_some_and(|repeats| repeats.first() == Some(&1)),
        "Transpose" => alone && node.ints("perm").is_some_and(|order| order.first() == Some(&0)),
        "Unsqueeze" => alone && all_inner(ints(input(1), "axes"), rank),
        // Those that look along the rows, or put dimensions elsewhere.
        _ => false,
    };
    by_row.then_some(Rows::Each)
}
