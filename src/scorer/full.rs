//! The full engine: tract-onnx.
//!
//! tract compiles a plan, for symbolic dimensions where it can; that plan then serves every number of
//! candidates. Its rewriting rules are many, and version 0.23.9 breaks some rankers with them, at compile
//! time or only on real sizes. [`WAYS`] is the order in which less is asked of it; the first way that works
//! is kept.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use nearside_core::Feature;
use nearside_core::feature::{Shape, Values};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::MultiBroadcastTo;

use crate::file::{Dim, ModelFile, Port};
use crate::network::{Input, Loaded, Scores};

/// Plans that are kept. Each holds a copy of the weights, in the layout the plan wants.
const PLANS: usize = 4;

/// Which dimensions a plan is compiled for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sizes {
    /// `N`, `L` and `D` stay symbols.
    Symbols,
    /// Those of one call.
    Exact,
}

/// Which of tract's rewriting rules are applied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// All.
    All,
    /// All, after [`shield`]. Needed for a row that is repeated and concatenated before a dense layer.
    Shielded,
    /// Only those that choose kernels. Needed for an LSTM of one step that starts from repeated states: the
    /// others hand it a state with its dimensions in another order.
    Kernels,
    /// None.
    None,
}

/// Files with more nodes get no rules, whose cost grows with the square of the nodes: minutes for 10,000.
const RULED_NODES: usize = 1_000;

/// From the fastest to the slowest.
const WAYS: [(Sizes, Rules); 7] = [
    (Sizes::Symbols, Rules::All),
    (Sizes::Symbols, Rules::Shielded),
    (Sizes::Symbols, Rules::Kernels),
    (Sizes::Symbols, Rules::None),
    (Sizes::Exact, Rules::All),
    (Sizes::Exact, Rules::Kernels),
    (Sizes::Exact, Rules::None),
];

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
    /// Those of [`WAYS`] that are tried.
    ways: Vec<(Sizes, Rules)>,
    /// Index into `ways`.
    way: usize,
    /// No way after `way` worked either, so the file or the values are at fault.
    exhausted: bool,
    plans: Vec<Compiled>,
}

struct Compiled {
    way: usize,
    /// Empty for symbols.
    shapes: Vec<Vec<usize>>,
    plan: Plan,
}

impl Full {
    pub(crate) fn load(bytes: &[u8], file: &ModelFile) -> Result<Self, Loaded> {
        let failed = |e: TractError| Loaded::Failed(words(e));
        // Shapes inside the file are hints, and exporters write wrong ones for dimensions they froze.
        let onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
        let mut model = onnx.model_for_read(&mut &*bytes).map_err(failed)?;
        let score = file.outputs.iter().position(|o| o.name == "score").unwrap_or_default();
        let score = model.output_outlets().map_err(failed)?[score];
        model.select_output_outlets(&[score]).map_err(failed)?;
        let mut ways = WAYS.to_vec();
        ways.retain(|(_, rules)| file.nodes <= RULED_NODES || *rules == Rules::None);
        let mut full = Self { model, inputs: file.inputs.clone(), ways, way: 0, exhausted: false, plans: Vec::new() };
        // Where no plan with symbols compiles, the first call compiles one for its sizes.
        while full.ways[full.way].0 == Sizes::Symbols && attempt(|| full.plan(full.way, &[])).is_err() {
            full.way += 1;
        }
        Ok(full)
    }

    pub(crate) fn run(&mut self, inputs: &[Input<'_>]) -> Result<Scores, String> {
        let inputs = self
            .inputs
            .iter()
            .map(|port| inputs.iter().find(|i| i.name == port.name).ok_or("an input is missing"))
            .collect::<Result<Vec<_>, _>>()?;
        let values = inputs.iter().map(|i| tensor(i)).collect::<TractResult<TVec<_>>>().map_err(words)?;
        let shapes: Vec<_> = inputs.iter().map(|i| i.shape.to_vec()).collect();
        let last = if self.exhausted { self.way + 1 } else { self.ways.len() };
        let mut first = None;
        for way in self.way..last {
            match attempt(|| scores(&self.plan(way, &shapes)?, values.clone())) {
                Ok(scores) => {
                    self.way = way;
                    return Ok(scores);
                }
                Err(e) => first = first.or(Some(words(e))),
            }
        }
        self.exhausted = true;
        Err(first.unwrap_or_default())
    }

    /// The plan for one way and these sizes, compiled where it is not there yet.
    fn plan(&mut self, way: usize, shapes: &[Vec<usize>]) -> TractResult<Plan> {
        let shapes = if self.ways[way].0 == Sizes::Symbols { &[] } else { shapes };
        let compiled = match self.plans.iter().position(|c| c.way == way && c.shapes == shapes) {
            Some(index) => self.plans.remove(index),
            None => Compiled { way, shapes: shapes.to_vec(), plan: self.compile(way, shapes)? },
        };
        let plan = compiled.plan.clone();
        if self.plans.len() == PLANS {
            self.plans.remove(0);
        }
        self.plans.push(compiled);
        Ok(plan)
    }

    fn compile(&self, way: usize, shapes: &[Vec<usize>]) -> TractResult<Plan> {
        let (sizes, rules) = self.ways[way];
        let mut model = self.model.clone();
        let symbols = model.symbols.clone();
        // tract keeps the inputs in the file's order, without those that have a default.
        for (index, outlet) in model.input_outlets()?.to_vec().into_iter().enumerate() {
            let port = self.inputs.get(index).context("an input that the file does not declare")?;
            let element = if port.dtype == "int64" { i64::datum_type() } else { f32::datum_type() };
            let shape = match sizes {
                Sizes::Symbols => symbolic(port, &symbols),
                Sizes::Exact => Some(shapes[index].iter().map(|d| d.to_dim()).collect()),
            };
            let fact = match shape {
                Some(shape) => InferenceFact::dt_shape(element, shape),
                None => InferenceFact::dt(element),
            };
            model.set_outlet_fact(outlet, fact)?;
        }
        let mut typed = model.into_typed()?;
        match rules {
            Rules::All => typed = typed.into_optimized()?,
            Rules::Shielded => {
                shield(&mut typed);
                typed = typed.into_optimized()?;
            }
            Rules::Kernels => typed.optimize()?,
            Rules::None => {}
        }
        SimplePlan::new(typed)
    }
}

/// Goes on after a panic, where the target can: another way to compile the file may be left.
fn attempt<T>(way: impl FnOnce() -> TractResult<T>) -> TractResult<T> {
    catch_unwind(AssertUnwindSafe(way)).unwrap_or_else(|_| bail!("tract panicked"))
}

fn words(e: TractError) -> String {
    format!("{e:#}")
}

/// A file's dimensions as tract's. The feature table knows which of them are the same `N`, `L` or `D`,
/// whatever the exporter called them; a free dimension of another input is a symbol of its own.
fn symbolic(port: &Port, symbols: &SymbolScope) -> Option<TVec<TDim>> {
    let dims = port.shape.as_ref()?;
    let contract: &[&str] = match Feature::from_name(&port.name).map(Feature::shape) {
        Some(Shape::PerEvent) => &["1", "L"],
        Some(Shape::Row(_) | Shape::Embedding) => &["1", "D"],
        Some(Shape::PerAd) => &["N", "1"],
        Some(Shape::AdEmbedding) => &["N", "D"],
        None => &[],
    };
    let dims = dims.iter().enumerate().map(|(axis, dim)| match (dim, contract.get(axis)) {
        (Dim::Fixed(size), _) => size.to_dim(),
        (Dim::Symbol(_), Some(&"1")) => 1.to_dim(),
        (Dim::Symbol(_), Some(name)) => symbols.sym(name).to_dim(),
        (Dim::Symbol(_), None) => symbols.new_with_prefix("d").to_dim(),
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

/// Replaces every `MultiBroadcastTo` by [`Repeat`].
fn shield(model: &mut TypedModel) {
    for node in model.nodes_mut() {
        if let Some(broadcast) = node.op_as::<MultiBroadcastTo>() {
            node.op = Box::new(Repeat { shape: broadcast.shape.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which ways compile a vector of `tests/vectors`.
    fn compiles(name: &str) -> Vec<bool> {
        let path = format!("{}/../../tests/vectors/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let file = ModelFile::read(&bytes).unwrap();
        let full = Full::load(&bytes, &file).ok().unwrap();
        (0..2).map(|way| full.compile(way, &[]).is_ok()).collect()
    }

    /// When this fails, tract has mended its rule: drop [`Repeat`] and [`Rules::Shielded`].
    #[test]
    fn tract_refuses_a_repeated_row_before_a_dense_layer_unless_it_is_shielded() {
        assert_eq!(compiles("mlp_expand_concat_fixed"), [false, true]);
    }

    #[test]
    fn an_ordinary_model_is_served_by_the_first_way() {
        assert_eq!(compiles("two_towers"), [true, true]);
    }
}
