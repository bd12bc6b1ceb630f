//! The compact engine: rten, with the operators that rankers use.
//!
//! Every registered operator costs bytes on the wire, so the list is what PyTorch, Keras and tf2onnx
//! write for dense layers, embeddings, recurrent layers, attention and the int8 forms of these. A file
//! with another operator is refused by name, and the full engine takes it.
//!
//! rten has no `int64`: ids and shapes are `i32` inside it, which the feature table's ids fit.

use rten::{LoadErrorKind, Model, ModelOptions, NodeId, OpRegistry, ValueView, op_registry};
use rten_tensor::{AsView, Layout};

use nearside_core::feature::Values;

use crate::network::{Input, Loaded, Scores};

macro_rules! operators {
    ($($operator:ident),* $(,)?) => {
        /// What this engine runs, `Constant` included, which rten reads as data.
        pub(crate) const OPERATORS: &[&str] = &["Constant", $(stringify!($operator)),*];

        fn registry() -> OpRegistry {
            op_registry!($($operator),*)
        }
    };
}

operators!(
    Abs,
    Add,
    And,
    BatchNormalization,
    Cast,
    Clip,
    Concat,
    ConstantOfShape,
    DequantizeLinear,
    Div,
    DynamicQuantizeLinear,
    Equal,
    Erf,
    Exp,
    Expand,
    Flatten,
    Gather,
    Gelu,
    Gemm,
    Greater,
    GreaterOrEqual,
    GRU,
    Identity,
    LayerNormalization,
    LeakyRelu,
    Less,
    LessOrEqual,
    Log,
    LSTM,
    MatMul,
    MatMulInteger,
    Max,
    Min,
    Mul,
    Neg,
    Not,
    Or,
    Pow,
    PRelu,
    QuantizeLinear,
    Range,
    Reciprocal,
    ReduceL2,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    Relu,
    Reshape,
    Shape,
    Sigmoid,
    Slice,
    Softmax,
    Softplus,
    Split,
    Sqrt,
    Squeeze,
    Sub,
    Sum,
    Tanh,
    Tile,
    Transpose,
    Unsqueeze,
    Where,
);

/// A loaded file.
pub(crate) struct Compact {
    model: Model,
    score: NodeId,
}

impl Compact {
    pub(crate) fn load(bytes: &[u8]) -> Result<Self, Loaded> {
        let model = ModelOptions::with_ops(registry()).load(bytes.to_vec()).map_err(|e| match e.kind() {
            LoadErrorKind::OperatorInvalid => Loaded::Unsupported(e.to_string()),
            _ => Loaded::Failed(e.to_string()),
        })?;
        let score = model.node_id("score").map_err(|e| Loaded::Failed(e.to_string()))?;
        Ok(Self { model, score })
    }

    pub(crate) fn run(&self, inputs: &[Input<'_>]) -> Result<Scores, String> {
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            let id = self.model.node_id(input.name).map_err(|e| e.to_string())?;
            let view = match &input.values {
                Values::Id(ids) => ValueView::from_shape(input.shape, ids).map_err(|e| e.to_string())?,
                Values::Float(numbers) => ValueView::from_shape(input.shape, numbers).map_err(|e| e.to_string())?,
            };
            values.push((id, view.into()));
        }
        let [score] = self.model.run_n(values, [self.score], None).map_err(|e| e.to_string())?;
        let tensor = score.into_tensor::<f32>().ok_or("the score is not float")?;

        Ok(Scores { shape: tensor.shape().to_vec(), values: tensor.to_vec() })
    }
}
