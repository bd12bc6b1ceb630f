//! Random numbers that depend on nothing but a seed and a place.
//!
//! Every use (an epoch's order, a step's negatives, a step's dropout) has its own stream, keyed by what
//! it is for. A resumed run therefore needs no generator state: it asks for the same streams again.

/// SplitMix64 (Steele, Lea, Flood 2014, <https://doi.org/10.1145/2660193.2660195>): the same on every machine, and good
/// enough to start weights, to shake a model with, or to draw a sample.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// The initial weights.
    Weights,
    /// The order of the sessions in one epoch.
    Order,
    /// The negatives of one step.
    Negatives,
    /// The dropout of one step.
    Dropout,
    /// The golden cases of a file.
    Golden,
    /// The beginnings of a clustering.
    Segments,
    /// One simulated session.
    Shoppers,
    /// The pairs that a session names where it has too many.
    Contributions,
}

impl Random {
    /// The numbers that belong to a seed alone.
    pub fn of_seed(seed: u64) -> Random {
        Random(seed)
    }

    /// The stream for one use, at one place of the run.
    pub(crate) fn new(seed: u64, stream: Stream, place: u64) -> Random {
        let mut random = Random(seed);
        for part in [stream as u64 + 1, place] {
            random.0 = random.next() ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93);
        }
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..limit`; 0 where the limit is.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    /// Uniform in [0, 1): 24 bits, which are all that an `f32` below 1 holds.
    pub(crate) fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + self.uniform() * (high - low)
    }

    /// Standard normal, by the sum of twelve uniforms: light tails are welcome in initial weights.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    /// Fisher and Yates's shuffle.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }

    /// `count` factors of a dropout: 0 with the chance `rate`, otherwise what keeps the mean at 1.
    pub(crate) fn dropout(&mut self, count: usize, rate: f32) -> Vec<f32> {
        let kept = 1.0 / (1.0 - rate);
        (0..count).map(|_| if self.uniform() < rate { 0.0 } else { kept }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_published_generator() {
        // The reference implementation's output for the seed 1234567.
        let mut random = Random::of_seed(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_below_a_limit_reach_all_of_them_and_no_other() {
        let mut random = Random::of_seed(1);
        let mut seen = [0; 5];
        (0..1000).for_each(|_| seen[random.below(5)] += 1);
        assert!(seen.iter().all(|count| (150..250).contains(count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn streams_differ_by_seed_use_and_place_and_repeat_themselves() {
        let first = |seed, stream, place| Random::new(seed, stream, place).next();
        assert_eq!(first(1, Stream::Order, 2), first(1, Stream::Order, 2));
        let all = [
            first(1, Stream::Order, 2),
            first(2, Stream::Order, 2),
            first(1, Stream::Dropout, 2),
            first(1, Stream::Order, 3),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b));
        }
    }

    #[test]
    fn normals_have_mean_0_and_variance_1() {
        let mut random = Random::new(7, Stream::Weights, 0);
        let drawn: Vec<f32> = (0..20_000).map(|_| random.normal()).collect();
        let mean = drawn.iter().sum::<f32>() / 20_000.0;
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 20_000.0;
        // Four standard errors: 1 / sqrt(20,000) and sqrt(2 / 20,000).
        assert!(mean.abs() < 0.029 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }

    #[test]
    fn a_shuffle_keeps_every_element() {
        let mut list: Vec<u32> = (0..100).collect();
        Random::new(3, Stream::Order, 0).shuffle(&mut list);
        assert!(list.windows(2).any(|pair| pair[0] > pair[1]));
        list.sort_unstable();
        assert!(list.into_iter().eq(0..100));
    }
}
