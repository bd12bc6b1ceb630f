//! Every model of `tests/vectors`, compiled, against the original on both engines.

#[path = "../../scorer/tests/vectors/mod.rs"]
mod vectors;

use nearside_compile::{Compiled, Golden, Options, Report, compile};
use nearside_scorer::{Input, ModelFile};
use rten_onnx::onnx::ModelProto;
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
        assert_eq!(report.agreement.len(), 2, "{}", case.name);
        // Sums in another order: a tenth of what is accepted.
        assert!(report.agreement.iter().all(|engine| engine.float < 1e-5), "{}: {:?}", case.name, report.agreement);
        let (before, after) = (ModelFile::read(&case.bytes).unwrap(), ModelFile::read(&bytes).unwrap());
        assert_eq!(after.golden, before.golden, "{}", case.name);
        assert_eq!((after.inputs, after.output, after.description), (before.inputs, before.output, before.description));
        assert!(report.after.cost.ad.multiply_adds <= report.before.cost.ad.multiply_adds, "{}", case.name);
    }
}

#[test]
fn of_dense_layers_over_shopper_and_ad_only_what_both_need_is_left_per_ad() {
    // Dense layers of 44 by 64 and 64 by 1.
    let mlp = report("mlp_expand_concat");
    assert_eq!((mlp.before.cost.ad.multiply_adds, mlp.after.cost.ad.multiply_adds), (44.0 * 64.0 + 64.0, 64.0));
    // For each of 20 steps layers of 64 by 16 and 16 by 1; then 48 by 24 and 24 by 1. Before, the weighted sum of the
    // steps is no matrix product.
    let din = report("din");
    assert_eq!(din.before.cost.ad.multiply_adds, 20.0 * (64.0 * 16.0 + 16.0) + 48.0 * 24.0 + 24.0);
    assert_eq!(din.after.cost.ad.multiply_adds, 20.0 * (16.0 * 16.0 + 16.0 + 16.0) + 32.0 * 24.0 + 24.0);
    // The towers meet in one product of 16 numbers.
    let towers = report("two_towers");
    assert_eq!((towers.before.cost.ad.multiply_adds, towers.after.cost.ad.multiply_adds), (16.0, 16.0));
    // A number that scales every score scales the shopper's vector.
    assert_eq!((towers.before.cost.ad.values, towers.after.cost.ad.values), (2.0, 1.0));
}

#[test]
fn a_compiled_file_is_compiled_to_itself() {
    for name in ["din", "mlp_expand_concat", "two_towers", "int8_embeddings"] {
        let first = compiled(name, &Options::default());
        let case = vectors::case(name);
        let second = compile(&first.bytes, &Options::default(), &samples(&case)).unwrap();
        assert_eq!(second.report.after.cost, first.report.after.cost, "{name}");
        let passes: Vec<&str> = second.report.passes.iter().map(|pass| pass.name).collect();
        assert_eq!(passes, ["names"], "{name}");
    }
}

#[test]
fn tables_of_whole_numbers_make_a_file_smaller_and_its_golden_cases_hold_its_own_scores() {
    let (float, whole) = (Options { int8_tables: false, ..Options::default() }, Options::default());
    let [float, whole] = [float, whole].map(|options| compiled("seed_lstm_step", &options));
    let saved = float.report.after.bytes - whole.report.after.bytes;
    // 200 rows of 16 numbers, three bytes less for each, a scale of four for each row.
    assert!((8_000..200 * (16 * 3 - 4)).contains(&saved), "{saved}");
    assert_eq!((float.report.golden, whole.report.golden), (Golden::Kept, Golden::Rewritten));
    let golden = |compiled: &Compiled| ModelFile::read(&compiled.bytes).unwrap().golden;
    let (kept, rewritten) = (golden(&float), golden(&whole));
    assert!(kept.iter().zip(&rewritten).all(|(a, b)| a.inputs == b.inputs && a.score != b.score));
    for engine in &whole.report.agreement {
        let off = engine.rounded.unwrap();
        assert!(off > 0.0 && off < 1e-2, "{off}");
    }
}

#[test]
fn dense_layers_of_whole_numbers_are_a_quarter_as_large() {
    let whole = Options { int8_dense: true, ..Options::default() };
    let [float, whole] = [Options::default(), whole].map(|options| compiled("mlp_expand_concat", &options).report);
    // Layers of 34, 10 by 64; the last one, 64 by 1, is not worth it.
    let saved = float.after.bytes - whole.after.bytes;
    assert!((7_000..44 * 64 * 3).contains(&saved), "{saved}");
    assert!(whole.agreement.iter().all(|engine| engine.rounded.unwrap() < 1e-2));
    assert_eq!(whole.after.cost, float.after.cost);
}

#[test]
fn names_are_kept_where_asked_and_short_otherwise() {
    let keep = Options { int8_tables: false, keep_names: true, ..Options::default() };
    let [short, long] =
        [Options { keep_names: false, ..keep }, keep].map(|options| compiled("fixed_session", &options));
    let holds = |compiled: &Compiled| compiled.bytes.windows(14).any(|part| part == b"item_embedding");
    assert!(holds(&long) && !holds(&short));
    assert!(short.bytes.len() < long.bytes.len());
}

#[test]
fn a_file_without_golden_cases_gets_some_from_small_samples() {
    let case = vectors::case("pair_logit");
    let mut model = ModelProto::parse_buf(&case.bytes).unwrap();
    model.metadata_props.retain(|property| property.key.as_deref() != Some("nearside.golden"));
    let bytes = model.write_buf().unwrap();
    let Compiled { bytes: made, report } = compile(&bytes, &Options::default(), &samples(&case)).unwrap();
    let golden = ModelFile::read(&made).unwrap().golden;
    assert_eq!((report.golden, golden.len()), (Golden::Made, 2));
    let expected = &case.runs[0].score;
    assert_eq!(golden[0].score.len(), expected.len());
    assert!(golden[0].score.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-6));
    assert_eq!(compile(&bytes, &Options::default(), &[]).unwrap().report.golden, Golden::None);
}

#[test]
fn every_bad_file_is_refused_as_the_scorer_refuses_it() {
    // What shows only beside a catalogue or at a run is not looked for here.
    for case in vectors::refusals().iter().filter(|case| !case.needs_catalogue && !case.at_run) {
        let error = compile(&case.bytes, &Options::default(), &[]).unwrap_err();
        assert!(case.codes.iter().any(|code| code == error.code()), "{}: {error}", case.name);
        assert!(!error.remedy().is_empty());
    }
}
