//! How good chances are: AUC, log loss, normalised entropy and calibration error, with intervals.
//!
//! Examples of one group, a session, are not independent, so the interval comes from drawing whole groups with
//! replacement (bootstrap; Efron and Tibshirani 1993): the middle 95 % of what the redrawn data give.

use crate::random::Random;

/// Bins of the calibration error, of equal count.
pub const BINS: usize = 10;
/// How often the data are redrawn for the intervals.
pub const DRAWS: usize = 300;
const TAIL: f64 = 0.025;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Figure {
    /// On the data as they are.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How good a model's chances are. Where non-clicks were sampled, each counts for those it stands for.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Figures {
    /// The chance that a click has a higher chance than a non-click, ties as halves: 0.5 is chance, 1 is perfect.
    pub auc: Figure,
    /// Mean log loss, in nats.
    pub log_loss: Figure,
    /// Mean log loss of the best constant prediction, the click rate of these data: their entropy.
    pub log_loss_constant: Figure,
    /// `log_loss / log_loss_constant` (He et al. 2014, <https://doi.org/10.1145/2648584.2648589>): below 1 is better
    /// than a constant.
    pub normalised_entropy: Figure,
    /// Expected calibration error: mean distance of chance and click rate in bins of equal count.
    pub calibration_error: Figure,
    /// Mean chance.
    pub predicted: Figure,
    /// Click rate.
    pub rate: Figure,
    /// How many examples there are.
    pub examples: usize,
    /// How many of them are clicks.
    pub clicks: usize,
}

/// One example with its chance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// The chance, above 0 and below 1.
    pub(crate) chance: f64,
    pub(crate) clicked: bool,
    /// How many examples it stands for.
    pub(crate) weight: f64,
    pub(crate) group: u32,
}

const KINDS: usize = 7;

impl Figures {
    /// Of examples; `None` where there is no click or nothing else.
    pub(crate) fn of(mut examples: Vec<Judged>, seed: u64) -> Option<Figures> {
        let clicks = examples.iter().filter(|e| e.clicked).count();
        examples.sort_by(|a, b| a.chance.total_cmp(&b.chance));
        let groups = groups(&mut examples);
        let value = figures(&examples, &vec![1; groups])?;
        let mut random = Random::of_seed(seed);
        let mut drawn: Vec<[f64; KINDS]> = (0..DRAWS)
            .filter_map(|_| {
                let mut times = vec![0u32; groups];
                (0..groups).for_each(|_| times[random.below(groups)] += 1);
                figures(&examples, &times)
            })
            .collect();
        let last = drawn.len().saturating_sub(1) as f64;
        let [auc, log_loss, log_loss_constant, normalised_entropy, calibration_error, predicted, rate] =
            std::array::from_fn(|kind| {
                drawn.sort_unstable_by(|a, b| a[kind].total_cmp(&b[kind]));
                let at = |share: f64| drawn.get((share * last).round() as usize).map_or(value[kind], |draw| draw[kind]);
                Figure { value: value[kind], low: at(TAIL), high: at(1.0 - TAIL) }
            });
        let examples = examples.len();
        Some(Figures {
            auc,
            log_loss,
            log_loss_constant,
            normalised_entropy,
            calibration_error,
            predicted,
            rate,
            examples,
            clicks,
        })
    }
}

/// Numbers the groups from 0; how many there are.
fn groups(examples: &mut [Judged]) -> usize {
    let mut names: Vec<u32> = examples.iter().map(|e| e.group).collect();
    names.sort_unstable();
    names.dedup();
    for example in examples {
        example.group = names.binary_search(&example.group).map_or(0, |place| place as u32);
    }
    names.len()
}

/// The figures of data that hold each group so many times. `examples` are sorted by chance.
fn figures(examples: &[Judged], times: &[u32]) -> Option<[f64; KINDS]> {
    let weight = |e: &Judged| e.weight * f64::from(times[e.group as usize]);
    let (mut all, mut clicked, mut loss, mut predicted) = (0.0, 0.0, 0.0, 0.0);
    for example in examples {
        let weight = weight(example);
        all += weight;
        clicked += if example.clicked { weight } else { 0.0 };
        loss -= weight * libm::log(if example.clicked { example.chance } else { 1.0 - example.chance });
        predicted += weight * example.chance;
    }
    if clicked <= 0.0 || clicked >= all {
        return None;
    }
    let (mut area, mut below) = (0.0, 0.0);
    let (mut seen, mut bin, mut bin_clicked, mut bin_predicted, mut error) = (0.0, 0, 0.0, 0.0, 0.0);
    for block in examples.chunk_by(|a, b| a.chance == b.chance) {
        let sum = |wanted| block.iter().filter(|e| e.clicked == wanted).map(weight).sum::<f64>();
        let (hits, misses) = (sum(true), sum(false));
        area += hits * (below + 0.5 * misses);
        below += misses;
        seen += hits + misses;
        bin_clicked += hits;
        bin_predicted += (hits + misses) * block[0].chance;
        // Equal chances stay in one bin, or the order of equals would show.
        if seen >= all * (bin + 1) as f64 / BINS as f64 {
            error += (bin_clicked - bin_predicted).abs();
            (bin_clicked, bin_predicted) = (0.0, 0.0);
            bin = (seen / all * BINS as f64) as usize;
        }
    }
    error += (bin_clicked - bin_predicted).abs();
    let rate = clicked / all;
    let entropy = -rate * libm::log(rate) - (1.0 - rate) * libm::log(1.0 - rate);
    let loss = loss / all;
    Some([area / (clicked * (all - clicked)), loss, entropy, loss / entropy, error / all, predicted / all, rate])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(chances: &[f64], clicked: &[u8]) -> Vec<Judged> {
        let groups = 0..;
        let example = |((chance, clicked), group): ((&f64, &u8), u32)| Judged {
            chance: *chance,
            clicked: *clicked == 1,
            weight: 1.0,
            group,
        };
        chances.iter().zip(clicked).zip(groups).map(example).collect()
    }

    const CHANCES: [f64; 20] = [
        0.05, 0.10, 0.10, 0.15, 0.20, 0.25, 0.30, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.60, 0.65, 0.70, 0.80,
        0.85, 0.95,
    ];
    const CLICKED: [u8; 20] = [0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1];

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    #[test]
    fn auc_log_loss_and_entropy_are_those_of_scikit_learn() {
        // scikit-learn 1.9.1: roc_auc_score and log_loss of CHANCES, and of their constant mean of CLICKED.
        let figures = Figures::of(judged(&CHANCES, &CLICKED), 1).unwrap();
        close(figures.auc.value, 0.717_171_717_171_717_1);
        close(figures.log_loss.value, 0.636_475_093_831_242_1);
        close(figures.log_loss_constant.value, 0.688_138_813_713_588_5);
        close(figures.normalised_entropy.value, 0.636_475_093_831_242_1 / 0.688_138_813_713_588_5);
        assert_eq!((figures.examples, figures.clicks, figures.rate.value), (20, 9, 0.45));
    }

    #[test]
    fn an_example_counts_for_as_many_as_it_stands_for() {
        // scikit-learn 1.9.1 with these as sample_weight.
        let weights = [1, 2, 1, 3, 1, 1, 1, 2, 4, 1, 2, 1, 1, 1, 1, 5, 1, 1, 2, 1];
        let mut examples = judged(&CHANCES, &CLICKED);
        examples.iter_mut().zip(weights).for_each(|(e, weight)| e.weight = f64::from(weight));
        let figures = Figures::of(examples, 1).unwrap();
        close(figures.auc.value, 0.662_037_037_037_037);
        close(figures.log_loss.value, 0.651_611_194_761_530_8);
        close(figures.log_loss_constant.value, 0.585_952_618_303_550_9);
    }

    #[test]
    fn the_calibration_error_is_the_mean_over_bins_of_equal_count() {
        // scikit-learn 1.9.1: mean distance of calibration_curve(n_bins=10, strategy="quantile").
        let chances: Vec<f64> = (1..=20).map(|i| f64::from(i) / 21.0).collect();
        close(Figures::of(judged(&chances, &CLICKED), 1).unwrap().calibration_error.value, 0.188_095_238_095_238_12);
    }

    #[test]
    fn a_constant_is_as_far_off_as_it_differs_from_the_rate_and_ranks_like_chance() {
        let figures = Figures::of(judged(&[0.25; 20], &CLICKED), 1).unwrap();
        close(figures.calibration_error.value, 0.2);
        close(figures.auc.value, 0.5);
    }

    #[test]
    fn an_interval_holds_its_figure_and_shrinks_with_more_groups() {
        let many = |times: usize| Figures::of(judged(&CHANCES.repeat(times), &CLICKED.repeat(times)), 3).unwrap();
        let width = |figure: Figure| figure.high - figure.low;
        let (few, many) = (many(4), many(64));
        assert!(few.auc.low < few.auc.value && few.auc.value < few.auc.high, "{few:?}");
        // Sixteen times the groups, a quarter of the width, give or take what 300 draws are off.
        let ratio = width(few.auc) / width(many.auc);
        assert!((3.0..5.3).contains(&ratio), "{ratio}");
    }

    #[test]
    fn without_a_click_or_without_anything_else_there_are_no_figures() {
        assert_eq!(Figures::of(judged(&CHANCES, &[0; 20]), 1), None);
        assert_eq!(Figures::of(judged(&CHANCES, &[1; 20]), 1), None);
        assert_eq!(Figures::of(Vec::new(), 1), None);
    }
}
