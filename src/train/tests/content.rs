//! Items that training never saw, ranked by what they are.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use nearside_core::content::{Content, dot, normalise};
use nearside_core::feature::Values;
use nearside_core::{Feature, Features, Scorer};
use nearside_scorer::{Engine, Model, ModelFile};
use nearside_train::{
    Architecture, ContentEncoder, Data, NewItems, Options, Outcome, Random, Ranker, Sessions, Shape, Shipping,
    named_encoder, train,
};

const CATEGORIES: [&str; 5] = ["Music > Guitars", "Kitchen > Kettles", "Garden > Hoses", "Toys > Trains", "鞋 > 跑鞋"];
const TITLES: [&str; 5] = ["acoustic guitar", "electric kettle", "garden hose", "wooden train", "轻便跑鞋"];
const PER_CATEGORY: usize = 12;
const ITEMS: usize = CATEGORIES.len() * PER_CATEGORY;
const WIDTH: usize = 16;
/// Beside the network's numbers: what they lack, and hashed features.
const WHOLE: usize = WIDTH + 1 + 64;

/// Items 1 to 60, twelve a category.
fn items() -> Vec<Content<'static>> {
    (0..ITEMS).map(|item| content(item / PER_CATEGORY)).collect()
}

fn content(category: usize) -> Content<'static> {
    Content { category: CATEGORIES[category], title: TITLES[category], ..Content::default() }
}

/// Every session stays in its category.
fn sessions(from: usize, count: usize) -> Sessions {
    let mut random = Random::of_seed(from as u64);
    let mut all = Sessions::default();
    for session in from..from + count {
        let first = session % CATEGORIES.len() * PER_CATEGORY;
        let steps: Vec<u32> = (0..3).map(|_| (first + random.below(PER_CATEGORY)) as u32 + 1).collect();
        all.push(&steps);
    }
    all
}

/// One network for all tests.
fn trained() -> &'static Outcome {
    static TRAINED: LazyLock<Outcome> = LazyLock::new(train_once);
    &TRAINED
}

fn train_once() -> Outcome {
    let options = Options {
        shape: Shape { width: WIDTH, state: 16, heads: 2, key: 8, length: 6, ..Shape::of_width(WIDTH) },
        epochs: 6,
        queries: 64,
        negatives: ITEMS,
        rate: 0.01,
        item_rate: 0.02,
        ..Options::default()
    };
    let (training, validation) = (sessions(0, 900), sessions(900, 100));
    let data = Data { training: &training, validation: &validation, items: ITEMS };
    train(&options, data, &[], None, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
}

fn encoder(outcome: &Outcome) -> ContentEncoder {
    outcome.content(&items(), &sessions(0, 900), &sessions(900, 100), None).unwrap()
}

fn shipped(outcome: &Outcome, encoder: &ContentEncoder) -> Ranker {
    shipped_with(outcome, Some(encoder.new_items()))
}

fn shipped_with(outcome: &Outcome, new_items: Option<NewItems>) -> Ranker {
    let (vocabulary, about) = ("0123456789abcdef".into(), "A test.".into());
    let shipping = Shipping { levels: 127, vocabulary, about, segments: None, new_items, rules: None };
    outcome.ship(&sessions(900, 100), None, &shipping).unwrap()
}

/// The scores of one new item a category, then of all known ones.
fn scores(file: &[u8], engine: Engine, encoder: &ContentEncoder, session: [i32; 6], interest: &[f32]) -> Vec<f32> {
    // Golden cases are run as the file is loaded.
    let mut model = Model::load(file, engine).unwrap();
    let ads: Vec<i32> = std::iter::repeat_n(0, CATEGORIES.len()).chain(1..=ITEMS as i32).collect();
    let new = (0..CATEGORIES.len()).flat_map(|category| encoder.vector(&content(category)));
    let known = items();
    let embeddings: Vec<f32> = new.chain(known.iter().flat_map(|item| encoder.vector(item))).collect();
    let mut features = Features::new(ads.len());
    features.set(Feature::SessionItem, Values::Id(session.to_vec().into()));
    features.set(Feature::PairItem, Values::Float(vec![0.0; ads.len()].into()));
    features.set(Feature::AdItem, Values::Id(ads.into()));
    features.set(Feature::AdEmbedding, Values::Float(embeddings.into()));
    features.set(Feature::ContextInterest, Values::Float(interest.to_vec().into()));
    features.set(Feature::ProfileInterest, Values::Float(interest.to_vec().into()));
    let mut scores = Vec::new();
    model.score(&features, &mut scores).unwrap();
    scores
}

fn best(scores: &[f32]) -> usize {
    (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap()
}

#[test]
fn a_new_item_of_the_category_that_a_session_likes_is_ranked_above_other_new_items_and_other_categories() {
    let outcome = trained();
    let encoder = encoder(outcome);
    assert!(encoder.explained() > 0.4, "{}", encoder.explained());
    let file = shipped(outcome, &encoder).file;
    for category in 0..CATEGORIES.len() {
        let first = (category * PER_CATEGORY) as i32 + 1;
        let by_engine = Engine::ALL
            .iter()
            .map(|engine| scores(&file, *engine, &encoder, [0, 0, 0, first, first + 1, first + 2], &[0.0; WHOLE]));
        let by_engine: Vec<Vec<f32>> = by_engine.collect();
        let (new, known) = by_engine[0].split_at(CATEGORIES.len());
        assert_eq!(best(new), category, "{new:?}");
        let stranger = known.iter().enumerate().filter(|(item, _)| item / PER_CATEGORY != category);
        assert!(stranger.into_iter().all(|(_, score)| *score < new[category]), "{by_engine:?}");
        let off = by_engine[0].iter().zip(&by_engine[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-4, "{off}");
    }
}

#[test]
fn whatever_the_network_its_golden_cases_with_a_new_item_hold_in_every_engine() {
    let (training, validation) = (sessions(0, 60), sessions(60, 20));
    let data = Data { training: &training, validation: &validation, items: ITEMS };
    for architecture in Architecture::ALL {
        let options = Options { shape: architecture.shape(WIDTH), epochs: 1, queries: 64, ..Options::default() };
        let outcome = train(&options, data, &[], None, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
        let numbers = NewItems { novelty: 0.5, repeat: -1.5, profile: 2.0, context: 0.7 };
        let file = shipped_with(&outcome, Some(numbers)).file;
        for engine in Engine::ALL {
            // Runs the golden cases, which hold the trainer's own scores.
            Model::load(&file, *engine).unwrap();
        }
    }
}

#[test]
fn items_that_the_network_knows_keep_their_scores() {
    let outcome = trained();
    let encoder = encoder(outcome);
    let session = [0, 0, 5, 6, 20, 7];
    let of = |file: &[u8]| {
        let all = scores(file, Engine::ALL[0], &encoder, session, &encoder.vector(&content(3)));
        all[CATEGORIES.len()..].to_vec()
    };
    let (with, without) = (of(&shipped(outcome, &encoder).file), of(&shipped_with(outcome, None).file));
    // Zeros are added, in another order of sums.
    assert!(with.iter().zip(&without).all(|(a, b)| (a - b).abs() < 1e-5), "{with:?} {without:?}");
}

#[test]
fn a_session_of_new_items_alone_is_understood_by_what_they_are() {
    let outcome = trained();
    let encoder = encoder(outcome);
    let file = shipped(outcome, &encoder).file;
    for category in 0..CATEGORIES.len() {
        let interest = encoder.vector(&content(category));
        let all = scores(&file, Engine::ALL[0], &encoder, [0; 6], &interest);
        assert_eq!(best(&all[..CATEGORIES.len()]), category, "{all:?}");
        assert_eq!(best(&all[CATEGORIES.len()..]) / PER_CATEGORY, category, "{all:?}");
    }
}

#[test]
fn misspelt_titles_get_close_vectors_and_chinese_titles_share_words() {
    let encoder = encoder(trained());
    let vector = |title: &str| encoder.vector(&Content { title, ..Content::default() });
    // The first numbers are in the network's space; the next one says how little is known.
    let direction = |title: &str| {
        let mut direction = vector(title)[..WIDTH].to_vec();
        normalise(&mut direction);
        direction
    };
    let cosine = |a: &str, b: &str| dot(&direction(a), &direction(b));
    assert!(cosine("acoustic guitar", "acustic guitars") > cosine("acoustic guitar", "garden hose") + 0.4);
    assert!(cosine("轻便跑鞋", "男士跑鞋") > cosine("轻便跑鞋", "电水壶") + 0.4);
    let length = dot(&vector("acoustic guitar"), &vector("acoustic guitar"));
    assert!((length - 1.0).abs() < 1e-5, "{length}");
    // Of what nothing is known, nearly all is unknown.
    assert!(vector("")[WIDTH] > vector("acoustic guitar")[WIDTH]);
}

fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("nearside-content-{name}-{}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn the_same_network_gives_the_same_file_which_gives_the_same_vectors() {
    let outcome = trained();
    let first = encoder(outcome);
    assert!(first.to_bytes() == encoder(outcome).to_bytes());
    let path = written("same", &first.to_bytes());
    let read = ContentEncoder::read(&path).unwrap();
    assert_eq!(read.vector(&content(2)), first.vector(&content(2)));
    assert_eq!((read.width(), read.new_items()), (WHOLE, first.new_items()));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn an_encoder_and_its_network_carry_one_fingerprint_and_others_of_the_same_width_another() {
    let outcome = trained();
    let first = encoder(outcome);
    let path = written("fingerprint", &first.to_bytes());
    assert_eq!(ContentEncoder::read(&path).unwrap().fingerprint(), first.fingerprint());
    std::fs::remove_file(path).unwrap();
    let description = |outcome: &Outcome, new_items| {
        ModelFile::read(&shipped_with(outcome, new_items).file).unwrap().description.unwrap()
    };
    assert_eq!(named_encoder(&description(outcome, Some(first.new_items()))), Some(first.fingerprint()));
    assert_eq!(named_encoder(&description(outcome, None)), None);

    let (training, validation) = (sessions(0, 60), sessions(60, 20));
    let data = Data { training: &training, validation: &validation, items: ITEMS };
    let options = Options { shape: Shape::of_width(WIDTH), epochs: 1, queries: 64, ..Options::default() };
    let other = train(&options, data, &[], None, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    // As a network that learns from all sessions takes over what was chosen for the one before.
    let twin = other.content(&items(), &training, &validation, Some(&first)).unwrap();
    assert_ne!(twin.fingerprint(), first.fingerprint());
    assert_eq!(named_encoder(&description(&other, Some(first.new_items()))), Some(twin.fingerprint()));
}

#[test]
fn what_is_no_encoder_and_items_of_which_nothing_is_known_are_refused() {
    let code = |path: &Path| ContentEncoder::read(path).unwrap_err().code();
    let outcome = trained();
    let whole = encoder(outcome).to_bytes();
    let (text, half) = (written("text", b"{}"), written("half", &whole[..whole.len() - 4]));
    assert_eq!((code(&text), code(&half)), ("invalid-content", "invalid-content"));
    assert_eq!(code(Path::new("/no/such/file")), "unreadable-file");
    let of = |items: &[Content<'_>]| {
        outcome.content(items, &sessions(0, 900), &sessions(900, 100), None).unwrap_err().code()
    };
    assert_eq!((of(&items()[1..]), of(&vec![Content::default(); ITEMS])), ("option-out-of-range", "unknown-content"));
    let ids: Vec<String> = (0..ITEMS).map(|item| item.to_string()).collect();
    let untold: Vec<Content<'_>> =
        ids.iter().map(|id| Content { id: Some(id), title: id, ..Content::default() }).collect();
    assert_eq!(of(&untold), "unknown-content");
    [text, half].into_iter().for_each(|path| std::fs::remove_file(path).unwrap());
}
