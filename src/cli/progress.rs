//! How far a command is.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, where that is a terminal.
pub(crate) fn progress(title: impl Into<std::borrow::Cow<'static, str>>, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:18} {wide_bar} {pos}/{len} {eta}").expect("a constant template");
    ProgressBar::new(length as u64).with_style(style).with_message(title)
}

/// The same for what is counted in bytes; their number is told later.
pub(crate) fn bytes(title: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:18} {wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(0).with_style(style.expect("a constant template")).with_message(title)
}
