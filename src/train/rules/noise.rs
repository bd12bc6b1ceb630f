//! Noise that hides one contribution: the discrete Gaussian, drawn exactly.
//!
//! Rounded or truncated `float` noise can give away what it was added to (Mironov, CCS 2012), so the sampler works on
//! integers alone: Algorithms 1 to 3 of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy"
//! (NeurIPS 2020, arXiv 2004.00010).

use crate::error::Error;
use crate::random::Random;

/// Where noise comes from.
///
/// What has been released protects nobody once its noise can be drawn again, so noise that ships comes from
/// [`Entropy::system`]. A seed is for tests and for figures.
#[derive(Debug)]
pub struct Entropy(Source);

#[derive(Debug)]
enum Source {
    /// Bytes of the operating system, and how many of them are used.
    System {
        bytes: Box<[u8; 4096]>,
        used: usize,
    },
    Seeded(Random),
}

impl Entropy {
    /// The operating system's generator.
    pub fn system() -> Entropy {
        let bytes = Box::new([0; 4096]);
        Entropy(Source::System { used: bytes.len(), bytes })
    }

    /// The same noise every time.
    pub fn of_seed(seed: u64) -> Entropy {
        Entropy(Source::Seeded(Random::of_seed(seed)))
    }

    fn next(&mut self) -> Result<u64, Error> {
        match &mut self.0 {
            Source::Seeded(random) => Ok(random.next()),
            Source::System { bytes, used } => {
                if *used == bytes.len() {
                    getrandom::fill(&mut bytes[..]).map_err(Error::Entropy)?;
                    *used = 0;
                }
                let mut word = [0; 8];
                word.copy_from_slice(&bytes[*used..*used + 8]);
                *used += 8;
                Ok(u64::from_le_bytes(word))
            }
        }
    }

    /// Uniform in `0..limit`, exactly. `limit` is 1 or more.
    fn below(&mut self, limit: u128) -> Result<u128, Error> {
        let mask = u128::MAX >> (limit - 1).leading_zeros().min(127);
        loop {
            let drawn = (u128::from(self.next()?) << 64 | u128::from(self.next()?)) & mask;
            if drawn < limit {
                return Ok(drawn);
            }
        }
    }

    /// True with the chance exp(-a / b), where `a` is at most `b`.
    fn decays_within_one(&mut self, a: u128, b: u128) -> Result<bool, Error> {
        let mut terms = 1;
        while self.below(b * terms)? < a {
            terms += 1;
        }
        Ok(terms % 2 == 1)
    }

    /// True with the chance exp(-a / b).
    fn decays(&mut self, a: u128, b: u128) -> Result<bool, Error> {
        for _ in 0..a / b {
            if !self.decays_within_one(1, 1)? {
                return Ok(false);
            }
        }
        self.decays_within_one(a % b, b)
    }

    /// A whole number with a chance proportional to exp(-|x| / scale). `scale` is 1 or more.
    fn laplace(&mut self, scale: u128) -> Result<i128, Error> {
        loop {
            let low = self.below(scale)?;
            if !self.decays_within_one(low, scale)? {
                continue;
            }
            let mut high = 0;
            while self.decays_within_one(1, 1)? {
                high += 1;
            }
            let size = (low + scale * high) as i128;
            let negative = self.below(2)? == 1;
            // Nought would come twice as often, once with each sign.
            if !(negative && size == 0) {
                return Ok(if negative { -size } else { size });
            }
        }
    }
}

/// Standard deviations are multiples of one over this, so that the sampler's numbers are whole.
const PARTS: u128 = 8;

/// A whole number with a chance proportional to exp(-x^2 / (2 deviation^2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gaussian {
    /// The deviation times [`PARTS`].
    parts: u128,
}

impl Gaussian {
    /// The largest deviation there is; beyond it the sampler's numbers would not fit.
    pub(crate) const WIDEST: f64 = 1e5;

    /// The narrowest one that is at least as wide as asked.
    pub(crate) fn at_least(deviation: f64) -> Gaussian {
        Gaussian { parts: (deviation.min(Self::WIDEST) * PARTS as f64).ceil().max(1.0) as u128 }
    }

    /// What stands for the deviation: that of the continuous one, which the discrete one's stays just below.
    pub(crate) fn deviation(self) -> f64 {
        self.parts as f64 / PARTS as f64
    }

    pub(crate) fn sample(self, entropy: &mut Entropy) -> Result<i64, Error> {
        // The square of the deviation, times the square of PARTS.
        let square = self.parts * self.parts;
        let scale = self.parts / PARTS + 1;
        loop {
            let drawn = entropy.laplace(scale)?;
            let off = (drawn.unsigned_abs() * scale * PARTS * PARTS).abs_diff(square);
            if entropy.decays(off * off, 2 * PARTS * PARTS * scale * scale * square)? {
                return Ok(drawn as i64);
            }
        }
    }

    /// The chance of a number of at least `least`.
    pub(crate) fn tail(self, least: i64) -> f64 {
        let weight = |x: i64| (-((x as f64 / self.deviation()).powi(2)) / 2.0).exp();
        // Beyond forty deviations a weight is nought.
        let far = (40.0 * self.deviation()).ceil() as i64;
        // Small ones first, or they are lost.
        let upper: f64 = (least.max(-far)..=far).rev().map(weight).sum();
        let half: f64 = (1..=far).rev().map(weight).sum();
        upper / (2.0 * half + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_as_often_as_the_density_says() {
        for deviation in [0.5, 3.0, 12.375] {
            let gaussian = Gaussian::at_least(deviation);
            assert_eq!(gaussian.deviation(), deviation);
            let mut entropy = Entropy::of_seed(4);
            let drawn: Vec<i64> = (0..20_000).map(|_| gaussian.sample(&mut entropy).unwrap()).collect();
            for least in [-2, 0, 1, deviation.ceil() as i64, (2.0 * deviation).ceil() as i64] {
                let (share, chance) =
                    (drawn.iter().filter(|x| **x >= least).count() as f64 / 20_000.0, gaussian.tail(least));
                // Four standard errors.
                let error = 4.0 * (chance * (1.0 - chance) / 20_000.0).sqrt();
                assert!((share - chance).abs() <= error, "{deviation} {least}: {share} {chance}");
            }
        }
    }

    #[test]
    fn the_variance_is_the_square_of_the_deviation() {
        let gaussian = Gaussian::at_least(20.0);
        let mut entropy = Entropy::of_seed(9);
        let squares = (0..20_000).map(|_| gaussian.sample(&mut entropy).unwrap().pow(2) as f64).sum::<f64>();
        // Four standard errors of a variance: 4 * 400 * sqrt(2 / 20,000).
        assert!((squares / 20_000.0 - 400.0).abs() < 16.0, "{squares}");
    }

    #[test]
    fn the_systems_noise_is_another_every_time() {
        let gaussian = Gaussian::at_least(1000.0);
        let drawn = || -> Vec<i64> {
            let mut entropy = Entropy::system();
            (0..20).map(|_| gaussian.sample(&mut entropy).unwrap()).collect()
        };
        assert_ne!(drawn(), drawn());
    }
}
