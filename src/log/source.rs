//! Sources: the files of a log, and how each is written.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::builder::{Builder, Known, Rows};
use crate::error::Error;
use crate::held::Held;
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

/// What is told while a log is read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// A row cannot be used.
    Skipped(&'a Skipped),
    /// The reading went on. Told every few thousand rows.
    Read {
        /// Bytes of the files that were read, as they lie on the disk.
        done: u64,
        /// Bytes of all files; as many as were read where their size is not known before.
        bytes: u64,
    },
    /// The rows were read, and so many parts of them are sorted.
    Sorted {
        /// Parts that are sorted.
        done: u64,
        /// All parts.
        parts: u64,
    },
}

impl Log {
    /// Reads files into one log. Each row that cannot be used is told as it is met, and counted in
    /// [`Log::skipped`].
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`], [`Error::UnknownFormat`] and [`Error::MissingColumns`] for a file that cannot be read
    /// at all, [`Error::UnusableRow`] for a row where the source is strict, [`Error::Empty`] where nothing is left.
    pub fn read(source: &Source, told: &mut dyn FnMut(Notice<'_>)) -> Result<Log, Error> {
        let mut held = Held::default();
        let known = source.rows(&mut held, told)?;
        Ok(held.finish(known))
    }
}

impl Source {
    /// Hands over the rows of all files, one at least.
    pub(crate) fn rows(&self, rows: &mut dyn Rows, told: &mut dyn FnMut(Notice<'_>)) -> Result<Known, Error> {
        let mut bytes = 0;
        // Before hours of reading, so that a wrong path among many costs a moment.
        for path in &self.paths {
            let data = path.metadata().map_err(Error::reading(path))?;
            if data.is_dir() {
                return Err(Error::reading(path)(io::ErrorKind::IsADirectory.into()));
            }
            bytes += data.len();
        }
        let mut builder = Builder::new(bytes, self.strict, rows, told);
        for path in &self.paths {
            let place = Rc::default();
            let mut reader = open(path, Rc::clone(&place))?;
            let format = match self.format {
                Some(format) => format,
                None => sniff(reader.as_mut(), path)?,
            };
            builder.file(path, place);
            match format {
                Format::Csv => table::read(reader, false, &self.mappings, path, &mut builder)?,
                Format::Tsv => table::read(reader, true, &self.mappings, path, &mut builder)?,
                Format::Parquet => parquet::read(path, &self.mappings, &mut builder)?,
                Format::Jsonl => objects::read(reader, path, &mut builder)?,
                Format::Sessions => lines::read(reader, path, &mut builder)?,
            }
        }
        let rows = builder.rows();
        let known = builder.finish();
        if rows == 0 {
            return Err(Error::Empty { paths: self.paths.clone(), skipped: known.skipped });
        }
        Ok(known)
    }
}

/// A file that keeps count of the bytes that were read.
struct Counted {
    file: File,
    place: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.place.set(self.place.get() + count as u64);
        Ok(count)
    }
}

/// Opens a file, decompressing it where it is gzip whatever its name.
pub(crate) fn open(path: &Path, place: Rc<Cell<u64>>) -> Result<Box<dyn BufRead>, Error> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let file = File::open(path).map_err(Error::reading(path))?;
    let mut reader = BufReader::new(Counted { file, place });
    let zipped = reader.fill_buf().map_err(Error::reading(path))?.starts_with(&GZIP);
    Ok(if zipped { Box::new(BufReader::new(MultiGzDecoder::new(reader))) } else { Box::new(reader) })
}

/// What a file begins with, where that is text.
pub(crate) fn text(head: &[u8]) -> Option<&str> {
    // The head may end inside a character, so only what comes before the fault counts.
    let valid = std::str::from_utf8(head).map_or_else(|e| e.valid_up_to(), str::len);
    let text = std::str::from_utf8(&head[..valid]).ok()?;
    (head.len() - valid <= 3 && !text.contains('\0')).then_some(text)
}

/// Tells a file's format from its first line that is no comment.
fn sniff(reader: &mut dyn BufRead, path: &Path) -> Result<Format, Error> {
    const KNOWN: &str = "CSV, TSV, JSON lines or one session a line in UTF-8, plain or as .gz, or Parquet";
    let head = reader.fill_buf().map_err(Error::reading(path))?;
    if head.starts_with(parquet::MAGIC) {
        return Ok(Format::Parquet);
    }
    let unknown = || Error::UnknownFormat { path: path.to_owned(), known: KNOWN };
    let text = text(head).ok_or_else(unknown)?;
    let lines = || text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(line) = lines().find(|line| !line.starts_with('#')).or_else(|| lines().next()) else {
        return Err(Error::Empty { paths: vec![path.to_owned()], skipped: 0 });
    };
    // An array of objects is one value, which would have to be held whole.
    if line == "[" || line.starts_with("[{") {
        return Err(unknown());
    }
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
    fn bytes_that_are_no_text_and_arrays_of_objects_are_no_log() {
        let array = b"[{\"session\":1},{\"session\":2}]";
        for bytes in [&b"\x08\x07\x12\x00onnx"[..], &[0xff, 0xfe, 0x41, 0x42, 0x43], array, b"[\n{}\n]"] {
            assert_eq!(sniff(&mut &*bytes, Path::new("log")).unwrap_err().code(), "unknown-format");
        }
    }
}
