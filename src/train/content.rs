//! What an item is, in the network's own space, so that an item never seen in training can be ranked.
//!
//! After the network is trained, its item vectors are regressed on what is known of the items (CB2CF, Barkan et al.
//! 2019, arXiv 1611.00384): category path, brand, price band, words and sub-words of the title. Regression shrinks: the
//! less is known of an item, the shorter its vector, as it is a mean over more kinds of items. One more number holds what
//! is missing to length 1, and the network's query has a number for that too: how readily an unknown quantity is
//! offered. Behind them stand the features themselves, hashed, for what sessions say that the network has not learnt: two
//! items of the same rare words ([`NewItems`]).

mod encoder;
mod features;
mod fingerprint;
mod graph;
mod new_items;
mod ridge;
mod words;

use nearside_core::content::Content;

pub use encoder::ContentEncoder;
pub use features::title;
pub(crate) use fingerprint::phrase;
pub use fingerprint::{described, named_encoder};
pub use new_items::NewItems;

use crate::error::Error;

/// Refuses items of which nothing is told but their ids, with `unknown-content` on the option that wants more.
pub fn told(items: &[Content<'_>], wanted_by: &'static str) -> Result<(), Error> {
    let nothing =
        |c: &Content<'_>| title(c).is_empty() && c.category.is_empty() && c.brand.is_empty() && c.price.is_none();
    if items.iter().all(nothing) { Err(Error::UnknownContent { wanted_by }) } else { Ok(()) }
}
