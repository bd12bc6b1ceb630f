//! Shapes of what operators give, by <https://onnx.ai/onnx/operators/>.

use nearside_scorer::limits;

use crate::facts::{Dims, Fact, Facts};
use crate::graph::Node;
use crate::size::Size;
use crate::weight::Weight;

/// Operators that compute each number from one number.
pub(crate) const ELEMENTWISE: [&str; 18] = [
    "Abs",
    "Cast",
    "Ceil",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "LeakyRelu",
    "Log",
    "Neg",
    "Reciprocal",
    "Relu",
    "Sigmoid",
    "Softplus",
    "Sqrt",
    "Tanh",
];

/// Others whose first output has the shape of their first input.
const SAME: [&str; 29] = [
    "Acos",
    "Asin",
    "Atan",
    "BatchNormalization",
    "Celu",
    "Clip",
    "Cos",
    "CumSum",
    "DequantizeLinear",
    "Dropout",
    "DynamicQuantizeLinear",
    "HardSwish",
    "Identity",
    "IsInf",
    "IsNaN",
    "LayerNormalization",
    "LogSoftmax",
    "Mish",
    "Not",
    "PRelu",
    "QuantizeLinear",
    "Round",
    "ScatterElements",
    "Selu",
    "Sign",
    "Sin",
    "Softmax",
    "Softsign",
    "Tan",
];

/// Operators whose output has the shape to which all inputs are broadcast.
pub(crate) const BROADCAST: [&str; 20] = [
    "Add",
    "And",
    "BitwiseAnd",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
];

/// The shape to which all these are broadcast.
pub(crate) fn broadcast<'a>(all: impl IntoIterator<Item = &'a Dims>) -> Dims {
    all.into_iter().fold(Vec::new(), |shape, dims| {
        let rank = shape.len().max(dims.len());
        let at = |dims: &Dims, axis: usize| (axis + dims.len()).checked_sub(rank).map_or(Some(Size::ONE), |i| dims[i]);
        (0..rank).map(|axis| wider(at(&shape, axis), at(dims, axis))).collect()
    })
}

/// The size that two become beside each other.
fn wider(a: Option<Size>, b: Option<Size>) -> Option<Size> {
    match (a, b) {
        (Some(a), Some(b)) if a == b => Some(a),
        (Some(Size::ONE), other) | (other, Some(Size::ONE)) => other,
        // What is not 1 is what the other has to be, or to become.
        (Some(size), None) | (None, Some(size)) if size.known().is_some_and(|size| size > 1) => Some(size),
        _ => None,
    }
}

/// The index of a dimension, counted from the end where negative.
pub(crate) fn axis(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|axis| *axis < rank)
}

/// Axes as an attribute, or as an input in newer operator sets.
pub(crate) fn axes(node: &Node, input: usize, facts: &Facts) -> Option<Vec<i64>> {
    match node.ints("axes") {
        Some(axes) => Some(axes.to_vec()),
        None => facts.get(node.input(input)?)?.whole_ints(),
    }
}

/// The dimensions of each output.
pub(super) fn dims(node: &Node, facts: &Facts) -> Vec<Option<Dims>> {
    let operator = node.operator.as_str();
    if matches!(operator, "LSTM" | "GRU" | "RNN") {
        return recurrent(node, facts).unwrap_or_default();
    }
    if operator == "Split" {
        return split(node, facts).unwrap_or_default();
    }
    vec![first(node, facts)]
}

fn first(node: &Node, facts: &Facts) -> Option<Dims> {
    let of = |index: usize| facts.get(node.input(index)?)?.dims.as_ref();
    let operator = node.operator.as_str();
    if ELEMENTWISE.contains(&operator) || SAME.contains(&operator) {
        return of(0).cloned();
    }
    if BROADCAST.contains(&operator) {
        let all = (0..node.inputs.len()).map(of).collect::<Option<Vec<_>>>()?;
        return Some(broadcast(all));
    }
    match operator {
        "MatMul" | "MatMulInteger" => product(of(0)?, of(1)?),
        "Gemm" => {
            let turned = |name: &str| node.int(name).unwrap_or_default() != 0;
            let ([a0, a1], [b0, b1]) = (&of(0)?[..], &of(1)?[..]) else { return None };
            Some(vec![if turned("transA") { *a1 } else { *a0 }, if turned("transB") { *b0 } else { *b1 }])
        }
        "Concat" => concat(node, facts),
        "Gather" => {
            let (data, ids) = (of(0)?, of(1)?);
            let axis = axis(node.int("axis").unwrap_or_default(), data.len())?;
            Some([&data[..axis], ids, &data[axis + 1..]].concat())
        }
        "Reshape" => {
            reshape(of(0)?, facts.get(node.input(1)?)?.ints.as_ref()?, node.int("allowzero").unwrap_or(0) != 0)
        }
        "Flatten" => {
            let dims = of(0)?;
            let at = node.int("axis").unwrap_or(1);
            let at = usize::try_from(if at < 0 { at + dims.len() as i64 } else { at })
                .ok()
                .filter(|at| *at <= dims.len())?;
            Some(vec![elements(&dims[..at]), elements(&dims[at..])])
        }
        "Squeeze" => {
            let dims = of(0)?;
            let axes = axes(node, 1, facts)?.iter().map(|a| axis(*a, dims.len())).collect::<Option<Vec<_>>>()?;
            Some((0..dims.len()).filter(|axis| !axes.contains(axis)).map(|axis| dims[axis]).collect())
        }
        "Unsqueeze" => {
            let dims = of(0)?;
            let axes = axes(node, 1, facts)?;
            let rank = dims.len() + axes.len();
            let axes = axes.iter().map(|a| axis(*a, rank)).collect::<Option<Vec<_>>>()?;
            let mut rest = dims.iter().copied();
            (0..rank).map(|axis| if axes.contains(&axis) { Some(Some(Size::ONE)) } else { rest.next() }).collect()
        }
        "Transpose" => {
            let dims = of(0)?;
            match node.ints("perm") {
                Some(perm) => perm.iter().map(|a| Some(dims[axis(*a, dims.len())?])).collect(),
                None => Some(dims.iter().rev().copied().collect()),
            }
        }
        "Expand" => Some(broadcast([of(0)?, facts.get(node.input(1)?)?.ints.as_ref()?])),
        "Tile" => {
            let times = facts.get(node.input(1)?)?.ints.as_ref()?;
            (times.len() == of(0)?.len())
                .then(|| of(0).into_iter().flatten().zip(times).map(|(d, t)| Some((*d)?.times((*t)?))).collect())
        }
        "Shape" => Some(vec![Some(Size::fixed(shape_part(node, of(0)?)?.len() as i64))]),
        "ConstantOfShape" => facts.get(node.input(0)?)?.ints.clone(),
        "Slice" => slice(node, facts),
        "GatherElements" => of(1).cloned(),
        _ if operator.starts_with("Reduce") => reduce(node, facts),
        _ => None,
    }
}

fn elements(dims: &[Option<Size>]) -> Option<Size> {
    dims.iter().try_fold(Size::ONE, |all, size| Some(all.times((*size)?)))
}

/// The shape of a matrix product.
pub(crate) fn product(a: &Dims, b: &Dims) -> Option<Dims> {
    let (rows, columns) = (a.len().checked_sub(2), b.len().checked_sub(2));
    let mut dims = broadcast([&a[..rows.unwrap_or(0)].to_vec(), &b[..columns.unwrap_or(0)].to_vec()]);
    if a.is_empty() || b.is_empty() {
        return None;
    }
    dims.extend(rows.map(|rows| a[rows]));
    dims.extend(columns.map(|_| b[b.len() - 1]));
    Some(dims)
}

fn concat(node: &Node, facts: &Facts) -> Option<Dims> {
    let all = node.inputs.iter().map(|name| facts.get(name)?.dims.as_ref()).collect::<Option<Vec<_>>>()?;
    let mut dims = (*all.first()?).clone();
    let axis = axis(node.int("axis")?, dims.len())?;
    for other in &all[1..] {
        if other.len() != dims.len() {
            return None;
        }
        for (at, (dim, other)) in dims.iter_mut().zip(*other).enumerate() {
            // Along the other axes all have one size, so that knowing one is knowing all.
            *dim = if at == axis { dim.zip(*other).and_then(|(a, b)| sum(a, b)) } else { dim.or(*other) };
        }
    }
    Some(dims)
}

fn sum(a: Size, b: Size) -> Option<Size> {
    Some(Size::fixed(a.known()?.checked_add(b.known()?)?))
}

fn reshape(dims: &Dims, wanted: &Dims, zero_is_a_size: bool) -> Option<Dims> {
    let mut shape = Vec::with_capacity(wanted.len());
    for (axis, size) in wanted.iter().enumerate() {
        shape.push(match size.and_then(Size::known) {
            Some(0) if !zero_is_a_size => *dims.get(axis)?,
            Some(-1) => Some(Size::fixed(-1)),
            _ => *size,
        });
    }
    if let Some(open) = shape.iter().position(|size| *size == Some(Size::fixed(-1))) {
        shape[open] = Some(Size::ONE);
        shape[open] = elements(dims).zip(elements(&shape)).and_then(|(all, rest)| all.over(rest));
    }
    Some(shape)
}

/// The part of a shape that `Shape` gives.
fn shape_part<'a>(node: &Node, dims: &'a Dims) -> Option<&'a [Option<Size>]> {
    let rank = dims.len() as i64;
    let at = |index: i64| usize::try_from(if index < 0 { index + rank } else { index }.clamp(0, rank)).ok();
    dims.get(at(node.int("start").unwrap_or(0))?..at(node.int("end").unwrap_or(rank))?)
}

/// The bounds of a `Slice` of one axis, as far as they are numbers: axis, start, end.
fn bounds(node: &Node, facts: &Facts, rank: usize) -> Option<(usize, i64, i64)> {
    let one = |name: &str, index: usize| -> Option<i64> {
        match node.ints(name) {
            Some([one]) => Some(*one),
            Some(_) => None,
            None => match &facts.get(node.input(index)?)?.ints.as_ref()?[..] {
                [one] => (*one)?.known(),
                _ => None,
            },
        }
    };
    let axes = if node.attribute("axes").is_some() || node.input(3).is_some() { one("axes", 3)? } else { 0 };
    if node.input(4).is_some() && one("steps", 4)? != 1 {
        return None;
    }
    Some((axis(axes, rank)?, one("starts", 1)?, one("ends", 2)?))
}

/// From where to where a slice goes along `size`.
fn range(size: i64, start: i64, end: i64) -> (usize, usize) {
    let at = |index: i64| (if index < 0 { index.saturating_add(size) } else { index }).clamp(0, size) as usize;
    (at(start), at(end).max(at(start)))
}

fn slice(node: &Node, facts: &Facts) -> Option<Dims> {
    let mut dims = facts.get(node.input(0)?)?.dims.clone()?;
    match bounds(node, facts, dims.len()) {
        Some((axis, start, end)) => {
            dims[axis] = dims[axis].and_then(Size::known).map(|size| {
                let (from, to) = range(size, start, end);
                Size::fixed((to - from) as i64)
            });
        }
        None => dims.fill(None),
    }
    Some(dims)
}

fn reduce(node: &Node, facts: &Facts) -> Option<Dims> {
    let dims = facts.get(node.input(0)?)?.dims.as_ref()?;
    let given = node.attribute("axes").is_some() || node.input(1).is_some();
    let axes = match given {
        true => axes(node, 1, facts)?.iter().map(|a| axis(*a, dims.len())).collect::<Option<Vec<_>>>()?,
        false if node.int("noop_with_empty_axes").unwrap_or(0) != 0 => Vec::new(),
        false => (0..dims.len()).collect(),
    };
    let keep = node.int("keepdims").unwrap_or(1) != 0;
    let sizes = dims.iter().enumerate();
    Some(match keep {
        true => sizes.map(|(axis, d)| if axes.contains(&axis) { Some(Size::ONE) } else { *d }).collect(),
        false => sizes.filter(|(axis, _)| !axes.contains(axis)).map(|(_, d)| *d).collect(),
    })
}

/// Every state, the last one, and an LSTM's last cell.
fn recurrent(node: &Node, facts: &Facts) -> Option<Vec<Option<Dims>>> {
    let [steps, batch, _] = facts.get(node.input(0)?)?.dims.as_ref()?[..] else { return None };
    let hidden = Some(Size::fixed(node.int("hidden_size")?));
    let ways = facts.get(node.input(1)?)?.dims.as_ref()?.first().copied().flatten();
    if node.int("layout").unwrap_or(0) != 0 {
        return None;
    }
    let last = vec![ways, batch, hidden];
    Some(vec![Some(vec![steps, ways, batch, hidden]), Some(last.clone()), Some(last)])
}

fn split(node: &Node, facts: &Facts) -> Option<Vec<Option<Dims>>> {
    let dims = facts.get(node.input(0)?)?.dims.as_ref()?;
    let axis = axis(node.int("axis").unwrap_or(0), dims.len())?;
    let sizes: Vec<Option<Size>> = match (node.ints("split"), node.input(1)) {
        (Some(sizes), _) => sizes.iter().map(|size| Some(Size::fixed(*size))).collect(),
        (None, Some(sizes)) => facts.get(sizes)?.ints.clone()?,
        (None, None) => {
            let part = dims[axis].and_then(|size| size.over(Size::fixed(node.outputs.len() as i64)));
            vec![part; node.outputs.len()]
        }
    };
    let part = |size: &Option<Size>| {
        let mut dims = dims.clone();
        dims[axis] = *size;
        Some(dims)
    };
    Some(sizes.iter().map(part).collect())
}

/// The numbers of the first output, where it is a short list of whole numbers.
pub(super) fn ints(node: &Node, facts: &Facts) -> Option<Dims> {
    let fact = |index: usize| facts.get(node.input(index)?);
    let of = |index: usize| fact(index)?.ints.as_ref();
    match node.operator.as_str() {
        "Shape" => Some(shape_part(node, fact(0)?.dims.as_ref()?)?.to_vec()),
        // Lists stay lists of one dimension or none: what else these give has no numbers known to be whole.
        "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" => {
            let rank = first(node, facts)?.len();
            of(0).filter(|_| rank < 2).cloned()
        }
        "Concat" => {
            let parts = (0..node.inputs.len()).map(of).collect::<Option<Vec<_>>>()?;
            Some(parts.into_iter().flatten().copied().collect())
        }
        "Gather" => {
            let (data, ids) = (of(0)?, of(1)?);
            let one = |id: &Option<Size>| data.get(axis((*id)?.known()?, data.len())?).copied();
            ids.iter().map(one).collect()
        }
        "Slice" => {
            let data = of(0)?;
            let (_, start, end) = bounds(node, facts, 1)?;
            let (from, to) = range(data.len() as i64, start, end);
            Some(data[from..to].to_vec())
        }
        "ConstantOfShape" => {
            let [length] = of(0)?[..] else { return None };
            let length = usize::try_from(length?.known()?).ok().filter(|length| *length <= limits::RANK)?;
            let value = Weight::read(node.attribute("value")?.t.as_ref()?)?.to_ints()?;
            Some(vec![Some(Size::fixed(*value.first()?)); length])
        }
        "Mul" => pairs(of(0)?, of(1)?, |a, b| Some(a.times(b))),
        "Equal" => pairs(of(0)?, of(1)?, |a, b| is_equal(a, b).map(|equal| Size::fixed(equal.into()))),
        // As exporters find the sizes that `x.expand(n, -1)` leaves alone.
        "Where" => {
            let (choice, yes, no) = (of(0)?, of(1)?, of(2)?);
            let at = |list: &Dims, index: usize| if list.len() == 1 { Some(list[0]) } else { list.get(index).copied() };
            let length = choice.len().max(yes.len()).max(no.len());
            let one = |index: usize| {
                let [yes, no] = [at(yes, index)?, at(no, index)?];
                Some(match at(choice, index)?.and_then(Size::known) {
                    Some(choice) => {
                        if choice == 0 {
                            no
                        } else {
                            yes
                        }
                    }
                    None => None,
                })
            };
            (0..length).map(one).collect()
        }
        _ => None,
    }
}

/// A list of what becomes of each pair.
fn pairs(a: &Dims, b: &Dims, each: impl Fn(Size, Size) -> Option<Size>) -> Option<Dims> {
    let each = |(a, b): (&Option<Size>, &Option<Size>)| each((*a)?, (*b)?);
    match (&a[..], &b[..]) {
        ([one], many) => Some(many.iter().map(|size| each((one, size))).collect()),
        (many, [one]) => Some(many.iter().map(|size| each((size, one))).collect()),
        (a, b) if a.len() == b.len() => Some(a.iter().zip(b).map(each).collect()),
        _ => None,
    }
}

/// Whether two numbers are the same, whatever the open sizes are: those are above 0.
fn is_equal(a: Size, b: Size) -> Option<bool> {
    match (a.known(), b.known()) {
        (Some(a), Some(b)) => Some(a == b),
        (Some(known), None) | (None, Some(known)) if known <= 0 => Some(false),
        _ => (a == b).then_some(true),
    }
}

/// Whether two shapes are known and the same.
pub(crate) fn same(a: Option<&Dims>, b: Option<&Dims>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a == b && a.iter().all(Option::is_some))
}

impl Fact {
    /// The numbers of a list that is known from end to end.
    pub(crate) fn whole_ints(&self) -> Option<Vec<i64>> {
        self.ints.as_ref()?.iter().map(|size| (*size)?.known()).collect()
    }
}
