//! The trainer on generated sessions: it finds the pattern, the same one every time, and goes on where it stopped.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use nearside_core::feature::Values;
use nearside_core::{Feature, Features, Scorer};
use nearside_scorer::{Engine, Model};
use nearside_train::{
    Architecture, Checkpoints, Data, Detail, Options, Outcome, Progress, Ranker, Sessions, Shape, Shipping, StepInputs,
    train,
};

/// Items 1 to 60 in a ring: what follows an item is the next one, or every fifth time the one after that.
const ITEMS: u32 = 60;

fn sessions(from: u32, count: u32) -> Sessions {
    let mut all = Sessions::default();
    for session in from..from + count {
        let mut item = session * 7 % ITEMS;
        let steps: Vec<u32> = (0..3 + session % 4)
            .map(|step| {
                item += if (session + step) % 5 == 0 { 2 } else { 1 };
                item % ITEMS + 1
            })
            .collect();
        all.push(&steps);
    }
    all
}

fn options() -> Options {
    Options {
        shape: Shape { state: 16, heads: 2, key: 8, length: 6, ..Shape::of_width(16) },
        epochs: 12,
        queries: 64,
        negatives: 40,
        rate: 0.01,
        item_rate: 0.02,
        input_dropout: 0.0,
        candidate_dropout: 0.0,
        state_dropout: 0.0,
        patience: 12,
        ..Options::default()
    }
}

fn trained(options: &Options, checkpoints: Option<&Checkpoints>) -> Outcome {
    let (training, validation) = (sessions(0, 900), sessions(900, 100));
    let data = Data { training: &training, validation: &validation, items: ITEMS as usize };
    train(options, data, &[], checkpoints, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
}

fn shipped(outcome: &Outcome) -> Ranker {
    let vocabulary = "0123456789abcdef".into();
    let shipping =
        Shipping { levels: 127, vocabulary, about: "A test.".into(), segments: None, new_items: None, rules: None };
    outcome.ship(&sessions(900, 100), None, &shipping).unwrap()
}

/// A folder of its own for one test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("nearside-train-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn every_network_finds_the_pattern_of_the_sessions_and_ships_it() {
    for architecture in Architecture::ALL {
        let shape = Shape { architecture, ..options().shape };
        finds_the_pattern(&Options { shape, ..options() });
    }
}

fn finds_the_pattern(options: &Options) {
    let architecture = options.shape.architecture;
    let outcome = trained(options, None);
    let ranker = shipped(&outcome);
    // Four next items of five are the ring's next one; the fifth is the one after.
    assert!(ranker.float.mrr_20 > 0.85, "{architecture:?} {:?}", ranker.float);
    let lost = (ranker.float.recall_20 - ranker.shipped.recall_20).abs();
    assert!(lost <= 0.002, "{architecture:?} {:?} {:?}", ranker.float, ranker.shipped);

    let mut model = Model::load(&ranker.file, Engine::ALL[0]).unwrap();
    let mut features = Features::new(ITEMS as usize);
    features.set(Feature::SessionItem, Values::Id(vec![0, 0, 0, 7, 8, 9].into()));
    features.set(Feature::AdItem, Values::Id((1..=ITEMS as i32).collect::<Vec<_>>().into()));
    let mut scores = Vec::new();
    model.score(&features, &mut scores).unwrap();
    let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
    assert_eq!(best + 1, 10, "{architecture:?} {scores:?}");
    // Calibrated to the chance of being the next item: one item of sixty is, mostly this one.
    assert!(scores[best] > 0.5 && scores.iter().sum::<f32>() < 3.0, "{architecture:?} {scores:?}");
}

/// Sessions in which only the last step's kind and the pause before it tell the next item: after the first two items
/// each of four others is equally frequent.
fn told_by_steps(from: u32, count: u32) -> Sessions {
    let mut all = Sessions::default();
    for session in from..from + count {
        let (bought, hesitant) = (session % 2, session / 2 % 2);
        let first = session / 4 * 7 % 10;
        let detail = Detail { kind: 1 + 6 * bought as u8, pause_s: if hesitant == 1 { 120 } else { 4 } };
        let next = 21 + first + 10 * (2 * hesitant + bought);
        let view = Detail { kind: 1, pause_s: 0 };
        all.push_detailed(&[(first + 1, view), (first + 11, detail), (next, Detail { pause_s: 9, ..view })]);
    }
    all
}

#[test]
fn what_a_step_was_and_the_pause_before_it_are_learnt_from_where_they_are_read() {
    let (training, validation) = (told_by_steps(0, 400), told_by_steps(400, 40));
    let data = Data { training: &training, validation: &validation, items: ITEMS as usize };
    let mrr = |architecture: Architecture, kind: bool, pause: bool| {
        let shape = Shape { architecture, steps: StepInputs { kind, pause }, ..options().shape };
        let options = Options { shape, ..options() };
        let outcome = train(&options, data, &[], None, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
        outcome.history[outcome.best as usize - 1].validation.unwrap().mrr_20
    };
    // Half of the questions are the second item, which the first tells; the others are a guess among so many.
    let guess = |of: u32| (1.0 + (1..=of).map(|place| 1.0 / f64::from(place)).sum::<f64>() / f64::from(of)) / 2.0;
    let others = Architecture::ALL.into_iter().filter(|architecture| *architecture != Architecture::Hybrid);
    for (architecture, kind, pause, of) in [(false, false, 4), (true, false, 2), (false, true, 2), (true, true, 1)]
        .map(|(kind, pause, of)| (Architecture::Hybrid, kind, pause, of))
        .into_iter()
        .chain(others.map(|architecture| (architecture, true, true, 1)))
    {
        let (found, expected) = (mrr(architecture, kind, pause), guess(of));
        assert!((found - expected).abs() < 0.06, "{architecture:?} {kind} {pause}: {found} {expected}");
    }
}

#[test]
fn the_same_seed_gives_the_same_file_and_another_seed_another() {
    let short = Options { epochs: 2, ..options() };
    let file = |options: &Options| shipped(&trained(options, None)).file;
    assert!(file(&short) == file(&short));
    assert!(file(&short) != file(&Options { seed: 2, ..short.clone() }));
}

#[test]
fn a_killed_run_that_is_resumed_gives_the_file_of_an_unbroken_one() {
    let short = Options { epochs: 3, input_dropout: 0.2, candidate_dropout: 0.1, state_dropout: 0.1, ..options() };
    let unbroken = shipped(&trained(&short, None)).file;
    let (training, validation) = (sessions(0, 900), sessions(900, 100));
    let data = Data { training: &training, validation: &validation, items: ITEMS as usize };
    let checkpoints = Checkpoints { folder: folder("killed"), every: Duration::ZERO, resume: true };
    // Killed in the first epoch, then in the second, at places that are no epoch's end.
    for last in [9, 70] {
        let mut watch = |progress: Progress<'_>| match progress {
            Progress::Step { step, .. } if step >= last => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        assert!(train(&short, data, &[], Some(&checkpoints), &mut watch).unwrap().is_none());
    }
    let resumed = shipped(&trained(&short, Some(&checkpoints))).file;
    assert!(resumed == unbroken);
    // A finished run has nothing left to do, and the same result.
    assert!(shipped(&trained(&short, Some(&checkpoints))).file == unbroken);
    std::fs::remove_dir_all(checkpoints.folder).unwrap();
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let short = Options { epochs: 1, ..options() };
    let checkpoints = Checkpoints { folder: folder("other"), every: Duration::ZERO, resume: true };
    trained(&short, Some(&checkpoints));
    let training = sessions(0, 900);
    let try_with = |options: &Options, validation: &Sessions| {
        let data = Data { training: &training, validation, items: ITEMS as usize };
        train(options, data, &[], Some(&checkpoints), &mut |_| ControlFlow::Continue(())).unwrap_err().code()
    };
    assert_eq!(try_with(&Options { rate: 0.02, ..short.clone() }, &sessions(900, 100)), "other-run");
    assert_eq!(try_with(&short, &sessions(900, 99)), "other-run");
    let gru = Shape { architecture: Architecture::Gru, ..short.shape };
    assert_eq!(try_with(&Options { shape: gru, ..short.clone() }, &sessions(900, 100)), "other-run");
    std::fs::write(checkpoints.folder.join("last.safetensors"), b"half").unwrap();
    assert_eq!(try_with(&short, &sessions(900, 100)), "damaged-checkpoint");
    std::fs::remove_dir_all(&checkpoints.folder).unwrap();
}

#[test]
fn training_ends_when_the_validation_figure_stays_away() {
    let outcome = trained(&Options { epochs: 60, patience: 1, rate: 0.02, ..options() }, None);
    let last = outcome.history.last().unwrap().epoch;
    assert!(last < 60 && outcome.best == last - 1, "{last} {}", outcome.best);
}

#[test]
fn a_run_that_is_to_end_with_an_epoch_ends_as_a_longer_one_was_then() {
    let longer = Options { epochs: 4, patience: 4, ..options() };
    let at_its_end = |options: Options| trained(&options, None).history.pop().unwrap();
    let whole = trained(&longer, None).history;
    assert_eq!(at_its_end(Options { until: Some(2), ..longer.clone() }), whole[1]);
    assert_ne!(at_its_end(Options { epochs: 2, ..longer }), whole[1]);
}

#[test]
fn a_pupil_that_only_follows_its_teacher_learns_the_pattern_too() {
    let teacher = trained(&options(), None);
    let (training, validation) = (sessions(0, 900), sessions(900, 100));
    let data = Data { training: &training, validation: &validation, items: ITEMS as usize };
    let pupil = Options { taught: 0.99, seed: 9, ..options() };
    let outcome = train(&pupil, data, &[teacher], None, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    assert!(shipped(&outcome).float.mrr_20 > 0.85);
}

#[test]
fn options_out_of_range_and_logs_too_short_are_refused() {
    let few = sessions(0, 5);
    let none = Sessions::default();
    let code = |options: Options, training: &Sessions| {
        let data = Data { training, validation: &none, items: ITEMS as usize };
        let error = train(&options, data, &[], None, &mut |_| ControlFlow::Continue(())).unwrap_err();
        (error.code(), error.field().map(str::to_owned))
    };
    assert_eq!(code(options(), &few), ("too-few-sessions", Some("training".into())));
    for (changed, field) in [
        (Options { rate: f32::NAN, ..options() }, "rate"),
        (Options { input_dropout: 1.0, ..options() }, "input-dropout"),
        (Options { epochs: 0, ..options() }, "epochs"),
        (Options { until: Some(0), ..options() }, "until"),
        (Options { half_life: Some(0.0), ..options() }, "half-life"),
    ] {
        assert_eq!(code(changed, &sessions(0, 50)), ("option-out-of-range", Some(field.into())));
    }
}

#[test]
fn an_item_beyond_the_table_is_refused() {
    let training = sessions(0, 50);
    let data = Data { training: &training, validation: &Sessions::default(), items: 30 };
    let error = train(&options(), data, &[], None, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.code(), "option-out-of-range");
}
