//! What a catalogue keeps of its products: columns, one value per product.

use ndarray::Array2;

use super::distinct::Indices;
use super::sections::{Sections, Tag, Writer};
use super::texts::Texts;
use super::{Availability, Sale};
use crate::content;
use crate::error::Error;
use crate::hash::OfRows;
use crate::scan;

/// Content vectors, one row per product.
#[derive(Clone, Debug)]
pub(crate) enum Embeddings {
    /// As they were brought or hashed.
    Float(Array2<f32>),
    /// Whole numbers from -127 to 127, in two's complement; a row times its scale is the vector.
    Int8 { rows: Array2<u8>, scales: Vec<f32> },
}

impl Embeddings {
    pub(crate) fn width(&self) -> usize {
        match self {
            Embeddings::Float(rows) => rows.ncols(),
            Embeddings::Int8 { rows, .. } => rows.ncols(),
        }
    }

    /// Cosine of a vector of length 1 with a row.
    pub(crate) fn dot(&self, vector: &[f32], row: usize) -> f32 {
        match self {
            Embeddings::Float(rows) => content::dot(vector, row_of(rows, row)),
            Embeddings::Int8 { rows, scales } => content::dot_with(vector, row_of(rows, row), number) * scales[row],
        }
    }

    /// Adds a row times `weight`.
    pub(crate) fn add_to(&self, sum: &mut [f32], row: usize, weight: f32) {
        match self {
            Embeddings::Float(rows) => sum.iter_mut().zip(row_of(rows, row)).for_each(|(s, x)| *s += weight * x),
            Embeddings::Int8 { rows, scales } => {
                let weight = weight * scales[row];
                sum.iter_mut().zip(row_of(rows, row)).for_each(|(s, x)| *s += weight * number(*x));
            }
        }
    }

    /// Appends a row as numbers.
    pub(crate) fn append_to(&self, row: usize, out: &mut Vec<f32>) {
        match self {
            Embeddings::Float(rows) => out.extend_from_slice(row_of(rows, row)),
            Embeddings::Int8 { rows, scales } => {
                out.extend(row_of(rows, row).iter().map(|x| number(*x) * scales[row]));
            }
        }
    }

    /// Rounds every number to one of 255 steps, of a width of its row's own.
    pub(super) fn quantised(self) -> Embeddings {
        let Embeddings::Float(exact) = self else { return self };
        let mut rows = Array2::zeros(exact.dim());
        let scales = (0..exact.nrows()).map(|row| scan::quantise(row_of(&exact, row), row_mut(&mut rows, row)));
        let scales = scales.collect();
        Embeddings::Int8 { rows, scales }
    }

    /// Puts a row of `from`, which has the same width, in the place of `row`.
    pub(super) fn put(&mut self, row: usize, from: &Embeddings, source: usize) {
        match self {
            Embeddings::Float(rows) => {
                let mut values = Vec::with_capacity(rows.ncols());
                from.append_to(source, &mut values);
                row_mut(rows, row).copy_from_slice(&values);
            }
            Embeddings::Int8 { rows, scales } => scales[row] = from.rounded(source, row_mut(rows, row)),
        }
    }

    /// Appends rows of `from`, which has the same width.
    pub(super) fn extend(&mut self, from: &Embeddings, sources: impl ExactSizeIterator<Item = usize>) {
        let first = self.count();
        match self {
            Embeddings::Float(rows) => grow(rows, sources.len()),
            Embeddings::Int8 { rows, scales } => {
                grow(rows, sources.len());
                scales.reserve_exact(sources.len());
                scales.resize(rows.nrows(), 0.0);
            }
        }
        (first..).zip(sources).for_each(|(row, source)| self.put(row, from, source));
    }

    /// Reads what [`write`](Embeddings::write) wrote of `count` rounded rows; `None` where their numbers do not fit.
    pub(super) fn read_int8(
        sections: &Sections<'_>,
        [values, scales]: [Tag; 2],
        count: usize,
    ) -> Result<Option<Embeddings>, Error> {
        let scales = sections.numbers(scales, f32::from_le_bytes)?;
        let values = sections.bytes(values)?.to_vec();
        if scales.len() != count || scales.iter().any(|scale| !scale.is_finite()) {
            return Ok(None);
        }
        Ok(rows_of(values, count).map(|rows| Embeddings::Int8 { rows, scales }))
    }

    /// Reads what [`write`](Embeddings::write) wrote of `count` rows; `None` where their numbers do not fit.
    pub(super) fn read(sections: &Sections<'_>, tags: [Tag; 2], count: usize) -> Result<Option<Embeddings>, Error> {
        let [values, scales] = tags;
        if sections.find(scales).is_some() {
            return Embeddings::read_int8(sections, tags, count);
        }
        let values = sections.numbers(values, f32::from_le_bytes)?;
        let finite = values.iter().all(|x| x.is_finite());
        Ok(rows_of(values, count).filter(|_| finite).map(Embeddings::Float))
    }

    /// Writes some rows: their numbers under the first tag, and under the second the scales of those that are rounded.
    pub(super) fn write(&self, writer: &mut Writer, [values, scales]: [Tag; 2], rows: &[usize]) {
        match self {
            Embeddings::Float(all) => {
                let chosen = rows.iter().flat_map(|row| row_of(all, *row));
                writer.numbers(values, chosen.map(|x| x.to_le_bytes()));
            }
            Embeddings::Int8 { rows: all, scales: all_scales } => {
                writer.bytes(values, rows.iter().flat_map(|row| row_of(all, *row)).copied().collect());
                writer.numbers(scales, rows.iter().map(|row| all_scales[*row].to_le_bytes()));
            }
        }
    }

    /// Writes a row as whole numbers, and returns their scale.
    fn rounded(&self, row: usize, into: &mut [u8]) -> f32 {
        match self {
            Embeddings::Float(rows) => scan::quantise(row_of(rows, row), into),
            Embeddings::Int8 { rows, scales } => {
                into.copy_from_slice(row_of(rows, row));
                scales[row]
            }
        }
    }

    pub(super) fn same_row(&self, row: usize, other: &Embeddings, other_row: usize) -> bool {
        match (self, other) {
            (Embeddings::Float(a), Embeddings::Float(b)) => row_of(a, row) == row_of(b, other_row),
            (Embeddings::Int8 { rows: a, scales }, Embeddings::Int8 { rows: b, scales: other_scales }) => {
                row_of(a, row) == row_of(b, other_row) && scales[row] == other_scales[other_row]
            }
            _ => false,
        }
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Embeddings::Float(rows) => rows.nrows(),
            Embeddings::Int8 { rows, .. } => rows.nrows(),
        }
    }

    /// Whether rows of `other` can stand among these.
    pub(super) fn same_kind(&self, other: &Embeddings) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.width() == other.width()
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Embeddings::Float(rows) => size_of::<f32>() * rows.len(),
            Embeddings::Int8 { rows, scales } => rows.len() + size_of::<f32>() * scales.len(),
        }
    }
}

/// A byte in two's complement.
fn number(byte: u8) -> f32 {
    f32::from(byte as i8)
}

fn row_of<T>(rows: &Array2<T>, row: usize) -> &[T] {
    let width = rows.ncols();
    &rows.as_slice().expect("built in standard layout")[row * width..][..width]
}

fn row_mut<T>(rows: &mut Array2<T>, row: usize) -> &mut [T] {
    let width = rows.ncols();
    &mut rows.as_slice_mut().expect("built in standard layout")[row * width..][..width]
}

/// Numbers as `count` rows of one width; `None` where they do not make such rows.
fn rows_of<T>(values: Vec<T>, count: usize) -> Option<Array2<T>> {
    let width = values.len().checked_div(count).unwrap_or(0);
    Array2::from_shape_vec((count, width), values).ok()
}

/// Appends rows of zeros, without the half of spare room that a vector takes when it grows by itself.
fn grow<T: Clone + Default>(rows: &mut Array2<T>, more: usize) {
    let (count, width) = rows.dim();
    let mut values = std::mem::take(rows).into_raw_vec_and_offset().0;
    values.reserve_exact(more * width);
    values.resize((count + more) * width, T::default());
    *rows = Array2::from_shape_vec((count + more, width), values).expect("rows of one width");
}

/// Whether a product competes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    InStock,
    OutOfStock,
    Preorder,
    Backorder,
    /// Was in an earlier version. Its row stays, so that the others keep theirs.
    Gone,
}

impl State {
    pub(super) fn read(byte: u8) -> Option<State> {
        use State::{Backorder, Gone, InStock, OutOfStock, Preorder};
        [InStock, OutOfStock, Preorder, Backorder, Gone].into_iter().find(|state| *state as u8 == byte)
    }

    /// Whether it can be shown.
    pub(crate) fn can_be_had(self) -> bool {
        !matches!(self, State::OutOfStock | State::Gone)
    }
}

impl From<Availability> for State {
    fn from(availability: Availability) -> State {
        match availability {
            Availability::InStock => State::InStock,
            Availability::OutOfStock => State::OutOfStock,
            Availability::Preorder => State::Preorder,
            Availability::Backorder => State::Backorder,
        }
    }
}

/// The products. Rows come in runs, each in rising order of the ids.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(super) ids: Texts,
    /// Index of the category path among the catalogue's.
    pub(super) category: Indices,
    /// Index of the brand among the catalogue's.
    pub(super) brand: Indices,
    /// List price; NaN where there is none.
    pub(super) price: Vec<f32>,
    pub(super) state: Vec<State>,
    pub(super) sales: OfRows<Sale>,
    /// Id in the item vocabulary. Empty where it is the row's number, counted from 1, and 0 behind the last item.
    pub(super) item: Vec<i32>,
    pub(super) embeddings: Embeddings,
    /// The first row of each run.
    pub(super) runs: Vec<u32>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.state.len()
    }

    /// The row of a product, gone or not.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        let ends = self.runs.iter().skip(1).map(|start| *start as usize).chain([self.len()]);
        self.runs.iter().zip(ends).find_map(|(start, end)| self.ids.find(id, *start as usize, end))
    }

    /// The order of two products' ids.
    pub(super) fn order(&self, a: usize, b: usize) -> std::cmp::Ordering {
        let run = |row: usize| self.runs.partition_point(|start| *start as usize <= row);
        if self.runs.len() == 1 || run(a) == run(b) { a.cmp(&b) } else { self.ids.get(a).cmp(self.ids.get(b)) }
    }

    pub(super) fn price(&self, row: usize) -> Option<f32> {
        Some(self.price[row]).filter(|price| !price.is_nan())
    }

    /// Makes room for a few more, without the half of spare room that a vector takes when it grows by itself.
    pub(super) fn reserve(&mut self, more: usize) {
        self.category.reserve_exact(more);
        self.brand.reserve_exact(more);
        self.price.reserve_exact(more);
        self.state.reserve_exact(more);
    }

    /// Appends the rows of another shard, whose categories and brands have these indices here.
    pub(super) fn append(&mut self, more: Rows, categories: &[u32], brands: &[u32]) {
        let first = self.len() as u32;
        self.reserve(more.len());
        self.runs.push(first);
        self.ids.append(&more.ids);
        for (row, (category, brand)) in (first as usize..).zip(more.category.iter().zip(more.brand.iter())) {
            self.category.put(row, categories[category as usize]);
            self.brand.put(row, brands[brand as usize]);
        }
        self.price.extend(more.price);
        self.state.extend(more.state);
        self.sales.extend(more.sales.into_iter().map(|(row, sale)| (first + row, sale)));
        self.item.reserve_exact(more.item.len());
        self.item.extend(more.item);
        self.embeddings.extend(&more.embeddings, 0..more.embeddings.count());
    }

    pub(super) fn bytes(&self) -> usize {
        let words = self.price.capacity() + self.item.capacity();
        self.ids.bytes()
            + self.category.bytes()
            + self.brand.bytes()
            + size_of::<u32>() * (words + self.runs.capacity())
            + self.state.capacity()
            + size_of::<(u32, Sale)>() * self.sales.capacity()
            + self.embeddings.bytes()
    }
}
