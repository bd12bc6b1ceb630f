//! The compact engine: rten, with the operators that rankers use.
//!
//! Every registered operator costs bytes on the wire, so the list is what PyTorch, Keras and tf2onnx
//! write for dense layers, embeddings, recurrent layers, attention and the int8 forms of these. A file
//! with another operator is refused by name, and the full engine takes it.
//!
//! rten has no `int64`: ids and shapes are `i32` inside it, which the feature table's ids fit.

use nearside_core::Feature;
use nearside_core::feature::{Source, Values};
use rten::{
    LoadErrorKind, Model, ModelOptions, NodeId, OpRegistry, RunError, Value, ValueOrView, ValueView, op_registry,
};
use rten_tensor::{AsView, Layout};

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
    ads: Ads,
}

/// The part of the graph that depends on `ad.` inputs alone. The catalogue outlives many rankings, so its
/// values are kept as long as the same ads are asked about.
enum Ads {
    /// Nothing is computed from `ad.` inputs alone, or nothing else is.
    Inseparable,
    /// Not computed yet.
    Unknown,
    Known {
        inputs: Vec<(Vec<usize>, Values<'static>)>,
        values: Vec<(NodeId, Value)>,
    },
}

impl Compact {
    pub(crate) fn load(bytes: &[u8]) -> Result<Self, Loaded> {
        let model = ModelOptions::with_ops(registry()).load(bytes.to_vec()).map_err(|e| match e.kind() {
            LoadErrorKind::OperatorInvalid => Loaded::Unsupported(e.to_string()),
            _ => Loaded::Failed(e.to_string()),
        })?;
        let score = model.node_id("score").map_err(|e| Loaded::Failed(e.to_string()))?;
        Ok(Self { model, score, ads: Ads::Unknown })
    }

    pub(crate) fn run(&mut self, inputs: &[Input<'_>]) -> Result<Scores, String> {
        let is_ad = |i: &&Input<'_>| Feature::from_name(i.name).is_some_and(|f| f.source() == Source::Ad);
        let (ads, others): (Vec<_>, Vec<_>) = inputs.iter().partition(is_ad);
        if ads.is_empty() || others.is_empty() {
            self.ads = Ads::Inseparable;
        }
        self.compute_ads(&ads)?;
        let mut values = self.values(&others)?;
        match &self.ads {
            Ads::Known { values: known, .. } => values.extend(known.iter().map(|(id, v)| (*id, ValueOrView::from(v)))),
            _ => values.extend(self.values(&ads)?),
        }
        let [score] = self.model.run_n(values, [self.score], None).map_err(words)?;
        let tensor = score.into_tensor::<f32>().ok_or("the score is not float")?;
        Ok(Scores { shape: tensor.shape().to_vec(), values: tensor.to_vec() })
    }

    fn compute_ads(&mut self, ads: &[&Input<'_>]) -> Result<(), String> {
        match &self.ads {
            Ads::Inseparable => return Ok(()),
            Ads::Known { inputs, .. } if same(inputs, ads) => return Ok(()),
            _ => self.ads = Ads::Unknown,
        }
        let given = self.values(ads)?;
        let ids: Vec<_> = given.iter().map(|(id, _)| *id).collect();
        let values = self.model.partial_run(given, &[self.score], None).map_err(words)?;
        self.ads = if values.iter().all(|(id, _)| ids.contains(id)) {
            Ads::Inseparable
        } else {
            let key = |i: &&Input<'_>| (i.shape.to_vec(), owned(&i.values));
            Ads::Known { inputs: ads.iter().map(key).collect(), values }
        };
        Ok(())
    }

    fn values<'a>(&self, inputs: &[&'a Input<'a>]) -> Result<Vec<(NodeId, ValueOrView<'a>)>, String> {
        inputs
            .iter()
            .map(|input| {
                let id = self.model.node_id(input.name).map_err(words)?;
                let view = match &input.values {
                    Values::Id(ids) => ValueView::from_shape(input.shape, ids).map_err(|e| e.to_string())?,
                    Values::Float(numbers) => ValueView::from_shape(input.shape, numbers).map_err(|e| e.to_string())?,
                };
                Ok((id, view.into()))
            })
            .collect()
    }
}

fn same(known: &[(Vec<usize>, Values<'static>)], inputs: &[&Input<'_>]) -> bool {
    known.len() == inputs.len() && known.iter().zip(inputs).all(|((s, v), i)| s == i.shape && v.same_bits(&i.values))
}

fn owned(values: &Values<'_>) -> Values<'static> {
    match values {
        Values::Id(ids) => Values::Id(ids.to_vec().into()),
        Values::Float(numbers) => Values::Float(numbers.to_vec().into()),
    }
}

fn words(error: RunError) -> String {
    error.to_string()
}
