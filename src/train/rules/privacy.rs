//! Differentially private counts of pairs.
//!
//! **Claim.** Let two logs differ in one unit: a session, or a visitor with all their sessions. What is released of
//! either, and everything made from it, satisfies (epsilon, delta)-differential privacy for adding and removing a unit.
//!
//! **What is released.** Every unit names at most [`Privacy::pairs`] pairs of items, C below, picked by its own steps and
//! a public seed alone (`support::contribution`), so that no unit changes what another names. A pair's count is how many units
//! name it. Pairs with a count below the floor m are dropped; to each other count a discrete Gaussian of deviation
//! sigma is added, independently, and the pair is released with that sum if it is at least the threshold tau. Pairs that
//! nobody names are neither counted nor given noise (Korolova et al., WWW 2009; Wilson et al., PoPETs 2020; Desfontaines
//! et al., PoPETs 2022).
//!
//! **Proof.** Let D have the unit and D' not. Counts differ in at most C pairs, by 1 each, so the sensitivity is sqrt(C) in
//! the Euclidean norm. Let K' be the pairs with m or more in D', K those in D; K' lies in K, and a pair of K without K' has
//! exactly m in D, and is one of the unit's. Noisy counts on K' alone, P of D and Q of D', are C / (2 sigma^2)-zCDP (Canonne
//! et al. 2020, Theorem 14; dropping what is below tau is post-processing), hence (epsilon, delta / 2)-DP for the sigma
//! that [`Plan::new`] looks up (Proposition 12 there). Some pair of K without K' is released with a chance of at most
//! t = 1 - (1 - P(N >= tau - m))^C, whatever else is released.
//!
//! 1. From D to D': P_D(S) <= t + P(S) <= t + exp(epsilon) Q(S) + delta / 2.
//! 2. From D' to D: no pair beyond K' is released in D' at all, and in D with the chance 1 - t none is. The worst S is where
//!    Q > exp(epsilon) (1 - t) P, so exp(epsilon) P(S) <= 1 / (1 - t), and
//!    Q(S) - exp(epsilon) P_D(S) <= Q(S) - exp(epsilon) (1 - t) P(S) <= delta / 2 + t / (1 - t).
//!
//! tau is the least for which t / (1 - t) <= delta / 2. Both sides are then at most delta.
//!
//! The floor costs nothing but a threshold that is m - 1 higher: with it, a released pair has m units behind it in truth
//! and not only with noise. Everything else a file holds (weights, popularity, the items it knows) is made
//! from the released pairs.

use crate::error::Error;
use crate::rules::noise::{Entropy, Gaussian};
use crate::rules::support::Pair;

/// How private the counts are.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Privacy {
    /// How much more likely any release may become by one unit's presence or absence: by a factor of exp(epsilon). Above
    /// 0; at 1 an observer's odds at most change by the factor 2.7, at 10 there is hardly a promise.
    pub epsilon: f64,
    /// The chance beside that factor, above 0 and below 1. It should be well below one over the number of units.
    pub delta: f64,
    /// Most pairs that a unit names, 1 and up. More pairs tell more and need more noise: its deviation grows with the root.
    pub pairs: usize,
}

/// What it takes to keep the promise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) noise: Gaussian,
    /// The least noisy count that is released.
    pub(crate) threshold: i64,
    fewest: u32,
}

impl Privacy {
    fn check(self) -> Result<(), Error> {
        let refuse = |name, got: String, range: &str| Err(Error::Option { name, got, range: range.into() });
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return refuse("epsilon", self.epsilon.to_string(), "a finite number above 0");
        }
        if !(self.delta > 0.0 && self.delta < 1.0) {
            return refuse("delta", self.delta.to_string(), "above 0 and below 1");
        }
        if self.pairs == 0 {
            return refuse("pairs", self.pairs.to_string(), "1 or more");
        }
        Ok(())
    }
}

impl Plan {
    /// The least noise and the lowest threshold for pairs with `fewest` units or more.
    ///
    /// Errors: `option-out-of-range`.
    pub(crate) fn new(privacy: Privacy, fewest: u32) -> Result<Plan, Error> {
        privacy.check()?;
        let Privacy { epsilon, delta, pairs } = privacy;
        let enough =
            |deviation: f64| log_delta(pairs as f64 / (2.0 * deviation * deviation), epsilon) <= (delta / 2.0).ln();
        let (mut low, mut high) = (0.0, Gaussian::WIDEST);
        if !enough(high) {
            let range = "larger: the noise would be wider than a hundred thousand sessions".into();
            return Err(Error::Option { name: "epsilon", got: epsilon.to_string(), range });
        }
        while high - low > 1e-9 * high {
            let middle = (low + high) / 2.0;
            if enough(middle) { high = middle } else { low = middle }
        }
        let noise = Gaussian::at_least(high);
        // t / (1 - t) <= delta / 2, for each of the pairs alike.
        let released = delta / 2.0 / (1.0 + delta / 2.0);
        let each = -(f64::ln_1p(-released) / pairs as f64).exp_m1();
        let (mut low, mut high) = (0, (40.0 * noise.deviation()).ceil() as i64 + 1);
        while low + 1 < high {
            let middle = (low + high) / 2;
            if noise.tail(middle) <= each { high = middle } else { low = middle }
        }
        Ok(Plan { noise, threshold: i64::from(fewest) + high, fewest })
    }

    /// The pairs that are released, with noisy counts in place of what is behind them.
    pub(crate) fn release(self, counted: Vec<Pair>, entropy: &mut Entropy) -> Result<Vec<Pair>, Error> {
        let mut released = Vec::new();
        for pair in counted.into_iter().filter(|pair| pair.units >= self.fewest) {
            let noisy = i64::from(pair.units) + self.noise.sample(entropy)?;
            if noisy >= self.threshold {
                released.push(Pair { units: noisy as u32, strength: noisy as f64, ..pair });
            }
        }
        Ok(released)
    }
}

/// The logarithm of the least delta that `rho`-zCDP is known to give at `epsilon`:
/// the least of (alpha - 1) (alpha rho - epsilon) - ln(alpha - 1) + alpha ln(1 - 1 / alpha) over alpha > 1
/// (Canonne et al. 2020, Corollary 13).
fn log_delta(rho: f64, epsilon: f64) -> f64 {
    // By the logarithm of alpha - 1, in which the bound has one minimum. Any alpha gives a valid bound.
    let bound = |log: f64| {
        let over = log.exp();
        over * ((1.0 + over) * rho - epsilon) - log - (1.0 + over) * (1.0 / over).ln_1p()
    };
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut low, mut high) = (-20.0, 20.0);
    for _ in 0..100 {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if bound(left) < bound(right) { high = right } else { low = left }
    }
    bound((low + high) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::rule::Rule;
    use crate::rules::support::counted;
    use crate::sessions::Sessions;

    #[test]
    fn noise_and_threshold_are_those_of_an_independent_calculation() {
        // Computed with mpmath 1.3 at 40 digits: the bound over a grid of alpha, tails by summing the density.
        for (epsilon, delta, pairs, fewest, deviation, threshold) in [
            (1.0, 1e-6, 8, 1, 13.25, 72),
            (2.0, 1e-6, 4, 5, 5.0, 32),
            (0.5, 1e-5, 1, 1, 8.0, 37),
            (8.0, 1e-6, 10, 5, 2.25, 18),
        ] {
            let plan = Plan::new(Privacy { epsilon, delta, pairs }, fewest).unwrap();
            assert_eq!((plan.noise.deviation(), plan.threshold), (deviation, threshold));
        }
    }

    #[test]
    fn less_privacy_needs_less_noise_and_more_pairs_need_more() {
        let deviation =
            |epsilon, pairs| Plan::new(Privacy { epsilon, delta: 1e-6, pairs }, 1).unwrap().noise.deviation();
        assert!(deviation(2.0, 4) < deviation(1.0, 4));
        // Twice the root of the pairs, but for the rounding to an eighth.
        assert!((deviation(1.0, 16) - 2.0 * deviation(1.0, 4)).abs() <= 0.25);
    }

    #[test]
    fn what_is_released_differs_from_the_counts_by_the_noise_alone() {
        let plan = Plan::new(Privacy { epsilon: 1.0, delta: 1e-6, pairs: 4 }, 5).unwrap();
        let counts: Vec<Pair> = (0..4000).map(|to| Pair { from: 1, to, units: 200, strength: 0.0 }).collect();
        let released = plan.release(counts, &mut Entropy::of_seed(2)).unwrap();
        assert_eq!(released.len(), 4000);
        let off: Vec<f64> = released.iter().map(|pair| pair.strength - 200.0).collect();
        let (mean, square) = (off.iter().sum::<f64>() / 4000.0, off.iter().map(|x| x * x).sum::<f64>() / 4000.0);
        let variance = plan.noise.deviation().powi(2);
        // Four standard errors.
        assert!(mean.abs() < 4.0 * (variance / 4000.0).sqrt(), "{mean}");
        assert!((square / variance - 1.0).abs() < 4.0 * (2.0f64 / 4000.0).sqrt(), "{square} {variance}");
    }

    #[test]
    fn pairs_at_the_floor_are_hardly_ever_released_and_those_below_it_never() {
        let plan = Plan::new(Privacy { epsilon: 1.0, delta: 0.02, pairs: 2 }, 3).unwrap();
        let released = |units: u32| {
            let counts = (0..20_000).map(|to| Pair { from: 1, to, units, strength: 0.0 }).collect();
            plan.release(counts, &mut Entropy::of_seed(8)).unwrap().len()
        };
        // Two pairs a unit share delta / 2: 0.005 each at most, 100 of 20,000.
        assert!((1..130).contains(&released(3)), "{}", released(3));
        assert_eq!(released(2), 0);
    }

    #[test]
    fn a_session_more_changes_as_many_counts_as_it_may_name_and_each_by_one() {
        let mut random = crate::random::Random::of_seed(5);
        let sessions: Vec<Vec<u32>> =
            (0..60).map(|_| (0..2 + random.below(9)).map(|_| random.below(12) as u32 + 1).collect()).collect();
        let counts = |left_out: Option<usize>| -> std::collections::BTreeMap<(u32, u32), u32> {
            let kept = (0..).zip(&sessions).filter(|(place, _)| Some(*place) != left_out);
            let kept: Sessions = kept.map(|(_, session)| session.as_slice()).collect();
            let units: Vec<Vec<usize>> = (0..kept.len()).map(|session| vec![session]).collect();
            let pairs = counted(Rule::Association, &units, &kept, 4, 7);
            pairs.into_iter().map(|pair| ((pair.from, pair.to), pair.units)).collect()
        };
        let all = counts(None);
        for left_out in 0..60 {
            let without = counts(Some(left_out));
            assert!(without.keys().all(|pair| all.contains_key(pair)));
            let changes: Vec<u32> = all
                .iter()
                .map(|(pair, count)| count - without.get(pair).unwrap_or(&0))
                .filter(|off| *off > 0)
                .collect();
            assert!(changes.len() <= 4 && changes.iter().all(|off| *off == 1), "{left_out}: {changes:?}");
        }
    }

    #[test]
    fn promises_that_mean_nothing_are_refused() {
        let good = Privacy { epsilon: 1.0, delta: 1e-6, pairs: 4 };
        for (bad, field) in [
            (Privacy { epsilon: 0.0, ..good }, "epsilon"),
            (Privacy { epsilon: f64::NAN, ..good }, "epsilon"),
            (Privacy { epsilon: 1e-6, ..good }, "epsilon"),
            (Privacy { delta: 1.0, ..good }, "delta"),
            (Privacy { delta: 0.0, ..good }, "delta"),
            (Privacy { pairs: 0, ..good }, "pairs"),
        ] {
            let error = Plan::new(bad, 1).unwrap_err();
            assert_eq!((error.code(), error.field()), ("option-out-of-range", Some(field)));
        }
    }
}
