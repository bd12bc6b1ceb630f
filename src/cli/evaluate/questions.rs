//! What was learned from and what was asked, as files: a trainer can be given the one, another build the other.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use nearside_core::Value;
use nearside_log::{Log, Sequence};
use serde::Serialize;

use super::ranker::Place;
use super::report::Named;
use super::task::{Task, TestSession};
use crate::error::Error;

/// One session: `--questions` writes one a line.
#[derive(Serialize)]
struct Line<'a> {
    session: &'a str,
    /// As a shop hands them to `observe`, in time order.
    events: Vec<Value<'a>>,
    /// The item of each event.
    items: Vec<&'a str>,
    /// By ranker: where the item of each event but the first stood after those before it; 0 beyond place 20.
    places: Named<&'a str, &'a [Place]>,
}

/// Writes every step of these sessions as a JSON line: a GA4 event with its `session`, and with a number for its `visitor`
/// where the log tells visitors apart.
pub(crate) fn write_events(path: &Path, log: &Log, sequences: &[Sequence]) -> Result<(), Error> {
    let lines = || -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for sequence in sequences {
            let session = &log.sessions()[sequence.session];
            for step in &sequence.steps {
                let mut event = log.event(&session.steps[*step]);
                if let Value::Map(entries) = &mut event {
                    entries.retain(|(key, _)| key != "session");
                    entries.push(("session".into(), Value::Text(session.name.as_str().into())));
                    if session.visitor != 0 {
                        entries.push(("visitor".into(), Value::Text(session.visitor.to_string().into())));
                    }
                }
                serde_json::to_writer(&mut file, &event)?;
                file.write_all(b"\n")?;
            }
        }
        file.flush()
    };
    lines().map_err(Error::writing(path))
}

/// Writes every test session.
pub(crate) fn write<'a>(path: &Path, task: &'a Task<'a>, places: &'a [(String, Vec<Vec<Place>>)]) -> Result<(), Error> {
    let lines = || -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for (index, session) in task.sessions.iter().enumerate() {
            serde_json::to_writer(&mut file, &line(task, session, index, places))?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    lines().map_err(Error::writing(path))
}

fn line<'a>(
    task: &'a Task<'a>,
    session: &TestSession,
    index: usize,
    places: &'a [(String, Vec<Vec<Place>>)],
) -> Line<'a> {
    Line {
        session: task.session_name(session),
        events: task.steps(session).map(|step| task.test_log().event(step)).collect(),
        items: session.items.iter().map(|item| task.name(*item)).collect(),
        places: Named(places.iter().map(|(name, places)| (name.as_str(), places[index].as_slice())).collect()),
    }
}
