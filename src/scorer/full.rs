//! The full engine: tract-onnx.
//!
//! tract compiles a plan for symbolic dimensions where it can; that plan then serves every number of
//! candidates. Where it cannot, or where the plan fails on real sizes, plans for exact sizes are compiled
//! and the newest [`PLANS`] kept.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use nearside_core::Feature;
use nearside_core::feature::{Shape, Values};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::MultiBroadcastTo;

use crate::file::{Dim, ModelFile, Port};
use crate::network::{Input, Loaded, Scores};

/// Plans for exact sizes that are kept. Each holds a copy of the weights, in the layout the plan wants.
const PLANS: usize = 4;

type Plan = Arc<TypedRunnableModel>;

/// Whether tract has the operator. It looks at names only, so another domain's operator of a known name is not run.
pub(crate) fn runs(operator: &str) -> bool {
    use std::sync::LazyLock;
    static ONNX: LazyLock<tract_onnx::Onnx> = LazyLock::new(tract_onnx::onnx);
    ONNX.op_register.0.contains_key(operator.strip_prefix("ai.onnx.ml.").unwrap_or(operator))
}

/// A loaded file.
pub(crate) struct Full {
    model: InferenceModel,
    inputs: Vec<Port>,
    symbolic: Option<Plan>,
    exact: Vec<(Vec<Vec<usize>>, Plan)>,
}

impl Full {
    pub(crate) fn load(bytes: &[u8], file: &ModelFile) -> Result<Self, Loaded> {
        let failed = |e: TractError| Loaded::Failed(format!("{e:#}"));
        // Shapes inside the file are hints, and exporters write wrong ones for dimensions they froze.
        let onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
        let mut model = onnx.model_for_read(&mut &*bytes).map_err(failed)?;
        let score = file.outputs.iter().position(|o| o.name == "score").unwrap_or_default();
        let score = model.output_outlets().map_err(failed)?[score];
        model.select_output_outlets(&[score]).map_err(failed)?;
        let mut full = Self { model, inputs: file.inputs.clone(), symbolic: None, exact: Vec::new() };
        full.symbolic = attempt(|| full.plan(symbolic)).ok();
        Ok(full)
    }

    pub(crate) fn run(&mut self, inputs: &[Input<'_>]) -> Result<Scores, String> {
        let inputs = self
            .inputs
            .iter()
            .map(|port| inputs.iter().find(|i| i.name == port.name).ok_or("an input is missing"))
            .collect::<Result<Vec<_>, _>>()?;
        let values = inputs.iter().map(|i| tensor(i)).collect::<TractResult<TVec<_>>>().map_err(words)?;
        if let Some(plan) = &self.symbolic {
            match attempt(|| scores(plan, values.clone())) {
                Ok(scores) => return Ok(scores),
                // A symbol that stands for two sizes at once shows only now.
                Err(_) => self.symbolic = None,
            }
        }
        let shapes: Vec<_> = inputs.iter().map(|i| i.shape.to_vec()).collect();
        let plan = match self.exact.iter().position(|(s, _)| *s == shapes) {
            Some(index) => self.exact.remove(index).1,
            None => self
                .plan(|port, _| {
                    let index = self.inputs.iter().position(|p| p.name == port.name)?;
                    Some(shapes[index].iter().map(|d| d.to_dim()).collect())
                })
                .map_err(words)?,
        };
        let result = scores(&plan, values).map_err(words);
        if self.exact.len() == PLANS {
            self.exact.remove(0);
        }
        self.exact.push((shapes, plan));
        result
    }

    /// Compiles the file with the given input shapes.
    fn plan(&self, shape: impl Fn(&Port, &SymbolScope) -> Option<TVec<TDim>>) -> TractResult<Plan> {
        let mut model = self.model.clone();
        let symbols = model.symbols.clone();
        for outlet in model.input_outlets()?.to_vec() {
            let name = &model.node(outlet.node).name;
            let Some(port) = self.inputs.iter().find(|p| p.name == *name) else { continue };
            let element = if port.dtype == "int64" { i64::datum_type() } else { f32::datum_type() };
            let fact = match shape(port, &symbols) {
                Some(shape) => InferenceFact::dt_shape(element, shape),
                None => InferenceFact::dt(element),
            };
            model.set_outlet_fact(outlet, fact)?;
        }
        // tract orders its inputs as the file does, and so does `run`.
        let typed = model.into_typed()?;
        attempt(|| typed.clone().into_optimized().and_then(SimplePlan::new))
            .or_else(|_| attempt(|| shield(&typed)?.into_optimized().and_then(SimplePlan::new)))
            .or_else(|_| SimplePlan::new(typed))
    }
}

/// Goes on after a panic, where the target can: another way to compile the file may be left.
fn attempt<T>(way: impl FnOnce() -> TractResult<T>) -> TractResult<T> {
    catch_unwind(AssertUnwindSafe(way)).unwrap_or_else(|_| bail!("tract panicked"))
}

fn words(e: TractError) -> String {
    format!("{e:#}")
}

/// A file's dimensions as tract's. The feature table knows which unnamed dimensions are the same `N`, `L` or `D`.
fn symbolic(port: &Port, symbols: &SymbolScope) -> Option<TVec<TDim>> {
    let dims = port.shape.as_ref()?;
    let contract: [&str; 2] = match Feature::from_name(&port.name)?.shape() {
        Shape::PerEvent => ["1", "L"],
        Shape::Row(_) | Shape::Embedding => ["1", "D"],
        Shape::PerAd => ["N", "1"],
        Shape::AdEmbedding => ["N", "D"],
    };
    if dims.len() > contract.len() {
        return None;
    }
    let dims = dims.iter().zip(contract).map(|(dim, name)| match (dim, name) {
        (Dim::Fixed(size), _) => size.to_dim(),
        (Dim::Symbol(_), "1") => 1.to_dim(),
        (Dim::Symbol(_), name) => symbols.sym(name).to_dim(),
    });
    Some(dims.collect())
}

fn tensor(input: &Input<'_>) -> TractResult<TValue> {
    let tensor = match &input.values {
        Values::Id(ids) => {
            let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
            Tensor::from_shape(input.shape, &ids)?
        }
        Values::Float(numbers) => Tensor::from_shape(input.shape, numbers)?,
    };
    Ok(tensor.into_tvalue())
}

fn scores(plan: &Plan, values: TVec<TValue>) -> TractResult<Scores> {
    let outputs = plan.run(values)?;
    let score = outputs.first().context("no output")?;
    let view = score.to_plain_array_view::<f32>()?;
    Ok(Scores { shape: score.shape().to_vec(), values: view.iter().copied().collect() })
}

/// Repeats a tensor along dimensions of size 1, like tract's `MultiBroadcastTo`, under a name that no
/// rewriting rule looks for.
///
/// tract 0.23.9 drops a `MultiBroadcastTo` before a matrix product and expects the other factor to bring
/// the size back. Where none does (a shopper's row expanded to N ads, concatenated with N rows, then a
/// dense layer, which tract splits at the concatenation) it refuses its own result:
/// "Trying to substitute a 200,128,F32 by 1,128,F32".
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Repeat {
    shape: ShapeFact,
}

impl Op for Repeat {
    fn name(&self) -> StaticName {
        "Repeat".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Repeat {
    op_out_of_plan!();

    fn eval(&self, context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let shape = self.shape.eval_to_usize(context.symbols)?;
        Ok(tvec!(inputs[0].broadcast_to_shape(&shape)?.into_tvalue()))
    }
}

impl TypedOp for Repeat {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].datum_type.fact(self.shape.clone())))
    }

    as_op!();
}

/// The same model with every `MultiBroadcastTo` replaced by [`Repeat`].
fn shield(model: &TypedModel) -> TractResult<TypedModel> {
    let mut model = model.clone();
    for node in model.nodes_mut() {
        if let Some(broadcast) = node.op_as::<MultiBroadcastTo>() {
            node.op = Box::new(Repeat { shape: broadcast.shape.clone() });
        }
    }
    Ok(model)
}
