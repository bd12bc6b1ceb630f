//! The items that a model knows, as a file tells them: the option that several commands share.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use crate::error::Error;

/// Where the items are.
#[derive(Clone, Debug, Args)]
pub(crate) struct VocabularyFile {
    /// The items that the model knows, in order, in place of those that the catalogue names or has: a JSON array, or an object
    /// with one as `items`, such as the vocabulary.json of `nearside train`
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
}

impl VocabularyFile {
    /// The file, where one is given.
    pub(crate) fn path(&self) -> Option<&PathBuf> {
        self.vocabulary.as_ref()
    }

    /// Reads the items, where a file is given: `["a", "b"]` or `{"items": ["a", "b"]}`.
    ///
    /// Errors: `unreadable-file`, `invalid-vocabulary`.
    pub(crate) fn read(&self) -> Result<Option<Vec<String>>, Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Words {
            List(Vec<String>),
            Named { items: Vec<String> },
        }
        let Some(path) = &self.vocabulary else { return Ok(None) };
        let bytes = std::fs::read(path).map_err(Error::reading(path))?;
        match serde_json::from_slice(&bytes) {
            Ok(Words::List(items) | Words::Named { items }) if are_distinct(&items) => Ok(Some(items)),
            _ => Err(Error::Vocabulary { path: path.to_owned() }),
        }
    }
}

/// Whether there are items, each of them once: a number stands for one.
fn are_distinct(items: &[String]) -> bool {
    let mut seen = HashSet::new();
    !items.is_empty() && items.iter().all(|item| seen.insert(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_is_named_twice_has_no_number() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(are_distinct(&words(&["a", "b"])));
        assert!(!are_distinct(&words(&["a", "b", "a"])) && !are_distinct(&[]));
    }
}
