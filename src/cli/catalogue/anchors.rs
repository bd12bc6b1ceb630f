//! Anchors for a catalogue: what foretells a model's scores, learnt from simulated shoppers.

use std::path::Path;

use nearside_core::{Anchors, Engine, Page, PageType, Request, Retrieve, Timestamp, Value, logit};
use nearside_scorer::Model;
use nearside_train::Simulator;
use serde::Serialize;

use super::files::feed;
use super::{PLACEMENT, Prepared};
use crate::error::Error;
use crate::progress::progress;

/// How deep recall is measured.
const DEPTH: usize = 20;
/// Of so many shoppers that are learnt from, one more is measured on.
const MEASURED: u64 = 6;

/// How anchors are learnt.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// A model whose order the catalogue is to foretell, as an ONNX file
    #[arg(long, value_name = "FILE")]
    pub(super) model: Option<std::path::PathBuf>,
    /// Simulated shoppers that the model scores all products for: 10 to 100000
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "model", value_parser = crate::range::within::<u64>(10..=100_000))]
    shoppers: u64,
    /// Products that are scored to foretell the others: 2 to 64
    #[arg(long, value_name = "N", default_value_t = 64, requires = "model", value_parser = crate::range::within::<usize>(2..=64))]
    anchors: usize,
    /// Where all randomness starts: 0 or above
    #[arg(long, value_name = "N", default_value_t = 1, requires = "model", value_parser = crate::range::within::<u64>(0..=u64::MAX))]
    seed: u64,
}

/// How well the anchors foretell the model's order.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    anchors: usize,
    shoppers: u64,
    /// Shoppers that were measured on, none of them learnt from.
    pub(super) measured: u64,
    /// Products that are scored of those that the anchors find.
    pub(super) retrieved: usize,
    /// Share of the model's own best 20 that are among the best 20 of those.
    pub(super) recall_20: f64,
}

/// Learns the anchors of `model` for a catalogue's JSON. They are chosen among the first `first` products.
pub(super) fn learn(
    path: &Path,
    model: &Path,
    options: &Options,
    exact: bool,
    first: usize,
) -> Result<(Anchors, Report), Error> {
    let bytes = std::fs::read(model).map_err(Error::reading(model))?;
    let refused = |source| Error::Model { path: model.to_owned(), source };
    let model = Model::load(&bytes, nearside_scorer::Engine::Compact).map_err(refused)?;
    let hash = model.report().model;
    let prepared = Prepared::read(path, None, DEPTH)?;
    let (catalogue, report) = (prepared.catalogue.clone(), &prepared.report);
    let mut catalogue = if exact { catalogue } else { catalogue.quantised() };
    let feed = feed(path)?;
    let simulator = Simulator::new(&feed, options.seed).map_err(Error::Training)?;
    let measured = options.shoppers.div_ceil(MEASURED);
    let all = options.shoppers + measured;
    let mut engine = Engine::new();
    let start = Timestamp(0);
    engine.put_catalogue(catalogue.clone(), report.clone(), start);
    engine.set_scorer(Box::new(model), start).map_err(Error::Ranking)?;

    let bar = progress("anchors", all as usize);
    let mut logits = Vec::with_capacity(options.shoppers as usize);
    for number in 0..options.shoppers {
        let (request, now) = visit(&mut engine, &simulator, number, all)?;
        let scores = engine.scores(&request, now).map_err(Error::Ranking)?;
        // The first ads are the products, by their rows.
        logits.push(scores[..prepared.len()].iter().map(|score| logit(*score)).collect());
        bar.inc(1);
    }
    let eligible: Vec<usize> = (0..first.min(prepared.len())).map(|product| prepared.row(product)).collect();
    let fitted = nearside_train::Anchors::fit(&logits, &eligible, options.anchors).map_err(Error::Training)?;
    let ids = fitted.ads.iter().map(|row| catalogue.listing(*row).id);
    let anchors = Anchors::new(&hash, ids, fitted.mix, fitted.vectors).map_err(Error::Ranking)?;

    catalogue.set_anchors(anchors.clone()).map_err(Error::Ranking)?;
    engine.put_catalogue(catalogue, report.clone(), start);
    let (mut found, mut wanted) = (0, 0);
    for number in options.shoppers..all {
        let (request, now) = visit(&mut engine, &simulator, number, all)?;
        let mut slate = |retrieve| -> Result<Vec<String>, Error> {
            let request = Request { placement: PLACEMENT.into(), retrieve, ..request.clone() };
            let decision = engine.rank(&request, now).map_err(Error::Ranking)?;
            Ok(decision.slate.into_iter().map(|filled| filled.item_id).collect())
        };
        let (best, retrieved) = (slate(Retrieve::All)?, slate(Retrieve::Best(nearside_core::RETRIEVED))?);
        wanted += best.len();
        found += best.iter().filter(|item| retrieved.contains(item)).count();
        bar.inc(1);
    }
    bar.finish_and_clear();
    let report = Report {
        anchors: fitted.ads.len(),
        shoppers: options.shoppers,
        measured,
        retrieved: nearside_core::RETRIEVED,
        recall_20: found as f64 / wanted.max(1) as f64,
    };
    Ok((anchors, report))
}

/// Plays a simulated session to a shopper who is nobody yet, and gives what they ask next: the home page, or the page of
/// the product they looked at last.
fn visit(
    engine: &mut Engine,
    simulator: &Simulator<'_>,
    number: u64,
    sessions: u64,
) -> Result<(Request, Timestamp), Error> {
    engine.forget();
    let (mut now, mut last) = (Timestamp(0), None);
    for line in simulator.session(number, sessions) {
        let event = Value::from_json(line.as_bytes()).map_err(Error::Ranking)?;
        now = Timestamp(event.get("ts").and_then(Value::number).unwrap_or_default() as u64);
        if event.get("event").and_then(Value::text) == Some("view_item") {
            last = event.get("items").and_then(Value::list).and_then(|items| items.first()?.get("item_id")?.id());
        }
        engine.observe(&event, now).map_err(Error::Ranking)?;
    }
    let page = match last.filter(|_| number % 2 == 1) {
        Some(item_id) => Page { kind: PageType::Product, item_id: Some(item_id), ..Page::default() },
        None => Page { kind: PageType::Home, ..Page::default() },
    };
    Ok((Request { page, ..Request::default() }, now))
}
