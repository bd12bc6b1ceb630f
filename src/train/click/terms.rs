//! Terms: which features a click model reads, and how each enters its logit.
//!
//! The logit is linear in its columns. The likeness of an ad to the profile and to the page has a weight of its own on
//! every page type: a shared weight and a departure from it, so that a page type without data keeps the shared one.
//! Positions are columns of training alone: a shop asks what an ad is worth, not where it will stand.

use nearside_core::Feature;
use nearside_core::content::dot;
use nearside_core::feature::{
    BASIC_WIDTH, DEVICE_WIDTH, Features, PAGE_WIDTH, STAGE_WIDTH, Source, TIME_WIDTH, Values,
};

use crate::error::Error;

/// Looks at an item that tire nobody: ln(1 + 2). After that every look counts.
pub(crate) const TIRED_FROM: f32 = 1.098_612_3;

/// Positions of a list that have a column of their own; what stands further down shares the last.
const POSITIONS: usize = 20;

/// How much harder a page type's departure is pulled towards 0 than the shared weight. Where one page type has all the
/// data, the shared weight takes ten elevenths of what is found.
const DEPARTURE: f64 = 10.0;

/// The column of the constant.
pub(crate) const BIAS: usize = 0;

/// The features that enter a logit, and how.
const KNOWN: [(Feature, Columns); 15] = [
    (Feature::ProfileInterest, Columns::Likeness),
    (Feature::ContextInterest, Columns::Likeness),
    (Feature::ContextPage, Columns::Row(PAGE_WIDTH)),
    (Feature::ProfileStage, Columns::Row(STAGE_WIDTH)),
    (Feature::ProfileBasic, Columns::Row(BASIC_WIDTH)),
    (Feature::ContextDevice, Columns::Row(DEVICE_WIDTH)),
    (Feature::ContextTime, Columns::Row(TIME_WIDTH)),
    (Feature::AdPrice, Columns::Number),
    (Feature::AdDiscount, Columns::Number),
    (Feature::AdEmbedding, Columns::Content),
    (Feature::PairCategory, Columns::Number),
    (Feature::PairBrand, Columns::Number),
    (Feature::PairItem, Columns::Number),
    (Feature::PairViews, Columns::Number),
    (Feature::PairPriceGap, Columns::Number),
];

/// How a feature becomes columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    /// The product of its vector with the ad's, shared and by page type.
    Likeness,
    /// Its numbers, the same for every ad.
    Row(usize),
    /// One number an ad: itself, its size for a price gap, what is above [`TIRED_FROM`] for looks.
    Number,
    /// The numbers of the ad's vector.
    Content,
}

/// The columns of one feature.
#[derive(Clone, Copy, Debug)]
struct Part {
    feature: Feature,
    columns: Columns,
    first: usize,
    width: usize,
}

/// One example's columns that are not 0, with their values.
pub(crate) type Row = Vec<(u16, f32)>;

/// Which features a click model reads, with the weights' places.
#[derive(Clone, Debug)]
pub struct Terms {
    parts: Vec<Part>,
    by_page: bool,
    embedding: usize,
    width: usize,
}

impl Terms {
    /// Every feature that a click model can read.
    pub fn known() -> impl Iterator<Item = Feature> {
        KNOWN.iter().map(|(feature, _)| *feature)
    }

    /// The terms of these features. `embedding` is the width of the catalogue's content vectors.
    ///
    /// Errors: `unknown-feature` for a name that is none of [`Terms::known`], `option-out-of-range` where none of
    /// them tells one ad from another.
    pub fn of_names<N: AsRef<str>>(names: &[N], embedding: usize) -> Result<Terms, Error> {
        let known = |name: &N| {
            let name = name.as_ref();
            let unknown = || Error::UnknownFeature { name: name.into(), known: Terms::known().collect() };
            Terms::known().find(|feature| feature.name() == name).ok_or_else(unknown)
        };
        let features: Vec<Feature> = names.iter().map(known).collect::<Result<_, _>>()?;
        Terms::new(&features, embedding)
    }

    fn new(features: &[Feature], embedding: usize) -> Result<Terms, Error> {
        let by_page = features.contains(&Feature::ContextPage);
        let (mut parts, mut first) = (Vec::new(), BIAS + 1);
        for (feature, columns) in KNOWN.into_iter().filter(|(feature, _)| features.contains(feature)) {
            let width = match columns {
                Columns::Likeness => 1 + if by_page { PAGE_WIDTH } else { 0 },
                Columns::Row(width) => width,
                Columns::Number => 1,
                Columns::Content => embedding,
            };
            parts.push(Part { feature, columns, first, width });
            first += width;
        }
        if parts.iter().all(|part| matches!(part.columns, Columns::Row(_))) {
            let range = "at least one of profile.interest, context.interest and the ad. and pair. features".into();
            let got = features.iter().map(|feature| feature.name()).collect::<Vec<_>>().join(",");
            return Err(Error::Option { name: "features", got, range });
        }
        Ok(Terms { parts, by_page, embedding, width: first + POSITIONS })
    }

    /// What the core has to compute.
    pub(crate) fn inputs(&self) -> Vec<Feature> {
        let mut inputs: Vec<Feature> = self.features().collect();
        if self.parts.iter().any(|part| part.columns == Columns::Likeness) && !inputs.contains(&Feature::AdEmbedding) {
            inputs.push(Feature::AdEmbedding);
        }
        inputs
    }

    /// The features of the terms.
    pub(crate) fn features(&self) -> impl Iterator<Item = Feature> {
        self.parts.iter().map(|part| part.feature)
    }

    /// The width of the catalogue's content vectors.
    pub(crate) fn embedding(&self) -> usize {
        self.embedding
    }

    /// The column of a place in a list, 0 the first.
    pub(crate) fn position(&self, place: usize) -> u16 {
        column(self.width - POSITIONS + place.min(POSITIONS - 1))
    }

    /// The columns of all positions.
    pub(crate) fn positions(&self) -> std::ops::Range<usize> {
        self.width - POSITIONS..self.width
    }

    /// The pull of each column's weight towards 0.
    pub(crate) fn ridge(&self, strength: f64) -> Vec<f64> {
        let mut ridge = vec![strength; self.width];
        ridge[BIAS] = 0.0;
        for Part { first, width, .. } in self.parts.iter().filter(|part| part.columns == Columns::Likeness) {
            ridge[first + 1..first + width].fill(DEPARTURE * strength);
        }
        ridge
    }

    /// The columns of one ad in a table of features that holds all of [`inputs`](Terms::inputs).
    pub(crate) fn row(&self, features: &Features<'_>, ad: usize) -> Row {
        let mut row = vec![(column(BIAS), 1.0)];
        let page =
            if self.by_page { floats(features, Feature::ContextPage).iter().position(|x| *x > 0.0) } else { None };
        let vector = |width: usize| &floats(features, Feature::AdEmbedding)[ad * width..][..width];
        for Part { feature, columns, first, .. } in &self.parts {
            let values = floats(features, *feature);
            match columns {
                Columns::Likeness => {
                    let likeness = dot(values, vector(values.len()));
                    row.push((column(*first), likeness));
                    row.extend(page.map(|page| (column(first + 1 + page), likeness)));
                }
                Columns::Row(_) => row.extend(numbered(*first, values)),
                Columns::Content => row.extend(numbered(*first, vector(self.embedding))),
                Columns::Number => row.push((column(*first), number(*feature, values[ad]))),
            }
        }
        row.retain(|(_, value)| *value != 0.0);
        row
    }

    /// Whether the ad's own vector has a term, with a weight for each of its numbers.
    pub(crate) fn weighs_content(&self) -> bool {
        self.features().any(|feature| feature == Feature::AdEmbedding)
    }

    /// The weights of a feature as its term has them: of a likeness one for every page type, or one in all; of the
    /// others one a number. `None` where the terms lack the feature.
    pub(crate) fn weights_of(&self, feature: Feature, weights: &[f64]) -> Option<Vec<f64>> {
        let part = self.parts.iter().find(|part| part.feature == feature)?;
        let own = &weights[part.first..][..part.width];
        Some(match (part.columns, own) {
            (Columns::Likeness, [shared, pages @ ..]) if !pages.is_empty() => {
                pages.iter().map(|page| shared + page).collect()
            }
            _ => own.to_vec(),
        })
    }

    /// The terms without those whose weights are all 0, and the weights that stay: what the data never varied is no
    /// business of the file. Where no term that tells ads apart would be left, all stay.
    pub(crate) fn without_idle(&self, weights: &[f64]) -> (Terms, Vec<f64>) {
        // A page type is always told, and likenesses have weights by it.
        let busy = |part: &&Part| {
            let own = &weights[part.first..][..part.width];
            part.feature == Feature::ContextPage || own.iter().any(|weight| *weight != 0.0)
        };
        let busy: Vec<Feature> = self.parts.iter().filter(busy).map(|part| part.feature).collect();
        let Ok(terms) = Terms::new(&busy, self.embedding) else { return (self.clone(), weights.to_vec()) };
        let mut kept = vec![0.0; terms.width];
        kept[BIAS] = weights[BIAS];
        for part in &terms.parts {
            let Some(old) = self.parts.iter().find(|old| old.feature == part.feature) else { continue };
            let own = &weights[old.first..][..old.width];
            kept[part.first..][..part.width].copy_from_slice(own);
        }
        kept[terms.positions()].copy_from_slice(&weights[self.positions()]);
        (terms, kept)
    }
}

/// A column's number as examples hold it.
fn column(index: usize) -> u16 {
    u16::try_from(index).expect("content vectors are far narrower than 65,000 numbers")
}

fn numbered(first: usize, values: &[f32]) -> impl Iterator<Item = (u16, f32)> {
    values.iter().enumerate().map(move |(index, value)| (column(first + index), *value))
}

fn number(feature: Feature, value: f32) -> f32 {
    match feature {
        Feature::PairViews => (value - TIRED_FROM).max(0.0),
        Feature::PairPriceGap => value.abs(),
        _ => value,
    }
}

fn floats<'a>(features: &'a Features<'_>, feature: Feature) -> &'a [f32] {
    match features.get(feature) {
        Some(Values::Float(values)) => values,
        _ => panic!("{feature} is computed because `inputs` names it"),
    }
}

/// Whether a feature differs from ad to ad.
pub(crate) fn is_of_ads(feature: Feature) -> bool {
    matches!(feature.source(), Source::Ad | Source::Pair)
}
