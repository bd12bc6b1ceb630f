//! The inputs of a run: which value each of them is, and what of it is taken.

use std::ops::Range;

use nearside_core::feature::Values;
use nearside_operators::{Data, Fault, Tensor};

use super::plan::Depends;

/// An input and where it goes.
pub(super) struct Given<'a> {
    /// The number of its value.
    pub(super) value: usize,
    pub(super) depends: Depends,
    pub(super) shape: &'a [usize],
    pub(super) values: &'a Values<'a>,
}

/// Which ads are taken of inputs that have a row for each.
pub(super) enum Rowed<'a> {
    All,
    Range(Range<usize>),
    Chosen(&'a [usize]),
}

impl Given<'_> {
    /// The input as a tensor; of one that has a row for each ad, these rows.
    pub(super) fn tensor(&self, rows: &Rowed<'_>) -> Result<Tensor, Fault> {
        let rows = if self.depends.ads { rows } else { &Rowed::All };
        let data = match self.values {
            Values::Id(all) => Data::Int(self.pick(all, rows)?.into()),
            Values::Float(all) => Data::Float(self.pick(all, rows)?.into()),
        };
        let mut shape = self.shape.to_vec();
        match rows {
            Rowed::All => {}
            Rowed::Range(rows) => shape[0] = rows.len(),
            Rowed::Chosen(rows) => shape[0] = rows.len(),
        }
        Ok(Tensor { shape, data })
    }

    fn pick<T: Copy>(&self, all: &[T], rows: &Rowed<'_>) -> Result<Vec<T>, Fault> {
        let width: usize = self.shape.iter().skip(1).product();
        let part = |rows: Range<usize>| {
            let part = all.get(rows.start * width..rows.end * width);
            part.ok_or_else(|| format!("there are no ads {rows:?}"))
        };
        match rows {
            Rowed::All => Ok(all.to_vec()),
            Rowed::Range(rows) => part(rows.clone()).map(<[T]>::to_vec),
            Rowed::Chosen(rows) => {
                let mut out = Vec::with_capacity(rows.len() * width);
                rows.iter().try_for_each(|row| part(*row..row + 1).map(|row| out.extend_from_slice(row)))?;
                Ok(out)
            }
        }
    }
}
