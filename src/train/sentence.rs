//! A sentence encoder given as a folder: text to a vector, when a catalogue is built.
//!
//! The folder is that of a sentence-transformers model (Reimers and Gurevych 2019, arXiv 1908.10084) whose network is BERT:
//! `modules.json`, `config.json`, `tokenizer.json` or `vocab.txt`, `model.safetensors`, and the pooling's `config.json`. Nothing of it ships
//! but the catalogue's vectors.

mod bert;
mod config;
mod tokens;

use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use crate::error::Error;
use bert::Bert;
use config::{Folder, Pooling};

/// Turns texts into vectors.
#[derive(Clone, Debug)]
pub struct SentenceEncoder {
    path: PathBuf,
    tokenizer: Tokenizer,
    bert: Bert,
    pooling: Pooling,
    normalise: bool,
}

impl SentenceEncoder {
    /// Reads a folder.
    ///
    /// Errors: `unreadable-file` where one of its files is missing; `invalid-sentence-encoder` where one does not say what
    /// it should, or the model is of another kind.
    pub fn read(path: &Path) -> Result<SentenceEncoder, Error> {
        let folder = Folder { path };
        let modules = folder.modules()?;
        let config = folder.config()?;
        let most = folder.longest()?.unwrap_or(config.max_position_embeddings).min(config.max_position_embeddings);
        let tokenizer = folder.tokenizer(most)?;
        let bert = Bert::read(&path.join("model.safetensors"), &config)?;
        let words = tokenizer.get_vocab_size(true);
        if words > bert.words() {
            let fault = format!("the tokenizer has {words} tokens, the model {}", bert.words());
            return Err(Error::SentenceEncoder { path: path.to_owned(), fault });
        }
        Ok(SentenceEncoder {
            path: path.to_owned(),
            tokenizer,
            bert,
            pooling: modules.pooling,
            normalise: modules.normalise,
        })
    }

    /// How many numbers a vector has.
    pub fn width(&self) -> usize {
        self.bert.width()
    }

    /// The vector of a text. Of a longer text than the model reads, the beginning counts.
    ///
    /// Errors: `invalid-sentence-encoder` where the tokenizer does not take the text, `arithmetic-failed`.
    pub fn vector(&self, text: &str) -> Result<Vec<f32>, Error> {
        let fault = |fault: String| Error::SentenceEncoder { path: self.path.clone(), fault };
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|e| fault(e.to_string()))?;
        if encoding.is_empty() {
            return Ok(vec![0.0; self.width()]);
        }
        let states = self.bert.encode(encoding.get_ids(), encoding.get_type_ids())?;
        let mut vector: Vec<f32> = match self.pooling {
            Pooling::Mean => states.mean(0)?.to_vec1()?,
            Pooling::First => states.get(0)?.to_vec1()?,
        };
        if self.normalise {
            nearside_core::content::normalise(&mut vector);
        }
        Ok(vector)
    }
}
