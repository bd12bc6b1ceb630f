//! Sentence encoders beside other programs: one written on its own, and the library the models come from.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use nearside_train::SentenceEncoder;
use serde_json::{Value, json};

/// A file of `tests/vectors/sentence`, which `tests/reference/sentence.py` wrote.
fn vectors(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/sentence");
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// The numbers that `sentence.py` gives a weight of this name.
fn weight(name: &str, dims: &[usize]) -> Tensor {
    let offset = 0.37 * (name.bytes().map(u64::from).sum::<u64>() % 97) as f64;
    let mean = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
    let count: usize = dims.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (0.4 * (0.731 * i as f64 + offset).sin()) as f32 + mean).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// Writes the small model's folder.
fn small(name: &str, case: &Value) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("nearside-sentence-{name}-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("pooling")).unwrap();
    let number = |name: &str| case[name].as_u64().unwrap() as usize;
    let (width, wider, positions) = (number("width"), number("wider"), number("positions"));
    let words: Vec<&str> = case["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let mut tensors = HashMap::new();
    let mut add = |name: &str, dims: &[usize]| tensors.insert(name.to_owned(), weight(name, dims));
    for (table, rows) in [("word", words.len()), ("position", positions), ("token_type", 2)] {
        add(&format!("embeddings.{table}_embeddings.weight"), &[rows, width]);
    }
    let mut parts = vec![("embeddings.LayerNorm".to_owned(), None)];
    for layer in 0..number("layers") {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for part in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
            parts.push((name(part), Some([width, width])));
        }
        parts.push((name("intermediate.dense"), Some([wider, width])));
        parts.push((name("output.dense"), Some([width, wider])));
        parts.extend(["attention.output.LayerNorm", "output.LayerNorm"].map(|part| (name(part), None)));
    }
    for (name, dims) in parts {
        add(&format!("{name}.weight"), dims.as_ref().map_or(&[width][..], |dims| dims));
        add(&format!("{name}.bias"), &[dims.map_or(width, |dims| dims[0])]);
    }
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
    let file = |name: &str, value: Value| std::fs::write(folder.join(name), value.to_string()).unwrap();
    file(
        "config.json",
        json!({"model_type": "bert", "hidden_act": "gelu", "hidden_size": width, "num_hidden_layers": case["layers"],
               "num_attention_heads": case["heads"], "max_position_embeddings": positions, "layer_norm_eps": 1e-12}),
    );
    file(
        "modules.json",
        json!([{"path": "", "type": "sentence_transformers.models.Transformer"},
               {"path": "pooling", "type": "sentence_transformers.models.Pooling"},
               {"path": "normalize", "type": "sentence_transformers.models.Normalize"}]),
    );
    file("pooling/config.json", json!({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}));
    let vocabulary: HashMap<&str, usize> = words.iter().copied().zip(0..).collect();
    file(
        "tokenizer.json",
        json!({
            "version": "1.0", "added_tokens": [],
            // As many models are saved, which must not change a vector.
            "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0},
            "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                        "pad_type_id": 0, "pad_token": "[PAD]"},
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                           "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "decoder": null,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": vocabulary}
        }),
    );
    folder
}

/// What is left of a `f32` after sums of some hundred products, two layers deep.
const CLOSE: f64 = 2e-5;

fn close(got: &[f32], expected: &Value, text: &str) {
    for (got, expected) in got.iter().zip(expected.as_array().unwrap()) {
        assert!((f64::from(*got) - expected.as_f64().unwrap()).abs() < CLOSE, "{text}: {got} should be {expected}");
    }
}

#[test]
fn a_small_bert_gives_the_vectors_of_a_program_written_on_its_own() {
    let case = vectors("small.json");
    let folder = small("same", &case);
    let encoder = SentenceEncoder::read(&folder).unwrap();
    for case in case["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let vector = encoder.vector(text).unwrap();
        assert_eq!(vector.len(), 16);
        close(&vector, &case["vector"], text);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_older_folder_with_a_list_of_words_in_place_of_a_tokenizer_gives_the_same_vectors() {
    let case = vectors("small.json");
    let folder = small("words", &case);
    std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    let words: Vec<&str> = case["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    std::fs::write(folder.join("vocab.txt"), words.join("\n") + "\n").unwrap();
    let encoder = SentenceEncoder::read(&folder).unwrap();
    for case in case["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        close(&encoder.vector(text).unwrap(), &case["vector"], text);
    }
    std::fs::write(folder.join("vocab.txt"), "red\nshoe\n").unwrap();
    assert_eq!(SentenceEncoder::read(&folder).unwrap_err().code(), "invalid-sentence-encoder");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn all_mini_lm_gives_the_vectors_of_the_library_it_comes_from() {
    let Some(folder) = std::env::var_os("NEARSIDE_SENTENCE_ENCODER") else {
        eprintln!("skipped: set NEARSIDE_SENTENCE_ENCODER to the folder of all-MiniLM-L6-v2");
        return;
    };
    let encoder = SentenceEncoder::read(Path::new(&folder)).unwrap();
    for case in vectors("all-MiniLM-L6-v2.json")["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let vector = encoder.vector(text).unwrap();
        let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert!((norm - case["norm"].as_f64().unwrap()).abs() < CLOSE, "{text}: {norm}");
        close(&vector, &case["first"], text);
    }
}

#[test]
fn a_folder_that_lacks_a_file_or_says_something_else_is_refused() {
    let case = vectors("small.json");
    let folder = small("refused", &case);
    let refused = || {
        let error = SentenceEncoder::read(&folder).unwrap_err();
        assert!(error.value().unwrap().contains("nearside-sentence-refused") && !error.remedy().is_empty());
        error.code()
    };
    let changed = |name: &str, from: &str, to: &str| {
        let path = folder.join(name);
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(from), "{before}");
        std::fs::write(&path, before.replacen(from, to, 1)).unwrap();
        let code = refused();
        std::fs::write(&path, before).unwrap();
        code
    };
    for (name, from, to) in [
        ("config.json", "\"bert\"", "\"roberta\""),
        ("config.json", "\"hidden_size\":16", "\"hidden_size\":20"),
        ("config.json", "\"num_attention_heads\":4", "\"num_attention_heads\":5"),
        ("config.json", "\"num_hidden_layers\":2", "\"num_hidden_layers\":3"),
        ("config.json", "\"max_position_embeddings\":12", "\"max_position_embeddings\":13"),
        ("config.json", "{", "["),
        ("pooling/config.json", "true", "false"),
        ("modules.json", "models.Normalize", "models.Dense"),
        ("tokenizer.json", "WordPiece", "WordPieces"),
    ] {
        assert_eq!(changed(name, from, to), "invalid-sentence-encoder", "{name}: {from} to {to}");
    }
    for name in ["config.json", "tokenizer.json", "model.safetensors", "pooling/config.json"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        std::fs::remove_file(folder.join(name)).unwrap();
        assert_eq!(refused(), "unreadable-file", "{name}");
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    std::fs::write(folder.join("model.safetensors"), &bytes[..bytes.len() - 8]).unwrap();
    assert_eq!(refused(), "invalid-sentence-encoder");
    std::fs::remove_dir_all(folder).unwrap();
}
