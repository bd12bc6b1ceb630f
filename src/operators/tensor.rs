//! Tensors as the engine holds them: dense, row-major, shared where nobody writes.

use std::ops::Deref;
use std::sync::Arc;

/// Why a node could not run, in words.
pub type Fault = String;

/// Most elements of a tensor: 2^26, 256 MiB as `float`.
pub const ELEMENTS: u64 = 1 << 26;

/// Some elements of shared memory.
#[derive(Clone, Debug)]
pub struct Buffer<T> {
    all: Arc<Vec<T>>,
    from: usize,
    len: usize,
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(all: Vec<T>) -> Self {
        Self { from: 0, len: all.len(), all: Arc::new(all) }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all[self.from..self.from + self.len]
    }
}

impl<T: Clone> Buffer<T> {
    /// The elements as a vector of one's own: moved out where nobody else holds them.
    pub(crate) fn into_vec(self) -> Vec<T> {
        if self.len < self.all.len() {
            return self.to_vec();
        }
        Arc::try_unwrap(self.all).unwrap_or_else(|all| all.to_vec())
    }

    fn part(&self, from: usize, len: usize) -> Self {
        debug_assert!(from + len <= self.len);
        Self { all: self.all.clone(), from: self.from + from, len }
    }
}

/// The elements of a tensor. Booleans are integers, 0 and 1; `int64` is held as `i32`, which ids and shapes fit.
#[derive(Clone, Debug)]
pub enum Data {
    /// ONNX `float`; `double` is held as this too.
    Float(Buffer<f32>),
    /// ONNX `int64`, `int32` and `bool`.
    Int(Buffer<i32>),
    /// ONNX `int8`.
    I8(Buffer<i8>),
    /// ONNX `uint8`.
    U8(Buffer<u8>),
}

/// The same expression for whichever elements there are; it gives a `Vec` of such elements.
macro_rules! each_kind {
    ($data:expr, $buffer:ident => $vector:expr) => {
        match $data {
            $crate::tensor::Data::Float($buffer) => $crate::tensor::Data::Float($vector.into()),
            $crate::tensor::Data::Int($buffer) => $crate::tensor::Data::Int($vector.into()),
            $crate::tensor::Data::I8($buffer) => $crate::tensor::Data::I8($vector.into()),
            $crate::tensor::Data::U8($buffer) => $crate::tensor::Data::U8($vector.into()),
        }
    };
}
pub(crate) use each_kind;

impl Default for Data {
    fn default() -> Self {
        Data::Float(Vec::new().into())
    }
}

impl Data {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Data::Float(all) => all.len(),
            Data::Int(all) => all.len(),
            Data::I8(all) => all.len(),
            Data::U8(all) => all.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn part(&self, from: usize, len: usize) -> Data {
        match self {
            Data::Float(all) => Data::Float(all.part(from, len)),
            Data::Int(all) => Data::Int(all.part(from, len)),
            Data::I8(all) => Data::I8(all.part(from, len)),
            Data::U8(all) => Data::U8(all.part(from, len)),
        }
    }
}

/// A dense tensor, row-major. Clones share their elements.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The size of each dimension; their product is the number of elements.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Data,
}

impl Tensor {
    /// Of floats, as many as the shape says.
    pub fn floats(shape: Vec<usize>, values: Vec<f32>) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Tensor { shape, data: Data::Float(values.into()) }
    }

    /// Of whole numbers, as many as the shape says.
    pub fn ints(shape: Vec<usize>, values: Vec<i32>) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Tensor { shape, data: Data::Int(values.into()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// The elements, which are to be floats.
    pub fn as_floats(&self) -> Result<&Buffer<f32>, Fault> {
        match &self.data {
            Data::Float(all) => Ok(all),
            _ => Err("an input is not float".into()),
        }
    }

    /// The elements, which are to be whole numbers.
    pub fn as_ints(&self) -> Result<&Buffer<i32>, Fault> {
        match &self.data {
            Data::Int(all) => Ok(all),
            _ => Err("an input is not a whole number".into()),
        }
    }

    /// The one element.
    pub(crate) fn as_float(&self) -> Result<f32, Fault> {
        match self.as_floats()?[..] {
            [one] => Ok(one),
            _ => Err(format!("an input of shape {:?} is to be one number", self.shape)),
        }
    }

    /// The one element, which is to be a whole number.
    pub(crate) fn as_int(&self) -> Result<i32, Fault> {
        match self.as_ints()?[..] {
            [one] => Ok(one),
            _ => Err(format!("an input of shape {:?} is to be one number", self.shape)),
        }
    }

    /// The same elements under another shape of as many.
    pub(crate) fn reshaped(self, shape: Vec<usize>) -> Result<Tensor, Fault> {
        if count(&shape)? != self.len() {
            return Err(format!("{:?} cannot be seen as {shape:?}", self.shape));
        }
        Ok(Tensor { shape, data: self.data })
    }

    /// Rows `from..to` of the first dimension; nothing is copied.
    pub fn rows(&self, from: usize, to: usize) -> Tensor {
        let row = self.row();
        let shape = [&[to - from], &self.shape[1..]].concat();
        Tensor { shape, data: self.data.part(from * row, (to - from) * row) }
    }

    /// Makes room for so many rows.
    pub fn reserve_rows(&mut self, rows: usize) {
        let more = rows.saturating_sub(self.shape[0]) * self.row();
        self.data = each_kind!(std::mem::take(&mut self.data), all => {
            let mut all = all.into_vec();
            all.reserve_exact(more);
            all
        });
    }

    /// Appends the rows of `more`.
    pub fn push_rows(&mut self, more: &Tensor) -> Result<(), Fault> {
        let next = self.shape[0];
        let places: Vec<usize> = (next..next + more.shape[0]).collect();
        self.put_rows(next + places.len(), &places, more)
    }

    /// Puts the rows of `new` at `places`, which are in rising order and may go on behind the last row; afterwards there
    /// are `rows`.
    pub fn put_rows(&mut self, rows: usize, places: &[usize], new: &Tensor) -> Result<(), Fault> {
        fn put<T: Copy>(all: Buffer<T>, size: usize, places: &[usize], row: usize, new: &[T]) -> Vec<T> {
            let mut all = all.into_vec();
            for (place, new) in places.iter().zip(new.chunks(row.max(1))) {
                match all.get_mut(place * row..(place + 1) * row) {
                    Some(old) => old.copy_from_slice(new),
                    None => all.extend_from_slice(new),
                }
            }
            all.truncate(size);
            all
        }
        if self.shape[1..] != new.shape[1..] {
            return Err(format!("rows of {:?} are put among {:?}", new.shape, self.shape));
        }
        let row = self.row();
        let size = rows * row;
        self.data = match (std::mem::take(&mut self.data), &new.data) {
            (Data::Float(all), Data::Float(new)) => Data::Float(put(all, size, places, row, new).into()),
            (Data::Int(all), Data::Int(new)) => Data::Int(put(all, size, places, row, new).into()),
            (Data::I8(all), Data::I8(new)) => Data::I8(put(all, size, places, row, new).into()),
            (Data::U8(all), Data::U8(new)) => Data::U8(put(all, size, places, row, new).into()),
            _ => return Err("rows of another type are put in".into()),
        };
        if self.data.len() != size {
            return Err(format!("{rows} ads are expected, and others are missing"));
        }
        self.shape[0] = rows;
        Ok(())
    }

    fn row(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// How far apart in memory neighbours along each dimension are.
    pub(crate) fn strides(&self) -> Vec<isize> {
        strides(&self.shape)
    }

    /// The elements at `offset + sum(index * stride)` for every index of `shape`, which are all inside.
    pub(crate) fn view(&self, shape: Vec<usize>, strides: &[isize], offset: isize) -> Result<Tensor, Fault> {
        count(&shape)?;
        if strides == self.strides() && offset == 0 && shape == self.shape {
            return Ok(self.clone());
        }
        // The innermost dimensions that lie together are copied as one run.
        let mut outer = shape.len();
        let mut run = 1;
        while outer > 0 && (shape[outer - 1] == 1 || strides[outer - 1] == run as isize) {
            outer -= 1;
            run *= shape[outer];
        }
        let starts = offsets(&shape[..outer], &strides[..outer], offset);
        Ok(Tensor { data: picked(&self.data, &starts, run), shape })
    }
}

/// How far apart neighbours along each dimension of a dense tensor are.
pub(crate) fn strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as isize;
    }
    strides
}

/// Strides with which `shape` is read as the larger shape `to`: 0 along dimensions that are repeated.
pub(crate) fn broadcast_strides(shape: &[usize], to: &[usize]) -> Result<Vec<isize>, Fault> {
    let missing = to.len().checked_sub(shape.len());
    let fits =
        missing.is_some_and(|missing| shape.iter().zip(&to[missing..]).all(|(from, to)| from == to || *from == 1));
    if !fits {
        return Err(format!("{shape:?} cannot be repeated to {to:?}"));
    }
    let mut all = vec![0; to.len() - shape.len()];
    all.extend(shape.iter().zip(strides(shape)).map(|(size, stride)| if *size == 1 { 0 } else { stride }));
    Ok(all)
}

/// The shape that two shapes are repeated to.
pub(crate) fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Fault> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let axes = (0..rank).map(|axis| match (size(a, axis), size(b, axis)) {
        (a, b) if a == b || b == 1 => Ok(a),
        (1, b) => Ok(b),
        _ => Err(format!("shapes {a:?} and {b:?} do not go together")),
    });
    let shape = axes.collect::<Result<Vec<_>, _>>()?;
    count(&shape)?;
    Ok(shape)
}

/// How many elements a shape has; refused above [`ELEMENTS`], before memory is reserved.
pub(crate) fn count(shape: &[usize]) -> Result<usize, Fault> {
    let all = shape.iter().map(|size| *size as u64).filter(|size| *size > 0).fold(1u64, u64::saturating_mul);
    if all > ELEMENTS {
        return Err(format!("a tensor of shape {shape:?} would have more than {} elements", ELEMENTS));
    }
    Ok(shape.iter().product())
}

/// `offset + sum(index * stride)` of every index, the last dimension fastest.
pub(crate) fn offsets(shape: &[usize], strides: &[isize], offset: isize) -> Vec<usize> {
    let mut all = vec![offset];
    for (size, stride) in shape.iter().zip(strides) {
        all = all.iter().flat_map(|at| (0..*size as isize).map(move |index| at + index * stride)).collect();
    }
    all.into_iter().map(|at| at as usize).collect()
}

/// `run` elements from each of `starts`.
pub(crate) fn picked(data: &Data, starts: &[usize], run: usize) -> Data {
    each_kind!(data, all => pick(all, starts, run))
}

fn pick<T: Copy>(all: &[T], starts: &[usize], run: usize) -> Vec<T> {
    if run == 1 {
        return starts.iter().map(|start| all[*start]).collect();
    }
    let mut out = Vec::with_capacity(starts.len() * run);
    starts.iter().for_each(|start| out.extend_from_slice(&all[*start..][..run]));
    out
}

/// A dimension that may be counted from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Fault> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_start)
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| format!("dimension {axis} of a tensor with {rank}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(shape: &[usize]) -> Tensor {
        Tensor::floats(shape.to_vec(), (0..shape.iter().product()).map(|v: usize| v as f32).collect())
    }

    #[test]
    fn a_view_reads_any_order_of_the_elements() {
        let matrix = counting(&[2, 3]);
        let turned = matrix.view(vec![3, 2], &[1, 3], 0).unwrap();
        assert_eq!(turned.as_floats().unwrap()[..], [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let backwards = matrix.view(vec![2, 3], &[-3, -1], 5).unwrap();
        assert_eq!(backwards.as_floats().unwrap()[..], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        let repeated = matrix.rows(1, 2).view(vec![2, 3], &[0, 1], 0).unwrap();
        assert_eq!(repeated.as_floats().unwrap()[..], [3.0, 4.0, 5.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn rows_are_shared_and_a_vector_of_ones_own_is_moved_only_where_nobody_else_reads() {
        let all = counting(&[4, 2]);
        let address = all.as_floats().unwrap().as_ptr();
        let part = all.rows(1, 3);
        assert_eq!(part.as_floats().unwrap()[..], [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(part.as_floats().unwrap().as_ptr(), address.wrapping_add(2));
        drop(part);
        let Data::Float(buffer) = all.data else { unreachable!() };
        let own = buffer.into_vec();
        assert_eq!(own.as_ptr(), address);
    }

    #[test]
    fn shapes_that_would_exhaust_memory_are_refused() {
        assert!(count(&[1 << 13, 1 << 13]).is_ok());
        assert!(count(&[1 << 13, 1 << 14]).is_err());
        // A dimension of zero hides nothing: engines multiply in other orders.
        assert!(count(&[0, usize::MAX, usize::MAX]).is_err());
        assert_eq!(broadcast_shape(&[3, 1], &[4]).unwrap(), [3, 4]);
        assert!(broadcast_shape(&[3], &[4]).is_err());
    }
}
