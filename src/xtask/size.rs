//! `cargo xtask size`: what a shop's customers download.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::engine::{COMPACT, FULL};
use crate::error::Error;
use crate::names;
use crate::package;
use crate::project::Project;

/// Figures that must not grow beyond a limit, in bytes.
const BUDGETS: [(&str, usize); 2] = [
    // Every visitor of a shop downloads both once; the full engine only comes when a model needs it.
    ("compact_wasm_brotli", 450 * 1024),
    ("facade_js_gzip", 15 * 1024),
];

/// Crates shown in the table; the rest is one line.
const CRATES: usize = 16;

/// Brotli's window, as a power of two: 16 MiB, the largest a browser takes.
const WINDOW: i32 = 24;

/// One thing that is downloaded, in three encodings.
#[derive(Debug)]
struct Weight {
    name: &'static str,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Builds, weighs, prints, and fails where a figure is over its limit.
pub(crate) fn size(project: &Project, json: bool) -> Result<(), Error> {
    package::prepare(project, &["pkg"])?;
    let named = COMPACT.build(project)?;
    FULL.build(project)?;
    package::facade(project)?;
    let module = |name: &str| read(&project.path(&format!("pkg/dist/wasm/{name}/nearside_{name}_bg.wasm")));
    let (compact, full, scripts) = (module("compact")?, module("full")?, scripts(project)?);
    let weights = project.console.step("compressing", || -> Result<_, Error> {
        Ok([weigh("compact_wasm", &compact)?, weigh("full_wasm", &full)?, weigh("facade_js", &scripts)?])
    })?;
    let figures = figures(&weights);
    if json {
        println!("{}", Value::Object(figures.clone()));
    } else {
        print_table(&weights);
        print_crates(&read(&named)?, &named)?;
    }
    let names = over_budget(&figures);
    if names.is_empty() { Ok(()) } else { Err(Error::OverBudget { names }) }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(Error::file(path))
}

/// The package's own scripts as a page gets them before any bundler: hand-written and generated, without Node's part.
fn scripts(project: &Project) -> Result<Vec<u8>, Error> {
    let dist = project.path("pkg/dist");
    let mut paths: Vec<PathBuf> = fs::read_dir(&dist)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(Error::file(&dist))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "js") && !path.ends_with("node.js"));
    paths.sort();
    for engine in [COMPACT, FULL] {
        paths.push(engine.dist(project).join(format!("{}.js", engine.module())));
    }
    let mut bytes = Vec::new();
    for path in paths {
        bytes.extend(read(&path)?);
    }
    Ok(bytes)
}

fn weigh(name: &'static str, bytes: &[u8]) -> Result<Weight, Error> {
    let broken = |error: std::io::Error| Error::Product { what: name.into(), detail: error.to_string() };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).map_err(broken)?;
    let gzip = gzip.finish().map_err(broken)?.len();
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 11, lgwin: WINDOW, size_hint: bytes.len(), ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters).map_err(broken)?;
    Ok(Weight { name, raw: bytes.len(), gzip, brotli: packed.len() })
}

/// The figures by name, in bytes.
fn figures(weights: &[Weight]) -> Map<String, Value> {
    let mut figures = Map::new();
    for weight in weights {
        for (encoding, bytes) in [("raw", weight.raw), ("gzip", weight.gzip), ("brotli", weight.brotli)] {
            figures.insert(format!("{}_{encoding}", weight.name), bytes.into());
        }
    }
    figures
}

/// The names of the figures over their limits.
fn over_budget(figures: &Map<String, Value>) -> Vec<String> {
    let over =
        |name: &str, limit: usize| figures.get(name).and_then(Value::as_u64).is_none_or(|bytes| bytes > limit as u64);
    BUDGETS.iter().filter(|(name, limit)| over(name, *limit)).map(|(name, _)| (*name).to_owned()).collect()
}

fn print_table(weights: &[Weight]) {
    println!("{:14} {:>12} {:>12} {:>12}", "bytes", "raw", "gzip", "brotli");
    for Weight { name, raw, gzip, brotli } in weights {
        println!("{name:14} {raw:>12} {gzip:>12} {brotli:>12}");
    }
    for (name, limit) in BUDGETS {
        println!("limit: {name} <= {limit}");
    }
}

fn print_crates(module: &[u8], path: &Path) -> Result<(), Error> {
    let sums =
        names::bytes_by_crate(module).map_err(|detail| Error::Product { what: path.display().to_string(), detail })?;
    println!("\ncompact wasm by crate, raw bytes (inlined code counts for the crate it was inlined into)");
    for (name, bytes) in sums.iter().take(CRATES) {
        println!("{name:26} {bytes:>9}");
    }
    let rest: usize = sums.iter().skip(CRATES).map(|(_, bytes)| bytes).sum();
    println!("{:26} {rest:>9}", "all others");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thing_is_reported_in_three_encodings() {
        let figures = figures(&[Weight { name: "facade_js", raw: 3, gzip: 2, brotli: 1 }]);
        let expected = r#"{"facade_js_raw":3,"facade_js_gzip":2,"facade_js_brotli":1}"#;
        assert_eq!(Value::Object(figures), serde_json::from_str::<Value>(expected).expect("the text is JSON"));
    }

    #[test]
    fn a_figure_at_its_limit_passes_and_one_byte_more_does_not() {
        let weights = |more: usize| {
            [
                Weight { name: "compact_wasm", raw: 0, gzip: 0, brotli: 450 * 1024 + more },
                Weight { name: "facade_js", raw: 0, gzip: 15 * 1024, brotli: 0 },
            ]
        };
        assert_eq!(over_budget(&figures(&weights(0))), Vec::<String>::new());
        assert_eq!(over_budget(&figures(&weights(1))), ["compact_wasm_brotli"]);
    }

    #[test]
    fn a_figure_that_was_not_measured_is_over_its_limit() {
        assert_eq!(over_budget(&Map::new()).len(), BUDGETS.len());
    }

    #[test]
    fn repeated_bytes_weigh_little_once_compressed() {
        let weight = weigh("compact_wasm", &[7; 100_000]).expect("memory can be compressed");
        assert_eq!(weight.raw, 100_000);
        assert!(weight.gzip < 1_000 && weight.brotli < 100, "{weight:?}");
    }
}
