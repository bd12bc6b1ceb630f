//! What the JSON files of a sentence-transformers folder say.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// How the states of a text's tokens become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// The first token's, which BERT has for the whole.
    First,
}

/// What comes after the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Modules {
    pub(super) pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub(super) normalise: bool,
}

/// `config.json`, as far as it decides what is computed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Config {
    model_type: String,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) layer_norm_eps: f64,
}

fn gelu() -> String {
    "gelu".into()
}

fn absolute() -> String {
    "absolute".into()
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct PoolingConfig {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
}

#[derive(Deserialize)]
struct Longest {
    max_seq_length: Option<usize>,
}

/// The folder.
pub(super) struct Folder<'a> {
    pub(super) path: &'a Path,
}

impl Folder<'_> {
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path.join(name);
        std::fs::read(&path).map_err(|source| Error::Unreadable { path, source })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes(name)?).map_err(|e| self.fault(name, e.to_string()))
    }

    pub(super) fn fault(&self, name: &str, fault: String) -> Error {
        Error::SentenceEncoder { path: self.path.join(name), fault }
    }

    /// `config.json`.
    pub(super) fn config(&self) -> Result<Config, Error> {
        const NAME: &str = "config.json";
        let config: Config = self.json(NAME)?;
        for (field, got, known) in [
            ("model_type", &config.model_type, "bert"),
            ("hidden_act", &config.hidden_act, "gelu"),
            ("position_embedding_type", &config.position_embedding_type, "absolute"),
        ] {
            if got != known {
                return Err(self.fault(NAME, format!("{field} is {got}, only {known} can be computed")));
            }
        }
        let Config { hidden_size, num_attention_heads, .. } = config;
        if num_attention_heads == 0 || hidden_size == 0 || hidden_size % num_attention_heads != 0 {
            return Err(
                self.fault(NAME, format!("{hidden_size} numbers cannot be parted among {num_attention_heads} heads"))
            );
        }
        Ok(config)
    }

    /// `modules.json` and the pooling's `config.json`. Without the first, the mean is taken, of any length.
    pub(super) fn modules(&self) -> Result<Modules, Error> {
        const NAME: &str = "modules.json";
        if !self.has(NAME) {
            return Ok(Modules { pooling: Pooling::Mean, normalise: false });
        }
        let mut modules = Modules { pooling: Pooling::Mean, normalise: false };
        for Module { path, kind } in self.json::<Vec<Module>>(NAME)? {
            match kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" if path.is_empty() => {}
                "Pooling" => modules.pooling = self.pooling(&format!("{path}/config.json"))?,
                "Normalize" => modules.normalise = true,
                _ => return Err(self.fault(NAME, format!("the module {kind} in `{path}` cannot be computed"))),
            }
        }
        Ok(modules)
    }

    fn pooling(&self, name: &str) -> Result<Pooling, Error> {
        let config: PoolingConfig = self.json(name)?;
        match config {
            PoolingConfig { pooling_mode_max_tokens: true, .. }
            | PoolingConfig { pooling_mode_mean_sqrt_len_tokens: true, .. } => {}
            PoolingConfig { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false, .. } => {
                return Ok(Pooling::First);
            }
            PoolingConfig { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true, .. } => {
                return Ok(Pooling::Mean);
            }
            _ => {}
        }
        Err(self.fault(name, "it asks for another pooling than the mean or the first token".into()))
    }

    /// The longest text in tokens, where the folder says so.
    pub(super) fn longest(&self) -> Result<Option<usize>, Error> {
        const NAME: &str = "sentence_bert_config.json";
        if !self.has(NAME) {
            return Ok(None);
        }
        Ok(self.json::<Longest>(NAME)?.max_seq_length)
    }
}
