//! Sizes that are not known before the file runs, as far as the contract names them.

use std::fmt;

use nearside_core::content::WIDTH;

/// A factor times powers of the contract's `N` (ads), `L` (steps of the session) and `D` (embedding width); also a
/// number inside a shape that the graph computes, so that it may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Size {
    factor: i64,
    ads: u8,
    steps: u8,
    width: u8,
}

impl Size {
    pub(crate) const ONE: Size = Size::fixed(1);
    pub(crate) const ADS: Size = Size { ads: 1, ..Size::ONE };
    pub(crate) const STEPS: Size = Size { steps: 1, ..Size::ONE };
    pub(crate) const WIDTH: Size = Size { width: 1, ..Size::ONE };

    pub(crate) const fn fixed(size: i64) -> Size {
        Size { factor: size, ads: 0, steps: 0, width: 0 }
    }

    /// The number, where nothing is open.
    pub(crate) fn known(self) -> Option<i64> {
        (self == Size::fixed(self.factor)).then_some(self.factor)
    }

    pub(crate) fn times(self, other: Size) -> Size {
        Size {
            factor: self.factor.saturating_mul(other.factor),
            ads: self.ads.saturating_add(other.ads),
            steps: self.steps.saturating_add(other.steps),
            width: self.width.saturating_add(other.width),
        }
    }

    /// The quotient, where it is a size again.
    pub(crate) fn over(self, other: Size) -> Option<Size> {
        let divides = other.factor != 0 && self.factor % other.factor == 0;
        Some(Size {
            factor: divides.then(|| self.factor / other.factor)?,
            ads: self.ads.checked_sub(other.ads)?,
            steps: self.steps.checked_sub(other.steps)?,
            width: self.width.checked_sub(other.width)?,
        })
    }

    /// The number for these sizes.
    pub(crate) fn at(self, sizes: Sizes) -> f64 {
        let power = |base: usize, exponent: u8| (base as f64).powi(exponent.into());
        self.factor as f64
            * power(sizes.ads, self.ads)
            * power(sizes.steps, self.steps)
            * power(sizes.width, self.width)
    }
}

/// How many ads, steps and numbers to an embedding there are, where operations are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// `N`.
    pub ads: usize,
    /// `L`, where the file fixes none.
    pub steps: usize,
    /// `D`, where the file fixes none.
    pub width: usize,
}

impl Default for Sizes {
    /// 10,000 ads, 20 steps, embeddings as wide as the core's.
    fn default() -> Self {
        Self { ads: 10_000, steps: 20, width: WIDTH }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.factor)?;
        [("N", self.ads), ("L", self.steps), ("D", self.width)]
            .iter()
            .flat_map(|(name, power)| std::iter::repeat_n(name, (*power).into()))
            .try_for_each(|name| write!(f, " {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_multiply_divide_and_take_numbers() {
        let block = Size::fixed(16).times(Size::STEPS).times(Size::ADS);
        assert_eq!(block.over(Size::STEPS), Some(Size::fixed(16).times(Size::ADS)));
        assert_eq!(
            (block.over(Size::WIDTH), block.over(Size::fixed(3)), block.over(Size::fixed(0))),
            (None, None, None)
        );
        assert_eq!(block.at(Sizes { ads: 10, steps: 3, width: 64 }), 480.0);
        assert_eq!((block.known(), Size::fixed(7).known()), (None, Some(7)));
        assert_eq!(block.to_string(), "16 N L");
    }
}
