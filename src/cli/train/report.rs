//! What `nearside train` prints.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What the command prints.
#[derive(Serialize)]
pub(crate) struct Report(pub(crate) Value);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&page(&self.0))
    }
}

/// The report for people.
fn page(report: &Value) -> String {
    let figure = |kind: &str, name: &str| report["validation"][kind][name].as_f64().unwrap_or(0.0);
    let mut text = format!(
        "{}: {} items, width {}, {} bytes, {} after gzip, {} after brotli\n",
        report["model"].as_str().unwrap_or_default(),
        report["items"],
        report["width"],
        report["bytes"],
        report["bytes_gzip"],
        report["bytes_brotli"]
    );
    let kinds = ["float", "shipped", "blended"].into_iter().filter(|kind| report["validation"][kind].is_object());
    for kind in kinds {
        text += &format!(
            "validation, {kind:7}  Recall@10 {:.2}  Recall@20 {:.2}  MRR@10 {:.2}  MRR@20 {:.2}\n",
            figure(kind, "recall_10"),
            figure(kind, "recall_20"),
            figure(kind, "mrr_10"),
            figure(kind, "mrr_20")
        );
    }
    if let Some(explained) = report["content"]["explained"].as_f64() {
        text += &format!("content explains {:.1} % of the vectors of items left out\n", 100.0 * explained);
    }
    if let Some(weight) = report["rules"]["weight"].as_f64() {
        let unit = report["rules"]["unit"].as_str().unwrap_or_default();
        text += &format!("rules of five {unit}s or more are added to the scores, times {weight:.3}\n");
    }
    text + &segments_page(&report["segments"])
}

/// The segments for people; empty where there are none.
fn segments_page(segments: &Value) -> String {
    let Some(all) = segments["all"].as_array() else { return String::new() };
    let mut text = "segments\n".to_owned();
    for segment in all {
        let (share, name) = (segment["share"].as_f64().unwrap_or(0.0), segment["name"].as_str().unwrap_or_default());
        text += &format!("  {:5.1} %  {name}\n", 100.0 * share);
    }
    let clarity = &segments["clarity"];
    let figures = [
        ("own", "cosine to the own centroid"),
        ("second", "to the second nearest"),
        ("categories", "with leading categories"),
        ("stability", "of two halves"),
    ];
    let told = figures.iter().filter_map(|(key, words)| Some(format!("{words} {:.3}", clarity[key].as_f64()?)));
    let told: Vec<String> = told.collect();
    if told.is_empty() { text } else { format!("{text}  {}\n", told.join(", ")) }
}
