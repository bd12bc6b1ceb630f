//! Spools: bytes on the disk that wait to be read back.
//!
//! The file loses its name as soon as it is open where the system allows that, so that nothing is left of it however
//! the program ends; elsewhere it is deleted when the spool is dropped.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// A file that only this program sees, written at its end and read anywhere.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Spool {
    /// A spool in a folder, which is made where it is missing.
    pub(crate) fn new(folder: &Path) -> Result<Spool, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("log-{}-{count}.part", std::process::id()));
        let opened = fs::create_dir_all(folder)
            .and_then(|()| File::options().read(true).write(true).create(true).truncate(true).open(&path));
        let file = opened.map_err(Error::writing(&path))?;
        let spool = Spool { file, path, length: 0 };
        spool.delete();
        Ok(spool)
    }

    /// Deletes the name. Where the system refuses as long as the file is open, this is tried once more in the end.
    fn delete(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Adds bytes, and says where they lie.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<Range<u64>, Error> {
        let start = self.length;
        let written = self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.write_all(bytes));
        written.map_err(Error::writing(&self.path))?;
        self.length += bytes.len() as u64;
        Ok(start..self.length)
    }

    /// A reader of what lies there.
    pub(crate) fn reader(&self, range: Range<u64>) -> Window<'_> {
        Window { spool: self, range }
    }

    /// The usual wrapper for reading this spool.
    pub(crate) fn reading(&self) -> impl FnOnce(io::Error) -> Error {
        Error::reading(&self.path)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.delete();
    }
}

/// A part of a spool.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    spool: &'a Spool,
    range: Range<u64>,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = (self.range.end - self.range.start).min(buffer.len() as u64) as usize;
        let mut file = &self.spool.file;
        file.seek(SeekFrom::Start(self.range.start))?;
        let count = file.read(&mut buffer[..left])?;
        self.range.start += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_read_back_and_leaves_no_file_behind() {
        let folder = std::env::temp_dir().join(format!("nearside-spool-{}", std::process::id()));
        let mut spool = Spool::new(&folder).unwrap();
        let ranges = ["kettle", "", "toaster"].map(|text| spool.append(text.as_bytes()).unwrap());
        let texts = ranges.map(|range| io::read_to_string(spool.reader(range)).unwrap());
        assert_eq!(texts, ["kettle", "", "toaster"]);
        drop(spool);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_a_file_cannot_be_written() {
        let file = std::env::temp_dir().join(format!("nearside-spool-file-{}", std::process::id()));
        fs::write(&file, "").unwrap();
        assert_eq!(Spool::new(&file).unwrap_err().code(), "unwritable-file");
        fs::remove_file(&file).unwrap();
    }
}
