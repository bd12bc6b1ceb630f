//! Session lines: one session a line, as research splits of logs are published.
//!
//! They hold no dates. Sessions follow each other from 2026-01-01, each half
//! an hour after the last, so that their order in the file is the order in time.

use std::io::BufRead;
use std::path::Path;

use nearside_core::history::GAP_MS;
use nearside_core::{EventName, Timestamp};

use crate::builder::{Builder, Row, Told};
use crate::error::Error;
use crate::log::Facts;

/// 2026-01-01 UTC, in milliseconds.
const FIRST_MS: u64 = 1_767_225_600_000;
/// Between two steps without times, in milliseconds.
const PACE_MS: u64 = 30_000;

/// Reads every line. There is nothing that could not be used: each word is an item.
pub(crate) fn read(mut reader: Box<dyn BufRead>, path: &Path, builder: &mut Builder<'_>) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let mut line = 0;
    // Numbers of sessions that no other file of sessions has. It ended where this one begins.
    let (mut start, mut count) = (FIRST_MS, builder.rows());
    if let Some(last) = builder.end() {
        start = start.max(last.0 + GAP_MS + 1);
    }
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(Error::reading(path))? == 0 {
            return Ok(());
        }
        line += 1;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        count += 1;
        let session = count.to_string();
        let (mut at, mut end) = (start, start);
        for (index, word) in text.split_whitespace().enumerate() {
            let (id, time) = token(word);
            at = match time {
                Some(ms) => start + u64::from(ms),
                None if index == 0 => start,
                None => at + PACE_MS,
            };
            end = end.max(at);
            let row = Row {
                session: session.as_str().into(),
                visitor: "".into(),
                at: Timestamp(at),
                kind: Some(EventName::ViewItem),
                items: vec![(id.into(), Facts::default())],
                event: Told::Cells { category: "".into(), brand: "", price: None },
            };
            builder.take(line, Ok(row))?;
        }
        start = end + GAP_MS + 1;
    }
}

/// `item` or `item:milliseconds`.
fn token(word: &str) -> (&str, Option<u32>) {
    match word.rsplit_once(':').map(|(id, ms)| (id, ms.parse())) {
        Some((id, Ok(ms))) if !id.is_empty() => (id, Some(ms)),
        _ => (word, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_an_item_with_or_without_its_time() {
        assert_eq!(token("17"), ("17", None));
        assert_eq!(token("17:4000"), ("17", Some(4000)));
        assert_eq!(token("sku:red"), ("sku:red", None));
    }
}
