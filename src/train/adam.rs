//! Adam (Kingma and Ba 2015, arXiv 1412.6980) on plain numbers, whole or by row.

/// Numbers under training, with their moments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trained {
    pub(crate) values: Vec<f32>,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

/// How far one step goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Learning rate.
    pub(crate) rate: f32,
    /// Number of this step, from 1: early moments are too small and are scaled up by it.
    pub(crate) step: u64,
}

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.999;
const EPSILON: f32 = 1e-8;

impl Pace {
    fn apply(self, values: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
        let step = self.step.min(100_000) as i32;
        let rate = self.rate * (1.0 - SECOND_DECAY.powi(step)).sqrt() / (1.0 - FIRST_DECAY.powi(step));
        for (((value, first), second), g) in values.iter_mut().zip(first).zip(second).zip(gradient) {
            *first += (1.0 - FIRST_DECAY) * (g - *first);
            *second += (1.0 - SECOND_DECAY) * (g * g - *second);
            *value -= rate * *first / (second.sqrt() + EPSILON);
        }
    }
}

impl Trained {
    /// Numbers before the first step.
    pub(crate) fn new(values: Vec<f32>) -> Trained {
        let zeros = vec![0.0; values.len()];
        Trained { values, first: zeros.clone(), second: zeros }
    }

    /// One step with the gradient of every number.
    pub(crate) fn step(&mut self, gradient: &[f32], pace: Pace) {
        pace.apply(&mut self.values, &mut self.first, &mut self.second, gradient);
    }

    /// One step with the gradients of some rows, `gradient` holding them in the order of `rows`, none twice.
    ///
    /// The moments of the other rows wait, as in the "lazy" Adam of several frameworks: an item that is seldom
    /// seen is not moved by old gradients in between.
    pub(crate) fn step_rows(&mut self, rows: &[u32], width: usize, gradient: &[f32], pace: Pace) {
        for (row, gradient) in rows.iter().zip(gradient.chunks(width)) {
            let place = *row as usize * width..(*row as usize + 1) * width;
            let (values, first) = (&mut self.values[place.clone()], &mut self.first[place.clone()]);
            pace.apply(values, first, &mut self.second[place], gradient);
        }
    }
}
