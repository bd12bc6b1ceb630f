//! JSON lines: GA4 events as a shop's page emits them, with `session` or `visitor` beside.

use std::borrow::Cow;
use std::io::BufRead;
use std::path::Path;

use nearside_core::{EventName, Value};

use crate::builder::{Builder, Row, Told};
use crate::error::Error;
use crate::log::Facts;
use crate::words;

const SESSION: [&str; 3] = ["session", "session_id", "user_session"];
/// GA4's own counts sessions per visitor.
const SESSION_OF_VISITOR: &str = "ga_session_id";
const VISITOR: [&str; 5] = ["visitor", "visitor_id", "user_pseudo_id", "client_id", "user_id"];
const TIME: [&str; 3] = ["ts", "timestamp", "event_timestamp"];

/// Reads every line; those that cannot be used are counted.
pub(crate) fn read(mut reader: Box<dyn BufRead>, path: &Path, builder: &mut Builder<'_>) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let mut line = 0;
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(Error::reading(path))? == 0 {
            return Ok(());
        }
        line += 1;
        let text = bytes.trim_ascii();
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let read = Value::from_json(text).map_err(|e| e.to_string());
        builder.take(line, read.and_then(object))?;
    }
}

fn object(mut value: Value<'_>) -> Result<Row<'_>, String> {
    let Value::Map(entries) = &mut value else { return Err("not an object".into()) };
    let id = |keys: &[&str], entries: &[(Cow<'_, str>, Value<'_>)]| {
        let find = |key: &&str| entries.iter().rev().find(|(k, _)| k == key).and_then(|(_, v)| v.id());
        keys.iter().find_map(find)
    };
    let visitor = id(&VISITOR, entries).unwrap_or_default();
    let session = id(&SESSION, entries)
        .or_else(|| id(&[SESSION_OF_VISITOR], entries).map(|count| format!("{visitor}/{count}")))
        .unwrap_or_default();
    if session.is_empty() && visitor.is_empty() {
        return Err(format!("none of {}, {SESSION_OF_VISITOR}, {}", SESSION.join(", "), VISITOR.join(", ")));
    }
    let text = id(&TIME, entries).ok_or_else(|| format!("none of {}", TIME.join(", ")))?;
    let at = words::time(&text).ok_or_else(|| format!("`{text}` is no time after 1972"))?;
    // Whose it is has been read; the engine would rightly report it as personal data.
    entries.retain(|(key, _)| !VISITOR.contains(&key.as_ref()) && key != "ts");
    // The engine takes milliseconds only.
    entries.push(("ts".into(), Value::Number(at.0 as f64)));

    let kind = value.get("event").and_then(Value::text).and_then(EventName::from_name);
    let items = items(&value).iter().filter_map(|item| Some((id_of(item)?.into(), facts(item)))).collect();
    Ok(Row { session: session.into(), visitor: visitor.into(), at, kind, items, event: Told::Event(value) })
}

/// A field of a GA4 event, wherever the shop's data layer puts it.
pub fn event_field<'e, 'v>(event: &'e Value<'v>, key: &str) -> Option<&'e Value<'v>> {
    event.get(key).or_else(|| event.get("ecommerce").and_then(|ecommerce| ecommerce.get(key)))
}

/// The ids of the items that a GA4 event names, in its order.
pub fn event_items(event: &Value<'_>) -> Vec<String> {
    items(event).iter().filter_map(id_of).collect()
}

fn id_of(item: &Value<'_>) -> Option<String> {
    item.get("item_id").or_else(|| item.get("item_name")).and_then(Value::id)
}

fn items<'e, 'v>(event: &'e Value<'v>) -> &'e [Value<'v>] {
    match event_field(event, "items") {
        Some(Value::List(items)) => items,
        Some(one @ Value::Map(_)) => std::slice::from_ref(one),
        _ => &[],
    }
}

fn facts(item: &Value<'_>) -> Facts {
    let text = |key: &str| item.get(key).and_then(Value::text).map(str::trim).unwrap_or_default();
    let levels = ["item_category", "item_category2", "item_category3", "item_category4", "item_category5"];
    let levels: Vec<&str> = levels.iter().map(|key| text(key)).filter(|level| !level.is_empty()).collect();
    Facts {
        name: text("item_name").to_owned(),
        category: levels.join(" > "),
        brand: text("item_brand").to_owned(),
        price: item.get("price").and_then(Value::number).filter(|price| *price >= 0.0),
    }
}
