//! LSTM and GRU.

use crate::gemm::Packed;
use crate::math;
use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Buffer, Fault, Tensor, count};

/// A form of the layer that is not run here, in words.
pub(crate) fn unsupported(node: &Node) -> Option<String> {
    let usual: &[&str] = if node.operator == "LSTM" { &["Sigmoid", "Tanh", "Tanh"] } else { &["Sigmoid", "Tanh"] };
    let activations = node.texts("activations").unwrap_or_default();
    let of_directions = activations.iter().zip(usual.iter().cycle()).all(|(a, b)| a.eq_ignore_ascii_case(b));
    if !of_directions {
        return Some(format!("the activations {activations:?}"));
    }
    let set = |name: &str| node.int(name).unwrap_or_default() != 0;
    let form = if set("layout") {
        "batches first"
    } else if set("input_forget") {
        "coupled gates"
    } else if node.has("clip") {
        "a clip"
    } else {
        return None;
    };
    Some(form.into())
}

/// What both layers have in common.
struct Layer {
    steps: usize,
    batch: usize,
    hidden: usize,
    gates: usize,
    /// One entry for each direction: whether it runs backwards.
    directions: Vec<bool>,
    recurrence: Buffer<f32>,
    bias: Option<Buffer<f32>>,
    /// For each direction, `[steps, batch, gates * hidden]`: the inputs' part of every gate, with the inputs' bias.
    inputs: Vec<Vec<f32>>,
}

impl Layer {
    fn read(node: &Node, args: &mut Args<'_>, gates: usize) -> Result<Layer, Fault> {
        let (x, weights, recurrence) = (args.take(0)?, args.take(1)?, args.take(2)?);
        let directions = match node.text("direction").unwrap_or("forward") {
            "reverse" => vec![true],
            "bidirectional" => vec![false, true],
            "forward" => vec![false],
            other => return Err(format!("the direction {other}")),
        };
        let ([steps, batch, input], [of_weights, rows, width], [of_recurrence, recurrent_rows, hidden]) =
            (&x.shape[..], &weights.shape[..], &recurrence.shape[..])
        else {
            return Err("its inputs are not of three dimensions".into());
        };
        let (steps, batch, input, hidden) = (*steps, *batch, *input, *hidden);
        let fits = hidden > 0
            && input > 0
            && *width == input
            && *rows == gates * hidden
            && recurrent_rows == rows
            && [*of_weights, *of_recurrence] == [directions.len(); 2];
        if !fits {
            return Err(format!("weights of {:?} and {:?} for {:?}", weights.shape, recurrence.shape, x.shape));
        }
        if let Some(lengths) = args.optional(4)
            && lengths.as_ints()?.iter().any(|length| *length as usize != steps)
        {
            return Err("sequences of different lengths".into());
        }
        if args.has(7) {
            return Err("weights from the cell to the gates".into());
        }
        let bias = args.optional(3).map(|bias| bias.as_floats().cloned()).transpose()?;
        if bias.as_ref().is_some_and(|bias| bias.len() != directions.len() * 2 * rows) {
            return Err("a bias of another length".into());
        }
        count(&[steps, directions.len(), batch, *rows])?;
        let (x, rows) = (x.as_floats()?, *rows);
        let (weights, recurrence) = (weights.as_floats()?.clone(), recurrence.as_floats()?.clone());
        let inputs = (0..directions.len()).map(|direction| {
            let weights = &weights[direction * rows * input..][..rows * input];
            let packed = args.packed(direction, || Packed::of_transposed(weights, input, rows));
            let bias = bias.as_ref().map(|bias| &bias[direction * 2 * rows..][..rows]);
            packed.product(x, bias)
        });
        let inputs = inputs.collect();
        Ok(Layer { steps, batch, hidden, gates, directions, recurrence, bias, inputs })
    }

    fn rows(&self) -> usize {
        self.gates * self.hidden
    }

    /// The recurrent bias of one direction.
    fn bias(&self, direction: usize) -> Option<&[f32]> {
        let rows = self.rows();
        self.bias.as_ref().map(|bias| &bias[(direction * 2 + 1) * rows..][..rows])
    }

    /// A state `[directions, batch, hidden]` to start from; zeros where none is given.
    fn start(&self, args: &Args<'_>, index: usize) -> Result<Vec<f32>, Fault> {
        let size = self.directions.len() * self.batch * self.hidden;
        match args.optional(index) {
            None => Ok(vec![0.0; size]),
            Some(start) if start.len() == size => Ok(start.as_floats()?.to_vec()),
            Some(start) => Err(format!("a state of {:?} to start from", start.shape)),
        }
    }

    /// The rows `of` of the recurrence times the state: `[batch, of]`.
    fn recur(&self, args: &mut Args<'_>, direction: usize, state: &[f32], of: std::ops::Range<usize>) -> Vec<f32> {
        let (rows, hidden) = (self.rows(), self.hidden);
        let bias = self.bias(direction).map(|bias| &bias[of.clone()]);
        let matrix = &self.recurrence[direction * rows * hidden..][..rows * hidden];
        let matrix = &matrix[of.start * hidden..of.end * hidden];
        if self.batch == 1 {
            // As it lies there, each of its rows is as long as the state.
            let mut out: Vec<f32> = matrix.chunks_exact(hidden).map(|row| math::dot(row, state)).collect();
            out.iter_mut().zip(bias.unwrap_or_default()).for_each(|(sum, bias)| *sum += bias);
            return out;
        }
        let whole = of.len() == rows;
        let pack = || Packed::of_transposed(matrix, hidden, of.len());
        match whole {
            true => args.packed(self.directions.len() + direction, pack).product(state, bias),
            false => pack().product(state, bias),
        }
    }

    /// The steps of one direction in its order.
    fn order(&self, backwards: bool) -> impl Iterator<Item = usize> + use<> {
        let steps = self.steps;
        (0..steps).map(move |step| if backwards { steps - 1 - step } else { step })
    }

    /// The inputs' part of every gate at one step.
    fn inputs(&self, direction: usize, step: usize) -> &[f32] {
        let size = self.batch * self.rows();
        &self.inputs[direction][step * size..][..size]
    }

    /// Every state `[steps, directions, batch, hidden]`.
    fn every_state(&self) -> Vec<f32> {
        vec![0.0; self.steps * self.directions.len() * self.batch * self.hidden]
    }

    fn keep(&self, every: &mut [f32], step: usize, direction: usize, state: &[f32]) {
        every[(step * self.directions.len() + direction) * state.len()..][..state.len()].copy_from_slice(state);
    }

    fn outputs(&self, every: Vec<f32>, last: Vec<Vec<f32>>) -> Vec<Tensor> {
        let (directions, batch, hidden) = (self.directions.len(), self.batch, self.hidden);
        let every = Tensor::floats(vec![self.steps, directions, batch, hidden], every);
        let last = last.into_iter().map(|state| Tensor::floats(vec![directions, batch, hidden], state));
        std::iter::once(every).chain(last).collect()
    }
}

pub(crate) fn lstm(node: &Node, args: &mut Args<'_>) -> Result<Vec<Tensor>, Fault> {
    let layer = Layer::read(node, args, 4)?;
    let (mut states, mut cells) = (layer.start(args, 5)?, layer.start(args, 6)?);
    let mut every = layer.every_state();
    let (hidden, rows, size) = (layer.hidden, layer.rows(), layer.batch * layer.hidden);
    for (direction, backwards) in layer.directions.iter().enumerate() {
        let state = &mut states[direction * size..][..size];
        let cell = &mut cells[direction * size..][..size];
        for step in layer.order(*backwards) {
            let mut gates = layer.recur(args, direction, state, 0..rows);
            gates.iter_mut().zip(layer.inputs(direction, step)).for_each(|(gate, input)| *gate += input);
            for ((gates, state), cell) in
                gates.chunks_exact_mut(rows).zip(state.chunks_exact_mut(hidden)).zip(cell.chunks_exact_mut(hidden))
            {
                let (gates, new) = gates.split_at_mut(3 * hidden);
                math::map(gates, math::sigmoid);
                math::map(new, math::tanh);
                let (input, rest) = gates.split_at(hidden);
                let (output, forget) = rest.split_at(hidden);
                for n in 0..hidden {
                    cell[n] = forget[n] * cell[n] + input[n] * new[n];
                }
                state.copy_from_slice(cell);
                math::map(state, math::tanh);
                state.iter_mut().zip(output).for_each(|(state, output)| *state *= output);
            }
            layer.keep(&mut every, step, direction, state);
        }
    }
    Ok(layer.outputs(every, vec![states, cells]))
}

pub(crate) fn gru(node: &Node, args: &mut Args<'_>) -> Result<Vec<Tensor>, Fault> {
    let layer = Layer::read(node, args, 3)?;
    // Whether the reset gate weighs the state before or after the matrix.
    let after = node.int("linear_before_reset").unwrap_or_default() != 0;
    let mut states = layer.start(args, 5)?;
    let mut every = layer.every_state();
    let (hidden, rows, size) = (layer.hidden, layer.rows(), layer.batch * layer.hidden);
    for (direction, backwards) in layer.directions.iter().enumerate() {
        let state = &mut states[direction * size..][..size];
        for step in layer.order(*backwards) {
            let inputs = layer.inputs(direction, step);
            let recurred = if after { rows } else { 2 * hidden };
            let mut gates = layer.recur(args, direction, state, 0..recurred);
            // Update and reset, next to each other.
            for (gates, inputs) in gates.chunks_exact_mut(recurred).zip(inputs.chunks_exact(rows)) {
                let both = &mut gates[..2 * hidden];
                both.iter_mut().zip(inputs).for_each(|(gate, input)| *gate += input);
                math::map(both, math::sigmoid);
            }
            let candidates = match after {
                true => Vec::new(),
                false => {
                    let mut reset = state.to_vec();
                    for (state, gates) in reset.chunks_exact_mut(hidden).zip(gates.chunks_exact(recurred)) {
                        state.iter_mut().zip(&gates[hidden..]).for_each(|(state, reset)| *state *= reset);
                    }
                    layer.recur(args, direction, &reset, 2 * hidden..rows)
                }
            };
            for (n, state) in state.chunks_exact_mut(hidden).enumerate() {
                let gates = &gates[n * recurred..][..recurred];
                let (update, rest) = gates.split_at(hidden);
                let mut new = inputs[n * rows + 2 * hidden..][..hidden].to_vec();
                if after {
                    let (reset, recurrent) = rest.split_at(hidden);
                    new.iter_mut().zip(reset).zip(recurrent).for_each(|((new, reset), more)| *new += reset * more);
                } else {
                    new.iter_mut().zip(&candidates[n * hidden..]).for_each(|(new, more)| *new += more);
                }
                math::map(&mut new, math::tanh);
                for ((state, update), new) in state.iter_mut().zip(update).zip(&new) {
                    *state = (1.0 - update) * new + update * *state;
                }
            }
            layer.keep(&mut every, step, direction, state);
        }
    }
    Ok(layer.outputs(every, vec![states]))
}
