//! `nearside catalogue`: files that rank as the JSON they were made of, and what is said of bad ones.

use std::fs;
use std::path::{Path, PathBuf};

use nearside_core::{Assembly, Catalogue, Engine, Request, Timestamp, Value};

use crate::run::{Ran, nearside, repository, scratch, written};

const NOW: Timestamp = Timestamp(1_795_514_400_000);

fn catalogue(words: &[&str]) -> Ran {
    nearside([&["catalogue"], words].concat())
}

fn build(name: &str, feed: &Path, more: &[&str]) -> (Ran, PathBuf) {
    let out = scratch(name);
    let _ = fs::remove_dir_all(&out);
    let words = ["build", "--json", feed.to_str().unwrap(), "-o", out.to_str().unwrap()];
    (catalogue(&[&words, more].concat()), out)
}

/// The catalogue that a manifest's folder holds.
fn assembled(folder: &Path) -> Catalogue {
    let mut assembly = Assembly::new(&fs::read(folder.join("catalogue.json")).unwrap()).unwrap();
    for shard in assembly.shards().to_vec() {
        assembly.add(&fs::read(folder.join(shard.file)).unwrap()).unwrap();
    }
    assembly.finish().unwrap().0
}

fn slate(catalogue: &[u8], deltas: &[Vec<u8>]) -> Vec<(String, f32)> {
    let mut engine = Engine::new();
    engine.load_catalogue(catalogue, NOW).unwrap();
    deltas.iter().for_each(|delta| _ = engine.apply_delta(delta, NOW).unwrap());
    let view = br#"{"event":"view_item","items":[{"item_id":"1145548"}]}"#;
    engine.observe(&Value::from_json(view).unwrap(), NOW).unwrap();
    let request = Request { placement: "picks".into(), ..Request::default() };
    let decision = engine.rank(&request, NOW).unwrap();
    decision.slate.into_iter().map(|filled| (filled.ad, filled.score)).collect()
}

#[test]
fn shards_rank_as_the_json_they_were_made_of() {
    let feed = repository("www/public/catalogue.json");
    let (ran, out) = build("catalogue_shards", &feed, &["--shard", "300", "--exact"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["products"], &report["shards"]), (&1000.into(), &4.into()));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(out.join("catalogue.json")).unwrap()).unwrap();
    let ads: Vec<u64> = manifest["shards"].as_array().unwrap().iter().map(|s| s["ads"].as_u64().unwrap()).collect();
    assert_eq!(ads, [300, 300, 300, 100]);
    let exact = assembled(&out);
    assert_eq!(slate(&exact.to_bytes(), &[]), slate(&fs::read(&feed).unwrap(), &[]));
    let (ran, out) = build("catalogue_rounded", &feed, &[]);
    let rounded = assembled(&out);
    assert!(rounded.is_quantised() && !exact.is_quantised());
    assert!(ran.json()["bytes"].as_u64() < report["bytes"].as_u64());
}

#[test]
fn a_delta_makes_one_catalogue_rank_as_the_next() {
    let old = repository("www/public/catalogue.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&old).unwrap()).unwrap();
    json["version"] = "next".into();
    let products = json["products"].as_array_mut().unwrap();
    products.remove(10);
    products.iter_mut().take(50).for_each(|product| product["availability"] = "out_of_stock".into());
    let mut fresh = products[70].clone();
    fresh["id"] = "fresh".into();
    products.push(fresh);
    let new = written("catalogue_next.json", json.to_string());
    let (ran, folder) = build("catalogue_delta", &old, &["--shard", "400"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (manifest, out) = (folder.join("catalogue.json"), scratch("catalogue_next.bin"));
    let words = ["delta", "--json", manifest.to_str().unwrap(), new.to_str().unwrap(), "-o", out.to_str().unwrap()];
    let ran = catalogue(&words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["version"], "next");
    let delta = fs::read(&out).unwrap();
    let anew = Catalogue::read(&fs::read(&new).unwrap()).unwrap().0.quantised().to_bytes();
    assert_eq!(slate(&assembled(&folder).to_bytes(), &[delta]), slate(&anew, &[]));
}

#[test]
fn bad_catalogues_are_refused_by_code_and_remedy() {
    let feed = repository("www/public/catalogue.json");
    let feed = feed.to_str().unwrap();
    let (_, folder) = build("catalogue_bad", feed.as_ref(), &["--shard", "600"]);
    let manifest = folder.join("catalogue.json");
    let manifest = manifest.to_str().unwrap();
    let out = scratch("catalogue_bad.bin");
    let delta = |old: &str, new: &str| catalogue(&["delta", old, new, "-o", out.to_str().unwrap()]);
    let said = |ran: &Ran, code: &str| {
        assert_eq!((ran.code, ran.error()), (1, code), "{}", ran.stderr);
        assert!(ran.stderr.contains("\nremedy: "), "{}", ran.stderr);
    };
    said(&delta(feed, feed), "delta-impossible");
    said(&delta(feed, "nowhere.json"), "unreadable-file");
    said(&delta(written("catalogue_text.json", "{").to_str().unwrap(), feed), "invalid-json");
    said(&build("catalogue_of_manifest", manifest.as_ref(), &[]).0, "invalid-field");
    said(&catalogue(&["build", manifest, "-o", folder.to_str().unwrap()]), "output-is-input");
    said(&catalogue(&["delta", feed, manifest, "-o", manifest]), "output-is-input");
    said(&build("catalogue_of_none", feed.as_ref(), &["--shard", "-1"]).0, "option-out-of-range");
    said(&catalogue(&["build", feed]), "missing-option");
    said(&catalogue(&["mend", feed]), "unknown-command");

    let shards: Vec<PathBuf> =
        Assembly::new(&fs::read(manifest).unwrap()).unwrap().shards().iter().map(|s| folder.join(&s.file)).collect();
    let [first, second] = [0, 1].map(|index| fs::read(&shards[index]).unwrap());
    let mut altered = second.clone();
    altered[100] ^= 1;
    fs::write(&shards[1], &altered).unwrap();
    said(&delta(manifest, feed), "catalogue-damaged");
    fs::write(&shards[1], &first).unwrap();
    said(&delta(manifest, feed), "shard-mismatch");
    fs::remove_file(&shards[1]).unwrap();
    said(&delta(manifest, feed), "unreadable-file");
}

#[test]
fn anchors_find_the_order_of_the_demos_model_again() {
    let feed = repository("www/public/catalogue.json");
    let model = repository("www/public/model.onnx");
    let more = ["--model", model.to_str().unwrap(), "--shoppers", "60", "--anchors", "32"];
    let (ran, out) = build("catalogue_anchors", &feed, &more);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = &ran.json()["anchors"];
    assert_eq!((&report["anchors"], &report["measured"]), (&32.into(), &10.into()));
    assert!(report["recall_20"].as_f64().unwrap() > 0.97, "{report}");
    // They take memory, and are there again when the file is read.
    let plain = build("catalogue_anchorless", &feed, &[]).0;
    let bytes = |ran: &Ran| ran.json()["bytes_per_ad"].as_f64().unwrap();
    assert!(bytes(&ran) > bytes(&plain) + 30.0);
    assert!(assembled(&out).bytes() as f64 > 30.0 * 1000.0 + bytes(&plain) * 1000.0);
    assert_eq!(build("catalogue_no_model", &feed, &["--anchors", "8"]).0.error(), "missing-option");
}
