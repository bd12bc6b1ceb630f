//! Graphs of the contract put together at random: compiled, they score as before.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod drawn;
#[path = "../../scorer/tests/vectors/mod.rs"]
mod vectors;

use drawn::{Drawn, inputs, recipe};
use nearside_compile::{Cost, Options, TOLERANCE, compile};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_compiled_graph_scores_the_same_and_costs_no_more(recipe in recipe(), seed: u64) {
        let file = Drawn::new(seed).file(&recipe);
        let samples: Vec<_> = [(1, 1), (2, 3), (17, 5)].map(|(ads, steps)| inputs(ads, steps, seed)).into();
        let samples: Vec<_> = samples.iter().map(|sample| sample.iter().map(|t| t.input()).collect()).collect();
        let options = Options { int8_tables: false, ..Options::default() };
        let report = compile(&file, &options, &samples).unwrap().report;
        prop_assert_eq!(report.agreement.len(), 2);
        // A sum that becomes a product counts as multiply-adds.
        let all = |cost: Cost| cost.ad.multiply_adds + cost.ad.values;
        prop_assert!(all(report.after.cost) <= all(report.before.cost));
        prop_assert_eq!(report.after.cost.unknown, 0);

        let rounded = Options { int8_dense: true, ..Options::default() };
        prop_assert!(compile(&file, &rounded, &samples).is_ok());
    }
}

#[test]
fn a_file_whose_score_is_rounding_is_not_compiled() {
    let file = Drawn::new(7).cancelling();
    let sample = inputs(50, 3, 7);
    let samples = [sample.iter().map(|tensor| tensor.input()).collect()];
    let error = compile(&file, &Options::default(), &samples).unwrap_err();
    assert_eq!((error.code(), error.field()), ("scores-differ", Some("score")));
    assert!(error.value().unwrap().parse::<f32>().unwrap() > TOLERANCE);
}
