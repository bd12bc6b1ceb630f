//! Why a part of the data has no click to learn from, or to be measured by.

use std::fmt;

use nearside_train::Part;

use super::{Data, Kind};

/// A part of the data without a click.
#[derive(Debug)]
pub(crate) struct NoClicks {
    pub(crate) part: Part,
    /// How many examples it has.
    pub(crate) examples: usize,
    kind: Kind,
    cause: Cause,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    /// No event shows a list.
    NoLists,
    /// None of so many lists can be used.
    UnusableLists(usize),
    /// The catalogue lacks so many items that were clicked, or came next.
    UnknownItems(usize),
    /// So many clicks are on items of no list before them.
    ClicksWithoutList(usize),
    /// All clicks of these data, so many, are in the other part.
    Elsewhere(usize),
    /// Nothing was clicked.
    NotClicked,
}

impl NoClicks {
    /// What `data` say of a part of them that has so many examples.
    pub(super) fn new(part: Part, examples: usize, data: &Data) -> NoClicks {
        let (kind, left_out, clicks) = (data.kind, &data.left_out, data.examples.clicks());
        let cause = if clicks > 0 {
            Cause::Elsewhere(clicks)
        } else if kind == Kind::Lists && left_out.lists == 0 {
            Cause::NoLists
        } else if left_out.unknown_clicked > 0 {
            Cause::UnknownItems(left_out.unknown_clicked)
        } else if left_out.clicks_without_list > 0 {
            Cause::ClicksWithoutList(left_out.clicks_without_list)
        } else if left_out.unusable_lists > 0 && data.examples.is_empty() {
            Cause::UnusableLists(left_out.unusable_lists)
        } else {
            Cause::NotClicked
        };
        NoClicks { part, examples, kind, cause }
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> String {
        match (&self.cause, self.part) {
            (Cause::NoLists, _) => {
                "Log the lists that are shown, as view_item_list and select_item, or learn from next items with --negatives"
            }
            (Cause::UnusableLists(_), _) => "Correct what the skipped lists above say of page and device",
            (Cause::UnknownItems(_), _) => {
                "Give the catalogue whose ids the log names, or none: one is then derived from the log"
            }
            (Cause::ClicksWithoutList(_), _) => {
                "Give each click (select_item, ad_click) the item_list_id or decision of the list it is in, and log the list \
                 before it"
            }
            (Cause::Elsewhere(_), Part::Training) => "Lower --validation, or give more data",
            (Cause::Elsewhere(_), _) => "Raise --validation, give more data, or data to be measured on with --test",
            (Cause::NotClicked, _) => match self.kind {
                Kind::Lists => "Give a log with clicks (select_item, ad_click), or learn from next items with --negatives",
                Kind::NextItems => "Give a log in which shoppers do two things or more in one session",
                Kind::Table => "Give rows of what was clicked too, or name another column with --columns clicked=COLUMN",
            },
        }
        .to_owned()
    }
}

impl fmt::Display for NoClicks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no click among the {} examples of the {} part: ", self.examples, self.part.word())?;
        match &self.cause {
            Cause::NoLists => f.write_str("the log shows no list (view_item_list or ad_impression)"),
            Cause::UnusableLists(count) => write!(f, "none of the {count} lists can be used"),
            Cause::UnknownItems(count) => {
                let clicked = if self.kind == Kind::NextItems { "came next" } else { "were clicked" };
                write!(f, "the catalogue lacks {count} items that {clicked}")
            }
            Cause::ClicksWithoutList(count) => write!(f, "{count} clicks are on items of no list before them"),
            Cause::Elsewhere(count) => write!(f, "all {count} clicks are in the other part"),
            Cause::NotClicked => f.write_str("nothing was clicked"),
        }
    }
}
