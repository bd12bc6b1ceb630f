//! Parquet files: written here, read as a log, and damaged.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::path::PathBuf;
use std::sync::Arc;

use nearside_log::{Error, Log, Notice, Source};
use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Two sessions: 7 views a and puts b into the cart, 8 views b. The last row has no item.
fn file(compression: Compression, time: &str, unit: i64) -> Vec<u8> {
    let message = format!(
        "message log {{ required int64 session; optional int64 time{time}; optional binary product_id (UTF8);
          optional binary event (UTF8); optional double price; optional group tags (LIST) {{
            repeated group list {{ optional binary element (UTF8); }} }} }}"
    );
    let schema = Arc::new(parse_message_type(&message).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let times: Vec<i64> = [0, 60, 30, 90].map(|second| (1_700_000_000 + second) * unit).to_vec();
    let texts = |words: &[&str]| words.iter().map(|word| ByteArray::from(*word)).collect::<Vec<_>>();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[7, 7, 8, 8], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&times, Some(&[1; 4]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(&["a", "b", "b"]), Some(&[1, 1, 1, 0]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let kinds = texts(&["view", "cart", "view", "view"]);
    column.typed::<ByteArrayType>().write_batch(&kinds, Some(&[1; 4]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[19.5], Some(&[1, 0, 0, 0]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&[], Some(&[0; 4]), Some(&[0; 4])).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn read(name: &str, bytes: &[u8]) -> Result<(Log, Vec<String>), Error> {
    let path: PathBuf = [env!("CARGO_TARGET_TMPDIR"), name].iter().collect();
    // Some file systems flush a file that is cut and written again, which takes longer than the test.
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, bytes).unwrap();
    let mut skipped = Vec::new();
    let source = Source { paths: vec![path], ..Source::default() };
    let log = Log::read(&source, &mut |notice| {
        if let Notice::Skipped(row) = notice {
            skipped.push(format!("{}: {}", row.line, row.why));
        }
    })?;
    Ok((log, skipped))
}

/// One line a step: session, milliseconds after the first moment, kind, item.
fn shown(log: &Log) -> Vec<String> {
    let mut lines = Vec::new();
    for session in log.sessions() {
        for step in &session.steps {
            let (kind, item) = (step.kind().unwrap().name(), log.items().name(step.target.unwrap()));
            lines.push(format!("{} {} {kind} {item}", session.name, step.at.0 - 1_700_000_000_000));
        }
    }
    lines
}

#[test]
fn a_parquet_file_is_read_like_a_table_whatever_its_times_and_compression() {
    let gzip = Compression::GZIP(GzipLevel::default());
    for (name, compression, time, unit) in [
        ("plain.parquet", Compression::UNCOMPRESSED, "", 1),
        ("snappy.parquet", Compression::SNAPPY, " (TIMESTAMP_MILLIS)", 1000),
        ("gzip.parquet", gzip, " (TIMESTAMP_MICROS)", 1_000_000),
        ("nanos.parquet", Compression::SNAPPY, " (TIMESTAMP(NANOS,true))", 1_000_000_000),
    ] {
        let (log, skipped) = read(name, &file(compression, time, unit)).unwrap();
        let expected = ["7 0 view_item a", "7 60000 add_to_cart b", "8 30000 view_item b"];
        assert_eq!(shown(&log), expected, "{name}");
        assert_eq!(log.facts(log.items().find("a").unwrap()).price, Some(19.5));
        assert_eq!(skipped, ["4: no item"]);
    }
}

#[test]
fn a_parquet_file_without_the_columns_names_those_it_has() {
    let schema = Arc::new(parse_message_type("message log { required int64 wann; }").unwrap());
    let mut bytes = Vec::new();
    SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap().close().unwrap();
    let error = read("columns.parquet", &bytes).unwrap_err();
    assert_eq!(error.code(), "missing-column");
    assert!(error.to_string().contains("only wann"), "{error}");
}

#[test]
fn a_damaged_parquet_file_is_an_error_or_a_log_and_never_a_panic() {
    let whole = file(Compression::SNAPPY, "", 1);
    // Fewer bytes do not say that they are Parquet.
    for length in 4..whole.len() {
        assert!(read("cut.parquet", &whole[..length]).is_err(), "{length} bytes");
    }
    // The reader below ours asserts, and each assertion would write a backtrace.
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let flipped = std::panic::catch_unwind(|| flip(&whole));
    std::panic::set_hook(loud);
    assert!(flipped.is_ok());
}

fn flip(whole: &[u8]) {
    for place in 0..whole.len() {
        for bit in [0x01, 0x80] {
            let mut bytes = whole.to_vec();
            bytes[place] ^= bit;
            let _ = read("flipped.parquet", &bytes);
        }
    }
}
