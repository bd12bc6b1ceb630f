//! From one file to another.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use nearside_scorer::{Input, ModelFile};

use crate::cost::Cost;
use crate::error::Error;
use crate::file;
use crate::graph::Graph;
use crate::passes::{self, Changes};
use crate::report::{Agreement, Dropped, Figures, Golden, PassReport, Report};
use crate::size::Sizes;
use crate::verify::{GOLDEN, Original, TOLERANCE, rescored, sample, written};

/// What is asked for beside the exact passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Store embedding tables as whole numbers of eight bits. Default yes: scores move by some 1e-3.
    pub int8_tables: bool,
    /// Store the weights of dense layers so too. Default no: it saves bytes of the file alone.
    pub int8_dense: bool,
    /// Keep the names of values. Default no.
    pub keep_names: bool,
    /// For which sizes operations are counted.
    pub sizes: Sizes,
}

impl Default for Options {
    fn default() -> Self {
        Self { int8_tables: true, int8_dense: false, keep_names: false, sizes: Sizes::default() }
    }
}

/// A compiled file.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The file.
    pub bytes: Vec<u8>,
    /// What was done.
    pub report: Report,
}

/// Compiles a file and holds the result against the original on its golden cases and on `samples`, inputs that the file
/// takes. Where the original has no golden cases, small samples become some.
///
/// Errors: what [`Model::load`](nearside_scorer::Model::load) says of the original; `compiled-refused`; `scores-differ`.
pub fn compile(bytes: &[u8], options: &Options, samples: &[Vec<Input<'_>>]) -> Result<Compiled, Error> {
    let summary = ModelFile::read(bytes)?;
    let all = summary.golden.iter().map(sample).chain(samples.iter().cloned()).collect();
    let original = Original::run(bytes, all)?;

    let mut dropped = file::Dropped::default();
    let mut graph = Graph::read(bytes, &mut dropped)?;
    let before = figures(bytes, &graph, options.sizes);
    let mut changes = passes::exact(&mut graph);
    let mut golden = if summary.golden.is_empty() { original.golden() } else { summary.golden.clone() };
    let mut fate = match (summary.golden.is_empty(), golden.is_empty()) {
        (false, _) => Golden::Kept,
        (true, false) => Golden::Made,
        (true, true) => Golden::None,
    };
    if fate == Golden::Made {
        graph.set_metadata(GOLDEN, written(&golden));
    }
    let differences = original.differences(&graph.write())?;
    if let Some((engine, largest)) = differences.iter().find(|(_, largest)| *largest > TOLERANCE) {
        return Err(Error::ScoresDiffer { engine: *engine, largest: *largest, tolerance: TOLERANCE });
    }

    let rounded = round(&mut graph, options, &mut changes);
    if !options.keep_names {
        note(&mut changes, "names", passes::names(&mut graph));
    }
    if rounded && !golden.is_empty() {
        graph.set_metadata(GOLDEN, "[]".into());
        golden = rescored(&graph.write(), original.engine(), &golden)?;
        graph.set_metadata(GOLDEN, written(&golden));
        fate = if fate == Golden::Kept { Golden::Rewritten } else { fate };
    }
    let compiled = graph.write();
    let last = original.differences(&compiled)?;
    let agreement = differences.iter().zip(&last).map(|((engine, float), (_, last))| Agreement {
        engine: engine.name(),
        float: *float,
        rounded: rounded.then_some(*last),
    });
    let report = Report {
        passes: changes.into_iter().map(|(name, changes)| PassReport { name, changes }).collect(),
        dropped: dropped.0.into_iter().map(|(what, (count, bytes))| Dropped { what, count, bytes }).collect(),
        before,
        after: figures(&compiled, &graph, options.sizes),
        agreement: agreement.collect(),
        golden: fate,
    };
    Ok(Compiled { bytes: compiled, report })
}

/// Rounds what may be rounded to whole numbers. Whether anything was.
fn round(graph: &mut Graph, options: &Options, changes: &mut Changes) -> bool {
    let mut rounded = 0;
    for (name, wanted, pass) in [
        ("tables", options.int8_tables, passes::tables as fn(&mut Graph) -> usize),
        ("dense", options.int8_dense, passes::dense),
    ] {
        let count = if wanted { pass(graph) } else { 0 };
        note(changes, name, count);
        rounded += count;
    }
    if rounded > 0 {
        note(changes, "dead", passes::dead(graph));
    }
    rounded > 0
}

fn note(changes: &mut Changes, name: &'static str, count: usize) {
    if count > 0 {
        *changes.entry(name).or_default() += count;
    }
}

fn figures(bytes: &[u8], graph: &Graph, sizes: Sizes) -> Figures {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("a vector takes every byte");
    Figures { bytes: bytes.len(), bytes_gzip: compressed.len(), nodes: graph.nodes.len(), cost: Cost::of(graph, sizes) }
}
