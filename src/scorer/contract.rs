//! The feature contract: may this file be fed from [`Feature::ALL`]?

use nearside_core::Feature;
use nearside_core::feature::{Element, Shape, Source};

use crate::Error;
use crate::file::{Dim, ModelFile, Port};

/// How one input of a file is filled.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) feature: Feature,
    /// Dimensions of the declared shape, the table's where the file declares none.
    pub(crate) rank: usize,
    /// The fixed last dimension, for `L` and `D`.
    pub(crate) width: Option<usize>,
}

/// A file's inputs, bound to the features.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) slots: Vec<Slot>,
    /// The session length the file fixes.
    pub(crate) session_length: Option<usize>,
}

/// Checks names, element types and shapes of all inputs and of `score`.
pub(crate) fn check(file: &ModelFile) -> Result<Contract, Error> {
    let unknown: Vec<_> =
        file.inputs.iter().filter(|p| Feature::from_name(&p.name).is_none()).map(|p| p.name.clone()).collect();
    if !unknown.is_empty() {
        return Err(Error::UnknownInput { inputs: unknown });
    }
    let slots = file
        .inputs
        .iter()
        .filter_map(|port| Feature::from_name(&port.name).map(|feature| slot(port, feature)))
        .collect::<Result<Vec<_>, _>>()?;
    let session_length = common_width(file, &slots, |shape| shape == Shape::PerEvent)?;
    common_width(file, &slots, |shape| matches!(shape, Shape::Embedding | Shape::AdEmbedding))?;
    score(file, &slots)?;
    Ok(Contract { slots, session_length })
}

fn slot(port: &Port, feature: Feature) -> Result<Slot, Error> {
    let expected = match feature.element() {
        Element::Id => "int64",
        Element::Float => "float",
    };
    if port.dtype != expected {
        return Err(Error::InputType { input: port.name.clone(), expected, got: port.dtype.into() });
    }
    let (pattern, fits): (_, fn(&[Dim], Shape) -> bool) = match feature.shape() {
        Shape::PerEvent => ("[1, L]".into(), |dims, _| matches!(dims, [row, _] if row.allows(1))),
        Shape::Row(width) => (format!("[1, {width}]"), |dims, shape| match (dims, shape) {
            ([row, columns], Shape::Row(width)) => row.allows(1) && columns.allows(width),
            _ => false,
        }),
        Shape::Embedding => ("[1, D]".into(), |dims, _| matches!(dims, [row, _] if row.allows(1))),
        Shape::PerAd => ("[N] or [N, 1], with a symbolic N".into(), |dims, _| match dims {
            [Dim::Symbol(_)] => true,
            [Dim::Symbol(_), one] => one.allows(1),
            _ => false,
        }),
        Shape::AdEmbedding => ("[N, D], with a symbolic N".into(), |dims, _| matches!(dims, [Dim::Symbol(_), _])),
    };
    let Some(dims) = &port.shape else {
        let rank = if feature.shape() == Shape::PerAd { 1 } else { 2 };
        return Ok(Slot { feature, rank, width: None });
    };
    if !fits(dims, feature.shape()) {
        return Err(Error::InputShape { input: port.name.clone(), expected: pattern, got: port.shape_text() });
    }
    let width = match (feature.shape(), dims.last()) {
        (Shape::PerEvent | Shape::Embedding | Shape::AdEmbedding, Some(Dim::Fixed(width))) => Some(*width),
        _ => None,
    };
    Ok(Slot { feature, rank: dims.len(), width })
}

/// The one width that all inputs of a kind fix, since one session and one catalogue fill them all.
fn common_width(file: &ModelFile, slots: &[Slot], kind: impl Fn(Shape) -> bool) -> Result<Option<usize>, Error> {
    let mut common = None;
    for (slot, port) in slots.iter().zip(&file.inputs).filter(|(s, _)| kind(s.feature.shape())) {
        match (common, slot.width) {
            (Some(width), Some(other)) if width != other => {
                let expected = format!("as wide as the other inputs of its kind, {width}");
                return Err(Error::InputShape { input: port.name.clone(), expected, got: port.shape_text() });
            }
            (_, Some(width)) => common = Some(width),
            (_, None) => {}
        }
    }
    Ok(common)
}

fn score(file: &ModelFile, slots: &[Slot]) -> Result<(), Error> {
    let expected = "float [N] or [N, 1], with a symbolic N";
    let Some(score) = file.outputs.iter().find(|o| o.name == "score") else {
        return Err(Error::MissingOutput { outputs: file.outputs.iter().map(|o| o.name.clone()).collect() });
    };
    let fits = score.shape.as_deref().is_none_or(|dims| match dims {
        [Dim::Symbol(_)] => true,
        [Dim::Symbol(_), one] => one.allows(1),
        _ => false,
    });
    if score.dtype != "float" || !fits {
        let got = format!("{} {}", score.dtype, score.shape_text());
        return Err(Error::OutputShape { expected: expected.into(), got });
    }
    if slots.iter().all(|s| !matches!(s.feature.source(), Source::Ad | Source::Pair)) {
        let got = "the same for every candidate: the model reads no `ad.` or `pair.` input".into();
        return Err(Error::OutputShape { expected: expected.into(), got });
    }
    Ok(())
}
