//! Sources: the files of a log, and how each is written.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::builder::Builder;
use crate::error::Error;
use crate::{Log, Mapping, lines, objects, parquet, table};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A header, then rows; parted by comma, semicolon or bar, whichever the header has most of.
    Csv,
    /// A header, then rows; parted by tabs.
    Tsv,
    /// One JSON object a line: a GA4 event, with `session` or `visitor`.
    Jsonl,
    /// The columns of a table, flat, plain or compressed with snappy or gzip.
    Parquet,
    /// One session a line: `item` or `item:milliseconds`, parted by spaces; `#` begins a comment.
    Sessions,
}

/// The files that make one log, and how to read them. By default everything is told from the files.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Plain or gzip, whatever their names; read one after the other.
    pub paths: Vec<PathBuf>,
    /// How all of them are written; told from each file's first line where it is `None`.
    pub format: Option<Format>,
    /// Columns of tables that are not to be guessed from the header.
    pub mappings: Vec<Mapping>,
    /// Whether the first row that cannot be used ends the reading with [`Error::UnusableRow`].
    pub strict: bool,
}

/// A row that could not be used, and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// The line in it, 1 the first.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.why)
    }
}

impl Log {
    /// Reads files into one log. Each row that cannot be used is told as it is met, and counted in
    /// [`Log::skipped`].
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`], [`Error::UnknownFormat`] and [`Error::MissingColumns`] for a file that cannot be read
    /// at all, [`Error::UnusableRow`] for a row where the source is strict, [`Error::Empty`] where nothing is left.
    pub fn read(source: &Source, told: &mut dyn FnMut(&Skipped)) -> Result<Log, Error> {
        let mut builder = Builder::new(source.strict, told);
        for path in &source.paths {
            let mut reader = open(path)?;
            let format = match source.format {
                Some(format) => format,
                None => sniff(reader.as_mut(), path)?,
            };
            builder.file(path);
            match format {
                Format::Csv => table::read(reader, false, &source.mappings, path, &mut builder)?,
                Format::Tsv => table::read(reader, true, &source.mappings, path, &mut builder)?,
                Format::Parquet => parquet::read(path, &source.mappings, &mut builder)?,
                Format::Jsonl => objects::read(reader, path, &mut builder)?,
                Format::Sessions => lines::read(reader, path, &mut builder)?,
            }
        }
        let log = builder.finish();
        if log.events() == 0 {
            return Err(Error::Empty { paths: source.paths.clone(), skipped: log.skipped() });
        }
        Ok(log)
    }
}

/// Opens a file, decompressing it where it is gzip whatever its name.
fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let mut reader = BufReader::new(File::open(path).map_err(Error::reading(path))?);
    let zipped = reader.fill_buf().map_err(Error::reading(path))?.starts_with(&GZIP);
    Ok(if zipped { Box::new(BufReader::new(MultiGzDecoder::new(reader))) } else { Box::new(reader) })
}

/// Tells a file's format from its first line that is no comment.
fn sniff(reader: &mut dyn BufRead, path: &Path) -> Result<Format, Error> {
    let head = reader.fill_buf().map_err(Error::reading(path))?;
    if head.starts_with(parquet::MAGIC) {
        return Ok(Format::Parquet);
    }
    // The head may end inside a character, so only what comes before the fault counts.
    let valid = std::str::from_utf8(head).map_or_else(|e| e.valid_up_to(), str::len);
    let text = String::from_utf8_lossy(&head[..valid]);
    let unknown = || Error::UnknownFormat { path: path.to_owned() };
    if head.len() - valid > 3 || text.contains('\0') {
        return Err(unknown());
    }
    let lines = || text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(line) = lines().find(|line| !line.starts_with('#')).or_else(|| lines().next()) else {
        return Err(Error::Empty { paths: vec![path.to_owned()], skipped: 0 });
    };
    Ok(match line {
        line if line.starts_with('{') => Format::Jsonl,
        line if line.contains('\t') => Format::Tsv,
        line if line.contains([',', ';', '|']) => Format::Csv,
        _ => Format::Sessions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_from_the_first_line_that_is_no_comment() {
        for (text, format) in [
            ("{\"event\":\"view_item\"}\n", Format::Jsonl),
            ("session\ttime\titem\n", Format::Tsv),
            ("session;time;item\n", Format::Csv),
            ("# item:ms\n\n12:5 13:9\n", Format::Sessions),
            ("1 2 3\n", Format::Sessions),
            ("PAR1\u{15}\u{4}", Format::Parquet),
        ] {
            assert_eq!(sniff(&mut text.as_bytes(), Path::new("log")).unwrap(), format, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_log() {
        for bytes in [&b"\x08\x07\x12\x00onnx"[..], &[0xff, 0xfe, 0x41, 0x42, 0x43]] {
            assert_eq!(sniff(&mut &*bytes, Path::new("log")).unwrap_err().code(), "unknown-format");
        }
    }
}
