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
    let mut folded = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let known = node.outputs.len() == 1 && node.domain.is_empty() && !node.has_subgraph();
        if !known
            || node.operator.starts_with("Random")
            || matches!(node.operator.as_str(), "Bernoulli" | "Multinomial")
        {
            continue;
        }
        let weight = match facts.get(node.output()) {
            // A shape that the contract or the file fixes.
            Some(fact) if fact.per != Per::Model => fact.whole_ints().zip(fact.sizes()).map(|(ints, sizes)| Weight {
                dims: if sizes.is_empty() { Vec::new() } else { vec![ints.len()] },
                ..Weight::ints(&ints)
            }),
            Some(_) => computed(node, graph),
            None => None,
        };
        folded.extend(weight.map(|weight| (index, weight)));
    }
    for (index, weight) in &folded {
        let output = graph.nodes[*index].output().to_owned();
        graph.weights.insert(output, weight.clone());
    }
    let mut index = 0;
    graph.nodes.retain(|_| {
        index += 1;
        !folded.iter().any(|(gone, _)| *gone == index - 1)
    });
    folded.len()
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
