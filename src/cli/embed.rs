//! `nearside embed`: a catalogue in, the same with a vector for every product out.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use nearside_core::Product;
use nearside_train::{ContentEncoder, SentenceEncoder, title, write_whole};
use serde::Serialize;

use crate::catalogue::{Prepared, embed, of_log, set_encoder, set_vocabulary};
use crate::engine::check_encoder;
use crate::error::Error;
use crate::output;
use crate::progress::progress;
use crate::source::Reading;
use crate::vocabulary::VocabularyFile;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
A product's `embedding` is what a model reads as ad.embedding, and what profile.interest is made of. All of a catalogue's
products have one of the same width, or none. Written as whole numbers; only the direction counts.

--content: a product's category, brand, price and title, in the space of the network that was trained with
`nearside train --content`. That network ranks products it has not learnt by it. The encoder is not shipped: it stays
with whoever makes the catalogue. It reveals how the network's item vectors depend on what items are. The catalogue's
description names the encoder; replay and evaluate refuse it beside another network, and so does --model here.

--encoder: title, brand and category as text, in the space of a sentence encoder: a folder of the sentence-transformers
library whose network is BERT (modules.json, config.json, tokenizer.json, model.safetensors). The core's cosine and
models that read pair.cosine compare such vectors; a model that was trained with --content needs its own.

--vocabulary: the items that the model knows become the catalogue's `vocabulary.item`, by which catalogue and model agree. A
catalogue without that field stands for its own products, sorted: another list than the model's where one of them is new or
left out.

Examples:
  nearside embed --catalogue catalogue.json --content ranker/content.safetensors \\
      --vocabulary ranker/vocabulary.json --model ranker/model.onnx --out embedded.json
  nearside embed --events events.tsv.gz --content ranker/content.safetensors \\
      --vocabulary ranker/vocabulary.json --out embedded.json
  nearside embed --catalogue catalogue.json --encoder all-MiniLM-L6-v2 --out embedded.json";

/// Which catalogue, and what makes the vectors.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("of").required(true).args(["catalogue", "events"])))]
#[command(group(ArgGroup::new("by").required(true).args(["content", "encoder"])))]
pub(crate) struct Options {
    /// The catalogue, as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "map", "strict"])]
    catalogue: Option<PathBuf>,
    /// In place of a catalogue, logs: what they tell of their items becomes one
    #[arg(long, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// What `nearside train --content` wrote
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// The folder of a sentence encoder
    #[arg(long, value_name = "FOLDER")]
    encoder: Option<PathBuf>,
    /// The model that is to rank the catalogue; refused where --content is of another one
    #[arg(long, value_name = "FILE", requires = "content")]
    model: Option<PathBuf>,
    #[command(flatten)]
    vocabulary: VocabularyFile,
    /// Where the catalogue with its vectors goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was done.
#[derive(Serialize)]
struct Report<'a> {
    catalogue: &'a Path,
    /// Products with a vector.
    products: usize,
    /// Products that the core cannot read, and which have none.
    left_out: usize,
    /// Numbers of a vector.
    width: usize,
    bytes: usize,
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report { catalogue, products, left_out, width, bytes } = self;
        writeln!(f, "{}: {products} products with {width} numbers each, {bytes} bytes", catalogue.display())?;
        if *left_out > 0 {
            writeln!(f, "  {left_out} products cannot be read and have none")?;
        }
        Ok(())
    }
}

/// What makes the vectors.
enum Encoder {
    Content(ContentEncoder),
    Sentence(Box<SentenceEncoder>),
}

impl Encoder {
    fn read(options: &Options) -> Result<Encoder, Error> {
        let read = match (&options.content, &options.encoder) {
            (Some(path), _) => ContentEncoder::read(path).map(Encoder::Content),
            (None, folder) => {
                let folder = folder.as_deref().expect("one of the group is required");
                SentenceEncoder::read(folder).map(|encoder| Encoder::Sentence(Box::new(encoder)))
            }
        };
        read.map_err(Error::Training)
    }

    fn width(&self) -> usize {
        match self {
            Encoder::Content(encoder) => encoder.width(),
            Encoder::Sentence(encoder) => encoder.width(),
        }
    }

    /// What models and catalogues name a content encoder by.
    fn fingerprint(&self) -> Option<&str> {
        match self {
            Encoder::Content(encoder) => Some(encoder.fingerprint()),
            Encoder::Sentence(_) => None,
        }
    }

    fn vectors(&self, products: &[Product]) -> Result<Vec<Vec<f32>>, Error> {
        let bar = progress("embed", products.len());
        let vector = |product: &Product| {
            let vector = match self {
                Encoder::Content(encoder) => Ok(encoder.vector(&product.into())),
                Encoder::Sentence(encoder) => encoder.vector(&text(product)),
            };
            bar.inc(1);
            vector.map_err(Error::Training)
        };
        let vectors = products.iter().map(vector).collect();
        bar.finish_and_clear();
        vectors
    }
}

/// A product as a sentence encoder reads it.
fn text(product: &Product) -> String {
    let category = product.category.replace(" > ", ", ");
    let parts = [title(&product.into()), &product.brand, &category];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ")
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Options { events, catalogue, content, model, vocabulary, .. } = options;
    let read = events.iter().chain(catalogue).chain(content).chain(model).chain(vocabulary.path());
    output::apart([&options.out], read)?;
    let mut json = match &options.catalogue {
        Some(path) => Prepared::json(path)?,
        None => of_log(&options.reading.read(&options.events)?),
    };
    let rows = json["products"].as_array().map_or(0, Vec::len);
    let encoder = Encoder::read(options)?;
    if let Some(model) = &options.model {
        let bytes = std::fs::read(model).map_err(Error::reading(model))?;
        check_encoder((model, &bytes), options.content.as_deref().zip(encoder.fingerprint()))?;
    }
    let width = encoder.width();
    let products = embed(&mut json, |products| encoder.vectors(products))?;
    set_vocabulary(&mut json, options.vocabulary.read()?.as_deref());
    set_encoder(&mut json, encoder.fingerprint());
    let bytes = serde_json::to_vec(&json).expect("a JSON value is JSON");
    write_whole(&options.out, &bytes).map_err(Error::writing(&options.out))?;
    let report = Report { catalogue: &options.out, products, left_out: rows - products, width, bytes: bytes.len() };
    output::print(&report, options.json)
}
