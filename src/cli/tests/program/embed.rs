//! `nearside embed`: products get vectors, by which a model ranks what it has never seen.

use serde_json::{Value, json};

use crate::run::{nearside, scratch, written};
use crate::train::{SMALL, folder, shop, train};

fn embed(catalogue: &str, more: &[&str]) -> crate::run::Ran {
    nearside([&["embed", "--json", "--catalogue", catalogue], more].concat())
}

#[test]
fn an_item_held_out_of_training_is_ranked_by_its_category() {
    let (log, out) = (shop("embed_shop.tsv", 600), folder("embed_shop"));
    let part = scratch("embed_part.jsonl").display().to_string();
    let log = log.display().to_string();
    let split = ["--split-share", "0.2", "--min-count", "1", "--hold-out-items", "0.2", "--train", &log];
    let ran = nearside([&["evaluate", "--json", "--train-out", &part], &split[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let held_out = ran.json()["train"]["held_out_items"].as_u64().unwrap();
    assert!((1..15).contains(&held_out), "{held_out}");

    let ran = train(part.as_ref(), &out, &[SMALL, &["--content", "--epochs", "8", "--rate", "0.01"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.json()["content"]["explained"].as_f64().unwrap() > 0.0, "{}", ran.stdout);
    let [model, vocabulary, content] =
        ["model.onnx", "vocabulary.json", "content.safetensors"].map(|name| out.join(name).display().to_string());
    assert_eq!(nearside(["check", &model]).code, 0);

    let given = ["--model", &model, "--vocabulary", &vocabulary];
    let words = [&["evaluate", "--json", "--content", &content], &split[..], &given].concat();
    let ran = nearside(words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["new_items"]["items"], held_out);
    let mrr = |ranker: &str, kind: &str| {
        let figure = &report["new_items"]["rankers"][ranker][kind]["mrr_20"]["value"];
        figure.as_f64().unwrap_or_else(|| panic!("{ranker} {kind} in {report}"))
    };
    for kind in ["first_among_all", "first_among_new"] {
        assert!(mrr("model.onnx", kind) > mrr("chance", kind), "{kind} in {}", report["new_items"]);
    }

    // Without vectors of its width, the catalogue is refused.
    let ran = nearside([&["evaluate", "--json"], &split[..], &given].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("\nremedy: ") && ran.stderr.contains("nearside embed"), "{}", ran.stderr);
}

#[test]
fn every_product_gets_a_vector_and_what_cannot_be_read_is_counted() {
    let (log, out) = (shop("embed_products.tsv", 300), folder("embed_products"));
    assert_eq!(train(&log, &out, &[SMALL, &["--content", "--epochs", "1"]].concat()).code, 0);
    let product = |id: &str, title: &str| json!({"id": id, "title": title, "product_type": "Music > Guitars"});
    let odd = json!({"id": "c", "title": "Old", "embedding": [1, 2, 3]});
    let products = [product("a", "Fender"), product("b", ""), odd];
    let catalogue = written("embed_products.json", json!({"schema": 1, "products": products}).to_string());
    let (content, to) = (out.join("content.safetensors"), scratch("embed_products_out.json"));
    let more = ["--content", content.to_str().unwrap(), "--out", to.to_str().unwrap()];
    let ran = embed(catalogue.to_str().unwrap(), &more);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["products"], &report["left_out"], &report["width"]), (&2.into(), &1.into(), &81.into()));
    let written: Value = serde_json::from_slice(&std::fs::read(&to).unwrap()).unwrap();
    let widths: Vec<usize> =
        written["products"].as_array().unwrap().iter().map(|p| p["embedding"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(widths, [81, 0, 81]);

    // A log's items make a catalogue too.
    let to = to.to_str().unwrap();
    let ran = nearside(["embed", "--json", "--events", log.to_str().unwrap(), more[0], more[1], "--out", to]);
    assert_eq!((ran.code, &ran.json()["products"]), (0, &30.into()), "{}", ran.stderr);
    assert_eq!(nearside(["replay", "--json", "--events", log.to_str().unwrap(), "--catalogue", to]).code, 0);
}

#[test]
fn a_model_that_leaves_rare_items_out_ranks_the_catalogue_that_was_embedded_for_it() {
    let log = shop("embed_rare.tsv", 300);
    let mut text = std::fs::read_to_string(&log).unwrap();
    // A session with an item that no other has.
    for (step, item) in ["Fender-1", "Fender-rare"].iter().enumerate() {
        text += &format!("rare\t{}\t{item}\tMusic > Guitars\tFender\t400\n", 1_700_000_000 + 60 * step);
    }
    std::fs::write(&log, text).unwrap();
    let (log, out) = (log.display().to_string(), folder("embed_rare"));
    let small = ["--width", "16", "--teachers", "0", "--epochs", "1", "--min-count", "2", "--content"];
    let ran = train(log.as_ref(), &out, &small);
    assert_eq!(
        (ran.code, &ran.json()["items"], &ran.json()["rare_items"]),
        (0, &30.into(), &1.into()),
        "{}",
        ran.stderr
    );
    let [model, vocabulary, content, embedded] =
        ["model.onnx", "vocabulary.json", "content.safetensors", "embedded.json"]
            .map(|name| out.join(name).display().to_string());
    let embed = |more: &[&str]| {
        nearside([&["embed", "--events", &log, "--content", &content, "--out", &embedded], more].concat())
    };
    let replay = |more: &[&str]| {
        nearside([&["replay", "--json", "--events", &log, "--catalogue", &embedded, "--model", &model], more].concat())
    };
    let split = ["--train", &log, "--split-share", "0.2", "--min-count", "1"];
    let evaluate = |more: &[&str]| nearside([&["evaluate", "--json", "--model", &model], &split[..], more].concat());

    assert_eq!(embed(&[]).code, 0);
    assert_eq!(replay(&[]).error(), "vocabulary-mismatch");
    assert!(replay(&[]).stderr.contains("--vocabulary"), "{}", replay(&[]).stderr);
    assert_eq!(replay(&["--vocabulary", &vocabulary]).code, 0);

    assert_eq!(embed(&["--vocabulary", &vocabulary]).code, 0);
    let written: Value = serde_json::from_slice(&std::fs::read(&embedded).unwrap()).unwrap();
    let known: Value = serde_json::from_slice(&std::fs::read(&vocabulary).unwrap()).unwrap();
    assert_eq!((written["products"].as_array().unwrap().len(), &written["vocabulary"]["item"]), (31, &known["items"]));
    let ran = replay(&[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["rankers"]["compact"]["fallbacks"], 0, "{}", ran.stdout);
    for more in [&["--catalogue", &embedded][..], &["--vocabulary", &vocabulary, "--content", &content]] {
        let ran = evaluate(more);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    // The option is refused where it would be idle, and its file is read.
    assert_eq!(nearside(["replay", "--events", &log, "--vocabulary", &vocabulary]).error(), "missing-option");
    let ran = embed(&["--vocabulary", &log]);
    assert_eq!((ran.code, ran.error()), (1, "invalid-vocabulary"), "{}", ran.stderr);
}

#[test]
fn another_models_encoder_of_the_same_width_is_refused_wherever_both_meet() {
    let log = shop("embed_mixed.tsv", 300);
    let trained = |name: &str, seed: &str| {
        let out = folder(name);
        let ran = train(&log, &out, &[SMALL, &["--content", "--epochs", "1", "--seed", seed]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ["model.onnx", "content.safetensors", "embedded.json"].map(|name| out.join(name).display().to_string())
    };
    let [model, own, embedded] = trained("embed_mixed_own", "1");
    let [_, foreign, foreign_embedded] = trained("embed_mixed_foreign", "2");
    let log = log.display().to_string();
    let embed = |content: &str, out: &str, more: &[&str]| {
        nearside([&["embed", "--json", "--events", &log, "--content", content, "--out", out], more].concat())
    };
    assert_eq!(embed(&own, &embedded, &["--model", &model]).code, 0);
    assert_eq!(embed(&foreign, &foreign_embedded, &[]).code, 0);
    let replay =
        |catalogue: &str| nearside(["replay", "--json", "--events", &log, "--model", &model, "--catalogue", catalogue]);
    let evaluate = |more: &[&str]| {
        let words =
            ["evaluate", "--json", "--train", &log, "--split-share", "0.2", "--min-count", "1", "--model", &model];
        nearside([&words[..], more].concat())
    };
    for (ran, vectors) in [
        (embed(&foreign, &embedded, &["--model", &model]), &foreign),
        (replay(&foreign_embedded), &foreign_embedded),
        (evaluate(&["--catalogue", &foreign_embedded]), &foreign_embedded),
        (evaluate(&["--content", &foreign]), &foreign),
    ] {
        assert_eq!((ran.code, ran.error()), (1, "encoder-mismatch"), "{}", ran.stderr);
        assert_eq!(ran.json()["error"]["value"], *vectors.as_str());
        assert!(ran.stderr.contains(&model) && ran.stderr.contains("\nremedy: "), "{}", ran.stderr);
    }
    for ran in [replay(&embedded), evaluate(&["--catalogue", &embedded]), evaluate(&["--content", &own])] {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
}

#[test]
fn what_cannot_be_embedded_is_refused_with_a_code_and_a_remedy() {
    let catalogue = written("embed_refused.json", r#"{"schema": 1, "products": [{"id": "a", "title": "A"}]}"#);
    let broken = written("embed_broken.json", "{");
    let text = written("embed_text.safetensors", "text");
    let out = scratch("embed_refused_out.json").display().to_string();
    let [catalogue, broken, text] = [catalogue, broken, text].map(|path| path.display().to_string());
    for (catalogue, content, code) in [
        (&catalogue, "no-such-file", "unreadable-file"),
        (&catalogue, text.as_str(), "invalid-content"),
        (&broken, text.as_str(), "invalid-json"),
    ] {
        let ran = embed(catalogue, &["--content", content, "--out", &out]);
        assert_eq!((ran.code, ran.error()), (1, code), "{}", ran.stderr);
        assert_eq!(ran.json()["error"]["code"], code);
        assert!(ran.stderr.contains("\nremedy: "), "{}", ran.stderr);
    }
    let trained = folder("embed_refused");
    assert_eq!(
        train(&shop("embed_refused.tsv", 300), &trained, &[SMALL, &["--content", "--epochs", "1"]].concat()).code,
        0
    );
    let [content, taken] = ["content.safetensors", "network"].map(|name| trained.join(name).display().to_string());
    let ran = embed(&catalogue, &["--encoder", "no-such-folder", "--out", &out]);
    assert_eq!((ran.code, ran.error()), (1, "unreadable-file"), "{}", ran.stderr);
    let ran = embed(&catalogue, &["--content", &content, "--out", &taken]);
    assert_eq!((ran.code, ran.error()), (1, "unwritable-file"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("--resume"), "{}", ran.stderr);
    // How a log is read says nothing of a catalogue.
    for idle in [&["--map", "item=sku"][..], &["--format", "csv"], &["--strict"]] {
        let ran = embed(&catalogue, &[&["--content", &content, "--out", &out], idle].concat());
        assert_eq!(ran.error(), "conflicting-options", "{idle:?}");
    }
    // One of the two, and not both.
    assert_eq!(embed(&catalogue, &["--out", &out]).error(), "missing-option");
    let both = embed(&catalogue, &["--encoder", "a", "--content", "b", "--out", &out]);
    assert_eq!(both.error(), "conflicting-options");
}
