//! Anchors: the order a model would give all ads, foretold from its scores of a few.
//!
//! A model's scores, shoppers by products, are nearly a matrix of low rank: a few columns of it, the anchors, make all
//! others (CUR decomposition; Yadav et al. 2022, <https://arxiv.org/abs/2210.12579>). Every product has a vector whose dot
//! product with what the anchors' scores say is its score, up to a constant per shopper. The vectors are bound to the
//! model that they were made with.

use super::rows::{Embeddings, Rows};
use super::sections::{Sections, Tag, Writer, damaged};
use super::texts::Texts;
use crate::error::Error;
use ndarray::Array2;

const IDS: [Tag; 2] = [Tag::AnchorText, Tag::AnchorEnds];
const VECTORS: [Tag; 2] = [Tag::AnchorVector, Tag::AnchorScale];

/// What foretells one model's scores.
#[derive(Clone, Debug)]
pub struct Anchors {
    /// Hash of the model's file.
    model: String,
    /// The products that are scored, by id.
    ids: Texts,
    /// By anchor, then by number of a vector: what a logit adds to the query.
    mix: Vec<f32>,
    /// One row per product. Those that a delta added have none.
    pub(super) vectors: Embeddings,
}

impl Anchors {
    /// Anchors of the model with this hash. `mix` has a row of numbers for each of the anchors in `ids`, `vectors` one
    /// for each row of the catalogue; all rows have one width, at least 1.
    ///
    /// Errors: `invalid-field` where the numbers do not make such rows.
    pub fn new<'a>(
        model: &str,
        ids: impl Iterator<Item = &'a str>,
        mix: Vec<f32>,
        vectors: Vec<f32>,
    ) -> Result<Anchors, Error> {
        let ids: Texts = ids.collect();
        let width = mix.len().checked_div(ids.len()).unwrap_or(0);
        let rows = vectors.len().checked_div(width).unwrap_or(0);
        let values = Array2::from_shape_vec((rows, width), vectors).ok().filter(|_| width * ids.len() == mix.len());
        let values = values.filter(|_| width > 0).ok_or_else(|| Error::InvalidField {
            field: "anchors".into(),
            value: format!("{} numbers for {} anchors", mix.len(), ids.len()),
            expected: "rows of one width, at least 1, for anchors and products",
        })?;
        Ok(Anchors { model: model.to_owned(), ids, mix, vectors: Embeddings::Float(values).quantised() })
    }

    /// Hash of the model's file.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// The vectors, one row per product that had one.
    pub(crate) fn vectors(&self) -> &Embeddings {
        &self.vectors
    }

    /// The rows that are scored; `None` where not all of them are loaded.
    pub(super) fn rows(&self, rows: &Rows) -> Option<Vec<usize>> {
        self.ids.iter().map(|id| rows.find(id)).collect()
    }

    /// What the products' vectors are compared with, of the anchors' scores, 0 to 1.
    pub(crate) fn query(&self, scores: &[f32]) -> Vec<f32> {
        let logits: Vec<f32> = scores.iter().map(|score| logit(*score)).collect();
        let mean = logits.iter().sum::<f32>() / logits.len() as f32;
        let mut query = vec![0.0; self.vectors.width()];
        for (logit, mix) in logits.iter().zip(self.mix.chunks_exact(query.len())) {
            query.iter_mut().zip(mix).for_each(|(sum, part)| *sum += (logit - mean) * part);
        }
        query
    }

    pub(super) fn bytes(&self) -> usize {
        self.ids.bytes() + size_of::<f32>() * self.mix.len() + self.vectors.bytes()
    }

    /// Writes the vectors of some rows, and with the first shard what is common.
    pub(super) fn write(&self, writer: &mut Writer, rows: &[usize], common: bool) {
        if common {
            writer.value(Tag::AnchorModel, &self.model);
            writer.texts(IDS, &self.ids);
            writer.numbers(Tag::AnchorMix, self.mix.iter().map(|x| x.to_le_bytes()));
        }
        self.vectors.write(writer, VECTORS, rows);
    }

    /// Reads what a first shard of `count` products has of anchors, if anything.
    pub(super) fn read(sections: &Sections<'_>, count: usize) -> Result<Option<Anchors>, Error> {
        if sections.find(Tag::AnchorModel).is_none() {
            return Ok(None);
        }
        let (model, ids) = (sections.value(Tag::AnchorModel)?, sections.texts(IDS)?);
        let mix = sections.numbers(Tag::AnchorMix, f32::from_le_bytes)?;
        let vectors = vectors(sections, count)?;
        if ids.len() == 0 || vectors.width() == 0 || mix.len() != ids.len() * vectors.width() {
            return Err(damaged("the anchors do not fit their vectors"));
        }
        if mix.iter().any(|x| !x.is_finite()) {
            return Err(damaged("an anchor has no number"));
        }
        Ok(Some(Anchors { model, ids, mix, vectors }))
    }

    /// Adds the vectors of another shard of `count` products.
    pub(super) fn add_shard(&mut self, sections: &Sections<'_>, count: usize) -> Result<(), Error> {
        let more = vectors(sections, count)?;
        if !self.vectors.same_kind(&more) {
            return Err(damaged("it belongs to another catalogue"));
        }
        self.vectors.extend(&more, 0..count);
        Ok(())
    }
}

fn vectors(sections: &Sections<'_>, count: usize) -> Result<Embeddings, Error> {
    Embeddings::read_int8(sections, VECTORS, count)?.ok_or(damaged("the anchors' vectors do not fit"))
}

/// The logit of a score. Scores at either end are taken for the nearest that a logit tells apart.
pub fn logit(score: f32) -> f32 {
    const NEAREST: f32 = 1e-6;
    let score = score.clamp(NEAREST, 1.0 - NEAREST);
    libm::logf(score / (1.0 - score))
}
