//! Logistic regression with a ridge, fitted to its one optimum.
//!
//! Newton's method whose steps are found by conjugate gradients (Lin, Weng and Keerthi 2008,
//! <https://www.jmlr.org/papers/v9/lin08b.html>): no learning rate, no order of examples, the same weights every time.
//! Sums run in the examples' order and functions come from `libm`, so another machine finds the same bits.

/// One example: its columns, and what is already known of its logit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) entries: &'a [(u16, f32)],
    /// Added to the logit, not learnt.
    pub(crate) base: f64,
    pub(crate) clicked: bool,
    /// How many examples it counts for.
    pub(crate) weight: f64,
}

const NEWTON_STEPS: usize = 50;
/// Largest slope of the mean loss at which the fit ends.
const FLAT: f64 = 1e-9;
/// Share of the slope that a step may leave, and the most products with the curvature it may take.
const STEP_LEFT: f64 = 1e-3;
const STEP_PRODUCTS: usize = 200;

/// The chance that a logit stands for.
pub(crate) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}

/// The sum of products of an example's columns and weights.
pub(crate) fn dot(entries: &[(u16, f32)], weights: &[f64]) -> f64 {
    entries.iter().map(|(column, value)| f64::from(*value) * weights[usize::from(*column)]).sum()
}

/// The weights with the smallest sum of log loss and `ridge / 2 * weight^2`. `ridge` has one number, 0 or more, for
/// every column.
pub(crate) fn fit(lines: &[Line<'_>], ridge: &[f64]) -> Vec<f64> {
    let mut weights = vec![0.0; ridge.len()];
    let mut loss = objective(lines, ridge, &weights);
    for _ in 0..NEWTON_STEPS {
        let local = Local::at(lines, ridge, &weights);
        if local.slope.iter().all(|s| s.abs() <= FLAT * lines.len() as f64) {
            break;
        }
        let step = local.newton_step(lines, ridge);
        let gain: f64 = step.iter().zip(&local.slope).map(|(step, slope)| step * slope).sum();
        // Far from the optimum a full step may overshoot.
        let shorter = (0..40).map(|halvings| 0.5f64.powi(halvings)).find_map(|size| {
            let tried: Vec<f64> = weights.iter().zip(&step).map(|(weight, step)| weight - size * step).collect();
            let tried_loss = objective(lines, ridge, &tried);
            (tried_loss <= loss - 1e-4 * size * gain).then_some((tried, tried_loss))
        });
        let Some(better) = shorter else { break };
        (weights, loss) = better;
    }
    weights
}

fn objective(lines: &[Line<'_>], ridge: &[f64], weights: &[f64]) -> f64 {
    let losses = lines.iter().map(|line| line.weight * log_loss(line.base + dot(line.entries, weights), line.clicked));
    losses.sum::<f64>() + ridge.iter().zip(weights).map(|(ridge, weight)| 0.5 * ridge * weight * weight).sum::<f64>()
}

/// The log loss of a logit, in nats.
pub(crate) fn log_loss(logit: f64, clicked: bool) -> f64 {
    let wrong = if clicked { -logit } else { logit };
    // ln(1 + e^x) without overflow.
    wrong.max(0.0) + libm::log1p(libm::exp(-wrong.abs()))
}

/// The objective's slope and curvature at one place.
struct Local {
    slope: Vec<f64>,
    /// By line: p (1 - p), as often as it counts.
    curvature: Vec<f64>,
    /// The diagonal of the whole curvature, by column.
    diagonal: Vec<f64>,
}

impl Local {
    fn at(lines: &[Line<'_>], ridge: &[f64], weights: &[f64]) -> Local {
        let mut slope: Vec<f64> = ridge.iter().zip(weights).map(|(ridge, weight)| ridge * weight).collect();
        let mut diagonal = ridge.to_vec();
        let mut curvature = Vec::with_capacity(lines.len());
        for line in lines {
            let p = sigmoid(line.base + dot(line.entries, weights));
            let (rest, bend) = (line.weight * (p - f64::from(u8::from(line.clicked))), line.weight * p * (1.0 - p));
            for (column, value) in line.entries {
                let (column, value) = (usize::from(*column), f64::from(*value));
                slope[column] += rest * value;
                diagonal[column] += bend * value * value;
            }
            curvature.push(bend);
        }
        // A column that never occurs has no curvature, and no slope either.
        diagonal.iter_mut().filter(|d| **d <= 0.0).for_each(|d| *d = 1.0);
        Local { slope, curvature, diagonal }
    }

    /// The curvature times a direction.
    fn bent(&self, lines: &[Line<'_>], ridge: &[f64], direction: &[f64]) -> Vec<f64> {
        let mut bent: Vec<f64> = ridge.iter().zip(direction).map(|(ridge, d)| ridge * d).collect();
        for (line, curvature) in lines.iter().zip(&self.curvature) {
            let along = curvature * dot(line.entries, direction);
            line.entries.iter().for_each(|(column, value)| bent[usize::from(*column)] += along * f64::from(*value));
        }
        bent
    }

    /// Solves curvature times step = slope by conjugate gradients, with the diagonal for a preconditioner.
    fn newton_step(&self, lines: &[Line<'_>], ridge: &[f64]) -> Vec<f64> {
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let eased = |rest: &[f64]| rest.iter().zip(&self.diagonal).map(|(r, d)| r / d).collect::<Vec<f64>>();
        let mut step = vec![0.0; ridge.len()];
        let mut rest = self.slope.clone();
        let mut near = eased(&rest);
        let mut direction = near.clone();
        let mut size = product(&rest, &near);
        let enough = STEP_LEFT * STEP_LEFT * size;
        for _ in 0..STEP_PRODUCTS {
            let bent = self.bent(lines, ridge, &direction);
            let bend = product(&direction, &bent);
            if size <= enough || bend <= 0.0 {
                break;
            }
            let along = size / bend;
            step.iter_mut().zip(&direction).for_each(|(s, d)| *s += along * d);
            rest.iter_mut().zip(&bent).for_each(|(r, b)| *r -= along * b);
            near = eased(&rest);
            let next = product(&rest, &near);
            direction.iter_mut().zip(&near).for_each(|(d, n)| *d = n + next / size * *d);
            size = next;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'a>(rows: &'a [[(u16, f32); 3]], clicked: &[bool]) -> Vec<Line<'a>> {
        rows.iter()
            .zip(clicked)
            .map(|(row, clicked)| Line { entries: row, base: 0.0, clicked: *clicked, weight: 1.0 })
            .collect()
    }

    #[test]
    fn the_optimum_is_that_of_scikit_learn() {
        // scikit-learn 1.9.1, LogisticRegression(C=1, solver="newton-cholesky", tol=1e-14); the first is its intercept,
        // which has no ridge.
        let expected = [0.052_362_229_937_611_28, 0.417_175_454_481_198_47, -0.301_154_306_664_019_93];
        let x = [0.5f32, -1.0, 2.0, 0.0, 1.5, -0.5, 0.25, -2.0];
        let y = [1.0f32, 0.25, -1.5, 0.75, 0.5, -1.0, 2.0, 0.0];
        let clicked = [true, false, true, false, true, false, false, true];
        let rows: Vec<_> = x.iter().zip(&y).map(|(a, b)| [(0, 1.0), (1, *a), (2, *b)]).collect();
        let found = fit(&lines(&rows, &clicked), &[0.0, 1.0, 1.0]);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn what_is_known_of_the_logit_is_not_learnt_again() {
        let rows = [[(0, 1.0), (1, 0.0), (1, 0.0)]; 4];
        let mut lines = lines(&rows, &[true, false, false, false]);
        lines.iter_mut().for_each(|line| line.base = 2.0);
        // A quarter clicked, so the logit is ln(1 / 3).
        assert!((fit(&lines, &[0.0, 1.0])[0] - (-(3f64.ln()) - 2.0)).abs() < 1e-7);
    }

    #[test]
    fn a_line_counts_as_often_as_it_weighs() {
        let rows = [[(0, 1.0), (1, 0.5), (1, 0.0)], [(0, 1.0), (1, -1.0), (1, 0.0)], [(0, 1.0), (1, 2.0), (1, 0.0)]];
        let mut lines = lines(&rows, &[true, false, false]);
        let repeated: Vec<Line<'_>> = [0, 1, 2, 2, 2].map(|line| lines[line]).to_vec();
        lines[2].weight = 3.0;
        let [weighted, repeated] = [fit(&lines, &[0.0, 1.0]), fit(&repeated, &[0.0, 1.0])];
        assert!(weighted.iter().zip(&repeated).all(|(a, b)| (a - b).abs() < 1e-7), "{weighted:?} {repeated:?}");
    }

    #[test]
    fn the_log_loss_of_an_extreme_logit_is_finite() {
        assert_eq!((log_loss(1000.0, true), log_loss(1000.0, false)), (0.0, 1000.0));
        assert!((log_loss(0.0, true) - 2f64.ln()).abs() < 1e-15);
    }
}
