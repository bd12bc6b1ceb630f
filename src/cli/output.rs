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

/// Refuses to write a file that is also read: what it held would be gone, or half read. Links are followed.
pub(crate) fn apart<'a>(
    written: impl IntoIterator<Item = &'a PathBuf>,
    read: impl IntoIterator<Item = &'a PathBuf> + Clone,
) -> Result<(), Error> {
    for output in written {
        // What is not there yet is not read, and a terminal or a pipe may be both.
        let Some(place) = output.canonicalize().ok().filter(|place| place.is_file()) else { continue };
        let mut inputs = read.clone().into_iter();
        if inputs.any(|input| input.canonicalize().is_ok_and(|input| input == place)) {
            return Err(Error::OutputIsInput { path: output.clone() });
        }
    }
    Ok(())
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
