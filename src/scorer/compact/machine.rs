//! Running the steps of a program, group by group.

use std::sync::Arc;

use nearside_operators::{Args, Data, Fault, Packed, Run, Tensor};

use super::given::{Given, Rowed};
use super::plan::{self, Depends, Group};
use super::program::{Program, Step};
use super::rows::Seen;
use crate::network::Input;

/// A list of whole numbers that may be a shape is at most as long.
const SHORT: usize = 16;

/// A program, and what of it stays from one run to the next.
pub(super) struct Machine {
    program: Program,
    depends: Vec<Depends>,
    /// Weights and what is computed of them, by value.
    constants: Vec<Option<Tensor>>,
    /// By step: right factors of products, laid out.
    packs: Vec<Vec<Arc<Packed>>>,
}

impl Machine {
    pub(super) fn new(mut program: Program) -> Machine {
        let mut constants = vec![None; program.values];
        for (value, tensor) in std::mem::take(&mut program.weights) {
            constants[value] = Some(tensor);
        }
        let depends = plan::depends(&program);
        let packs = vec![Vec::new(); program.steps.len()];
        Machine { program, depends, constants, packs }
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// What every value depends on.
    pub(super) fn depends(&self) -> &[Depends] {
        &self.depends
    }

    /// Computes what depends on no input, and forgets what only that was made of. Gives all other steps.
    pub(super) fn fold(&mut self) -> Result<Group, Fault> {
        let of_nothing =
            |step: &Step| step.outputs.iter().flatten().all(|value| self.depends[*value] == Depends::NOTHING);
        let (folded, rest): (Vec<_>, Vec<_>) =
            (0..self.program.steps.len()).partition(|step| of_nothing(&self.program.steps[*step]));
        let score = self.program.score;
        let mut needed = vec![false; self.program.values];
        let read_later = rest.iter().flat_map(|step| self.program.steps[*step].inputs.iter().flatten());
        read_later.chain([&score]).for_each(|value| needed[*value] = true);
        let group = Group::new(&self.program, folded, |value| needed[value]);
        let mut values = vec![None; self.program.values];
        self.execute(&group, &mut values, None)?;
        for (value, constant) in self.constants.iter_mut().enumerate() {
            *constant = values[value].take().or(constant.take()).filter(|_| needed[value]);
        }
        self.packs.iter_mut().for_each(Vec::clear);
        Ok(Group::new(&self.program, rest, |value| value == score))
    }

    /// The inputs that the program knows, each with the value it is.
    pub(super) fn given<'a>(&self, inputs: &'a [Input<'a>]) -> Vec<Given<'a>> {
        let given = inputs.iter().filter_map(|input| {
            let (_, value) = self.program.inputs.iter().find(|(name, _)| name == input.name)?;
            Some(Given { value: *value, depends: self.depends[*value], shape: input.shape, values: &input.values })
        });
        given.collect()
    }

    /// Values to start from: the inputs that depend on what is `wanted`; of those with a row for each ad, these rows.
    pub(super) fn values(
        &self,
        given: &[Given<'_>],
        rows: &Rowed<'_>,
        wanted: impl Fn(Depends) -> bool,
    ) -> Result<Vec<Option<Tensor>>, Fault> {
        let mut values = vec![None; self.program.values];
        for given in given.iter().filter(|given| wanted(given.depends)) {
            values[given.value] = Some(given.tensor(rows)?);
        }
        Ok(values)
    }

    /// A value of this run, or one that is the same at every run.
    pub(super) fn value<'a>(&'a self, values: &'a [Option<Tensor>], value: usize) -> Option<&'a Tensor> {
        values[value].as_ref().or(self.constants[value].as_ref())
    }

    pub(super) fn score<'a>(&'a self, values: &'a [Option<Tensor>]) -> Result<&'a Tensor, Fault> {
        self.value(values, self.program.score).ok_or_else(|| "there is no score".into())
    }

    /// Runs steps. What they show of their values is noted in `seen`.
    pub(super) fn execute(
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
    pub(super) fn forget_factors(&mut self) {
        for (step, packs) in self.program.steps.iter().zip(&mut self.packs) {
            if step.inputs.iter().skip(1).flatten().any(|value| self.depends[*value] != Depends::NOTHING) {
                packs.clear();
            }
        }
    }
}

/// What a run shows of a value.
pub(super) fn look(tensor: &Tensor) -> Seen {
    let ints = match &tensor.data {
        Data::Int(all) if all.len() <= SHORT => Some(all.to_vec()),
        _ => None,
    };
    Seen { shape: tensor.shape.clone(), ints }
}
