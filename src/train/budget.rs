//! What a file may weigh after brotli, and the widest and finest item vectors that go with it.
//!
//! Before training, the size is an estimate: that of the file of a network with its first weights, with [`SAMPLE`] items at
//! most, and as much more for every further item as those take. Trained item vectors are as random as drawn ones to a
//! compressor, so the estimate is within some per cent of what ships.

use std::io::Cursor;

use brotli::enc::BrotliEncoderParams;

use crate::calibration::Calibration;
use crate::encoder::Shape;
use crate::error::{Error, Over};
use crate::export::{FINEST, LEVELS};
use crate::network::Network;
use crate::ranker::{Ranker, Shipping};
use crate::run::Outcome;

/// Items whose vectors are compressed for an estimate. More would hardly change what one takes.
const SAMPLE: usize = 500;
/// Widths that a budget picks are multiples of this: whole vector registers.
const STEP: usize = 8;
/// Size of the largest whole number of an item vector, where a file came out larger than was estimated.
const COARSEST: u8 = 5;

/// The size of a file after brotli at its best.
fn after_brotli(file: &[u8]) -> u64 {
    // A window over all of the file; browsers take up to 24.
    let lgwin = (usize::BITS - file.len().leading_zeros()).clamp(16, 24) as i32;
    let params = BrotliEncoderParams { quality: 11, lgwin, size_hint: file.len(), ..BrotliEncoderParams::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut Cursor::new(file), &mut compressed, &params).expect("memory can be written");
    compressed.len() as u64
}

/// How large a file may be, and what will be in it.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// Bytes after brotli.
    bytes: u64,
    /// How many items the network knows.
    items: usize,
    shipping: &'a Shipping,
    /// Bytes of the rules.
    rules: u64,
}

/// A file that goes with its budget.
#[derive(Clone, Debug)]
pub struct Fitting {
    /// The file, with what is known of it.
    pub ranker: Ranker,
    /// Size of the largest whole number of its item vectors.
    pub levels: u8,
    /// Its size after brotli at its best.
    pub size: u64,
}

impl<'a> Budget<'a> {
    /// Of a file of `bytes` after brotli, with a network for `items` items and all else that `shipping` names. Its levels are
    /// not looked at, and of the numbers for new items it counts alone whether there are any.
    pub fn new(bytes: u64, items: usize, shipping: &'a Shipping) -> Budget<'a> {
        let rules = shipping.rules.as_ref().map_or(0, |rules| after_brotli(&rules.alone()));
        Budget { bytes, items, shipping, rules }
    }

    /// The network with the widest item vectors that go with the budget, up to [`Shape::WIDEST`].
    ///
    /// Errors: `over-budget`.
    pub fn widest(&self, shape: Shape) -> Result<Shape, Error> {
        let shape = |steps: usize| shape.with_width(steps * STEP);
        let most = Shape::WIDEST / STEP;
        // Refuses where the narrowest is too wide.
        self.levels(shape(1))?;
        let steps = self.largest(most, |steps| if steps == 1 { Ok(0) } else { self.estimate(shape(steps), LEVELS) })?;
        Ok(shape(steps.unwrap_or(1)))
    }

    /// The finest item vectors of this width that go with the budget: whole numbers up to [`FINEST`], and never coarser
    /// than [`LEVELS`].
    ///
    /// Errors: `over-budget`.
    pub fn levels(&self, shape: Shape) -> Result<u8, Error> {
        let mut size = 0;
        for levels in (LEVELS..=FINEST).rev() {
            size = self.estimate(shape, levels)?;
            if size <= self.bytes {
                return Ok(levels);
            }
        }
        let narrower = self.largest(shape.width - 1, |width| self.estimate(shape.with_width(width), LEVELS))?;
        Err(self.over(Over { size, estimated: true, width: shape.width, narrower }))
    }

    /// What `ship` makes with whole numbers up to `levels`, or up to somewhat less where that turns out larger than the
    /// estimate.
    ///
    /// Errors: those of `ship`, and `over-budget`.
    pub fn shipped(
        &self,
        width: usize,
        levels: u8,
        mut ship: impl FnMut(u8) -> Result<Ranker, Error>,
    ) -> Result<Fitting, Error> {
        let mut size = 0;
        for levels in (COARSEST.min(levels)..=levels).rev() {
            let ranker = ship(levels)?;
            size = after_brotli(&ranker.file);
            if size <= self.bytes {
                return Ok(Fitting { ranker, levels, size });
            }
        }
        Err(self.over(Over { size, estimated: false, width, narrower: None }))
    }

    fn over(&self, over: Over) -> Error {
        Error::OverBudget { budget: self.bytes, rules: self.rules, over }
    }

    /// The largest number from 1 to `most` whose size goes with the budget; sizes grow with the number.
    fn largest(&self, most: usize, size: impl Fn(usize) -> Result<u64, Error>) -> Result<Option<usize>, Error> {
        let (mut fits, mut beyond) = (0, most + 1);
        // The most is what is asked for most often.
        let mut next = most;
        while beyond - fits > 1 {
            if size(next)? <= self.bytes {
                fits = next;
            } else {
                beyond = next;
            }
            next = (fits + beyond) / 2;
        }
        Ok(Some(fits).filter(|fits| *fits > 0))
    }

    /// About the size of the file after brotli, with whole numbers up to `levels`.
    fn estimate(&self, shape: Shape, levels: u8) -> Result<u64, Error> {
        let sample = self.items.clamp(1, SAMPLE);
        let network = Outcome { network: Network::new(shape, sample, 1), history: Vec::new(), best: 0 }.shipped(levels);
        let shipping = Shipping { levels, rules: None, ..self.shipping.clone() };
        let file = network.file(Calibration { scale: 1.0, offset: 0.0 }, None, &shipping)?;
        let size = after_brotli(&file) + self.rules;
        if sample >= self.items {
            return Ok(size);
        }
        let vectors: Vec<u8> = network.numbers.iter().map(|number| *number as u8).collect();
        let beyond = (self.items - sample) as f64 / sample as f64;
        Ok(size + (beyond * after_brotli(&vectors) as f64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Architecture;
    use crate::rules::{Entropy, Mining, Rules};
    use crate::sessions::Sessions;

    fn shipping(rules: Option<Rules>) -> Shipping {
        let vocabulary = "5d1f0a3c2b4e6f78".into();
        Shipping { levels: LEVELS, vocabulary, about: "A test.".into(), segments: None, new_items: None, rules }
    }

    /// Sessions round a ring.
    fn ring(items: u32) -> Sessions {
        let mut all = Sessions::default();
        (0..6 * items).for_each(|first| all.push(&[first % items + 1, (first + 1) % items + 1]));
        all
    }

    #[test]
    fn the_largest_that_goes_with_a_budget_is_found() {
        let shipping = shipping(None);
        for bytes in 0..=40 {
            let found = Budget::new(bytes, 10, &shipping).largest(16, |steps| Ok(2 * steps as u64)).unwrap();
            assert_eq!(found, Some(bytes as usize / 2).map(|most| most.min(16)).filter(|most| *most > 0), "{bytes}");
        }
    }

    #[test]
    fn what_a_budget_leaves_after_the_width_goes_into_finer_vectors() {
        let shipping = shipping(None);
        let budget = |bytes| Budget::new(bytes, 600, &shipping);
        let shape = Architecture::Gru.shape(8);
        let [coarse, fine] = [LEVELS, FINEST].map(|levels| budget(1).estimate(shape, levels).unwrap());
        assert_eq!([coarse, fine].map(|bytes| budget(bytes).levels(shape).unwrap()), [LEVELS, FINEST]);
        let enough = budget(1).estimate(shape.with_width(16), LEVELS).unwrap();
        assert_eq!(budget(enough).widest(shape).unwrap().width, 16);
    }

    #[test]
    fn the_refused_size_is_the_smallest_that_goes_and_a_narrower_width_is_named() {
        let shipping = shipping(None);
        let shape = Shape::of_width(8);
        let refused = |bytes| match Budget::new(bytes, 300, &shipping).widest(shape) {
            Err(Error::OverBudget { over, .. }) => over,
            other => panic!("{other:?}"),
        };
        let Over { size, width, narrower, .. } = refused(9_000);
        assert_eq!(width, STEP);
        assert_eq!(Budget::new(size, 300, &shipping).widest(shape).unwrap().width, STEP);
        let narrower = narrower.unwrap();
        assert!(Budget::new(9_000, 300, &shipping).levels(shape.with_width(narrower)).is_ok());
        assert!(Budget::new(9_000, 300, &shipping).levels(shape.with_width(narrower + 1)).is_err());
    }

    #[test]
    fn an_estimate_is_near_the_file_whatever_share_of_the_items_it_looks_at() {
        let shipping = shipping(None);
        let size = |shape: Shape, items| {
            let network = Outcome { network: Network::new(shape, items, 9), history: Vec::new(), best: 0 };
            let file = network.shipped(LEVELS).file(Calibration { scale: 0.7, offset: -9.0 }, None, &shipping).unwrap();
            after_brotli(&file) as f64
        };
        for (architecture, width, items) in
            [(Architecture::Hybrid, 16, 300), (Architecture::Gru, 12, 1_500), (Architecture::Attention, 4, 4_000)]
        {
            let shape = architecture.shape(width);
            let estimate = Budget::new(1, items, &shipping).estimate(shape, LEVELS).unwrap() as f64;
            let off = estimate / size(shape, items) - 1.0;
            assert!(off.abs() < 0.02, "{architecture:?} {off}");
        }
    }

    #[test]
    fn rules_count() {
        let rules = Rules::mine(&Mining::default(), &ring(400), 400, &mut Entropy::of_seed(1)).unwrap();
        let (with, without) = (shipping(Some(rules)), shipping(None));
        let shape = Shape::of_width(8);
        let estimate = |shipping| Budget::new(1, 400, shipping).estimate(shape, LEVELS).unwrap();
        let network = Outcome { network: Network::new(shape, 400, 1), history: Vec::new(), best: 0 }.shipped(LEVELS);
        let file = network.file(Calibration { scale: 0.7, offset: -9.0 }, Some(0.5), &with).unwrap();
        let off = estimate(&with) as f64 / after_brotli(&file) as f64 - 1.0;
        assert!(estimate(&with) > estimate(&without) && off.abs() < 0.05, "{off}");
    }

    #[test]
    fn a_file_that_is_larger_than_its_estimate_is_rounded_less_finely_or_refused() {
        let (shipping, validation) = (shipping(None), ring(300));
        let outcome = Outcome { network: Network::new(Shape::of_width(8), 300, 1), history: Vec::new(), best: 0 };
        let ship = |levels| outcome.ship(&validation, None, &Shipping { levels, ..shipping.clone() });
        let size = |levels| after_brotli(&ship(levels).unwrap().file);
        let fine = size(9);
        let within = |bytes| Budget::new(bytes, 300, &shipping).shipped(8, 9, ship);
        let same = within(fine).unwrap();
        assert_eq!((same.levels, same.size), (9, fine));
        let coarser = within(fine - 1).unwrap();
        assert!(coarser.levels < 9 && coarser.size < fine, "{}", coarser.levels);
        assert_eq!(coarser.size, after_brotli(&coarser.ranker.file));
        let error = within(1_000).unwrap_err();
        let smallest = size(COARSEST);
        assert!(
            matches!(error, Error::OverBudget { over: Over { size, estimated: false, .. }, .. } if size == smallest)
        );
    }
}
