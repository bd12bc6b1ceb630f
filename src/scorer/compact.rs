//! The compact engine: rten, with the operators that rankers use.
//!
//! Every registered operator costs bytes on the wire, so the list is what PyTorch, Keras and tf2onnx
//! write for dense layers, embeddings, recurrent layers, attention and the int8 forms of these. A file
//! with another operator is refused by name, and the full engine takes it.
//!
//! rten has no `int64`: ids and shapes are `i32` inside it, which the feature table's ids fit.

mod turned;

use nearside_core::Feature;
use nearside_core::feature::{Edition, Source, Values};
use rten::{
    LoadErrorKind, Model, ModelOptions, NodeId, OpRegistry, RegisterOp, RunError, Value, ValueOrView, ValueView,
    op_types,
};
use rten_tensor::{AsView, Layout};

use crate::file::ModelFile;
use crate::network::{Input, Loaded, Scores};

macro_rules! operators {
    ($($operator:ident),* $(,)?) => {
        /// What this engine runs, beside `Constant`, which rten reads as data.
        const OPERATORS: &[(&str, &(dyn RegisterOp + Sync))] = &[$((stringify!($operator), &op_types::$operator)),*];
    };
}

/// Whether this engine runs an operator.
pub(crate) fn runs(operator: &str) -> bool {
    operator == "Constant" || OPERATORS.iter().any(|(name, _)| *name == operator)
}

/// The operators of one file. The others would cost a cold start a function each to compile.
fn registry(wanted: &[String]) -> OpRegistry {
    let wanted = OPERATORS.iter().filter(|(name, _)| wanted.iter().any(|operator| operator == name));
    let operators: Vec<&dyn RegisterOp> = wanted.map(|(_, operator)| *operator as &dyn RegisterOp).collect();
    OpRegistry::with_ops(&operators)
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
    ScatterElements,
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

/// Files of fewer nodes are run as they are. To fuse nodes, a browser first compiles the optimiser, some 90 kB of
/// code and a sixth of a cold start; a small model ranks no faster for it.
const WORTH_OPTIMISING: usize = 64;

/// A loaded file.
pub(crate) struct Compact {
    model: Model,
    inputs: Vec<Port>,
    score: NodeId,
    ads: Ads,
}

/// Where an input goes in.
struct Port {
    name: String,
    id: NodeId,
    /// Whether it is one of the `ad.` inputs.
    of_ad: bool,
}

/// The part of the graph that depends on `ad.` inputs alone. The catalogue outlives many rankings, so its
/// values are kept as long as the same ads are asked about.
enum Ads {
    /// Nothing is computed from `ad.` inputs alone, or nothing else is.
    Inseparable,
    /// Not computed yet.
    Unknown,
    Known {
        of: Key,
        values: Vec<(NodeId, Value)>,
    },
}

/// What tells whether the same ads are asked about.
enum Key {
    Edition(Edition),
    /// Shapes and values of the `ad.` inputs.
    Inputs(Vec<(Vec<usize>, Values<'static>)>),
}

impl Compact {
    /// Loads a file; `bytes` are those it was read from.
    pub(crate) fn load(bytes: &[u8], file: &ModelFile) -> Result<Self, Loaded> {
        let bytes = turned::turned(bytes).unwrap_or_else(|| bytes.to_vec());
        let optimise = file.nodes >= WORTH_OPTIMISING;
        let model = ModelOptions::with_ops(registry(&file.operators))
            .enable_optimization(optimise)
            .load(bytes)
            .map_err(|e| match e.kind() {
                LoadErrorKind::OperatorInvalid => Loaded::Unsupported(e.to_string()),
                _ => Loaded::Failed(e.to_string()),
            })?;
        let score = model.node_id("score").map_err(|e| Loaded::Failed(e.to_string()))?;
        let port = |id: &NodeId| {
            let name = model.node_info(*id)?.name()?.to_owned();
            let of_ad = Feature::from_name(&name).is_some_and(|f| f.source() == Source::Ad);
            Some(Port { name, id: *id, of_ad })
        };
        let inputs: Vec<_> = model.input_ids().iter().filter_map(port).collect();
        let ads = inputs.iter().filter(|port| port.of_ad).count();
        let ads = if ads == 0 || ads == inputs.len() { Ads::Inseparable } else { Ads::Unknown };
        Ok(Self { model, inputs, score, ads })
    }

    /// Runs the model. Where `edition` is that of an earlier run, the `ad.` inputs are taken to be those of then.
    pub(crate) fn run(&mut self, inputs: &[Input<'_>], edition: Option<&Edition>) -> Result<Scores, String> {
        self.compute_ads(inputs, edition)?;
        let values = match &self.ads {
            Ads::Known { values: known, .. } => {
                let mut values = self.values(inputs, |port| !port.of_ad)?;
                values.extend(known.iter().map(|(id, v)| (*id, ValueOrView::from(v))));
                values
            }
            _ => self.values(inputs, |_| true)?,
        };
        let [score] = self.model.run_n(values, [self.score], None).map_err(words)?;
        let tensor = score.into_tensor::<f32>().ok_or("the score is not float")?;
        Ok(Scores { shape: tensor.shape().to_vec(), values: tensor.to_vec() })
    }

    fn compute_ads(&mut self, inputs: &[Input<'_>], edition: Option<&Edition>) -> Result<(), String> {
        let ads = || inputs.iter().filter(|i| self.port(i).is_some_and(|port| port.of_ad));
        match &self.ads {
            Ads::Inseparable => return Ok(()),
            Ads::Known { of: Key::Edition(known), .. } if edition == Some(known) => return Ok(()),
            Ads::Known { of: Key::Inputs(known), .. } if edition.is_none() && same(known, ads()) => return Ok(()),
            _ => {}
        }
        let of = match edition {
            Some(edition) => Key::Edition(edition.clone()),
            None => Key::Inputs(ads().map(|i| (i.shape.to_vec(), owned(&i.values))).collect()),
        };
        self.ads = Ads::Unknown;
        let given = self.values(inputs, |port| port.of_ad)?;
        let ids: Vec<_> = given.iter().map(|(id, _)| *id).collect();
        let values = self.model.partial_run(given, &[self.score], None).map_err(words)?;
        self.ads =
            if values.iter().all(|(id, _)| ids.contains(id)) { Ads::Inseparable } else { Ads::Known { of, values } };
        Ok(())
    }

    fn port(&self, input: &Input<'_>) -> Option<&Port> {
        self.inputs.iter().find(|port| port.name == input.name)
    }

    fn values<'a>(
        &self,
        inputs: &'a [Input<'a>],
        wanted: impl Fn(&Port) -> bool,
    ) -> Result<Vec<(NodeId, ValueOrView<'a>)>, String> {
        let ports = inputs.iter().filter_map(|input| self.port(input).map(|port| (input, port)));
        ports
            .filter(|(_, port)| wanted(port))
            .map(|(input, port)| {
                let view = match &input.values {
                    Values::Id(ids) => ValueView::from_shape(input.shape, ids).map_err(|e| e.to_string())?,
                    Values::Float(numbers) => ValueView::from_shape(input.shape, numbers).map_err(|e| e.to_string())?,
                };
                Ok((port.id, view.into()))
            })
            .collect()
    }
}

fn same<'a>(known: &[(Vec<usize>, Values<'static>)], inputs: impl Iterator<Item = &'a Input<'a>>) -> bool {
    // The same file: as many inputs as before.
    known.iter().zip(inputs).all(|((s, v), i)| s == i.shape && v.same_bits(&i.values))
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
