//! Whatever is computed when, the scores are those of the file run on all ads at once, bit for bit.

use std::path::PathBuf;

use nearside_core::Feature;
use nearside_core::feature::{Element, Shape, Values};

use super::*;
use crate::file::Dim;

/// More than one block of any model, and no multiple of a block.
const ADS: usize = 1_100;

/// An input of a file for so many ads. `seed` changes its values.
#[derive(Clone)]
struct Given {
    name: String,
    shape: Vec<usize>,
    values: Values<'static>,
}

impl Given {
    fn input(&self) -> Input<'_> {
        Input { name: &self.name, shape: &self.shape, values: self.values.clone() }
    }

    fn is_of_ads(&self) -> bool {
        Depends::of_input(&self.name) == Depends::ADS
    }
}

fn vector(name: &str) -> (Vec<u8>, ModelFile) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/vectors/{name}.onnx"));
    let bytes = std::fs::read(path).unwrap();
    let file = ModelFile::read(&bytes).unwrap();
    (bytes, file)
}

fn given(file: &ModelFile, ads: usize, seed: usize) -> Vec<Given> {
    let inputs = file.inputs.iter().map(|port| {
        let feature = Feature::from_name(&port.name).unwrap();
        let dims = port.shape.as_deref().unwrap_or_default();
        let width = |default: usize| match dims.last() {
            Some(Dim::Fixed(width)) => *width,
            _ => default,
        };
        let shape = match feature.shape() {
            Shape::PerEvent => vec![1, width(7)],
            Shape::Row(width) => vec![1, width],
            Shape::Embedding => vec![1, width(8)],
            Shape::PerAd if dims.len() == 2 => vec![ads, 1],
            Shape::PerAd => vec![ads],
            Shape::AdEmbedding => vec![ads, width(8)],
        };
        let mixed = |at: usize| (at + 1) * (seed + 7) * 2_654_435_761 % 1_000;
        let size = shape.iter().product();
        let values = match feature.element() {
            Element::Id => Values::Id((0..size).map(|at| (mixed(at) % 5) as i32).collect()),
            Element::Float => Values::Float((0..size).map(|at| mixed(at) as f32 / 500.0 - 1.0).collect()),
        };
        Given { name: port.name.clone(), shape, values }
    });
    inputs.collect()
}

fn run(compact: &mut Compact, given: &[Given], edition: Option<&Edition>) -> Scores {
    let inputs: Vec<_> = given.iter().map(Given::input).collect();
    compact.run(&inputs, edition).unwrap()
}

fn whole(compact: &mut Compact, given: &[Given]) -> Scores {
    let inputs: Vec<_> = given.iter().map(Given::input).collect();
    compact.machine.forget_factors();
    let given = compact.machine.given(&inputs);
    compact.run_whole(&given).unwrap()
}

fn loaded(bytes: &[u8], file: &ModelFile) -> Compact {
    Compact::load(bytes, file).unwrap_or_else(|_| panic!("the file should load"))
}

const IN_BLOCKS: [&str; 13] = [
    "content",
    "din",
    "fixed_session",
    "gru",
    "int8_embeddings",
    "int8_gather_first",
    "lstm_last_dot",
    "mlp_expand_concat",
    "pair_logit",
    "scores_n1",
    "seed_lstm",
    "self_attention",
    "two_towers",
];

#[test]
fn models_of_every_kind_run_in_blocks_and_score_as_on_all_ads_at_once() {
    for name in IN_BLOCKS {
        let (bytes, file) = vector(name);
        let mut compact = loaded(&bytes, &file);
        let given = given(&file, ADS, 0);
        let in_blocks = run(&mut compact, &given, None);
        assert!(matches!(compact.plan, Planned::InBlocks(..)), "{name} has no plan");
        assert_eq!(in_blocks, whole(&mut compact, &given), "{name}");
    }
}

#[test]
fn a_layer_with_the_ads_in_another_dimension_runs_on_all_at_once() {
    let (bytes, file) = vector("seed_lstm_step");
    let mut compact = loaded(&bytes, &file);
    let given = given(&file, ADS, 0);
    let scores = run(&mut compact, &given, None);
    assert!(matches!(compact.plan, Planned::Whole));
    assert_eq!(scores, whole(&mut loaded(&bytes, &file), &given));
}

#[test]
fn what_depends_on_the_ads_alone_is_not_read_again_within_an_edition() {
    for name in IN_BLOCKS {
        let (bytes, file) = vector(name);
        let mut compact = loaded(&bytes, &file);
        let edition = Edition::new();
        let first = given(&file, ADS, 0);
        run(&mut compact, &first, Some(&edition));
        // Another shopper; ads of other values, which nobody may look at.
        let other = given(&file, ADS, 3);
        let expected: Vec<Given> =
            first.iter().zip(&other).map(|(a, b)| if a.is_of_ads() { a.clone() } else { b.clone() }).collect();
        let expected = whole(&mut loaded(&bytes, &file), &expected);
        assert_eq!(run(&mut compact, &other, Some(&edition)), expected, "{name}");
        let of_other = whole(&mut loaded(&bytes, &file), &other);
        assert_eq!(run(&mut compact, &other, Some(&Edition::new())), of_other, "{name} with another edition");
    }
}

#[test]
fn a_delta_changes_the_rows_it_names_and_adds_those_behind_the_last() {
    for name in IN_BLOCKS {
        let (bytes, file) = vector(name);
        let mut compact = loaded(&bytes, &file);
        let before = Edition::new();
        run(&mut compact, &given(&file, ADS, 0), Some(&before));
        let more = ADS + 5;
        // As `given` of the larger number, with the first rows as they were but for three.
        let changed: Vec<usize> = [4, 600, ADS - 1].into_iter().chain(ADS..more).collect();
        let mut after = given(&file, more, 0);
        let old = given(&file, ADS, 0);
        let new = given(&file, more, 9);
        for ((after, old), new) in after.iter_mut().zip(&old).zip(&new).filter(|((after, _), _)| after.is_of_ads()) {
            let width: usize = after.shape[1..].iter().product();
            let row = |row: usize| row * width..(row + 1) * width;
            after.values = match (&old.values, &new.values) {
                (Values::Id(old), Values::Id(new)) => {
                    let rows = (0..more).flat_map(|r| if changed.contains(&r) { &new[row(r)] } else { &old[row(r)] });
                    Values::Id(rows.copied().collect())
                }
                (Values::Float(old), Values::Float(new)) => {
                    let rows = (0..more).flat_map(|r| if changed.contains(&r) { &new[row(r)] } else { &old[row(r)] });
                    Values::Float(rows.copied().collect())
                }
                _ => unreachable!("the same input"),
            };
        }
        let expected = whole(&mut loaded(&bytes, &file), &after);
        let edition = Edition::after(&before, changed);
        assert_eq!(run(&mut compact, &after, Some(&edition)), expected, "{name}");
        assert_eq!(run(&mut compact, &after, Some(&edition)), expected, "{name}, from what was kept");
    }
}

#[test]
fn a_run_without_an_edition_leaves_what_is_kept_of_one() {
    let (bytes, file) = vector("two_towers");
    let mut compact = loaded(&bytes, &file);
    let (edition, first, other) = (Edition::new(), given(&file, ADS, 0), given(&file, ADS, 3));
    let expected = run(&mut compact, &first, Some(&edition));
    run(&mut compact, &other, None);
    // Nobody may look at the values of these ads.
    let unread: Vec<Given> =
        first.iter().zip(&other).map(|(a, b)| if a.is_of_ads() { b.clone() } else { a.clone() }).collect();
    assert_eq!(run(&mut compact, &unread, Some(&edition)), expected);
}
