//! Every case of `tests/vectors`, on every engine of this build, against onnxruntime's answers.

mod vectors;

use nearside_core::feature::Values;
use nearside_scorer::{Engine, Error, Input, Model, Network};
use vectors::{Case, Refusal};

/// Largest difference to onnxruntime's score. The engines sum some thousand `f32` products in other orders
/// and approximate `exp` and `tanh` to two units in the last place; a probability moves by 1e-6 at most,
/// a wrong operator by 1e-3 at least.
const TOLERANCE: f32 = 1e-5;

/// Every difference, in words.
fn differences(case: &Case, engine: Engine) -> Vec<String> {
    let mut network = match Network::load(&case.bytes, engine) {
        Ok(network) => network,
        Err(e) => return vec![format!("{}: {e}", case.name)],
    };
    let mut all = Vec::new();
    for run in &case.runs {
        let about = format!("{}, {}", case.name, run.about);
        let inputs: Vec<_> = run.inputs.iter().map(vectors::Tensor::input).collect();
        match network.run(&inputs) {
            Err(e) => all.push(format!("{about}: {e}")),
            Ok(got) if got.shape != run.score_shape => all.push(format!("{about}: the shape is {:?}", got.shape)),
            Ok(got) => {
                let off = got.values.iter().zip(&run.score).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                if off > TOLERANCE {
                    all.push(format!("{about}: off by {off}"));
                }
            }
        }
    }
    all
}

fn agrees(engine: Engine) {
    let all: Vec<_> = vectors::runs().iter().flat_map(|case| differences(case, engine)).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[cfg(feature = "compact")]
#[test]
fn the_compact_engine_agrees_with_onnxruntime_on_every_model() {
    agrees(Engine::Compact);
}

#[cfg(feature = "full")]
#[test]
fn the_full_engine_agrees_with_onnxruntime_on_every_model() {
    agrees(Engine::Full);
}

#[test]
fn every_model_with_a_symbolic_n_keeps_the_contract_and_its_golden_cases() {
    for case in vectors::runs() {
        for engine in Engine::ALL {
            match Model::load(&case.bytes, *engine) {
                Ok(model) => assert!(model.report().golden > 0, "{} has no golden case", case.name),
                // The reproducer of tract's failure has a fixed N, which no placement can promise.
                Err(e) => assert_eq!((case.name.as_str(), e.code()), ("mlp_expand_concat_fixed", "input-shape")),
            }
        }
    }
}

/// Loads and, where the fault shows only then, runs.
fn refused(case: &Refusal, engine: Engine) -> Option<Error> {
    let mut model = match Model::load(&case.bytes, engine) {
        Ok(model) => model,
        Err(e) => return Some(e),
    };
    if case.needs_catalogue {
        return model.check_vocabulary("fedcba9876543210").err();
    }
    let values = [0.5; 7];
    let ports = model.report().inputs;
    let inputs: Vec<_> = ports
        .iter()
        .map(|port| Input { name: &port.name, shape: &[7], values: Values::Float(values[..].into()) })
        .collect();
    assert!(case.at_run, "{} was loaded by {engine:?}", case.name);
    match model.run(&inputs) {
        Ok(scores) if scores.shape != [7] => Some(Error::OutputShape { expected: String::new(), got: String::new() }),
        other => other.err(),
    }
}

#[test]
fn every_bad_file_is_refused_with_its_code_and_a_remedy() {
    for case in vectors::refusals() {
        for engine in Engine::ALL {
            let error = refused(&case, *engine).unwrap_or_else(|| panic!("{} on {engine:?}: {}", case.name, case.why));
            assert!(case.codes.iter().any(|c| c == error.code()), "{} on {engine:?}: {error}", case.name);
            assert!(!error.remedy().is_empty());
        }
    }
}

/// The same tensor with its values in reverse: other values that are as plausible.
fn reversed(tensor: &vectors::Tensor) -> vectors::Tensor {
    let values = match &tensor.values {
        Values::Id(ids) => Values::Id(ids.iter().rev().copied().collect()),
        Values::Float(numbers) => Values::Float(numbers.iter().rev().copied().collect()),
    };
    vectors::Tensor { name: tensor.name.clone(), shape: tensor.shape.clone(), values }
}

#[test]
fn a_network_that_has_run_before_scores_like_a_new_one() {
    for case in vectors::runs() {
        let reverse = |ads: bool, others: bool| -> Vec<vectors::Tensor> {
            let change = |t: &vectors::Tensor| if t.name.starts_with("ad.") { ads } else { others };
            let inputs = case.runs[1 % case.runs.len()].inputs.iter();
            inputs.map(|t| if change(t) { reversed(t) } else { t.clone() }).collect()
        };
        for engine in Engine::ALL {
            let mut kept = Network::load(&case.bytes, *engine).expect("every vector loads");
            for (ads, others) in [(false, false), (false, true), (true, true), (true, false), (false, false)] {
                let tensors = reverse(ads, others);
                let inputs: Vec<_> = tensors.iter().map(vectors::Tensor::input).collect();
                let fresh = Network::load(&case.bytes, *engine).expect("every vector loads").run(&inputs);
                assert_eq!(kept.run(&inputs), fresh, "{} on {engine:?}", case.name);
            }
        }
    }
}
