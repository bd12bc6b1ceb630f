//! The operators by name: those that PyTorch, Keras and tf2onnx write for dense layers, embeddings, recurrent
//! layers, attention and the int8 forms of these, as <https://onnx.ai/onnx/operators/> defines them.
//!
//! A file with another operator is refused by name, and the full engine takes it.

use std::sync::Arc;

use crate::gemm::Packed;
use crate::node::Node;
use crate::tensor::{Fault, Tensor};
use crate::{elementwise, layout, matrix, quantised, recurrent, reduce, select};

/// How an operator is run.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Not at all: its value stands in the file.
    Constant,
    /// It has one output.
    One(fn(&Node, &mut Args<'_>) -> Result<Tensor, Fault>),
    /// It has several.
    Many(fn(&Node, &mut Args<'_>) -> Result<Vec<Tensor>, Fault>),
}

/// What an operator is given.
#[derive(Debug)]
pub struct Args<'a> {
    values: Vec<Option<Tensor>>,
    /// Where right factors are kept, if they are the same at the next call.
    packs: Option<&'a mut Vec<Arc<Packed>>>,
}

impl<'a> Args<'a> {
    /// `values` are the inputs in their order; `packs` is kept by the caller for as long as all inputs but the first are
    /// the same.
    pub fn new(values: Vec<Option<Tensor>>, packs: Option<&'a mut Vec<Arc<Packed>>>) -> Self {
        Self { values, packs }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn has(&self, index: usize) -> bool {
        self.values.get(index).is_some_and(Option::is_some)
    }

    pub(crate) fn optional(&self, index: usize) -> Option<&Tensor> {
        self.values.get(index)?.as_ref()
    }

    pub(crate) fn get(&self, index: usize) -> Result<&Tensor, Fault> {
        self.optional(index).ok_or_else(|| format!("input {index} is missing"))
    }

    /// The input itself; where nobody else holds it, its memory can be written.
    pub(crate) fn take(&mut self, index: usize) -> Result<Tensor, Fault> {
        self.values.get_mut(index).and_then(Option::take).ok_or_else(|| format!("input {index} is missing"))
    }

    /// Whole numbers, from an input or, as older files have it, an attribute.
    pub(crate) fn ints(&self, index: usize, node: &Node, attribute: &str) -> Result<Option<Vec<i64>>, Fault> {
        match self.optional(index) {
            Some(tensor) => Ok(Some(tensor.as_ints()?.iter().map(|v| i64::from(*v)).collect())),
            None => Ok(node.ints(attribute).map(<[i64]>::to_vec)),
        }
    }

    /// The `index`th right factor of this node, laid out once where it stays the same.
    pub(crate) fn packed(&mut self, index: usize, pack: impl FnOnce() -> Packed) -> Arc<Packed> {
        let Some(packs) = self.packs.as_deref_mut() else { return Arc::new(pack()) };
        if packs.len() == index {
            packs.push(Arc::new(pack()));
        }
        packs.get(index).cloned().unwrap_or_else(|| unreachable!("factors are laid out in order"))
    }
}

/// The oldest version of ONNX's operators that is run.
const OPSET: i64 = 7;

/// Sorted by name.
const OPERATORS: &[(&str, Run)] = &[
    ("Abs", Run::One(elementwise::abs)),
    ("Add", Run::One(elementwise::add)),
    ("And", Run::One(elementwise::and)),
    ("BatchNormalization", Run::One(reduce::batch_normalization)),
    ("Cast", Run::One(elementwise::cast)),
    ("Clip", Run::One(elementwise::clip)),
    ("Concat", Run::One(layout::concat)),
    ("Constant", Run::Constant),
    ("ConstantOfShape", Run::One(layout::constant_of_shape)),
    ("DequantizeLinear", Run::One(quantised::dequantize_linear)),
    ("Div", Run::One(elementwise::div)),
    ("DynamicQuantizeLinear", Run::Many(quantised::dynamic_quantize_linear)),
    ("Equal", Run::One(elementwise::equal)),
    ("Erf", Run::One(elementwise::erf)),
    ("Exp", Run::One(elementwise::exp)),
    ("Expand", Run::One(layout::expand)),
    ("Flatten", Run::One(layout::flatten)),
    ("GRU", Run::Many(recurrent::gru)),
    ("Gather", Run::One(select::gather)),
    ("Gelu", Run::One(elementwise::gelu)),
    ("Gemm", Run::One(matrix::gemm)),
    ("Greater", Run::One(elementwise::greater)),
    ("GreaterOrEqual", Run::One(elementwise::greater_or_equal)),
    ("Identity", Run::One(layout::identity)),
    ("LSTM", Run::Many(recurrent::lstm)),
    ("LayerNormalization", Run::One(reduce::layer_normalization)),
    ("LeakyRelu", Run::One(elementwise::leaky_relu)),
    ("Less", Run::One(elementwise::less)),
    ("LessOrEqual", Run::One(elementwise::less_or_equal)),
    ("Log", Run::One(elementwise::log)),
    ("MatMul", Run::One(matrix::matmul)),
    ("MatMulInteger", Run::One(quantised::matmul_integer)),
    ("Max", Run::One(elementwise::max)),
    ("Min", Run::One(elementwise::min)),
    ("Mul", Run::One(elementwise::mul)),
    ("Neg", Run::One(elementwise::neg)),
    ("Not", Run::One(elementwise::not)),
    ("Or", Run::One(elementwise::or)),
    ("PRelu", Run::One(elementwise::prelu)),
    ("Pow", Run::One(elementwise::pow)),
    ("QuantizeLinear", Run::One(quantised::quantize_linear)),
    ("Range", Run::One(layout::range)),
    ("Reciprocal", Run::One(elementwise::reciprocal)),
    ("ReduceL2", Run::One(reduce::l2)),
    ("ReduceMax", Run::One(reduce::max)),
    ("ReduceMean", Run::One(reduce::mean)),
    ("ReduceMin", Run::One(reduce::min)),
    ("ReduceSum", Run::One(reduce::sum)),
    ("Relu", Run::One(elementwise::relu)),
    ("Reshape", Run::One(layout::reshape)),
    ("ScatterElements", Run::One(select::scatter_elements)),
    ("Shape", Run::One(layout::shape)),
    ("Sigmoid", Run::One(elementwise::sigmoid)),
    ("Slice", Run::One(select::slice)),
    ("Softmax", Run::One(reduce::softmax)),
    ("Softplus", Run::One(elementwise::softplus)),
    ("Split", Run::Many(select::split)),
    ("Sqrt", Run::One(elementwise::sqrt)),
    ("Squeeze", Run::One(layout::squeeze)),
    ("Sub", Run::One(elementwise::sub)),
    ("Sum", Run::One(elementwise::add)),
    ("Tanh", Run::One(elementwise::tanh)),
    ("Tile", Run::One(layout::tile)),
    ("Transpose", Run::One(layout::transpose)),
    ("Unsqueeze", Run::One(layout::unsqueeze)),
    ("Where", Run::One(select::choose)),
];

/// The names of all operators that are run here, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _)| *name)
}

/// Whether an operator is run here, in some form.
pub fn runs(operator: &str) -> bool {
    names().any(|name| name == operator)
}

/// The operator of a node; the error names a form of it that is not run here.
pub fn find(node: &Node) -> Result<Run, Fault> {
    let (_, run) = OPERATORS
        .iter()
        .find(|(name, _)| *name == node.operator)
        .ok_or_else(|| format!("the operator {}", node.operator))?;
    let set = |name: &str| node.int(name).unwrap_or_default() != 0;
    let word = |name: &str, known: &[&str]| {
        node.text(name).filter(|word| !known.contains(word)).map(|word| format!("{name} {word}"))
    };
    let form = match node.operator.as_str() {
        // Before, two shapes were brought together by attributes, and normalisation was told when not to train.
        _ if node.opset < OPSET => Some(format!("its form before version {OPSET} of the operators")),
        _ if matches!(run, Run::One(_)) && node.outputs > 1 => Some("more than one output".into()),
        "GRU" | "LSTM" => recurrent::unsupported(node).or(word("direction", &["forward", "reverse", "bidirectional"])),
        "BatchNormalization" => {
            let each_number = node.int("spatial").is_some_and(|spatial| spatial == 0);
            (set("training_mode") || each_number).then(|| "training or factors for each number".into())
        }
        "Cast" => elementwise::unsupported_cast(node),
        "DequantizeLinear" | "QuantizeLinear" => quantised::unsupported(node),
        "Gelu" => word("approximate", &["none", "tanh"]),
        "ScatterElements" => word("reduction", &["none", "add", "mul", "max", "min"]),
        _ => None,
    };
    match form {
        Some(form) => Err(format!("{} with {form}", node.operator)),
        None => Ok(*run),
    }
}
