//! Rows that stay rows: an `Expand`, or a `Tile` of single rows, is left out where what reads it broadcasts anyway, and
//! otherwise moved behind what can as well be computed on one row.

use std::collections::HashMap;

use crate::emit::Emit;
use crate::facts::{BROADCAST, Dims, ELEMENTWISE, Facts, same};
use crate::graph::{Graph, Node};
use crate::size::Size;
use crate::weight::Weight;

pub(super) fn expand(graph: &mut Graph, facts: &Facts) -> usize {
    let left_out = leave_out(graph, facts);
    if left_out > 0 { left_out } else { sink(graph, facts) }
}

/// The value that a node repeats along dimensions of size 1.
pub(super) fn repeated<'n>(node: &'n Node, facts: &Facts) -> Option<&'n str> {
    let source = node.input(0)?;
    if node.is("Expand") {
        return Some(source);
    }
    let dims = facts.get(source)?.dims.as_ref()?;
    let times = facts.get(node.input(1)?)?.ints.as_ref()?;
    let single = |(size, times): (&Option<Size>, &Option<Size>)| *size == Some(Size::ONE) || *times == Some(Size::ONE);
    (node.is("Tile") && times.len() == dims.len() && dims.iter().zip(times).all(single)).then_some(source)
}

fn leave_out(graph: &mut Graph, facts: &Facts) -> usize {
    let mut changes = Vec::new();
    let producers = graph.producers();
    for (index, node) in graph.nodes.iter().enumerate() {
        let broadcasts = node.domain.is_empty() && (BROADCAST.contains(&node.operator.as_str()) || node.is("MatMul"));
        let dims = facts.get(node.output()).and_then(|fact| fact.dims.as_ref());
        if !broadcasts || dims.is_none() {
            continue;
        }
        for input in 0..node.inputs.len() {
            let producer = node.input(input).and_then(|name| producers.get(name));
            let Some(source) = producer.and_then(|at| repeated(&graph.nodes[*at], facts)) else { continue };
            let mut changed = node.clone();
            source.clone_into(&mut changed.inputs[input]);
            let then = facts.infer(&changed).into_iter().next().and_then(|fact| fact.dims);
            if same(then.as_ref(), dims) {
                changes.push((index, changed));
                break;
            }
        }
    }
    let count = changes.len();
    for (index, node) in changes {
        graph.nodes[index] = node;
    }
    count
}

/// Computes on the row what is computed on its repetitions.
fn sink(graph: &mut Graph, facts: &Facts) -> usize {
    let producers = graph.producers();
    let found = (0..graph.nodes.len()).find_map(|index| {
        let node = &graph.nodes[index];
        let repeat = &graph.nodes[*producers.get(node.input(0)?)?];
        let source = repeated(repeat, facts)?;
        let dims = |name: &str| facts.get(name)?.dims.clone();
        let smaller = !same(dims(source).as_ref(), dims(repeat.output()).as_ref());
        let keeps_columns = (node.domain.is_empty() && ELEMENTWISE.contains(&node.operator.as_str())).then_some(true);
        let is_matrix = dims(source).is_some_and(|dims| dims.len() == 2);
        let dense = is_dense(node, graph) && (is_matrix || node.is("MatMul"));
        let keeps_columns = keeps_columns.or_else(|| dense.then_some(false))?;
        let columns = |dims: Option<Dims>| dims.and_then(|dims| dims.last().copied().flatten());
        // A matrix product needs all of a row.
        let whole = keeps_columns || columns(dims(source)).is_some_and(|c| Some(c) == columns(dims(repeat.output())));
        (smaller && whole).then(|| (index, node.clone(), repeat.clone(), source.to_owned(), keeps_columns))
    });
    let Some((index, mut node, mut repeat, source, keeps_columns)) = found else { return 0 };
    let mut emit = Emit::new(graph);
    node.inputs[0] = source;
    node.outputs[0] = emit.graph.fresh(&node.operator);
    let row = emit.node(node);
    if !keeps_columns && repeat.is("Expand") {
        // The row has other columns than before, of which the last size, now 1, says nothing.
        let [start, end, one] = [0, -1, 1].map(|bound| emit.graph.store("bound", Weight::ints(&[bound])));
        let shape = emit.op("Slice", &[&repeat.inputs[1], &start, &end]);
        repeat.inputs[1] = emit.op_with("Concat", &[&shape, &one], ("axis", 0));
    }
    repeat.inputs[0] = row;
    repeat.outputs[0] = emit.graph.fresh("Expand");
    emit.node(repeat);
    emit.replace(index);
    1
}

/// Whether it is a product of rows with a stored matrix.
fn is_dense(node: &Node, graph: &Graph) -> bool {
    let stored = |index: usize| node.input(index).is_none_or(|name| graph.weights.contains_key(name));
    let upright = node.int("transA").unwrap_or(0) == 0;
    let matrix = node.input(1).and_then(|name| graph.weights.get(name)).is_some_and(|weight| weight.dims.len() == 2);
    matrix && (node.is("MatMul") || (node.is("Gemm") && upright && stored(2)))
}

/// What a value was before it was repeated, as long as its rows stay whole.
pub(super) fn unrepeated<'g>(
    mut value: &'g str,
    graph: &'g Graph,
    producers: &HashMap<&str, usize>,
    facts: &Facts,
) -> &'g str {
    let columns = |name: &str| facts.get(name).and_then(|fact| fact.columns());
    while let Some(source) = producers.get(value).and_then(|at| repeated(&graph.nodes[*at], facts)) {
        if columns(source).is_none() || columns(source) != columns(value) {
            break;
        }
        value = source;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use rten_onnx::onnx::AttributeProto;

    use crate::graph::tests::{graph, told};

    fn done(nodes: Vec<Node>, weights: &[(&str, Weight)]) -> Vec<String> {
        let mut graph = graph(&["profile.stage", "ad.price", "ad.embedding"], weights, nodes);
        loop {
            let facts = Facts::new(&graph);
            if expand(&mut graph, &facts) == 0 {
                return told(&graph);
            }
        }
    }

    /// `profile.stage` for every ad, as `x.expand(n, 6)` is written.
    fn repeated_stage() -> Vec<Node> {
        vec![
            Node::new("Shape", &["ad.price"], "n"),
            Node::new("Concat", &["n", "six"], "shape").with_int("axis", 0),
            Node::new("Expand", &["profile.stage", "shape"], "rows"),
        ]
    }

    fn six() -> (&'static str, Weight) {
        ("six", Weight::ints(&[6]))
    }

    #[test]
    fn a_sum_that_broadcasts_anyway_reads_the_row() {
        let mut nodes = repeated_stage();
        nodes.push(Node::new("Unsqueeze", &["ad.price", "one"], "column"));
        nodes.push(Node::new("Add", &["rows", "column"], "sum"));
        let left = done(nodes, &[six(), ("one", Weight::ints(&[1]))]);
        assert_eq!(left.last().unwrap(), "sum = Add profile.stage column");
    }

    #[test]
    fn a_sum_of_repeated_rows_alone_stays_repeated() {
        let mut nodes = repeated_stage();
        nodes.push(Node::new("Add", &["rows", "rows"], "sum"));
        // One side may be the row, not both.
        assert_eq!(done(nodes, &[six()]).last().unwrap(), "sum = Add profile.stage rows");
    }

    #[test]
    fn a_dense_layer_on_repeated_rows_is_computed_on_the_row() {
        let mut nodes = repeated_stage();
        nodes.push(Node::new("MatMul", &["rows", "w"], "hidden"));
        nodes.push(Node::new("Relu", &["hidden"], "score"));
        let left = done(nodes, &[six(), ("w", Weight::floats(&[6, 2], &[0.5; 12]))]);
        // Nothing reads the first of the two that repeat.
        let operators: Vec<&str> = left[3..].iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
        assert_eq!(operators, ["MatMul", "Slice", "Concat", "Expand", "Relu", "Expand"]);
        assert!(left[3].ends_with("MatMul profile.stage w"), "{left:?}");
    }

    #[test]
    fn sizes_that_an_exporter_leaves_alone_are_seen_through() {
        // `x.expand(n, -1)`: where the wanted size is -1, it is 1, which Expand takes for any.
        let value = Weight::ints(&[1]).write("");
        let mut ones = Node::new("ConstantOfShape", &["two"], "ones");
        ones.attributes.push(AttributeProto { name: Some("value".into()), t: Some(value), ..Default::default() });
        let nodes = vec![
            Node::new("Shape", &["ad.price"], "n"),
            Node::new("Concat", &["n", "keep"], "wanted").with_int("axis", 0),
            ones,
            Node::new("Mul", &["ones", "keep"], "negative"),
            Node::new("Equal", &["wanted", "negative"], "kept"),
            Node::new("Where", &["kept", "ones", "wanted"], "shape"),
            Node::new("Expand", &["profile.stage", "shape"], "rows"),
        ];
        let graph =
            graph(&["profile.stage", "ad.price"], &[("two", Weight::ints(&[2])), ("keep", Weight::ints(&[-1]))], nodes);
        assert_eq!(Facts::new(&graph).sizes("rows"), Some(vec![Size::ADS, Size::fixed(6)]));
    }
}
