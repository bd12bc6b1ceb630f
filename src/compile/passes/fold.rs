//! Constant folding: what depends on no input is computed and stored, unless the file would grow by it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use rten_onnx::onnx::DataType;
use tract_onnx::Onnx;
use tract_onnx::prelude::{
    DatumType, Framework as _, InferenceModelExt as _, IntoRunnable as _, IntoTensor as _, Tensor, TractResult,
    TypedModel, tvec,
};

use crate::facts::{Facts, Per};
use crate::graph::{Graph, Node};
use crate::weight::Weight;

/// What is computed may take this many bytes whatever it was computed from: about what the node itself takes. A table of
/// whole numbers that is scaled stays a step, since it would take four times the bytes.
const SMALL: usize = 64;

pub(super) fn fold(graph: &mut Graph, facts: &Facts) -> usize {
    let before = graph.nodes.len();
    for node in std::mem::take(&mut graph.nodes) {
        match constant(&node, graph, facts) {
            Some(weight) => drop(graph.weights.insert(node.output().to_owned(), weight)),
            None => graph.nodes.push(node),
        }
    }
    before - graph.nodes.len()
}

/// What a node gives, where that is the same at every run and worth storing.
fn constant(node: &Node, graph: &Graph, facts: &Facts) -> Option<Weight> {
    let known = node.outputs.len() == 1 && node.domain.is_empty() && !node.has_subgraph();
    let drawn = node.operator.starts_with("Random") || matches!(node.operator.as_str(), "Bernoulli" | "Multinomial");
    let fact = facts.get(node.output()).filter(|_| known && !drawn)?;
    if fact.per == Per::Model {
        return computed(node, graph);
    }
    // A shape that the contract or the file fixes; a comparison of shapes is no list of whole numbers itself.
    let (ints, sizes) = fact.whole_ints().zip(fact.sizes()).filter(|_| !node.is("Equal"))?;
    let dims = if sizes.is_empty() { Vec::new() } else { vec![ints.len()] };
    Some(Weight { dims, ..Weight::ints(&ints) })
}

/// What a node computes from stored tensors, where all it reads are stored.
fn computed(node: &Node, graph: &Graph) -> Option<Weight> {
    let names: Vec<&str> = node.reads();
    let inputs = names.iter().map(|name| graph.weights.get(*name)).collect::<Option<Vec<_>>>()?;
    let bytes = graph.alone(node, &names);
    // tract meets what no engine has met before: a node on its own.
    let [tensor]: [_; 1] = catch_unwind(AssertUnwindSafe(|| evaluated(&bytes))).ok()?.ok()?.try_into().ok()?;
    let weight = stored(&tensor)?;
    let read: usize = inputs.iter().map(|weight| weight.bytes.len()).sum();
    let finite = weight.to_floats().is_none_or(|values| values.iter().all(|x| x.is_finite()));
    (finite && weight.bytes.len() <= read.max(SMALL)).then_some(weight)
}

/// Runs a file without inputs.
fn evaluated(bytes: &[u8]) -> TractResult<Vec<Tensor>> {
    static ONNX: LazyLock<Onnx> =
        LazyLock::new(|| tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true));
    let model: TypedModel = ONNX.model_for_read(&mut &*bytes)?.into_typed()?;
    let outputs = model.into_runnable()?.run(tvec![])?;
    Ok(outputs.into_iter().map(|value| value.into_tensor()).collect())
}

fn stored(tensor: &Tensor) -> Option<Weight> {
    let element = match tensor.datum_type() {
        DatumType::F32 => DataType::FLOAT,
        // What tract calculates shapes with.
        DatumType::I64 | DatumType::TDim => DataType::INT64,
        DatumType::I32 => DataType::INT32,
        DatumType::I8 => DataType::INT8,
        DatumType::U8 => DataType::UINT8,
        DatumType::Bool => DataType::BOOL,
        _ => return None,
    };
    let tensor =
        if element == DataType::INT64 { tensor.cast_to::<i64>().ok()? } else { std::borrow::Cow::Borrowed(tensor) };
    Some(Weight { dims: tensor.shape().to_vec(), element, bytes: tensor.as_bytes().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{graph, told};

    fn folded(weights: &[(&str, Weight)], nodes: Vec<Node>) -> Graph {
        let mut graph = graph(&["session.item", "context.page", "pair.cosine"], weights, nodes);
        loop {
            let facts = Facts::new(&graph);
            if fold(&mut graph, &facts) == 0 {
                return graph;
            }
        }
    }

    #[test]
    fn a_chain_of_constants_becomes_one_stored_tensor() {
        let nodes = vec![
            Node::new("Transpose", &["w"], "turned"),
            Node::new("Add", &["turned", "w2"], "sum"),
            Node::new("Mul", &["pair.cosine", "sum"], "score"),
        ];
        let weights = [("w", Weight::floats(&[1, 3], &[1.0, 2.0, 3.0])), ("w2", Weight::floats(&[3, 1], &[10.0; 3]))];
        let graph = folded(&weights, nodes);
        assert_eq!(told(&graph), ["score = Mul pair.cosine sum"]);
        assert_eq!(graph.weights["sum"], Weight::floats(&[3, 1], &[11.0, 12.0, 13.0]));
    }

    #[test]
    fn a_shape_that_the_contract_fixes_is_a_constant() {
        let nodes = vec![Node::new("Shape", &["context.page"], "shape"), Node::new("Shape", &["session.item"], "open")];
        let graph = folded(&[], nodes);
        assert_eq!(told(&graph), ["open = Shape session.item"]);
        assert_eq!(graph.weights["shape"], Weight::ints(&[1, 7]));
    }

    #[test]
    fn a_table_of_whole_numbers_is_not_blown_up() {
        let weights = [("table", Weight::int8(&[64, 8], &[1; 512])), ("scale", Weight::floats(&[], &[0.5]))];
        let graph = folded(&weights, vec![Node::new("DequantizeLinear", &["table", "scale"], "rows")]);
        assert_eq!(told(&graph), ["rows = DequantizeLinear table scale"]);
    }

    #[test]
    fn what_comes_out_infinite_or_cannot_be_computed_stays_a_node() {
        let weights = [("zero", Weight::floats(&[1], &[0.0])), ("w", Weight::floats(&[2], &[1.0, 2.0]))];
        let nodes =
            vec![Node::new("Reciprocal", &["zero"], "infinite"), Node::new("NoSuchOperator", &["w"], "unknown")];
        assert_eq!(folded(&weights, nodes).nodes.len(), 2);
    }
}
