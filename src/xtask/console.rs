//! What the person at the terminal sees: one line for each step, with its time.
//!
//! All of it goes to standard error, so that standard output is free for JSON.
//! Steps may overlap: a step whose line was broken by another is named again
//! when it ends.

use std::io::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Prints the steps of one run. Shared between threads.
#[derive(Debug, Default)]
pub(crate) struct Console {
    /// Title of the step whose line is still without its end, if any.
    open: Mutex<Option<String>>,
}

impl Console {
    /// Prints the start of a step; the returned clock is for [`Console::end`].
    pub(crate) fn begin(&self, title: &str) -> Instant {
        let mut open = self.lock();
        let mut err = std::io::stderr().lock();
        if open.is_some() {
            let _ = writeln!(err);
        }
        let _ = write!(err, "  {title} … ");
        let _ = err.flush();
        *open = Some(title.to_owned());
        Instant::now()
    }

    /// Prints how a step ended: its time, or `word` and its time.
    pub(crate) fn end(&self, title: &str, began: Instant, word: &str) {
        let mut open = self.lock();
        let mut err = std::io::stderr().lock();
        let time = took(began.elapsed());
        let space = if word.is_empty() { "" } else { ", " };
        if open.as_deref() == Some(title) {
            let _ = writeln!(err, "{word}{space}{time}");
            *open = None;
        } else {
            if open.take().is_some() {
                let _ = writeln!(err);
            }
            let _ = writeln!(err, "  {title} … {word}{space}{time}");
        }
    }

    /// Prints whole lines between the steps.
    pub(crate) fn say(&self, text: &str) {
        let mut open = self.lock();
        let mut err = std::io::stderr().lock();
        if open.take().is_some() {
            let _ = writeln!(err);
        }
        let _ = writeln!(err, "{text}");
    }

    /// Runs work of our own as a step.
    pub(crate) fn step<T, E>(&self, title: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let began = self.begin(title);
        let result = work();
        self.end(title, began, if result.is_ok() { "" } else { "failed" });
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A duration as people say it: `0.4 s`, `41 s`, `3 min 05 s`.
pub(crate) fn took(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round();
    if whole < 120.0 {
        format!("{whole:.0} s")
    } else {
        format!("{:.0} min {:02.0} s", (whole / 60.0).floor(), whole % 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_suits_them() {
        assert_eq!(took(Duration::from_millis(420)), "0.4 s");
        assert_eq!(took(Duration::from_millis(9_960)), "10 s");
        assert_eq!(took(Duration::from_secs(119)), "119 s");
        assert_eq!(took(Duration::from_secs(185)), "3 min 05 s");
    }
}
