//! The compact engine: what rankers are made of, and nothing else.
//!
//! It reads a file into a list of nodes and runs them on dense tensors. What makes it quick is what it does not compute:
//! values that depend on `ad.` inputs alone are kept as long as the catalogue is the same, those that depend on the
//! shopper alone are computed once per ranking, and only the rest runs for every ad, a few ads at a time, so that
//! whatever lies between two nodes stays in the processor's cache (see `plan`).
//!
//! Every number is computed by the same additions and multiplications in the same order natively and in WebAssembly:
//! a model gives the same bits on both.

mod plan;
mod program;
mod rows;

use std::ops::Range;
use std::sync::Arc;

use nearside_core::feature::{Edition, Values};
use nearside_operators::{Args, Data, Fault, Packed, Run, Tensor};

use crate::file::ModelFile;
use crate::network::{Input, Loaded, Scores};
use plan::{Depends, Group, Plan};
use program::Program;
use rows::{Sample, Seen};

/// Whether this engine runs an operator.
pub(crate) fn runs(operator: &str) -> bool {
    nearside_operators::runs(operator)
}

/// Fewest ads for which a plan is worth making.
const WORTH_A_PLAN: usize = 128;
/// Ads in the two runs from which a plan is made. Primes, so that they are no dimensions of a usual model; two, since
/// what the first shows as its number of ads may be something else that happens to be as large.
const SAMPLES: [usize; 2] = [61, 53];
/// A list of whole numbers that may be a shape is at most as long.
const SHORT: usize = 16;

/// A loaded file.
pub(crate) struct Compact {
    program: Program,
    depends: Vec<Depends>,
    /// Weights and what is computed of them, by value.
    constants: Vec<Option<Tensor>>,
    /// By node: right factors of products, laid out.
    packs: Vec<Vec<Arc<Packed>>>,
    /// Every node.
    whole: Group,
    plan: Planned,
    kept: Option<Kept>,
}

enum Planned {
    /// Not tried yet.
    Not,
    /// The file has to be run on all ads at once.
    Whole,
    /// Beside the plan, the dimensions but the first of the inputs of ads, for which it was made.
    InBlocks(Box<Plan>, Vec<Vec<usize>>),
}

/// What depends on the ads of one catalogue alone.
struct Kept {
    edition: Edition,
    /// Those of [`Plan::kept`].
    values: Vec<Tensor>,
}

impl Compact {
    /// Loads a file; `bytes` are those it was read from.
    pub(crate) fn load(bytes: &[u8], file: &ModelFile) -> Result<Self, Loaded> {
        let inputs: Vec<&str> = file.inputs.iter().map(|port| port.name.as_str()).collect();
        let mut program = Program::read(bytes, &inputs, file.opset).map_err(Loaded::Unsupported)?;
        let mut constants = vec![None; program.values];
        for (value, tensor) in std::mem::take(&mut program.weights) {
            constants[value] = Some(tensor);
        }
        let depends = plan::depends(&program);
        let packs = vec![Vec::new(); program.steps.len()];
        let mut compact =
            Self { program, depends, constants, packs, whole: Group::default(), plan: Planned::Not, kept: None };
        compact.fold().map_err(Loaded::Failed)?;
        Ok(compact)
    }

    /// Computes what depends on no input, and forgets what only that was made of.
    fn fold(&mut self) -> Result<(), Fault> {
        let of_nothing =
            |node: &program::Step| node.outputs.iter().flatten().all(|value| self.depends[*value] == Depends::NOTHING);
        let (folded, rest): (Vec<_>, Vec<_>) =
            (0..self.program.steps.len()).partition(|node| of_nothing(&self.program.steps[*node]));
        let score = self.program.score;
        let read_later: Vec<usize> =
            rest.iter().flat_map(|node| self.program.steps[*node].inputs.iter().flatten().copied()).collect();
        let needed = |value: usize| value == score || read_later.contains(&value);
        let group = Group::new(&self.program, folded, needed);
        let mut values = vec![None; self.program.values];
        self.execute(&group, &mut values, None)?;
        for (value, constant) in self.constants.iter_mut().enumerate() {
            *constant = values[value].take().or(constant.take()).filter(|_| needed(value));
        }
        self.packs.iter_mut().for_each(Vec::clear);
        self.whole = Group::new(&self.program, rest, |value| value == score);
        Ok(())
    }

    /// Runs the model. Where `edition` is that of an earlier run, the `ad.` inputs are taken to be those of then.
    pub(crate) fn run(&mut self, inputs: &[Input<'_>], edition: Option<&Edition>) -> Result<Scores, Fault> {
        self.forget_factors();
        let ads = inputs.iter().find(|input| Depends::of_input(input.name).ads).and_then(|input| input.shape.first());
        let ads = ads.copied().unwrap_or_default();
        let same = |input: &&Input<'_>| !Depends::of_input(input.name).ads || input.shape.first() == Some(&ads);
        if ads < WORTH_A_PLAN || !inputs.iter().all(|input| same(&input)) {
            return self.run_whole(inputs);
        }
        let of_ads = inputs.iter().filter(|input| Depends::of_input(input.name) == Depends::ADS);
        let dims: Vec<Vec<usize>> = of_ads.map(|input| input.shape[1..].to_vec()).collect();
        let is_made = match &self.plan {
            Planned::Not => false,
            Planned::Whole => true,
            Planned::InBlocks(_, planned) => *planned == dims,
        };
        if !is_made {
            self.kept = None;
            self.plan = self.make_plan(inputs).map_or(Planned::Whole, |plan| Planned::InBlocks(Box::new(plan), dims));
        }
        match std::mem::replace(&mut self.plan, Planned::Whole) {
            Planned::InBlocks(plan, dims) => {
                let scores = self.run_in_blocks(&plan, inputs, ads, edition);
                self.plan = Planned::InBlocks(plan, dims);
                scores
            }
            _ => self.run_whole(inputs),
        }
    }

    fn run_whole(&mut self, inputs: &[Input<'_>]) -> Result<Scores, Fault> {
        let mut values = vec![None; self.program.values];
        self.set(&mut values, inputs, None, |_| true)?;
        let group = std::mem::take(&mut self.whole);
        let done = self.execute(&group, &mut values, None);
        self.whole = group;
        done?;
        self.score(&values)
            .and_then(|score| Ok(Scores { shape: score.shape.clone(), values: score.as_floats()?.to_vec() }))
    }

    /// A plan from two runs on a few ads, if the file can be run in blocks at all.
    fn make_plan(&mut self, inputs: &[Input<'_>]) -> Option<Plan> {
        let [first, second] = SAMPLES;
        let samples = [self.sample(inputs, first)?, self.sample(inputs, second)?];
        Plan::new(&self.program, &self.depends, &samples)
    }

    /// What a run on the first `ads` ads shows of every value.
    fn sample(&mut self, inputs: &[Input<'_>], ads: usize) -> Option<Sample> {
        let mut values = vec![None; self.program.values];
        self.set(&mut values, inputs, Some(0..ads), |_| true).ok()?;
        let mut seen = vec![None; self.program.values];
        let constants = self.constants.iter().chain(&values).enumerate();
        for (value, tensor) in constants.filter_map(|(place, tensor)| tensor.as_ref().map(|tensor| (place, tensor))) {
            seen[value % self.program.values] = Some(look(tensor));
        }
        let group = std::mem::take(&mut self.whole);
        let done = self.execute(&group, &mut values, Some(&mut seen));
        self.whole = group;
        self.forget_factors();
        done.ok()?;
        Some(Sample { ads, seen })
    }

    fn run_in_blocks(
        &mut self,
        plan: &Plan,
        inputs: &[Input<'_>],
        ads: usize,
        edition: Option<&Edition>,
    ) -> Result<Scores, Fault> {
        let kept = match self.kept.take() {
            Some(kept) if edition == Some(&kept.edition) => kept.values,
            Some(Kept { edition: before, mut values }) => {
                match edition.and_then(|edition| edition.changed_since(&before)) {
                    Some(changed) => {
                        self.change(plan, inputs, ads, changed, &mut values)?;
                        values
                    }
                    None => self.of_ads(plan, inputs, ads)?,
                }
            }
            None => self.of_ads(plan, inputs, ads)?,
        };
        let scores = self.rest_in_blocks(plan, inputs, ads, &kept);
        if let Some(edition) = edition {
            self.kept = Some(Kept { edition: edition.clone(), values: kept });
        }
        scores
    }

    /// What depends on the ads alone: the values of [`Plan::kept`].
    fn of_ads(&mut self, plan: &Plan, inputs: &[Input<'_>], ads: usize) -> Result<Vec<Tensor>, Fault> {
        let mut parts = vec![Vec::new(); plan.kept.len()];
        for rows in blocks(ads, plan.block) {
            let made = self.of_some_ads(plan, inputs, Rowed::Range(rows))?;
            parts.iter_mut().zip(made).for_each(|(parts, made)| parts.push(made));
        }
        parts.into_iter().map(|parts| stacked(&parts)).collect()
    }

    /// The same for the ads in `changed`, which take the places of what was there or go on behind it.
    fn change(
        &mut self,
        plan: &Plan,
        inputs: &[Input<'_>],
        ads: usize,
        changed: &[usize],
        values: &mut [Tensor],
    ) -> Result<(), Fault> {
        // Of none nothing can be computed, and a single row might be taken for a dimension of one: it is put there twice.
        let (made, changed) = match *changed {
            [] => (values.iter().map(|value| value.rows(0, 0)).collect(), Vec::new()),
            [one] => (self.of_some_ads(plan, inputs, Rowed::Chosen(&[one, one]))?, vec![one, one]),
            _ => (self.of_some_ads(plan, inputs, Rowed::Chosen(changed))?, changed.to_vec()),
        };
        for (value, made) in values.iter_mut().zip(made) {
            value.put_rows(ads, &changed, &made)?;
        }
        Ok(())
    }

    fn of_some_ads(&mut self, plan: &Plan, inputs: &[Input<'_>], rows: Rowed<'_>) -> Result<Vec<Tensor>, Fault> {
        let mut values = vec![None; self.program.values];
        for input in inputs.iter().filter(|input| Depends::of_input(input.name) == Depends::ADS) {
            if let Some(value) = self.input(input.name) {
                values[value] = Some(rows.tensor(input)?);
            }
        }
        self.execute(&plan.ads, &mut values, None)?;
        plan.kept.iter().map(|value| values[*value].take().ok_or_else(|| "a value is missing".into())).collect()
    }

    fn rest_in_blocks(
        &mut self,
        plan: &Plan,
        inputs: &[Input<'_>],
        ads: usize,
        kept: &[Tensor],
    ) -> Result<Scores, Fault> {
        let mut values = vec![None; self.program.values];
        self.set(&mut values, inputs, None, |depends| depends == Depends::SHOPPER)?;
        self.execute(&plan.shopper, &mut values, None)?;
        let mut scores = Vec::with_capacity(ads);
        let mut shape = Vec::new();
        for rows in blocks(ads, plan.block) {
            for (value, kept) in plan.kept.iter().zip(kept) {
                values[*value] = Some(kept.rows(rows.start, rows.end));
            }
            for (value, shape) in &plan.hollow {
                let shape = [&[rows.len()], &shape[1..]].concat();
                values[*value] = Some(Tensor { shape, data: Data::Float(Vec::new().into()) });
            }
            self.set(&mut values, inputs, Some(rows.clone()), |depends| depends.ads && depends.shopper)?;
            self.execute(&plan.rest, &mut values, None)?;
            let score = self.score(&values)?;
            if score.shape.first() != Some(&rows.len()) {
                return Err(format!("{} ads have scores of shape {:?}", rows.len(), score.shape));
            }
            scores.extend_from_slice(score.as_floats()?);
            shape.clone_from(&score.shape);
        }
        shape[0] = ads;
        Ok(Scores { shape, values: scores })
    }

    fn input(&self, name: &str) -> Option<usize> {
        self.program.inputs.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Puts the inputs that depend on what is `wanted` among the values; of those with a row for each ad, these rows.
    fn set(
        &self,
        values: &mut [Option<Tensor>],
        inputs: &[Input<'_>],
        rows: Option<Range<usize>>,
        wanted: impl Fn(Depends) -> bool,
    ) -> Result<(), Fault> {
        for input in inputs {
            let depends = Depends::of_input(input.name);
            let Some(value) = self.input(input.name).filter(|_| wanted(depends)) else { continue };
            let rows = rows.clone().filter(|_| depends.ads);
            values[value] = Some(rows.map_or(Rowed::All, Rowed::Range).tensor(input)?);
        }
        Ok(())
    }

    fn score<'a>(&'a self, values: &'a [Option<Tensor>]) -> Result<&'a Tensor, Fault> {
        let score = self.program.score;
        values[score].as_ref().or(self.constants[score].as_ref()).ok_or_else(|| "there is no score".into())
    }

    /// Runs nodes. What they show of their values is noted in `seen`.
    fn execute(
        &mut self,
        group: &Group,
        values: &mut [Option<Tensor>],
        mut seen: Option<&mut Vec<Option<Seen>>>,
    ) -> Result<(), Fault> {
        for (index, frees) in group.nodes.iter().zip(&group.frees) {
            let step = &self.program.steps[*index];
            let constants = &self.constants;
            let arguments = step.inputs.iter().map(|input| {
                let value = (*input)?;
                let last =
                    frees.contains(&value) && step.inputs.iter().filter(|other| **other == Some(value)).count() == 1;
                let own = if last { values[value].take() } else { values[value].clone() };
                own.or_else(|| constants[value].clone())
            });
            let arguments = arguments.collect();
            let keeps_factors = step.inputs.iter().skip(1).flatten().all(|value| !self.depends[*value].ads);
            let mut args = Args::new(arguments, keeps_factors.then_some(&mut self.packs[*index]));
            let fault = |fault: Fault| format!("{}: {fault}", step.node.operator);
            let outputs = match step.run {
                Run::Constant => Vec::new(),
                Run::One(run) => vec![run(&step.node, &mut args).map_err(fault)?],
                Run::Many(run) => run(&step.node, &mut args).map_err(fault)?,
            };
            for (output, tensor) in step.outputs.iter().zip(outputs) {
                let Some(value) = *output else { continue };
                if let Some(seen) = seen.as_deref_mut() {
                    seen[value] = Some(look(&tensor));
                }
                values[value] = Some(tensor);
            }
            frees.iter().for_each(|value| values[*value] = None);
        }
        Ok(())
    }

    /// Forgets right factors that came of the shopper.
    fn forget_factors(&mut self) {
        for (node, packs) in self.program.steps.iter().zip(&mut self.packs) {
            if node.inputs.iter().skip(1).flatten().any(|value| self.depends[*value] != Depends::NOTHING) {
                packs.clear();
            }
        }
    }
}

/// Blocks of so many ads, the last of which may have fewer, or one more: none has a single row, which might be taken for a
/// dimension of one.
fn blocks(ads: usize, block: usize) -> impl Iterator<Item = Range<usize>> {
    let last = if ads % block == 1 { ads.saturating_sub(block + 1) } else { ads - ads % block };
    let rest = (last < ads).then_some(last..ads);
    (0..last).step_by(block).map(move |from| from..from + block).chain(rest)
}

fn look(tensor: &Tensor) -> Seen {
    let ints = match &tensor.data {
        Data::Int(all) if all.len() <= SHORT => Some(all.to_vec()),
        _ => None,
    };
    Seen { shape: tensor.shape.clone(), ints }
}

/// Tensors of the same shape but for the first dimension, one behind the other.
fn stacked(parts: &[Tensor]) -> Result<Tensor, Fault> {
    let Some((first, others)) = parts.split_first() else { return Err("there are no ads".into()) };
    let mut all = first.clone();
    if !others.is_empty() {
        all.reserve_rows(parts.iter().map(|part| part.shape[0]).sum());
        others.iter().try_for_each(|part| all.push_rows(part))?;
    }
    Ok(all)
}

/// Which rows of an input are taken.
enum Rowed<'a> {
    All,
    Range(Range<usize>),
    Chosen(&'a [usize]),
}

impl Rowed<'_> {
    fn tensor(&self, input: &Input<'_>) -> Result<Tensor, Fault> {
        let data = match &input.values {
            Values::Id(all) => Data::Int(self.pick(input.shape, all)?.into()),
            Values::Float(all) => Data::Float(self.pick(input.shape, all)?.into()),
        };
        let rows = match self {
            Rowed::All => return Ok(Tensor { shape: input.shape.to_vec(), data }),
            Rowed::Range(rows) => rows.len(),
            Rowed::Chosen(rows) => rows.len(),
        };
        Ok(Tensor { shape: [&[rows], &input.shape[1..]].concat(), data })
    }

    fn pick<T: Copy>(&self, shape: &[usize], all: &[T]) -> Result<Vec<T>, Fault> {
        let width: usize = shape.iter().skip(1).product();
        let row = |row: usize| all.get(row * width..(row + 1) * width).ok_or_else(|| format!("there is no ad {row}"));
        match self {
            Rowed::All => Ok(all.to_vec()),
            Rowed::Range(rows) => {
                let part = all.get(rows.start * width..rows.end * width);
                part.map(<[T]>::to_vec).ok_or_else(|| format!("there are no ads {rows:?}"))
            }
            Rowed::Chosen(rows) => {
                let mut out = Vec::with_capacity(rows.len() * width);
                rows.iter().try_for_each(|at| row(*at).map(|row| out.extend_from_slice(row)))?;
                Ok(out)
            }
        }
    }
}

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
