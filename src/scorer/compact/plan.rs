//! Which nodes run when: once per file, once per catalogue, once per ranking, or for every few ads.
//!
//! A value depends on what its inputs depend on, and the names of the file's inputs say that: `ad.` on the catalogue
//! alone, `session.`, `profile.` and `context.` on the shopper, `pair.` on both.

use nearside_core::Feature;
use nearside_core::feature::Source;

use super::program::Program;
use super::rows::{Rows, Sample, Side, follow};

/// How many elements of the widest value one block of ads may have: what a core's own cache holds.
const BLOCK_ELEMENTS: usize = 32 << 10;
/// Fewest and most ads in a block. Fewer, and calling the nodes costs more than they compute.
const BLOCK: (usize, usize) = (16, 512);

/// What a value depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Depends {
    pub(super) ads: bool,
    pub(super) shopper: bool,
}

impl Depends {
    /// On nothing: it is the same at every run.
    pub(super) const NOTHING: Depends = Depends { ads: false, shopper: false };
    /// On the catalogue alone.
    pub(super) const ADS: Depends = Depends { ads: true, shopper: false };
    /// On the shopper and the request alone.
    pub(super) const SHOPPER: Depends = Depends { ads: false, shopper: true };

    /// What an input of the file depends on.
    pub(super) fn of_input(name: &str) -> Depends {
        match Feature::from_name(name).map(Feature::source) {
            Some(Source::Ad) => Depends::ADS,
            Some(Source::Session | Source::Profile | Source::Context) => Depends::SHOPPER,
            Some(Source::Pair) | None => Depends { ads: true, shopper: true },
        }
    }

    fn with(self, other: Depends) -> Depends {
        Depends { ads: self.ads || other.ads, shopper: self.shopper || other.shopper }
    }
}

/// What every value of a program depends on.
pub(super) fn depends(program: &Program) -> Vec<Depends> {
    let mut all = vec![Depends::NOTHING; program.values];
    for (name, value) in &program.inputs {
        all[*value] = Depends::of_input(name);
    }
    for step in &program.steps {
        let own = step.inputs.iter().flatten().fold(Depends::NOTHING, |own, value| own.with(all[*value]));
        step.outputs.iter().flatten().for_each(|value| all[*value] = own);
    }
    all
}

/// Nodes that run one after the other, and the values that nobody reads after each of them.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) nodes: Vec<usize>,
    pub(super) frees: Vec<Vec<usize>>,
}

impl Group {
    /// `keeps` says which values are read after the group.
    pub(super) fn new(program: &Program, nodes: Vec<usize>, keeps: impl Fn(usize) -> bool) -> Group {
        let mut made = vec![false; program.values];
        nodes
            .iter()
            .flat_map(|node| program.steps[*node].outputs.iter().flatten())
            .for_each(|value| made[*value] = true);
        let mut read = vec![false; program.values];
        let mut frees = vec![Vec::new(); nodes.len()];
        for (place, node) in nodes.iter().enumerate().rev() {
            let step = &program.steps[*node];
            for value in step.inputs.iter().chain(&step.outputs).flatten() {
                if made[*value] && !keeps(*value) && !std::mem::replace(&mut read[*value], true) {
                    frees[place].push(*value);
                }
            }
        }
        Group { nodes, frees }
    }
}

/// How a program is run a few ads at a time.
#[derive(Debug)]
pub(super) struct Plan {
    /// What depends on the ads alone, in blocks of ads.
    pub(super) ads: Group,
    /// The values of these that the rest reads; each has a row for each ad.
    pub(super) kept: Vec<usize>,
    /// What depends on the shopper alone.
    pub(super) shopper: Group,
    /// The rest, in blocks of ads.
    pub(super) rest: Group,
    /// Values of which the rest reads nothing but the shape, which is this but for the first dimension.
    pub(super) hollow: Vec<(usize, Vec<usize>)>,
    /// Ads in a block.
    pub(super) block: usize,
}

impl Plan {
    /// `None` where the ads cannot be taken a few at a time.
    pub(super) fn new(program: &Program, depends: &[Depends], samples: &[Sample; 2]) -> Option<Plan> {
        let rows = rows(program, depends, samples)?;
        let Sample { ads, seen } = &samples[0];
        if rows[program.score] != Rows::Each {
            return None;
        }
        let all = || 0..program.steps.len();
        let output = |node: usize| program.steps[node].outputs.iter().flatten().copied();
        let stage = |node: usize| output(node).next().map_or(Depends::NOTHING, |value| depends[value]);
        // Of the ads alone only rows are kept; shapes and what is computed with them belong to the rest too.
        let is_rest = |node: usize| match stage(node) {
            Depends { ads: true, shopper: true } => true,
            Depends::ADS => output(node).any(|value| rows[value] != Rows::Each),
            _ => false,
        };
        let (rest, _) = program.leading_to_score(all().filter(|node| is_rest(*node)));
        let of_ads = |value: usize| depends[value] == Depends::ADS && rows[value] == Rows::Each;
        let mut kept = Vec::new();
        let mut hollow = Vec::new();
        for step in rest.iter().map(|step| &program.steps[*step]) {
            for value in step.inputs.iter().flatten().copied().filter(|value| of_ads(*value)) {
                match step.node.operator.as_str() {
                    "Shape" => hollow.push((value, seen[value].as_ref()?.shape.clone())),
                    _ => kept.push(value),
                }
            }
        }
        if of_ads(program.score) {
            kept.push(program.score);
        }
        kept.sort_unstable();
        kept.dedup();
        hollow.retain(|(value, _)| !kept.contains(value));
        let of_stage = |wanted: Depends| all().filter(|node| stage(*node) == wanted).collect::<Vec<_>>();
        let width = |value: usize| seen[value].as_ref().map_or(0, |seen| seen.shape.iter().product::<usize>() / ads);
        let widest = rest.iter().flat_map(|node| output(*node)).filter(|v| rows[*v] == Rows::Each).map(width).max();
        let block = (BLOCK_ELEMENTS / widest.unwrap_or(1).max(1)).clamp(BLOCK.0, BLOCK.1);
        Some(Plan {
            ads: Group::new(program, of_stage(Depends::ADS), |value| kept.contains(&value)),
            shopper: Group::new(program, of_stage(Depends::SHOPPER), |value| {
                rest.iter().any(|node| program.steps[*node].inputs.contains(&Some(value)))
            }),
            rest: Group::new(program, rest, |value| value == program.score),
            kept,
            hollow,
            block,
        })
    }
}

/// How every value depends on the number of ads; `None` where some node cannot take them one by one.
fn rows(program: &Program, depends: &[Depends], samples: &[Sample; 2]) -> Option<Vec<Rows>> {
    let mut rows = vec![Rows::One; program.values];
    for (_, value) in program.inputs.iter().filter(|(_, value)| depends[*value].ads) {
        rows[*value] = Rows::Each;
    }
    for step in &program.steps {
        if !step.outputs.iter().flatten().any(|value| depends[*value].ads) {
            continue;
        }
        for output in step.outputs.iter().flatten() {
            let of_sample = |sample: &Sample| {
                let side = |value: usize| {
                    let seen = sample.seen[value].as_ref()?;
                    Some(Side { rows: rows[value], of_shopper: depends[value].shopper, seen })
                };
                let sides = step.inputs.iter().map(|input| input.map_or(Some(None), |value| side(value).map(Some)));
                follow(&step.node, &sides.collect::<Option<Vec<_>>>()?, sample.seen[*output].as_ref()?, sample.ads)
            };
            let [Some(a), Some(b)] = samples.each_ref().map(|sample| sample.seen[*output].as_ref()) else {
                // Outputs that nobody reads were not kept in sight.
                continue;
            };
            let [first, second] = samples.each_ref().map(of_sample);
            rows[*output] = match (first?, second?) {
                (Rows::Count, Rows::Count) if a.ints == b.ints => Rows::One,
                (Rows::Count, Rows::Count) => Rows::Count,
                (Rows::Each, Rows::Each) if a.shape[1..] == b.shape[1..] => Rows::Each,
                (Rows::One, Rows::One) => Rows::One,
                _ => return None,
            };
        }
    }
    Some(rows)
}
