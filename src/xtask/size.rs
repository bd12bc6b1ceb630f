//! `cargo xtask size`: what a shop's customers download.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::engine::{COMPACT, FULL, RELAXED};
use crate::error::Error;
use crate::names;
use crate::package;
use crate::project::Project;

/// Figures that must not grow beyond a limit, in bytes.
const BUDGETS: [(&str, usize); 3] = [
    // What every visitor of a shop downloads once: the compact engine and the scripts of a page with a worker. The full
    // engine only comes when a model needs it.
    ("download_brotli", 300_000),
    ("download_relaxed_brotli", 300_000),
    ("facade_js_gzip", 15_000),
];

/// Crates shown in the table; the rest is one line.
const CRATES: usize = 16;

/// Builds, weighs, prints, and fails where a figure is over its limit.
pub(crate) fn size(project: &Project, json: bool) -> Result<(), Error> {
    package::prepare(project, &["pkg", "tests"])?;
    let named = COMPACT.build(project)?;
    RELAXED.build(project)?;
    FULL.build(project)?;
    package::facade(project)?;
    let figures = weigh(project)?;
    if json {
        println!("{}", Value::Object(figures.clone()));
    } else {
        print_table(&figures);
        print_crates(&named)?;
    }
    let names = over_budget(&figures);
    if names.is_empty() { Ok(()) } else { Err(Error::OverBudget { names }) }
}

/// Bytes by name. Node compresses: it brings brotli, and it bundles the scripts as a shop does.
fn weigh(project: &Project) -> Result<Map<String, Value>, Error> {
    let results = project.cache.join("log").join("size.json");
    let mut node = project.node();
    node.arg("tests/bench/weigh.mjs").arg("--out").arg(&results);
    project.run("bundling and compressing", &mut node)?;
    let text = fs::read_to_string(&results).map_err(Error::file(&results))?;
    serde_json::from_str(&text)
        .map_err(|error| Error::Product { what: results.display().to_string(), detail: error.to_string() })
}

/// The names of the figures over their limits.
fn over_budget(figures: &Map<String, Value>) -> Vec<String> {
    let over =
        |name: &str, limit: usize| figures.get(name).and_then(Value::as_u64).is_none_or(|bytes| bytes > limit as u64);
    BUDGETS.iter().filter(|(name, limit)| over(name, *limit)).map(|(name, _)| (*name).to_owned()).collect()
}

fn print_table(figures: &Map<String, Value>) {
    for (name, bytes) in figures {
        let limit = BUDGETS.iter().find(|(known, _)| known == name);
        let limit = limit.map(|(_, most)| format!("   limit {most}")).unwrap_or_default();
        println!("{name:26} {:>9}{limit}", bytes.as_u64().unwrap_or(0));
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
    use serde_json::json;

    fn over(figures: Value) -> Vec<String> {
        over_budget(figures.as_object().expect("the figures are an object"))
    }

    #[test]
    fn a_figure_at_its_limit_passes_and_one_byte_more_does_not() {
        assert!(
            over(json!({"download_brotli": 300_000, "download_relaxed_brotli": 300_000, "facade_js_gzip": 15_000}))
                .is_empty()
        );
        let names =
            over(json!({"download_brotli": 300_001, "download_relaxed_brotli": 300_001, "facade_js_gzip": 15_001}));
        assert_eq!(names, ["download_brotli", "download_relaxed_brotli", "facade_js_gzip"]);
    }

    #[test]
    fn a_figure_that_was_not_measured_is_over_its_limit() {
        assert_eq!(over(json!({"download_brotli": 1, "download_relaxed_brotli": 1})), ["facade_js_gzip"]);
    }
}
