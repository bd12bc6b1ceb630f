//! Examples from a table of impressions: each row's shopper is made known to the core, and then asks.

use indicatif::ProgressBar;
use nearside_core::{Request, Statement, Timestamp, Value};
use nearside_log::{Facts, Impression, Impressions};
use nearside_train::click::{Examples, Outcome, Recorder, Terms};

use crate::catalogue::{PLACEMENT, Prepared};
use crate::engine;
use crate::error::Error;

/// Rows that share a catalogue of their ads. The core ranks all of a catalogue, so a larger one costs more a row.
const ROWS: usize = 256;

/// Between two things a shopper looked at, in milliseconds, where a row tells their order alone.
const PACE_MS: u64 = 60_000;

/// The examples of all rows, each a group.
pub(crate) fn examples(table: &Impressions, terms: &Terms, progress: &ProgressBar) -> Result<Examples, Error> {
    let mut examples = Examples::default();
    let mut group = 0;
    for rows in table.rows.chunks(ROWS) {
        let mut ads: Vec<usize> = rows.iter().map(|row| row.ad).collect();
        ads.sort_unstable();
        ads.dedup();
        let items: Vec<(&str, &Facts)> = ads.iter().map(|ad| (table.ads[*ad].0.as_str(), &table.ads[*ad].1)).collect();
        let catalogue = Prepared::of_items(&items, None, None, None, 1)?;
        let start = rows[0].at;
        let mut engine = engine::ready(&catalogue, None, start)?;
        let recorder = Recorder::new(&mut engine, terms, start).map_err(Error::Ranking)?;
        for row in rows {
            engine.forget();
            engine.tell(Statement { basic: Some(row.basic.clone()), preferences: Vec::new() });
            for (index, (id, facts)) in row.history.iter().enumerate() {
                let at = Timestamp(row.at.0 - PACE_MS * (row.history.len() - index) as u64);
                engine.observe(&view(id, facts, at), at).map_err(Error::Ranking)?;
            }
            let ad = catalogue.product(&table.ads[row.ad].0).map(|product| catalogue.row(product));
            let ad = ad.into_iter().collect::<Vec<_>>();
            let noted = recorder.examples(&mut engine, &request(row), row.at, &ad).map_err(Error::Ranking)?;
            let outcome = Outcome { clicked: row.clicked, position: None, rate: 1.0 };
            noted.iter().for_each(|example| examples.push(terms, group, example, outcome));
            group += 1;
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    Ok(examples)
}

fn request(row: &Impression) -> Request {
    let page = nearside_core::Page { kind: row.page, ..nearside_core::Page::default() };
    Request { placement: PLACEMENT.into(), page, device: row.device, ..Request::default() }
}

/// That an item was looked at, as a shop reports it.
fn view<'a>(id: &'a str, facts: &'a Facts, at: Timestamp) -> Value<'a> {
    let text = |text: &'a str| Value::Text(text.into());
    let mut item = vec![("item_id".into(), text(id))];
    for (key, told) in [("item_category", &facts.category), ("item_brand", &facts.brand)] {
        if !told.is_empty() {
            item.push((key.into(), text(told)));
        }
    }
    Value::Map(vec![
        ("event".into(), text("view_item")),
        ("ts".into(), Value::Number(at.0 as f64)),
        ("items".into(), Value::List(vec![Value::Map(item)])),
    ])
}
