//! `nearside catalogue`: catalogues as a browser takes them, and what makes one the next.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use nearside_core::{Fnv, Problem, shard_hash};
use nearside_train::write_whole;
use serde::Serialize;

use super::anchors;
use super::files::{MANIFEST, ReadCatalogue};
use crate::error::Error;
use crate::output;
use crate::range::within;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
`build` reads a catalogue's JSON and writes what an engine takes without parsing it product by product: a manifest,
catalogue.json, and shards beside it, catalogue-HASH-000.bin and so on. A page gives the manifest's address and loads as
many shards as it wants. Products come in the file's order, so put first what a page should not do without. Content
vectors are rounded to eight bits a number unless --exact is given.

With --model, `build` also learns how that model orders the products: it scores them all for simulated shoppers, chooses some
of them as anchors, and gives every product a vector by which a new shopper's scores of the anchors foretell its own.
An engine with that very model then scores the anchors and the few hundred products they find, and not all; another
model is served as if there were none. The report says how much of the model's own order is found again, for shoppers
who were not learnt from. It needs 4 bytes of memory for every shopper and product.

`delta` writes what makes OLD become NEW: products that are new, gone, or different in price, sale, availability, or
anything else, and campaigns where they differ. It applies to OLD's version and to no other, so the two need different
versions, and it keeps OLD's item vocabulary. OLD and NEW are each a catalogue's JSON, a manifest, or a single shard.

Examples:
  nearside catalogue build catalogue.json -o public/catalogue
  nearside catalogue build catalogue.json -o public/catalogue --model ranker.onnx
  nearside catalogue delta monday.json tuesday.json -o public/monday-tuesday.bin";

/// What is done.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    step: Step,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Write a catalogue as a manifest and shards.
    Build(Build),
    /// Write what makes one version of a catalogue the next.
    Delta(Delta),
}

#[derive(Debug, Args)]
struct Build {
    /// The catalogue, as JSON
    #[arg(value_name = "FEED")]
    feed: PathBuf,
    /// The folder to write, made where it is missing
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Most products in one shard: 1 to 10000000
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = within::<usize>(1..=10_000_000))]
    shard: usize,
    /// Keep content vectors as they are, at four times the size
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    anchors: anchors::Options,
}

#[derive(Debug, Args)]
struct Delta {
    /// The catalogue that pages have
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The catalogue they should have
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

/// A manifest, as it is written.
#[derive(Serialize)]
struct Manifest<'a> {
    manifest: u32,
    version: &'a str,
    /// Over the shards' hashes.
    hash: String,
    /// Products in all shards.
    ads: usize,
    shards: Vec<Shard>,
}

#[derive(Serialize)]
struct Shard {
    file: String,
    bytes: usize,
    hash: String,
    /// Products in it; creatives about them come on top.
    ads: usize,
}

#[derive(Serialize)]
struct Built<'a> {
    manifest: &'a Path,
    version: &'a str,
    products: usize,
    ads: usize,
    shards: usize,
    /// Of all shards.
    bytes: usize,
    /// Memory an engine takes.
    bytes_per_ad: f32,
    problems_total: usize,
    /// The first of them.
    problems: &'a [Problem],
    /// Where a model was given.
    anchors: Option<anchors::Report>,
}

impl fmt::Display for Built<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Built { manifest, version, products, ads, shards, bytes, bytes_per_ad, .. } = self;
        writeln!(f, "{}: version {version}, {products} products, {ads} ads", manifest.display())?;
        writeln!(f, "  {shards} shards of {bytes} bytes in all; {bytes_per_ad:.1} bytes of memory an ad")?;
        if let Some(anchors::Report { measured, retrieved, recall_20, .. }) = &self.anchors {
            let share = 100.0 * recall_20;
            writeln!(
                f,
                "  of the model's best 20, {share:.1} % are among the {retrieved} found ({measured} shoppers)"
            )?;
        }
        for problem in self.problems {
            let Problem { section, row, field, value, remedy, .. } = problem;
            writeln!(f, "  {section} row {row}: `{field}` is {value}. {remedy}")?;
        }
        let more = self.problems_total - self.problems.len();
        if more > 0 { writeln!(f, "  and {more} problems more") } else { Ok(()) }
    }
}

#[derive(Serialize)]
struct Difference<'a> {
    out: &'a Path,
    before: &'a str,
    version: &'a str,
    bytes: usize,
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { out, before, version, bytes } = self;
        writeln!(f, "{}: version {before} to {version}, {bytes} bytes", out.display())
    }
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    match &options.step {
        Step::Build(step) => build(step, options.json),
        Step::Delta(step) => delta(step, options.json),
    }
}

fn build(options: &Build, json: bool) -> Result<(), Error> {
    let path = options.out.join(MANIFEST);
    let model = options.anchors.model.as_ref();
    output::apart([&path], [&options.feed].into_iter().chain(model))?;
    let ReadCatalogue { catalogue, report, order, .. } = ReadCatalogue::feed(&options.feed)?;
    let mut catalogue = if options.exact { catalogue } else { catalogue.quantised() };
    let mut learnt = None;
    if let Some(model) = model {
        let (anchors, report) = anchors::learn(&options.feed, model, &options.anchors, options.exact, options.shard)?;
        catalogue.set_anchors(anchors).map_err(Error::Ranking)?;
        learnt = Some(report);
    }
    let files = catalogue.to_shards(&order, options.shard);
    let hashes: Vec<String> =
        files.iter().map(|file| shard_hash(file).expect("what was just written is whole")).collect();
    let hash = hashes.iter().fold(Fnv::new(), |hash, shard| hash.with(shard.as_bytes())).hex();
    let shards = files.iter().zip(hashes).enumerate().map(|(index, (file, shard))| Shard {
        file: format!("catalogue-{hash}-{index:03}.bin"),
        bytes: file.len(),
        hash: shard,
        ads: options.shard.min(order.len() - index * options.shard),
    });
    let shards: Vec<Shard> = shards.collect();
    std::fs::create_dir_all(&options.out).map_err(Error::writing(&options.out))?;
    for (shard, file) in shards.iter().zip(&files) {
        let path = options.out.join(&shard.file);
        write_whole(&path, file).map_err(Error::writing(&path))?;
    }
    let built = Built {
        manifest: &path,
        version: catalogue.version(),
        products: catalogue.product_count(),
        ads: catalogue.ad_count(),
        shards: shards.len(),
        bytes: shards.iter().map(|shard| shard.bytes).sum(),
        bytes_per_ad: catalogue.bytes_per_ad(),
        problems_total: report.problems_total,
        problems: &report.problems,
        anchors: learnt,
    };
    let manifest = Manifest { manifest: 1, version: built.version, hash, ads: order.len(), shards };
    let manifest = serde_json::to_vec(&manifest).expect("numbers and words are JSON");
    // Last, so that it never names a shard that is not there.
    write_whole(&path, &manifest).map_err(Error::writing(&path))?;
    output::print(&built, json)
}

fn delta(options: &Delta, json: bool) -> Result<(), Error> {
    output::apart([&options.out], [&options.old, &options.new])?;
    let [old, new] = [ReadCatalogue::any(&options.old)?, ReadCatalogue::any(&options.new)?];
    // Pages have what `build` wrote, whose vectors are rounded unless it was asked to keep them.
    let exact = [&old, &new].iter().any(|read| read.is_binary && !read.catalogue.is_quantised());
    let [old, new] = [old, new].map(|read| if exact { read.catalogue } else { read.catalogue.quantised() });
    let refused = |source| Error::Catalogue { path: Some(options.new.clone()), source };
    let bytes = old.delta(&new).map_err(refused)?;
    write_whole(&options.out, &bytes).map_err(Error::writing(&options.out))?;
    let difference =
        Difference { out: &options.out, before: old.version(), version: new.version(), bytes: bytes.len() };
    output::print(&difference, json)
}
