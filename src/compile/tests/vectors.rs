//! Every model of `tests/vectors`, compiled, against the original on both engines.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

#[path = "../../scorer/tests/vectors/mod.rs"]
mod vectors;

use nearside_compile::{Compiled, Options, Report, compile};
use nearside_scorer::{Input, ModelFile};
use vectors::{Case, Tensor};

/// Runs with more ads add nothing to what the others show, and cost seconds.
const MOST_ADS: usize = 1_000;

fn samples(case: &Case) -> Vec<Vec<Input<'_>>> {
    let small = case.runs.iter().filter(|run| run.score.len() <= MOST_ADS);
    small.map(|run| run.inputs.iter().map(Tensor::input).collect()).collect()
}

fn compiled(name: &str, options: &Options) -> Compiled {
    let case = vectors::case(name);
    compile(&case.bytes, options, &samples(&case)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn report(name: &str) -> Report {
    compiled(name, &Options::default()).report
}

#[test]
fn every_model_that_keeps_the_contract_scores_the_same_in_both_engines() {
    for case in vectors::runs().iter().filter(|case| case.name != "mlp_expand_concat_fixed") {
        let options = Options { int8_tables: false, ..Options::default() };
        let Compiled { bytes, report } = compiled(&case.name, &options);
        if std::env::var_os("SHOW").is_some() {
            println!("{}\n{report:#?}", case.name);
            std::fs::write(format!("/tmp/h6_{}.onnx", case.name), &bytes).unwrap();
        }
        assert_eq!(report.agreement.len(), 2, "{}", case.name);
        // Sums in another order: a tenth of what is accepted.
        assert!(report.agreement.iter().all(|engine| engine.float < 1e-5), "{}: {:?}", case.name, report.agreement);
        let (before, after) = (ModelFile::read(&case.bytes).unwrap(), ModelFile::read(&bytes).unwrap());
        assert_eq!(after.golden, before.golden, "{}", case.name);
        assert_eq!((after.inputs, after.output, after.description), (before.inputs, before.output, before.description));
        assert!(report.after.cost.ad.multiply_adds <= report.before.cost.ad.multiply_adds, "{}", case.name);
    }
}
