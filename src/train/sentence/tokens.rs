//! A folder's tokenizer: `tokenizer.json`, or BERT's own with the words of `vocab.txt`, as older folders have it.

use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{Model as _, PostProcessor as _, Tokenizer, TruncationParams};

use super::config::Folder;
use crate::error::Error;

#[derive(Deserialize)]
struct Config {
    #[serde(default = "yes")]
    do_lower_case: bool,
}

fn yes() -> bool {
    true
}

impl Folder<'_> {
    /// The tokenizer, which cuts a text after so many tokens, its special ones included.
    pub(super) fn tokenizer(&self, most: usize) -> Result<Tokenizer, Error> {
        let words = "vocab.txt";
        let mut tokenizer = if !self.has("tokenizer.json") && self.has(words) {
            self.of_words(words)?
        } else {
            let bytes = self.bytes("tokenizer.json")?;
            Tokenizer::from_bytes(bytes).map_err(|e| self.fault("tokenizer.json", e.to_string()))?
        };
        let name = if self.has("tokenizer.json") { "tokenizer.json" } else { words };
        // One text is encoded at a time, whole but for the model's own limit, whatever the file was saved with.
        tokenizer.with_padding(None);
        let special = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        if most <= special {
            let fault = format!("a text of {most} tokens at most leaves none beside {special} special ones");
            return Err(self.fault(name, fault));
        }
        let truncation = TruncationParams { max_length: most, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|e| self.fault(name, e.to_string()))?;
        Ok(tokenizer)
    }

    /// BERT's tokenizer with a word a line.
    fn of_words(&self, name: &str) -> Result<Tokenizer, Error> {
        let path = self.path.join(name);
        let model = WordPiece::from_file(&path.to_string_lossy()).unk_token("[UNK]".into()).build();
        let model = model.map_err(|e| self.fault(name, e.to_string()))?;
        let special = |token: &str| match model.token_to_id(token) {
            Some(id) => Ok((token.to_owned(), id)),
            None => Err(self.fault(name, format!("it has no {token}"))),
        };
        let (_, end, start) = (special("[UNK]")?, special("[SEP]")?, special("[CLS]")?);
        let lower_case =
            !self.has("tokenizer_config.json") || self.json::<Config>("tokenizer_config.json")?.do_lower_case;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer
            .with_normalizer(Some(BertNormalizer::new(true, true, None, lower_case)))
            .map_err(|e| self.fault(name, e.to_string()))?
            .with_pre_tokenizer(Some(BertPreTokenizer))
            .with_post_processor(Some(BertProcessing::new(end, start)));
        Ok(tokenizer)
    }
}
