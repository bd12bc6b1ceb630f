//! Catalogues as files, in shards and by deltas: whichever way one comes, it ranks alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use nearside_core::feature::{Edition, Values};
use nearside_core::{
    Assembly, Catalogue, Decision, Engine, Error, Feature, Features, Feed, Request, Retrieve, Scorer, ScorerError,
    Timestamp, Value, shard_hash,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_795_514_400_000);

/// What can be different of a product from one version to the next.
#[derive(Clone, Debug, PartialEq)]
struct Thing {
    id: usize,
    title: u8,
    category: u8,
    brand: u8,
    price: Option<u16>,
    sale: bool,
    sold_out: bool,
}

fn things(ids: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Thing>> {
    let thing = (0u8..9, 0u8..5, 0u8..4, prop::option::of(2u16..500), any::<bool>(), prop::bool::weighted(0.2));
    let kept = prop::collection::vec(prop::option::weighted(0.8, thing), ids.len());
    kept.prop_map(move |rows| {
        let things = ids.clone().zip(rows).filter_map(|(id, row)| {
            let (title, category, brand, price, sale, sold_out) = row?;
            Some(Thing { id, title, category, brand, price, sale, sold_out })
        });
        things.collect()
    })
}

fn json(version: &str, things: &[Thing], campaign: usize, embedding: bool) -> String {
    // A vocabulary that is not given is made of the words that occur, which a delta does not do anew.
    let vocabulary = r#"{"item":["t3","t1","gone"],"category":["C1 > D3","C0 > D0"],"brand":["B2","B0"]}"#;
    let mut json = format!(r#"{{"version":"{version}","vocabulary":{vocabulary},"products":["#);
    for (index, thing) in things.iter().enumerate() {
        let Thing { id, title, category, brand, .. } = thing;
        write!(
            json,
            r#"{}{{"id":"t{id}","title":"Thing {title}","product_type":"C{} > D{category}","brand":"B{brand}""#,
            if index == 0 { "" } else { "," },
            category % 2,
        )
        .unwrap();
        if let Some(price) = thing.price {
            write!(json, r#","price":{price}"#).unwrap();
            if thing.sale {
                json.push_str(r#","sale_price":1,"sale_price_effective_date":"2026-11-24T11:00Z/2026-11-25""#);
            }
        }
        if thing.sold_out {
            json.push_str(r#","availability":"out_of_stock""#);
        }
        if embedding {
            write!(json, r#","embedding":[{},{},1,-{id}]"#, title, category).unwrap();
        }
        json.push('}');
    }
    write!(
        json,
        r#"],"campaigns":[{{"id":"c","creatives":[{{"id":"k","item_id":"t{campaign}"}},{{"id":"l","item_id":"t2"}}]}}],
            "placements":[{{"id":"all","max_ads":1000,"exclude":["in_cart"]}}]}}"#
    )
    .unwrap();
    json
}

fn catalogue(json: &str) -> Catalogue {
    Catalogue::read(json.as_bytes()).unwrap().0
}

/// Scores by the ids, the price and the vector of an ad, kept from one ranking to the next as an engine does.
#[derive(Default)]
struct Keeping {
    edition: Option<Edition>,
    kept: Vec<f32>,
}

const INPUTS: &[Feature] = &[
    Feature::AdItem,
    Feature::AdCategory,
    Feature::AdBrand,
    Feature::AdPrice,
    Feature::AdDiscount,
    Feature::AdEmbedding,
    Feature::PairCosine,
    Feature::PairPriceGap,
];

impl Keeping {
    fn of_ad(features: &Features<'_>, ad: usize) -> f32 {
        let values = INPUTS.iter().filter(|input| input.source() == nearside_core::feature::Source::Ad).map(|input| {
            let width = features.dims(*input).unwrap().get(1).copied().unwrap_or(1);
            match features.get(*input).unwrap() {
                Values::Id(ids) => ids[ad] as f32,
                Values::Float(values) => values[ad * width..(ad + 1) * width].iter().sum(),
            }
        });
        values.zip(1..).map(|(value, weight)| value * weight as f32).sum()
    }
}

impl Scorer for Keeping {
    fn name(&self) -> &'static str {
        "keeping"
    }
    fn model(&self) -> Option<&str> {
        Some("feed")
    }
    fn inputs(&self) -> &[Feature] {
        INPUTS
    }
    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        let edition = features.edition().unwrap();
        let known = self.edition.as_ref().filter(|known| *known != edition);
        match (&self.edition, known.and_then(|known| edition.changed_since(known))) {
            (Some(known), _) if known == edition => {}
            (_, Some(changed)) => {
                self.kept.resize(features.ads(), f32::NAN);
                changed.iter().for_each(|ad| self.kept[*ad] = Keeping::of_ad(features, *ad));
            }
            _ => self.kept = (0..features.ads()).map(|ad| Keeping::of_ad(features, ad)).collect(),
        }
        self.edition = Some(edition.clone());
        let pair = |feature, index: usize| match features.get(feature) {
            Some(Values::Float(values)) => values[index],
            _ => panic!("{feature} is missing"),
        };
        for index in 0..features.candidates() {
            let ad = features.rows().map_or(index, |rows| rows[index]);
            scores.push(self.kept[ad] + pair(Feature::PairCosine, index) + pair(Feature::PairPriceGap, index));
        }
        Ok(())
    }
}

fn shopper(engine: &mut Engine) {
    for (event, item) in [("view_item", 1), ("view_item", 4), ("add_to_cart", 6), ("view_item", 2)] {
        let event = format!(r#"{{"event":"{event}","items":[{{"item_id":"t{item}","price":20}}]}}"#);
        engine.observe(&Value::from_json(event.as_bytes()).unwrap(), NOW).unwrap();
    }
}

fn engine(catalogue: Catalogue, model: bool) -> Engine {
    let mut engine = Engine::new();
    engine.load_catalogue(&catalogue.to_bytes(), NOW).unwrap();
    if model {
        engine.set_scorer(Box::new(Keeping::default()), NOW).unwrap();
    }
    shopper(&mut engine);
    engine
}

/// All of a decision that could differ, now and after the sales began.
fn decisions(engine: &mut Engine) -> Vec<Decision> {
    let mut all = Vec::new();
    for retrieve in [Retrieve::All, Retrieve::Best(7)] {
        for hours in [0, 2] {
            let now = Timestamp(NOW.0 + hours * 60 * 60 * 1000);
            let request = Request { placement: "all".into(), retrieve, ..Request::default() };
            let mut decision = engine.rank(&request, now).unwrap();
            assert!(decision.fallback.is_none(), "{decision:?}");
            decision.decision.clear();
            // With all ads, those of products that are gone are scored as well.
            decision.retrieval.ads = 0;
            all.push(decision);
        }
    }
    all
}

fn assemble(files: &[Vec<u8>], count: usize) -> Result<Catalogue, Error> {
    let shards: Vec<String> = files
        .iter()
        .enumerate()
        .map(|(index, file)| format!(r#"{{"file":"{index}.bin","hash":"{}"}}"#, shard_hash(file).unwrap()))
        .collect();
    let mut assembly = Assembly::new(format!(r#"{{"manifest":1,"shards":[{}]}}"#, shards.join(",")).as_bytes())?;
    for file in &files[..count] {
        assembly.add(file)?;
    }
    Ok(assembly.finish()?.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_ranks_as_the_json_it_was_made_of(things in things(0..30), embedding: bool, model: bool) {
        prop_assume!(!things.is_empty());
        let json = json("1", &things, 1, embedding);
        let mut read = Engine::new();
        read.load_catalogue(json.as_bytes(), NOW).unwrap();
        if model {
            read.set_scorer(Box::new(Keeping::default()), NOW).unwrap();
        }
        shopper(&mut read);
        prop_assert_eq!(decisions(&mut engine(catalogue(&json), model)), decisions(&mut read));
    }

    #[test]
    fn shards_rank_as_the_whole_and_a_part_of_them_as_its_products(
        things in things(0..40), size in 1usize..15, model: bool, quantised: bool,
    ) {
        prop_assume!(!things.is_empty());
        let feed = Feed::read(json("1", &things, 1, false).as_bytes()).unwrap();
        let ids: Vec<String> = feed.products().iter().rev().map(|product| product.id.clone()).collect();
        let whole = Catalogue::new(feed).0;
        let whole = if quantised { whole.quantised() } else { whole };
        let rows: Vec<usize> = ids.iter().map(|id| whole.product_index(id).unwrap()).collect();
        let files = whole.to_shards(&rows, size);
        let all = assemble(&files, files.len()).unwrap();
        prop_assert_eq!(all.vocabulary().item_hash(), whole.vocabulary().item_hash());
        let first = assemble(&files, 1).unwrap();
        prop_assert_eq!(first.product_count(), size.min(ids.len()));
        prop_assert!(ids[..first.product_count()].iter().all(|id| first.product_index(id).is_some()));
        prop_assert!(ids.iter().all(|id| all.item_id(id) == whole.item_id(id)));
        prop_assert_eq!(decisions(&mut engine(all, model)), decisions(&mut engine(whole, model)));
    }

    #[test]
    fn deltas_rank_as_building_anew(
        versions in prop::collection::vec((things(0..40), 1usize..3), 2..5), embedding: bool, model: bool,
    ) {
        prop_assume!(versions.iter().all(|(things, _)| !things.is_empty()));
        let all: Vec<Catalogue> = versions
            .iter()
            .enumerate()
            .map(|(index, (things, campaign))| catalogue(&json(&index.to_string(), things, *campaign, embedding)).quantised())
            .collect();
        let mut engine = engine(all[0].clone(), model);
        decisions(&mut engine);
        for pair in all.windows(2) {
            let report = engine.apply_delta(&pair[0].delta(&pair[1]).unwrap(), NOW).unwrap();
            prop_assert_eq!((report.skipped, report.version.as_str()), (0, pair[1].version()));
            let mut anew = self::engine(pair[1].clone(), model);
            // What an event lacks is filled in from the catalogue of its time.
            anew.restore(&engine.snapshot()).unwrap();
            prop_assert_eq!(engine.catalogue().unwrap().product_count(), pair[1].product_count());
            prop_assert_eq!(decisions(&mut engine), decisions(&mut anew));
        }
    }
}

fn some(count: usize) -> Vec<Thing> {
    let thing = |id| Thing { id, title: 1, category: 1, brand: 1, price: Some(9), sale: false, sold_out: false };
    (0..count).map(thing).collect()
}

#[test]
fn a_delta_for_another_version_is_refused_and_the_catalogue_stays() {
    let [one, two, three] =
        [("1", 5), ("2", 6), ("3", 7)].map(|(version, count)| catalogue(&json(version, &some(count), 1, false)));
    let mut engine = engine(one, false);
    let before = decisions(&mut engine);
    let error = engine.apply_delta(&two.delta(&three).unwrap(), NOW).unwrap_err();
    assert_eq!((error.code(), error.value()), ("delta-mismatch", Some("1".into())));
    let damaged = engine.apply_delta(b"NSCA", NOW).unwrap_err();
    assert_eq!(damaged.code(), "catalogue-damaged");
    let catalogue = engine.apply_delta(&two.to_bytes(), NOW).unwrap_err();
    assert_eq!(catalogue.code(), "catalogue-damaged");
    assert_eq!(decisions(&mut engine), before);
    assert_eq!(Engine::new().apply_delta(&two.delta(&three).unwrap(), NOW).unwrap_err(), Error::NoCatalogue);
}

#[test]
fn between_catalogues_of_one_version_or_of_other_vectors_there_is_no_delta() {
    let (plain, brought) = (json("1", &some(3), 1, false), json("2", &some(3), 1, true));
    let same = catalogue(&plain).delta(&catalogue(&plain)).unwrap_err();
    let other = catalogue(&plain).delta(&catalogue(&brought)).unwrap_err();
    assert_eq!([same.code(), other.code()], ["delta-impossible"; 2]);
}

#[test]
fn a_delta_says_what_it_did_and_skips_what_is_not_loaded() {
    let mut new = some(12);
    new[1].price = Some(3);
    new[11].price = Some(3);
    new.remove(10);
    new.push(Thing { id: 20, ..new[0].clone() });
    let (old, new) = (catalogue(&json("1", &some(12), 1, false)), catalogue(&json("2", &new, 1, false)));
    let delta = old.delta(&new).unwrap();
    let mut whole = engine(old.clone(), false);
    let report = whole.apply_delta(&delta, NOW).unwrap();
    assert_eq!((report.changed, report.added, report.gone, report.skipped), (2, 1, 1, 0));
    let rows: Vec<usize> = (0..5).map(|id| old.product_index(&format!("t{id}")).unwrap()).collect();
    let mut part = Engine::new();
    part.load_catalogue(&old.to_shards(&rows, 5)[0], NOW).unwrap();
    let report = part.apply_delta(&delta, NOW).unwrap();
    assert_eq!((report.changed, report.added, report.gone, report.skipped), (1, 1, 0, 2));
}

#[test]
fn a_shard_that_is_not_the_manifests_is_refused_by_its_file() {
    let whole = catalogue(&json("1", &some(6), 1, false));
    let rows: Vec<usize> = (0..6).collect();
    let files = whole.to_shards(&rows, 3);
    let manifest = |hash: &str| format!(r#"{{"manifest":1,"shards":[{{"file":"0.bin","hash":"{hash}"}}]}}"#);
    let mut assembly = Assembly::new(manifest("0000000000000000").as_bytes()).unwrap();
    let error = assembly.add(&files[0]).unwrap_err();
    assert_eq!((error.code(), error.value()), ("shard-mismatch", Some("0.bin".into())));
    // A further shard is no catalogue by itself.
    let mut assembly = Assembly::new(manifest(&shard_hash(&files[1]).unwrap()).as_bytes()).unwrap();
    assert_eq!(assembly.add(&files[1]).unwrap_err().code(), "catalogue-damaged");
    assert_eq!(assembly.finish().map(|_| ()).unwrap_err().code(), "empty-catalogue");
}

#[test]
fn a_manifest_without_shards_is_refused_by_its_field() {
    for (json, field) in
        [("{}", "manifest"), (r#"{"manifest":1}"#, "shards"), (r#"{"manifest":1,"shards":[{}]}"#, "shards")]
    {
        let error = Assembly::new(json.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.field(), Some(field), "{json}");
    }
}

#[test]
fn an_ad_of_a_large_rounded_catalogue_takes_96_bytes_at_most() {
    let mut json = String::from(r#"{"version":"1","products":["#);
    for i in 0..20_000 {
        let comma = if i == 0 { "" } else { "," };
        let (category, brand) = (i % 500, i % 1000);
        write!(
            json,
            r#"{comma}{{"id":"{}","title":"T","product_type":"C > D{category}","brand":"B{brand}","price":{i}}}"#,
            10_000_000 + i
        )
        .unwrap();
    }
    json.push_str(r#"],"placements":[{"id":"p"}]}"#);
    let file = catalogue(&json).quantised().to_bytes();
    let (_, report) = Catalogue::read(&file).unwrap();
    // The lists of 500 categories and 1,000 brands weigh more here than among a million ads.
    let most = 96.0 + 1500.0 * 200.0 / 20_000.0;
    assert!(report.bytes_per_ad < most, "{}", report.bytes_per_ad);
}

#[test]
fn a_sale_that_begins_before_a_delta_counts_after_it() {
    let mut things = some(4);
    things[0].sale = true;
    let old = catalogue(&json("1", &things, 1, false)).quantised();
    things[3].price = Some(5);
    let new = catalogue(&json("2", &things, 1, false)).quantised();
    let mut engine = engine(old.clone(), true);
    let request = Request { placement: "all".into(), ..Request::default() };
    engine.rank(&request, NOW).unwrap();
    let later = Timestamp(NOW.0 + 2 * 60 * 60 * 1000);
    engine.apply_delta(&old.delta(&new).unwrap(), later).unwrap();
    let mut anew = self::engine(new, true);
    anew.restore(&engine.snapshot()).unwrap();
    assert_eq!(engine.rank(&request, later).unwrap(), anew.rank(&request, later).unwrap());
}
