//! Cleaning, through the engine as a shop uses it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nearside_core::clean::{FUTURE_MS, HORIZON_MS, ITEM_LIMIT};
use nearside_core::{Engine, Observed, PACE_LIMIT, Timestamp, Value};

const NOW: Timestamp = Timestamp(1_795_514_400_000);

fn observe(engine: &mut Engine, json: &str) -> Observed {
    engine.observe(&Value::from_json(json.as_bytes()).unwrap(), NOW).unwrap()
}

fn once(json: &str) -> Observed {
    observe(&mut Engine::new(), json)
}

fn with_catalogue() -> Engine {
    let mut engine = Engine::new();
    let catalogue = br#"{ "currency": "EUR", "products": [
        { "id": "a", "title": "A", "price": "15.00 EUR", "brand": "Acme", "product_type": "Music > Guitars" } ],
        "placements": [{ "id": "home" }] }"#;
    engine.load_catalogue(catalogue, NOW).unwrap();
    engine
}

#[test]
fn each_unusable_event_is_refused_with_its_reason_and_field() {
    for (json, reason, field) in [
        ("{}", "missing-event", "event"),
        (r#"{"event":"login"}"#, "unknown-event", "event"),
        (r#"{"event":["view_item"]}"#, "unknown-event", "event"),
        (r#"{"event":"view_item"}"#, "missing-item", "items"),
        (r#"{"event":"view_item","items":[{}]}"#, "missing-item", "items"),
        (r#"{"event":"view_item","items":"sku-1"}"#, "missing-item", "items"),
        (r#"{"event":"search"}"#, "missing-search-term", "search_term"),
        (r#"{"event":"page_view","ts":"yesterday"}"#, "invalid-time", "ts"),
        (r#"{"event":"page_view","ts":1795514400}"#, "invalid-time", "ts"),
        (r#"{"event":"page_view","ts":-5}"#, "invalid-time", "ts"),
    ] {
        let observed = once(json);
        assert!(!observed.accepted, "{json}");
        assert_eq!((observed.reason, observed.field), (Some(reason), Some(field)), "{json}");
        assert!(observed.remedy.is_some() && observed.value.is_some(), "{json}");
    }
}

#[test]
fn only_a_caller_without_an_object_gets_an_error() {
    for json in ["null", "3", "[]", r#""view_item""#] {
        let error = Engine::new().observe(&Value::from_json(json.as_bytes()).unwrap(), NOW).unwrap_err();
        assert_eq!((error.code(), error.field()), ("invalid-field", Some("event")), "{json}");
    }
}

#[test]
fn an_event_is_counted_once_whatever_its_identity() {
    for json in [
        r#"{"event":"view_item","id":"e1","items":[{"item_id":"a"}]}"#,
        r#"{"event":"purchase","transaction_id":"t1","items":[{"item_id":"a"}]}"#,
        r#"{"event":"purchase","ecommerce":{"transaction_id":"t1","items":[{"item_id":"a"}]}}"#,
    ] {
        let mut engine = Engine::new();
        assert!(observe(&mut engine, json).accepted, "{json}");
        assert_eq!(observe(&mut engine, json).reason, Some("duplicate"), "{json}");
    }
}

#[test]
fn one_transaction_may_be_bought_and_refunded() {
    let mut engine = Engine::new();
    assert!(observe(&mut engine, r#"{"event":"purchase","transaction_id":"t","items":[{"item_id":"a"}]}"#).accepted);
    assert!(observe(&mut engine, r#"{"event":"refund","transaction_id":"t","items":[{"item_id":"a"}]}"#).accepted);
}

#[test]
fn the_data_layers_nested_shape_is_read_like_the_flat_one() {
    let flat = r#"{"event":"view_item","items":[{"item_id":"a","item_brand":"Acme"}]}"#;
    let nested = r#"{"event":"view_item","ecommerce":{"items":[{"item_id":"a","item_brand":"Acme"}]}}"#;
    let profile = |json| {
        let mut engine = Engine::new();
        observe(&mut engine, json);
        engine.profile().clone()
    };
    assert_eq!(profile(flat), profile(nested));
}

#[test]
fn what_was_changed_is_flagged() {
    for (json, flag) in [
        (r#"{"event":"view_item","items":[{"item_id":"a","price":"19.99"}]}"#, "price-parsed"),
        (r#"{"event":"view_item","items":[{"item_id":"a","price":"on request"}]}"#, "price-dropped"),
        (r#"{"event":"view_item","items":[{"item_id":"a","quantity":"many"}]}"#, "quantity-filled"),
        (r#"{"event":"view_item","items":[{"item_id":"a"},{"price":3}]}"#, "item-dropped"),
        (r#"{"event":"page_view"}"#, "time-filled"),
    ] {
        let observed = once(json);
        assert!(observed.accepted && observed.flags.contains(&flag), "{json}: {:?}", observed.flags);
    }
}

#[test]
fn missing_values_are_filled_from_the_catalogue_and_flagged() {
    let observed = observe(&mut with_catalogue(), r#"{"event":"view_item","items":[{"item_id":"a"}]}"#);
    for flag in ["price-filled", "brand-filled", "category-filled"] {
        assert!(observed.flags.contains(&flag), "{flag}");
    }
}

#[test]
fn items_beyond_the_limit_are_left_out_and_flagged() {
    let items: Vec<String> = (0..ITEM_LIMIT + 50).map(|i| format!(r#"{{"item_id":"i{i}"}}"#)).collect();
    let mut engine = Engine::new();
    let observed = observe(&mut engine, &format!(r#"{{"event":"view_item_list","items":[{}]}}"#, items.join(",")));
    assert!(observed.flags.contains(&"items-truncated"));
    assert_eq!(engine.profile().items().len(), ITEM_LIMIT);
}

#[test]
fn a_time_in_the_future_becomes_now_and_a_time_before_the_horizon_is_refused() {
    let at = |ms: u64| once(&format!(r#"{{"event":"page_view","ts":{ms}}}"#));
    assert!(at(NOW.0 + FUTURE_MS + 1).flags.contains(&"future-time"));
    assert!(at(NOW.0 + FUTURE_MS).flags.is_empty());
    assert_eq!(at(NOW.0 - HORIZON_MS - 1).reason, Some("too-old"));
    assert!(at(NOW.0 - HORIZON_MS).accepted);
}

#[test]
fn a_late_event_is_flagged_and_put_in_its_place() {
    let mut engine = Engine::new();
    let view = |item: &str, ms: u64| format!(r#"{{"event":"view_item","ts":{ms},"items":[{{"item_id":"{item}"}}]}}"#);
    observe(&mut engine, &view("second", NOW.0));
    assert!(observe(&mut engine, &view("first", NOW.0 - 120_000)).flags.contains(&"late"));
    let order: Vec<&str> = engine.profile().history().records().iter().map(|r| r.item.as_str()).collect();
    assert_eq!(order, ["first", "second"]);
}

#[test]
fn personal_data_is_flagged_and_nowhere_in_the_snapshot() {
    let marked = [
        r#"{"event":"purchase","email":"MARKER@x.org","transaction_id":"1","items":[{"item_id":"a"}]}"#,
        r#"{"event":"view_item","user_data":{"address":{"street":"MARKER"}},"items":[{"item_id":"a"}]}"#,
        r#"{"event":"view_item","Phone-Number":"MARKER","items":[{"item_id":"a"}]}"#,
        r#"{"event":"view_item","userId":"MARKER","items":[{"item_id":"a","first_name":"MARKER"}]}"#,
        r#"{"event":"search","search_term":"guitar MARKER@x.org"}"#,
        r#"{"event":"search","search_term":"guitar +49-170-5550-MARKER"}"#,
    ];
    for json in marked {
        let mut engine = Engine::new();
        let observed = observe(&mut engine, json);
        assert!(observed.flags.contains(&"personal-data-dropped"), "{json}: {observed:?}");
        let snapshot = String::from_utf8_lossy(&engine.snapshot()).to_lowercase();
        assert!(!snapshot.contains("marker"), "{json}");
    }
}

#[test]
fn a_robots_pace_is_flagged_and_does_not_teach() {
    let mut engine = Engine::new();
    let mut view = |n: usize| {
        observe(
            &mut engine,
            &format!(r#"{{"event":"view_item","ts":{},"items":[{{"item_id":"i{n}"}}]}}"#, NOW.0 + n as u64),
        )
    };
    assert!((0..PACE_LIMIT).all(|n| view(n).accepted));
    let observed = view(PACE_LIMIT);
    assert!(!observed.accepted && observed.flags.contains(&"robot-like"));
    assert_eq!(engine.profile().items().len(), PACE_LIMIT);
}

#[test]
fn everything_ignored_is_counted_by_reason() {
    let mut engine = Engine::new();
    observe(&mut engine, r#"{"event":"login"}"#);
    observe(&mut engine, r#"{"event":"share"}"#);
    observe(&mut engine, r#"{"event":"view_item"}"#);
    let ignored = engine.stats(NOW).events.ignored;
    assert_eq!(ignored.get("unknown-event"), Some(&2));
    assert_eq!(ignored.get("missing-item"), Some(&1));
}
