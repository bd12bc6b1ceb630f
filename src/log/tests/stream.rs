//! Streams beside logs in memory: the same sessions, whatever the files look like and however little memory there is.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::path::PathBuf;
use std::sync::Arc;

use nearside_core::{EventName, Timestamp};
use nearside_log::{Error, Log, Notice, Rules, Scratch, Source, Split, Stream};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

/// A row before it is written: session, visitor, minutes, event, item. Rows of no use are among them.
type Row = (Option<u8>, Option<u8>, u64, &'static str, u8);

fn row() -> impl Strategy<Value = Row> {
    let events =
        ["view_item", "view_item", "add_to_cart", "purchase", "select_item", "view_item_list", "teleport", "search"];
    let named = |count: u8| proptest::option::of(0..count);
    // Steps of ten minutes: many at the same time, and gaps of just 30 minutes and more.
    (named(4), named(3), 0..14u64, proptest::sample::select(events.to_vec()), 0..7u8)
}

#[derive(Clone, Copy, Debug)]
enum Written {
    Csv,
    Tsv,
    Jsonl,
    Sessions,
    Parquet,
}

const HEADER: [&str; 7] = ["session", "visitor", "time", "event", "item", "brand", "price"];

fn cells((session, visitor, minutes, event, item): &Row) -> [String; 7] {
    let name = |prefix: &str, number: &Option<u8>| number.map_or(String::new(), |n| format!("{prefix}{n}"));
    // The item's brand is told by some rows only.
    let brand = if minutes % 3 == 0 { format!("brand-{minutes}") } else { String::new() };
    let time = (1_700_000_000 + 600 * minutes).to_string();
    let item = if *item == 0 { String::new() } else { format!("item-{item}") };
    [name("s", session), name("v", visitor), time, (*event).to_owned(), item, brand, minutes.to_string()]
}

fn object(row: &Row) -> String {
    let [session, visitor, time, event, item, brand, price] = cells(row);
    let items = if item.is_empty() {
        String::new()
    } else {
        format!(r#",{{"item_id":"{item}","item_brand":"{brand}","price":{price}}},{{"item_id":"other"}}"#)
    };
    let items = items.trim_start_matches(',');
    format!(r#"{{"session":"{session}","visitor":"{visitor}","ts":{time},"event":"{event}","items":[{items}]}}"#) + "\n"
}

fn parquet(rows: &[Row]) -> Vec<u8> {
    let columns = HEADER.map(|name| format!("required binary {name} (UTF8);")).concat();
    let schema = Arc::new(parse_message_type(&format!("message log {{ {columns} }}")).unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    // Several row groups.
    for rows in rows.chunks(20) {
        let cells: Vec<[String; 7]> = rows.iter().map(cells).collect();
        let mut group = writer.next_row_group().unwrap();
        for place in 0..HEADER.len() {
            let texts: Vec<ByteArray> = cells.iter().map(|cells| ByteArray::from(cells[place].as_str())).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

fn written(rows: &[Row], format: Written) -> Vec<u8> {
    let table = |delimiter: &str| {
        let lines = rows.iter().map(|row| cells(row).join(delimiter) + "\n");
        std::iter::once(HEADER.join(delimiter) + "\n").chain(lines).collect::<String>().into_bytes()
    };
    match format {
        Written::Csv => table(","),
        Written::Tsv => table("\t"),
        Written::Jsonl => rows.iter().map(object).collect::<String>().into_bytes(),
        Written::Parquet => parquet(rows),
        Written::Sessions => {
            let word = |(_, _, minutes, _, item): &Row| format!("i{item}:{}", minutes * 600_000);
            let line = |rows: &[Row]| rows.iter().map(word).collect::<Vec<_>>().join(" ") + "\n";
            rows.chunks(3).map(line).collect::<String>().into_bytes()
        }
    }
}

/// A folder of its own for one test.
fn folder(name: &str) -> PathBuf {
    let folder: PathBuf = [env!("CARGO_TARGET_TMPDIR"), name].iter().collect();
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    folder
}

/// Everything that is seen of a log: its sessions, and what was counted and known.
#[derive(Debug, PartialEq)]
struct Seen {
    sequences: Vec<Vec<(String, EventName, Timestamp)>>,
    /// Whose each sequence is, numbered in order of appearance; 0 where the log does not say.
    visitors: Vec<u32>,
    /// Sessions, short ones, rare items, skipped rows.
    counts: [usize; 4],
    facts: Vec<String>,
    moment: Option<Timestamp>,
}

fn in_memory(source: &Source, rules: &Rules, told: &mut Vec<String>) -> Result<Seen, Error> {
    let log = Log::read(source, &mut skipped(told))?;
    let kept = rules.keep(&log);
    let sequences: Vec<Vec<_>> = kept
        .sequences
        .iter()
        .map(|sequence| {
            let steps = sequence.steps.iter().map(|step| &log.sessions()[sequence.session].steps[*step]);
            steps
                .map(|step| (log.items().name(step.target.unwrap()).to_owned(), step.kind().unwrap(), step.at))
                .collect()
        })
        .collect();
    let mut ends: Vec<Timestamp> = kept.sequences.iter().map(|sequence| sequence.end(&log)).collect();
    let visitors = kept.sequences.iter().map(|sequence| log.sessions()[sequence.session].visitor);
    let facts = (1..=log.items().len() as u32).map(|item| format!("{} {:?}", log.items().name(item), log.facts(item)));
    Ok(Seen {
        sequences,
        visitors: renumbered(visitors),
        counts: [log.sessions().len(), kept.short_sessions, kept.rare_items, log.skipped()],
        facts: facts.collect(),
        moment: Split::Share(0.3).moment(&mut ends),
    })
}

fn streamed(source: &Source, rules: &Rules, scratch: &Scratch, told: &mut Vec<String>) -> Result<Seen, Error> {
    let stream = Stream::read(source, rules, scratch, &mut skipped(told))?;
    let (mut sequences, mut ends, mut visitors) = (Vec::new(), Vec::new(), Vec::new());
    stream.each(&mut |visitor, actions| {
        visitors.push(visitor);
        ends.push(actions.last().unwrap().at);
        let name = |item| stream.items().name(item).to_owned();
        sequences.push(actions.iter().map(|action| (name(action.item), action.kind, action.at)).collect());
    })?;
    let facts = (1..=stream.items().len() as u32)
        .map(|item| format!("{} {:?}", stream.items().name(item), stream.facts(item)))
        .collect();
    let short = stream.sessions() - ends.len();
    Ok(Seen {
        counts: [stream.sessions(), short, stream.rare_items(), stream.skipped()],
        moment: Split::Share(0.3).moment(&mut ends),
        visitors: renumbered(visitors.into_iter()),
        sequences,
        facts,
    })
}

/// Visitors by the order in which they appear, whatever their numbers.
fn renumbered(visitors: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut known = vec![0];
    let mut number = |visitor: u32| {
        let place = known.iter().position(|other| *other == visitor);
        place.unwrap_or_else(|| {
            known.push(visitor);
            known.len() - 1
        }) as u32
    };
    visitors.map(&mut number).collect()
}

fn skipped(told: &mut Vec<String>) -> impl FnMut(Notice<'_>) + '_ {
    |notice| {
        if let Notice::Skipped(row) = notice {
            told.push(row.to_string());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_holds_what_the_log_in_memory_holds(
        files in proptest::collection::vec((proptest::collection::vec(row(), 0..90), 0..5usize), 1..4),
        min_support in 1..5usize,
        carts in any::<bool>(),
        strict in proptest::bool::weighted(0.1),
        memory in proptest::sample::select(vec![1, 2_000, 200_000, 1 << 20]),
    ) {
        let folder = folder("property");
        let formats = [Written::Csv, Written::Tsv, Written::Jsonl, Written::Sessions, Written::Parquet];
        let mut paths = Vec::new();
        for (number, (rows, format)) in files.iter().enumerate() {
            paths.push(folder.join(number.to_string()));
            std::fs::write(&paths[number], written(rows, formats[*format])).unwrap();
        }
        let source = Source { paths, strict, ..Source::default() };
        let kinds = if carts { vec![EventName::AddToCart, EventName::SelectItem] } else { Vec::new() };
        let rules = Rules { kinds, min_support };
        let scratch = Scratch { folder: folder.join("scratch"), memory };
        let mut told = [Vec::new(), Vec::new()];
        let expected = in_memory(&source, &rules, &mut told[0]).map_err(|error| error.to_string());
        let got = streamed(&source, &rules, &scratch, &mut told[1]).map_err(|error| error.to_string());
        prop_assert_eq!(got, expected);
        prop_assert_eq!(&told[0], &told[1]);
        // Nothing is left of what went to the disk.
        prop_assert!(std::fs::read_dir(scratch.folder).map_or(0, Iterator::count) == 0);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named_only_where_memory_is_too_small() {
    let folder = folder("unwritable");
    let (path, file) = (folder.join("log.txt"), folder.join("file"));
    std::fs::write(&path, "a b c\n".repeat(500)).unwrap();
    std::fs::write(&file, "").unwrap();
    let source = Source { paths: vec![path], ..Source::default() };
    let read =
        |memory| Stream::read(&source, &Rules::default(), &Scratch { folder: file.clone(), memory }, &mut |_| ());
    let error = read(1_000).unwrap_err();
    assert_eq!(error.code(), "unwritable-file");
    assert!(error.value().unwrap().contains("unwritable"), "{error}");
    assert!(read(1 << 20).is_ok());
}

#[test]
fn reading_tells_how_many_bytes_are_read_and_ends_at_all_of_them() {
    let folder = folder("progress");
    let path = folder.join("log.txt");
    let text = "a b c d\n".repeat(20_000);
    std::fs::write(&path, &text).unwrap();
    let mut places = Vec::new();
    let source = Source { paths: vec![path.clone(), path], ..Source::default() };
    let told = &mut |notice: Notice<'_>| {
        if let Notice::Read { done, bytes } = notice {
            places.push((done, bytes));
        }
    };
    Log::read(&source, told).unwrap();
    let all = 2 * text.len() as u64;
    assert!(places.len() > 10 && places.is_sorted() && places.iter().all(|(_, bytes)| *bytes == all), "{places:?}");
    let (done, _) = places[places.len() - 1];
    assert!(done > all * 9 / 10, "{done}");
}

#[test]
fn a_wrong_path_among_many_is_told_before_the_first_is_read() {
    let folder = folder("paths");
    let path = folder.join("log.csv");
    std::fs::write(&path, "session,time,item\n1,soon,a\n").unwrap();
    for (other, kind) in [(folder.join("missing.csv"), "missing.csv"), (folder.clone(), "paths")] {
        let mut told = Vec::new();
        let source = Source { paths: vec![path.clone(), other], ..Source::default() };
        let error = Log::read(&source, &mut skipped(&mut told)).unwrap_err();
        assert_eq!((error.code(), told.len()), ("unreadable-file", 0));
        assert!(error.value().unwrap().ends_with(kind), "{error}");
    }
}
