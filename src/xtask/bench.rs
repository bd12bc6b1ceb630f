//! `cargo xtask bench`: our speed beside other engines', on the same model in the same run.
//!
//! The measuring is done by `tests/bench/*.mjs`, in Node or in Chromium; the
//! limits and the printing are here.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::error::Error;
use crate::package;
use crate::project::Project;
use crate::setup;

/// What a figure must not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// Ours divided by the peer's.
    Ratio(f64),
    /// Ours alone, in milliseconds.
    Time(f64),
    /// Ours divided by the peer's, and the least share of the exact best that a slate must hold.
    Found { ratio: f64, recall: f64 },
}

/// A slate in two stages: ten times faster than scoring all, with hardly any of the best missing.
const SLATE: Limit = Limit::Found { ratio: 0.1, recall: 0.99 };

/// The limits by the figure's name. A name missing from a run is not judged.
const BUDGETS: [(&str, Limit); 14] = [
    ("rank_1000", Limit::Ratio(1.0)),
    ("rank_10000_towers", Limit::Ratio(1.0 / 20.0)),
    // What can be had by computing only what depends on both shopper and ad.
    ("rank_10000_mlp", Limit::Ratio(1.0 / 3.0)),
    ("rank_10000_din", Limit::Ratio(1.0 / 3.0)),
    ("slate_10000_towers", SLATE),
    ("slate_10000_mlp", SLATE),
    ("slate_10000_din", SLATE),
    ("cold_first_slate", Limit::Ratio(1.0 / 3.0)),
    ("cold_first_slate_10000", Limit::Ratio(1.0 / 5.0)),
    ("observe", Limit::Time(0.02)),
    ("rank_1000000", Limit::Time(16.0)),
    ("delta_1000", Limit::Time(5.0)),
    // Once in a request, before the first ad is scored.
    ("encode_session", Limit::Time(2.0)),
    // What browsers call a long task, and web performance tools count against a page.
    ("longest_main_thread_task", Limit::Time(50.0)),
];

/// What was asked for on the command line.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Print one JSON array, and nothing else, on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    /// Measure in Chromium instead of Node.
    #[arg(long)]
    pub(crate) browser: bool,
    /// Fail where a figure is over its limit.
    #[arg(long)]
    pub(crate) check: bool,
    /// Measure these rows only, named as in the table and separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) rows: Vec<String>,
    /// Measure catalogues of 1,000 to 100,000 ads too, and write time and memory there as an SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

/// Builds, measures, prints.
pub(crate) fn bench(project: &Project, options: &Options) -> Result<(), Error> {
    package::build(project)?;
    setup::npm_packages(project, "tests")?;
    let (script, place) = if options.browser { ("browser", "Chromium") } else { ("node", "Node") };
    let results = project.cache.join("log").join(format!("bench-{script}.json"));
    let mut node = project.node();
    node.arg(format!("tests/bench/{script}.mjs")).arg("--out").arg(&results);
    if !options.rows.is_empty() {
        node.args(["--rows", &options.rows.join(",")]);
    }
    if let Some(plot) = &options.plot {
        // Node runs in the checkout, and the path is from where the command was given.
        node.arg("--plot").arg(std::path::absolute(plot).map_err(Error::file(plot))?);
    }
    if options.browser {
        node.env("CHROMIUM", setup::chromium(project)?);
    }
    let said = project.run(&format!("measuring in {place}"), &mut node)?;
    let text = fs::read_to_string(&results).map_err(Error::file(&results))?;
    let rows: Vec<Value> = serde_json::from_str(&text)
        .map_err(|error| Error::Product { what: results.display().to_string(), detail: error.to_string() })?;
    if options.json {
        println!("{}", Value::Array(rows.clone()));
    } else {
        print_table(&rows, place);
        println!("\n{}", said.trim_end());
    }
    let names: Vec<String> =
        rows.iter().filter(|row| verdict(row) == Some(false)).map(|row| name(row).to_owned()).collect();
    if options.check && !names.is_empty() { Err(Error::OverBudget { names }) } else { Ok(()) }
}

fn name(row: &Value) -> &str {
    row["name"].as_str().unwrap_or("")
}

fn limit(name: &str) -> Option<Limit> {
    BUDGETS.iter().find(|(known, _)| *known == name).map(|(_, limit)| *limit)
}

/// Whether a figure keeps its limit; `None` where it has none. A figure that is not a number does not.
fn verdict(row: &Value) -> Option<bool> {
    let within = |figure: &Value, most: f64| figure.as_f64().is_some_and(|value| value <= most);
    Some(match limit(name(row))? {
        Limit::Ratio(most) => within(&row["ratio"], most),
        Limit::Time(most) => within(&row["ours_ms"], most),
        Limit::Found { ratio, recall } => {
            within(&row["ratio"], ratio) && row["recall"].as_f64().is_some_and(|share| share >= recall)
        }
    })
}

fn print_table(rows: &[Value], place: &str) {
    println!(
        "{:26} {:>10} {:>10}  {:24} {:>10} {:>10} {:>7}  limit",
        format!("ms in {place}"),
        "ours",
        "p95",
        "peer",
        "median",
        "p95",
        "ratio"
    );
    for row in rows {
        let limit = match limit(name(row)) {
            Some(Limit::Ratio(most)) => format!("ratio <= {most:.2}"),
            Some(Limit::Time(most)) => format!("ours <= {most} ms"),
            Some(Limit::Found { ratio, recall }) => format!("ratio <= {ratio:.2}, recall >= {recall}"),
            None => String::new(),
        };
        let verdict = match verdict(row) {
            Some(true) => " pass",
            Some(false) => " FAIL",
            None => "",
        };
        println!(
            "{:26} {:>10} {:>10}  {:24} {:>10} {:>10} {:>7}  {limit}{verdict}",
            name(row),
            figure(&row["ours_ms"]),
            figure(&row["ours_p95_ms"]),
            row["peer"].as_str().unwrap_or("-"),
            figure(&row["peer_ms"]),
            figure(&row["peer_p95_ms"]),
            figure(&row["ratio"]),
        );
        for other in row["others"].as_array().into_iter().flatten() {
            println!(
                "{:50} {:24} {:>10} {:>10} {:>7}",
                "",
                other["peer"].as_str().unwrap_or("-"),
                figure(&other["peer_ms"]),
                figure(&other["peer_p95_ms"]),
                figure(&other["ratio"]),
            );
        }
        if let Some(remark) = remark(row) {
            println!("{:50} {remark}", "");
        }
    }
}

/// What a row says beside its times: what the machine can do, or how far from that a ranking is.
fn remark(row: &Value) -> Option<String> {
    if let Some(unit) = row["unit"].as_str() {
        return Some(format!("{} {unit}", figure(&row["rate"])));
    }
    if let Some(recall) = row["recall"].as_f64() {
        let [scored, shoppers] = [&row["scored_ads"], &row["shoppers"]];
        let percent = recall * 100.0;
        return Some(format!("{percent:.2} % of the exact best over {shoppers} shoppers; {scored} ads scored"));
    }
    let percent = row["peak_share"].as_f64()? * 100.0;
    Some(format!(
        "{} of {} multiply-adds per ad are left, done at {percent:.0} % of the peak; at best {} ms",
        row["multiply_adds_left_per_ad"],
        row["multiply_adds_per_ad"],
        figure(&row["limit_ms"]),
    ))
}

/// A number with three significant digits, or a dash.
fn figure(value: &Value) -> String {
    let Some(number) = value.as_f64() else { return "-".into() };
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ranking_is_judged_by_its_ratio_and_observing_by_its_time() {
        assert_eq!(verdict(&json!({"name": "rank_1000", "ours_ms": 900.0, "ratio": 1.0})), Some(true));
        assert_eq!(verdict(&json!({"name": "rank_1000", "ours_ms": 0.1, "ratio": 1.01})), Some(false));
        assert_eq!(verdict(&json!({"name": "observe", "ours_ms": 0.02})), Some(true));
        assert_eq!(verdict(&json!({"name": "observe", "ours_ms": 0.021})), Some(false));
    }

    #[test]
    fn a_slate_in_two_stages_is_judged_by_its_ratio_and_by_what_it_holds_of_the_best() {
        let row = |ratio, recall| json!({"name": "slate_10000_din", "ratio": ratio, "recall": recall});
        assert_eq!(verdict(&row(Some(0.1), Some(0.99))), Some(true));
        assert_eq!(verdict(&row(Some(0.11), Some(1.0))), Some(false));
        assert_eq!(verdict(&row(Some(0.01), Some(0.989))), Some(false));
        assert_eq!(verdict(&row(Some(0.01), None)), Some(false));
    }

    #[test]
    fn a_figure_without_a_limit_is_not_judged_and_one_without_a_number_fails() {
        assert_eq!(verdict(&json!({"name": "rank_1000_two_towers", "ratio": 9.0})), None);
        assert_eq!(verdict(&json!({"name": "rank_1000", "ratio": null})), Some(false));
    }

    #[test]
    fn a_row_tells_its_rate_or_how_far_from_the_peak_it_is() {
        assert_eq!(remark(&json!({"name": "wasm_read", "rate": 12.3, "unit": "GB/s"})).as_deref(), Some("12.3 GB/s"));
        let row = json!({
            "multiply_adds_per_ad": 300, "multiply_adds_left_per_ad": 100, "peak_share": 0.25, "limit_ms": 2.0
        });
        assert_eq!(
            remark(&row).as_deref(),
            Some("100 of 300 multiply-adds per ad are left, done at 25 % of the peak; at best 2.00 ms")
        );
        let row = json!({"recall": 0.9925, "scored_ads": 1280, "shoppers": 60});
        assert_eq!(remark(&row).as_deref(), Some("99.25 % of the exact best over 60 shoppers; 1280 ads scored"));
        assert_eq!(remark(&json!({"name": "observe"})), None);
    }

    #[test]
    fn figures_are_printed_as_precisely_as_they_are_known() {
        assert_eq!(figure(&json!(412.6)), "413");
        assert_eq!(figure(&json!(12.34)), "12.3");
        assert_eq!(figure(&json!(0.00512)), "0.0051");
        assert_eq!(figure(&json!(null)), "-");
    }
}
