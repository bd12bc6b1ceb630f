//! The feature table in the README is the one in the code.

use std::path::Path;

use nearside_core::Feature;
use nearside_core::feature::{Element, Shape};

#[test]
fn the_readme_lists_every_feature_as_the_code_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (_, rest) = readme.split_once("<!-- features").unwrap();
    let (_, rest) = rest.split_once("-->\n").unwrap();
    let (table, _) = rest.split_once("<!-- /features -->").unwrap();
    assert!(table == expected(), "replace the table in README.md with:\n\n{}", expected());
}

fn expected() -> String {
    let mut table = String::from("\n| input | type | shape | meaning |\n| --- | --- | --- | --- |\n");
    for feature in Feature::ALL {
        let element = match feature.element() {
            Element::Id => "int64",
            Element::Float => "float",
        };
        let shape = match feature.shape() {
            Shape::PerEvent => "[1, L]".to_owned(),
            Shape::Row(width) => format!("[1, {width}]"),
            Shape::Embedding => "[1, D]".to_owned(),
            Shape::PerAd => "[N] or [N, 1]".to_owned(),
            Shape::AdEmbedding => "[N, D]".to_owned(),
        };
        table += &format!("| `{feature}` | {element} | {shape} | {} |\n", feature.unit());
    }
    table + "\n"
}
