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

/// What is downloaded for one purpose, in three encodings.
#[derive(Debug, Default, PartialEq, Eq)]
struct Weight {
    name: &'static str,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Builds, weighs, prints, and fails where a figure is over its limit.
pub(crate) fn size(project: &Project, json: bool) -> Result<(), Error> {
    package::prepare(project, &["pkg", "tests"])?;
    let named = COMPACT.build(project)?;
    FULL.build(project)?;
    package::facade(project)?;
    let scripts = bundled(project)?;
    let module = |name: &str| project.path(&format!("pkg/dist/wasm/{name}/nearside_{name}_bg.wasm"));
    let weights = project.console.step("compressing", || -> Result<_, Error> {
        Ok([
            weigh("compact_wasm", &[module("compact")])?,
            weigh("full_wasm", &[module("full")])?,
            weigh("facade_js", &files_of(&scripts.join("first"))?)?,
            weigh("fallback_js", &files_of(&scripts.join("fallback"))?)?,
        ])
    })?;
    let figures = figures(&weights);
    if json {
        println!("{}", Value::Object(figures.clone()));
    } else {
        print_table(&weights);
        print_crates(&named)?;
    }
    let names = over_budget(&figures);
    if names.is_empty() { Ok(()) } else { Err(Error::OverBudget { names }) }
}

/// The package's scripts as a shop's bundler delivers them. In `first` what a page with a worker downloads, in
/// `fallback` what one without a worker adds.
fn bundled(project: &Project) -> Result<PathBuf, Error> {
    let folder = project.cache.join("scripts");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
    }
    let mut node = project.node();
    node.arg("tests/bench/scripts.mjs").arg("--out").arg(&folder);
    project.run("bundling the package's scripts", &mut node)?;
    Ok(folder)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(Error::file(folder))
}

/// Sums files, each compressed by itself as a server sends it.
fn weigh(name: &'static str, paths: &[PathBuf]) -> Result<Weight, Error> {
    let mut weight = Weight { name, ..Weight::default() };
    for path in paths {
        let bytes = fs::read(path).map_err(Error::file(path))?;
        let (gzip, brotli) = compressed(&bytes).map_err(Error::file(path))?;
        weight.raw += bytes.len();
        weight.gzip += gzip;
        weight.brotli += brotli;
    }
    Ok(weight)
}

/// Bytes after gzip and after brotli, each at its best.
fn compressed(bytes: &[u8]) -> std::io::Result<(usize, usize)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes)?;
    let gzip = gzip.finish()?.len();
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 11, lgwin: WINDOW, size_hint: bytes.len(), ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters)?;
    Ok((gzip, packed.len()))
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

fn print_crates(path: &Path) -> Result<(), Error> {
    let module = fs::read(path).map_err(Error::file(path))?;
    let sums =
        names::bytes_by_crate(&module).map_err(|detail| Error::Product { what: path.display().to_string(), detail })?;
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
        let (gzip, brotli) = compressed(&[7; 100_000]).expect("memory can be compressed");
        assert!(gzip < 1_000 && brotli < 100, "{gzip} and {brotli}");
    }
}
