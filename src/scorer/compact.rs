//! The compact engine: what rankers are made of, and nothing else.
//!
//! It reads a file into a list of nodes and runs them on dense tensors. What makes it quick is what it does not compute:
//! values that depend on `ad.` inputs alone are kept as long as the catalogue is the same, those that depend on the
//! shopper alone are computed once per ranking, and only the rest runs for every ad, a few ads at a time, so that
//! whatever lies between two nodes stays in the processor's cache (see `plan`).
//!
//! Every number is computed by the same additions and multiplications in the same order natively and in WebAssembly:
//! a model gives the same bits on both.

mod given;
mod machine;
mod plan;
mod program;
mod rows;

use std::ops::Range;

use nearside_core::feature::Edition;
use nearside_operators::{Data, Fault, Tensor};

use crate::file::ModelFile;
use crate::network::{Input, Loaded, Scores};
use given::{Given, Rowed};
use machine::{Machine, look};
use plan::{Depends, Group, Plan};
use program::Program;
use rows::Sample;

/// Whether this engine runs an operator.
pub(crate) fn runs(operator: &str) -> bool {
    nearside_operators::runs(operator)
}

/// Fewest ads for which a plan is worth making.
const WORTH_A_PLAN: usize = 128;
/// Ads in the two runs from which a plan is made. Primes, so that they are no dimensions of a usual model; two, since
/// what the first shows as its number of ads may be something else that happens to be as large.
const SAMPLES: [usize; 2] = [61, 53];

/// A loaded file.
pub(crate) struct Compact {
    machine: Machine,
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
        let program = Program::read(bytes, &inputs, file.opset).map_err(Loaded::Unsupported)?;
        let mut machine = Machine::new(program);
        let whole = machine.fold().map_err(Loaded::Failed)?;
        Ok(Self { machine, whole, plan: Planned::Not, kept: None })
    }

    /// Runs the model. Where `edition` is that of an earlier run, the `ad.` inputs are taken to be those of then.
    pub(crate) fn run(&mut self, inputs: &[Input<'_>], edition: Option<&Edition>) -> Result<Scores, Fault> {
        let given = self.machine.given(inputs);
        self.machine.forget_factors();
        let ads = given.iter().find(|given| given.depends.ads).and_then(|given| given.shape.first());
        let ads = ads.copied().unwrap_or_default();
        let same = |given: &Given<'_>| !given.depends.ads || given.shape.first() == Some(&ads);
        if ads < WORTH_A_PLAN || !given.iter().all(same) {
            return self.run_whole(&given);
        }
        let of_catalogue = given.iter().filter(|given| given.depends == Depends::ADS);
        let dims: Vec<Vec<usize>> = of_catalogue.map(|given| given.shape[1..].to_vec()).collect();
        let is_made = match &self.plan {
            Planned::Not => false,
            Planned::Whole => true,
            Planned::InBlocks(_, planned) => *planned == dims,
        };
        if !is_made {
            self.kept = None;
            self.plan = self.make_plan(&given).map_or(Planned::Whole, |plan| Planned::InBlocks(Box::new(plan), dims));
        }
        let Self { machine, plan: Planned::InBlocks(plan, _), kept, .. } = self else {
            return self.run_whole(&given);
        };
        let Some(edition) = edition else {
            let values = of_ads(machine, plan, &given, ads)?;
            return rest_in_blocks(machine, plan, &given, ads, &values);
        };
        // Taken out: what breaks off half-way must not be kept.
        let values = match kept.take() {
            Some(kept) if kept.edition == *edition => kept.values,
            Some(Kept { edition: before, mut values }) => match edition.changed_since(&before) {
                Some(changed) => {
                    change(machine, plan, &given, ads, changed, &mut values)?;
                    values
                }
                None => of_ads(machine, plan, &given, ads)?,
            },
            None => of_ads(machine, plan, &given, ads)?,
        };
        let scores = rest_in_blocks(machine, plan, &given, ads, &values);
        *kept = Some(Kept { edition: edition.clone(), values });
        scores
    }

    fn run_whole(&mut self, given: &[Given<'_>]) -> Result<Scores, Fault> {
        let mut values = self.machine.values(given, &Rowed::All, |_| true)?;
        self.machine.execute(&self.whole, &mut values, None)?;
        let score = self.machine.score(&values)?;
        Ok(Scores { shape: score.shape.clone(), values: score.as_floats()?.to_vec() })
    }

    /// A plan from two runs on a few ads, if the file can be run in blocks at all.
    fn make_plan(&mut self, given: &[Given<'_>]) -> Option<Plan> {
        let [first, second] = SAMPLES;
        let samples = [self.sample(given, first)?, self.sample(given, second)?];
        Plan::new(self.machine.program(), self.machine.depends(), &samples)
    }

    /// What a run on the first `ads` ads shows of every value.
    fn sample(&mut self, given: &[Given<'_>], ads: usize) -> Option<Sample> {
        let mut values = self.machine.values(given, &Rowed::Range(0..ads), |_| true).ok()?;
        let mut seen: Vec<_> = (0..values.len()).map(|value| self.machine.value(&values, value).map(look)).collect();
        let done = self.machine.execute(&self.whole, &mut values, Some(&mut seen));
        self.machine.forget_factors();
        done.ok()?;
        Some(Sample { ads, seen })
    }
}

/// What depends on the ads alone: the values of [`Plan::kept`].
fn of_ads(machine: &mut Machine, plan: &Plan, given: &[Given<'_>], ads: usize) -> Result<Vec<Tensor>, Fault> {
    let mut parts = vec![Vec::new(); plan.kept.len()];
    for rows in blocks(ads, plan.block) {
        let made = of_some_ads(machine, plan, given, &Rowed::Range(rows))?;
        parts.iter_mut().zip(made).for_each(|(parts, made)| parts.push(made));
    }
    parts.into_iter().map(|parts| stacked(&parts)).collect()
}

/// The same for the ads in `changed`, which take the places of what was there or go on behind it.
fn change(
    machine: &mut Machine,
    plan: &Plan,
    given: &[Given<'_>],
    ads: usize,
    changed: &[usize],
    values: &mut [Tensor],
) -> Result<(), Fault> {
    // Of none nothing can be computed, and a single row might be taken for a dimension of one: it is put there twice.
    let (made, changed) = match *changed {
        [] => (values.iter().map(|value| value.rows(0, 0)).collect(), Vec::new()),
        [one] => (of_some_ads(machine, plan, given, &Rowed::Chosen(&[one, one]))?, vec![one, one]),
        _ => (of_some_ads(machine, plan, given, &Rowed::Chosen(changed))?, changed.to_vec()),
    };
    for (value, made) in values.iter_mut().zip(made) {
        value.put_rows(ads, &changed, &made)?;
    }
    Ok(())
}

fn of_some_ads(
    machine: &mut Machine,
    plan: &Plan,
    given: &[Given<'_>],
    rows: &Rowed<'_>,
) -> Result<Vec<Tensor>, Fault> {
    let mut values = machine.values(given, rows, |depends| depends == Depends::ADS)?;
    machine.execute(&plan.ads, &mut values, None)?;
    plan.kept.iter().map(|value| values[*value].take().ok_or_else(|| "a value is missing".into())).collect()
}

fn rest_in_blocks(
    machine: &mut Machine,
    plan: &Plan,
    given: &[Given<'_>],
    ads: usize,
    kept: &[Tensor],
) -> Result<Scores, Fault> {
    let mut values = machine.values(given, &Rowed::All, |depends| depends == Depends::SHOPPER)?;
    machine.execute(&plan.shopper, &mut values, None)?;
    let mut scores = Vec::with_capacity(ads);
    let mut shape = Vec::new();
    for rows in blocks(ads, plan.block) {
        for (value, kept) in plan.kept.iter().zip(kept) {
            values[*value] = Some(kept.rows(rows.start, rows.end));
        }
        for (value, shape) in &plan.hollow {
            let shape = [&[rows.len()], &shape[1..]].concat();
            values[*value] = Some(Tensor { shape, data: Data::default() });
        }
        let of_both = given.iter().filter(|given| given.depends.ads && given.depends.shopper);
        for given in of_both {
            values[given.value] = Some(given.tensor(&Rowed::Range(rows.clone()))?);
        }
        machine.execute(&plan.rest, &mut values, None)?;
        let score = machine.score(&values)?;
        if score.shape.first() != Some(&rows.len()) {
            return Err(format!("{} ads have scores of shape {:?}", rows.len(), score.shape));
        }
        scores.extend_from_slice(score.as_floats()?);
        shape.clone_from(&score.shape);
    }
    shape[0] = ads;
    Ok(Scores { shape, values: scores })
}

/// Blocks of so many ads, the last of which may have fewer, or one more: none has a single row, which might be taken for a
/// dimension of one.
fn blocks(ads: usize, block: usize) -> impl Iterator<Item = Range<usize>> {
    let last = if ads % block == 1 { ads.saturating_sub(block + 1) } else { ads - ads % block };
    let rest = (last < ads).then_some(last..ads);
    (0..last).step_by(block).map(move |from| from..from + block).chain(rest)
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

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
