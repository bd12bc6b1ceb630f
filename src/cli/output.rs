//! Results on standard output, and what else is told on standard error.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;

/// Tells people something on standard error. That nobody can be told, as where a full disk takes what it is sent to, is
/// no failure of the command.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Refuses to write a file that is also read: what it held would be gone, or half read. The same for one that is
/// written twice. Links are followed.
pub(crate) fn apart<'a>(
    written: impl IntoIterator<Item = &'a PathBuf>,
    read: impl IntoIterator<Item = &'a PathBuf> + Clone,
) -> Result<(), Error> {
    let mut before: Vec<PathBuf> = Vec::new();
    for output in written {
        // A terminal or a pipe may be several.
        let Some(place) = place(output) else { continue };
        if before.contains(&place) {
            return Err(Error::OutputTwice { path: output.clone() });
        }
        let mut inputs = read.clone().into_iter();
        if inputs.any(|input| is_same(input, &place)) {
            return Err(Error::OutputIsInput { path: output.clone() });
        }
        before.push(place);
    }
    Ok(())
}

/// Where a file is, or will be; `None` for what is there and is no file.
fn place(path: &Path) -> Option<PathBuf> {
    match path.canonicalize() {
        Ok(place) => place.is_file().then_some(place),
        Err(_) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(folder.canonicalize().ok()?.join(path.file_name()?))
        }
    }
}

/// Whether a path leads to the file at `place`, by whatever name.
fn is_same(path: &Path, place: &Path) -> bool {
    if path.canonicalize().is_ok_and(|path| path == place) {
        return true;
    }
    #[cfg(unix)]
    if let (Ok(a), Ok(b)) = (path.metadata(), place.metadata()) {
        use std::os::unix::fs::MetadataExt as _;
        return (a.dev(), a.ino()) == (b.dev(), b.ino());
    }
    false
}

/// Prints a report: as one JSON object where asked, otherwise for people.
///
/// A reader that goes away has what it wanted (`nearside ... | head`), so that is no failure.
pub(crate) fn print(report: &(impl Display + Serialize), json: bool) -> Result<(), Error> {
    let text = if json {
        serde_json::to_string(report).expect("numbers and words are JSON") + "\n"
    } else {
        report.to_string()
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Error::writing(Path::new("standard output"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_no_input_under_any_name_and_no_other_output() {
        let folder = std::env::temp_dir().join(format!("nearside-output-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let [log, link, new] = ["log.csv", "link.csv", "new.csv"].map(|name| folder.join(name));
        std::fs::write(&log, "session").unwrap();
        std::fs::hard_link(&log, &link).unwrap();
        let dotted = folder.join(".").join("new.csv");
        let code = |written: &[&PathBuf]| apart(written.iter().copied(), [&log]).map_err(|error| error.code());
        assert_eq!(code(&[&log]), Err("output-is-input"));
        assert_eq!(code(&[&link]), Err("output-is-input"));
        assert_eq!(code(&[&new, &dotted]), Err("output-twice"));
        assert_eq!(code(&[&new]), Ok(()));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
