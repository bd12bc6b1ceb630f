//! `nearside compile`: an ONNX file in, one that asks for less work per ad out.

use std::fmt;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use nearside_compile::{Agreement, Dropped, Figures, Golden, Operations, PassReport, Sizes, TOLERANCE, compile};
use nearside_core::feature::SESSION_LIMIT;
use nearside_scorer::{Engine, Input, Model, ModelFile};
use nearside_train::write_whole;
use serde::Serialize;

use crate::check::inputs::{self, Generator, Tensor};
use crate::check::quietly;
use crate::error::Error;
use crate::output;
use crate::range::{MOST, within};

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
The compact engine computes what depends on ad. inputs alone once per catalogue, what depends on session., profile. and
context. inputs alone once per ranking, and the rest for every ad. Compiling moves work out of that rest: constants are
computed, a row that is repeated for every ad stays a row, and a dense layer over shopper and ad becomes a row of the
shopper plus rows of the ads. Any ONNX tool opens the result; inputs, score and metadata are those of the original.

Before it is written, the result is held against the original in every engine that runs that, on its golden cases and on
random inputs (fixed seed, several numbers of candidates and events). Scores may differ by 1e-4, relative to the score's
size where that is above 1, before anything is rounded to whole numbers; otherwise the command fails and writes nothing.
What rounding changes is told, and the golden cases then hold the scores of the compiled file.

With --json: {model, ads, steps, cases, tolerance, passes: [{name, changes}], dropped: [{what, count, bytes}], before and
after: {bytes, bytes_gzip, nodes, cost: {ad, ranking, catalogue: {multiply_adds, values}, unknown}}, agreement: [{engine,
float, rounded}], golden: kept | made | rewritten | none}. Per ad and per ranking are counts for one; per catalogue for all
ads together.

Examples:
  nearside compile model.onnx -o compiled.onnx
  nearside compile model.onnx -o compiled.onnx --int8-tables false --ads 100000";

/// Which file, and what may be done to it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The ONNX file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Store embedding tables as whole numbers of eight bits with a scale per row
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    int8_tables: bool,
    /// Store the weights of dense layers as whole numbers of eight bits with a scale per column
    #[arg(long)]
    int8_dense: bool,
    /// Keep the names of values; otherwise only those of inputs and score stay
    #[arg(long)]
    keep_names: bool,
    /// Ads for which operations are counted, 1 to 1000000000
    #[arg(long, value_name = "N", default_value_t = Sizes::default().ads, value_parser = within(1..=MOST))]
    ads: usize,
    /// Events in the session for which operations are counted, where the file fixes no length, 1 to 50
    #[arg(long, value_name = "L", default_value_t = Sizes::default().steps, value_parser = within(1..=SESSION_LIMIT))]
    steps: usize,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Report {
    model: PathBuf,
    ads: usize,
    steps: usize,
    /// Sets of random inputs.
    cases: usize,
    tolerance: f32,
    #[serde(flatten)]
    compiled: nearside_compile::Report,
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Options { model: path, out, ads, steps, .. } = options;
    output::apart([out], [path])?;
    let bytes = std::fs::read(path).map_err(Error::reading(path))?;
    let asked = nearside_compile::Options {
        int8_tables: options.int8_tables,
        int8_dense: options.int8_dense,
        keep_names: options.keep_names,
        sizes: Sizes { ads: *ads, steps: *steps, ..Sizes::default() },
    };
    let (compiled, cases) = quietly(|| {
        let cases = random(&bytes).map_err(nearside_compile::Error::Original)?;
        let samples: Vec<Vec<Input<'_>>> = cases.iter().map(|case| case.iter().map(Tensor::input).collect()).collect();
        Ok((compile(&bytes, &asked, &samples)?, cases.len()))
    })
    .map_err(|error| match error {
        nearside_compile::Error::Original(source) => Error::Model { path: path.clone(), source },
        source => Error::Compile { path: path.clone(), source },
    })?;
    write_whole(out, &compiled.bytes).map_err(Error::writing(out))?;
    let (ads, steps) = (*ads, *steps);
    let report = Report { model: out.clone(), ads, steps, cases, tolerance: TOLERANCE, compiled: compiled.report };
    output::print(&report, options.json)
}

/// The inputs of `nearside check`, within the ids that the file's tables have; none where no engine runs the file.
fn random(bytes: &[u8]) -> Result<Vec<Vec<Tensor>>, nearside_scorer::Error> {
    let mut generator = Generator::new(&ModelFile::read(bytes)?.inputs);
    let Some(mut model) = Engine::ALL.iter().find_map(|engine| Model::load(bytes, *engine).ok()) else {
        return Ok(Vec::new());
    };
    generator.find_limits(|tensors| inputs::run(&mut model, tensors).is_ok());
    Ok(inputs::CASES.iter().map(|case| generator.tensors(*case)).collect())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { model, ads, steps, cases, tolerance, compiled } = self;
        let nearside_compile::Report { passes, dropped, before, after, agreement, golden } = compiled;
        writeln!(f, "{}", model.display())?;
        writeln!(f, "\n{:28}{:>12}{:>12}", "", "before", "after")?;
        let row = |f: &mut fmt::Formatter<'_>, what: &str, of: fn(&Figures) -> f64| {
            writeln!(f, "{what:28}{:>12}{:>12}", number(of(before)), number(of(after)))
        };
        row(f, "bytes", |figures| figures.bytes as f64)?;
        row(f, "bytes after gzip", |figures| figures.bytes_gzip as f64)?;
        row(f, "nodes", |figures| figures.nodes as f64)?;
        writeln!(f, "for {ads} ads and {steps} steps:")?;
        for (per, part) in [
            ("per ad", (|figures| figures.cost.ad) as fn(&Figures) -> Operations),
            ("per ranking", |figures| figures.cost.ranking),
            ("per catalogue", |figures| figures.cost.catalogue),
        ] {
            let [was, is] = [part(before), part(after)];
            writeln!(
                f,
                "  {:26}{:>12}{:>12}",
                format!("multiply-adds {per}"),
                number(was.multiply_adds),
                number(is.multiply_adds)
            )?;
            writeln!(f, "  {:26}{:>12}{:>12}", format!("other values {per}"), number(was.values), number(is.values))?;
        }
        if before.cost.unknown + after.cost.unknown > 0 {
            row(f, "  nodes of unknown size", |figures| figures.cost.unknown as f64)?;
        }
        writeln!(f, "\nchanges")?;
        for PassReport { name, changes } in passes {
            writeln!(f, "  {name:12}{changes:>6}")?;
        }
        if !dropped.is_empty() {
            writeln!(f, "left behind")?;
        }
        for Dropped { what, count, bytes } in dropped {
            writeln!(f, "  {what}: {count}, {bytes} bytes")?;
        }
        writeln!(f, "largest difference on golden cases and {cases} random cases, tolerance {tolerance:.0e}")?;
        for Agreement { engine, float, rounded } in agreement {
            write!(f, "  {engine:8}  {float:.1e}")?;
            match rounded {
                Some(rounded) => writeln!(f, ", after rounding to whole numbers {rounded:.1e}")?,
                None => writeln!(f)?,
            }
        }
        writeln!(
            f,
            "golden cases: {}",
            match golden {
                Golden::Kept => "the original's",
                Golden::Made => "the original had none; made from random inputs",
                Golden::Rewritten => "the original's inputs with the rounded file's scores",
                Golden::None => "none",
            }
        )
    }
}

/// A count; per ad it need not be whole.
fn number(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { format!("{count:.1}") }
}
