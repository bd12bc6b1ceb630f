//! Tables: CSV and TSV with a header.

use std::io::BufRead;
use std::path::Path;

use nearside_core::{EventName, Timestamp};

use crate::builder::{Builder, Row, Told};
use crate::columns::{Columns, Mapping, Role};
use crate::error::Error;
use crate::log::Facts;
use crate::words;

/// Reads every row; those that cannot be used are counted.
pub(crate) fn read(
    mut reader: Box<dyn BufRead>,
    tabs: bool,
    mappings: &[Mapping],
    path: &Path,
    builder: &mut Builder<'_>,
) -> Result<(), Error> {
    let delimiter = if tabs { b'\t' } else { delimiter(reader.as_mut(), path)? };
    let mut table = rows(reader, delimiter, !tabs);
    let broken = |e| broken(path, e);
    let mut record = csv::ByteRecord::new();
    if !table.read_byte_record(&mut record).map_err(broken)? {
        return Ok(());
    }
    let header = header(&record);
    let columns = Columns::find(&header, mappings, path).map_err(Error::MissingColumns)?;
    let mut cells = Vec::new();
    while table.read_byte_record(&mut record).map_err(broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        fields(&record, &mut cells);
        builder.take(line, row(&cells, &columns))?;
    }
    Ok(())
}

/// The rows of a table, the header among them. Tab-separated files do not quote: a `"` is part of a name.
pub(crate) fn rows(reader: Box<dyn BufRead>, delimiter: u8, quoting: bool) -> csv::Reader<Box<dyn BufRead>> {
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(delimiter).quoting(quoting).has_headers(false).flexible(true).from_reader(reader)
}

/// What the failure of a row says of the file.
pub(crate) fn broken(path: &Path, e: csv::Error) -> Error {
    let words = e.to_string();
    let source = match e.into_kind() {
        csv::ErrorKind::Io(source) => source,
        _ => std::io::Error::other(words),
    };
    Error::reading(path)(source)
}

/// The names of the columns.
pub(crate) fn header(record: &csv::ByteRecord) -> Vec<String> {
    let mut header = Vec::new();
    fields(record, &mut header);
    if let Some(first) = header.first_mut() {
        *first = first.trim_start_matches('\u{feff}').to_owned();
    }
    header
}

/// The fields of a record in place of those in `cells`, whose memory is used again.
pub(crate) fn fields(record: &csv::ByteRecord, cells: &mut Vec<String>) {
    cells.resize_with(record.len(), String::new);
    for (cell, field) in cells.iter_mut().zip(record) {
        cell.clear();
        cell.push_str(String::from_utf8_lossy(field).trim());
    }
}

/// Reads a row whose fields are trimmed; the error says why it cannot be used.
pub(crate) fn row<'r>(row: &'r [String], columns: &Columns) -> Result<Row<'r>, String> {
    if row.len() != columns.width() {
        return Err(format!("{} fields, the header has {}", row.len(), columns.width()));
    }
    let get = |role| columns.get(role, row);
    let (session, visitor) = (get(Role::Session).unwrap_or_default(), get(Role::Visitor).unwrap_or_default());
    if session.is_empty() && visitor.is_empty() {
        return Err("neither a session nor a visitor".into());
    }
    let at = time(columns, row)?;
    let kind = match get(Role::Event) {
        None => EventName::ViewItem,
        Some(word) => words::kind(word).ok_or_else(|| format!("the event `{word}` is not known"))?,
    };
    let id = get(Role::Item).ok_or("no item")?;
    if [session, visitor, id].iter().any(|name| name.contains('\n')) {
        return Err("a name goes over several lines: a quote is opened and not closed".into());
    }
    let price = get(Role::Price).and_then(|p| p.parse::<f64>().ok()).filter(|p| p.is_finite() && *p >= 0.0);
    let (category, brand) = (columns.category(row), get(Role::Brand).unwrap_or_default());
    let name = get(Role::Name).unwrap_or_default().to_owned();
    let facts = Facts { name, category: category.clone().into_owned(), brand: brand.to_owned(), price };
    let event = Told::Cells { category, brand, price };
    let (session, visitor) = (session.into(), visitor.into());
    Ok(Row { session, visitor, at, kind: Some(kind), items: vec![(id.into(), facts)], event })
}

fn time(columns: &Columns, row: &[String]) -> Result<Timestamp, String> {
    let text = columns.get(Role::Time, row).ok_or("no time")?;
    let at = words::time(text).ok_or_else(|| format!("`{text}` is no time after 1972"))?;
    match columns.get(Role::Offset, row) {
        None => Ok(at),
        Some(text) => match text.parse::<u32>() {
            Ok(offset) => Ok(Timestamp(at.0 + u64::from(offset))),
            Err(_) => Err(format!("`{text}` is no number of milliseconds")),
        },
    }
}

/// Comma, semicolon or bar: the one the header has most of.
pub(crate) fn delimiter(reader: &mut dyn BufRead, path: &Path) -> Result<u8, Error> {
    let head = reader.fill_buf().map_err(Error::reading(path))?;
    let header = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |mark: u8| header.iter().filter(|b| **b == mark).count();
    let most = *b",;|".iter().rev().max_by_key(|mark| count(**mark)).expect("three marks");
    Ok(most)
}
