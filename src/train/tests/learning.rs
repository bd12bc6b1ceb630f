//! The trainer on generated sessions: it finds the pattern, the same one every time, and goes on where it stopped.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use nearside_core::feature::Values;
use nearside_core::{Feature, Features, Scorer};
use nearside_scorer::{Engine, Model};
use nearside_train::{Checkpoints, Data, Options, Outcome, Progress, Ranker, Sessions, Shape, Shipping, train};

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
    let shipping = Shipping { levels: 127, vocabulary, about: "A test.".into(), segments: None };
    outcome.ship(&sessions(900, 100), None, &shipping).unwrap()
}

/// A folder of its own for one test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("nearside-train-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn the_pattern_of_the_sessions_is_found_and_ships() {
    let outcome = trained(&options(), None);
    let ranker = shipped(&outcome);
    // Four next items of five are the ring's next one; the fifth is the one after.
    assert!(ranker.float.mrr_20 > 0.85, "{:?}", ranker.float);
    assert!((ranker.float.recall_20 - ranker.shipped.recall_20).abs() <= 0.002, "{:?}", ranker.shipped);

    let mut model = Model::load(&ranker.file, Engine::ALL[0]).unwrap();
    let mut features = Features::new(ITEMS as usize);
    features.set(Feature::SessionItem, Values::Id(vec![0, 0, 0, 7, 8, 9].into()));
    features.set(Feature::AdItem, Values::Id((1..=ITEMS as i32).collect::<Vec<_>>().into()));
    let mut scores = Vec::new();
    model.score(&features, &mut scores).unwrap();
    let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
    assert_eq!(best + 1, 10, "{scores:?}");
    // Calibrated to the chance of being the next item: one item of sixty is, mostly this one.
    assert!(scores[best] > 0.5 && scores.iter().sum::<f32>() < 3.0, "{scores:?}");
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
    assert_eq!(code(options(), &few), ("too-few-sessions", None));
    for (changed, field) in [
        (Options { rate: f32::NAN, ..options() }, "rate"),
        (Options { input_dropout: 1.0, ..options() }, "input-dropout"),
        (Options { epochs: 0, ..options() }, "epochs"),
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
