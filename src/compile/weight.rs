//! Stored tensors: the numbers of a file that are known before it runs.

use std::cell::RefCell;

use rten_onnx::onnx::{DataType, TensorProto};

/// A stored tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weight {
    pub(crate) dims: Vec<usize>,
    pub(crate) element: DataType,
    /// The values, row-major, little-endian.
    pub(crate) bytes: Vec<u8>,
}

impl Weight {
    pub(crate) fn floats(dims: &[usize], values: &[f32]) -> Weight {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Weight { dims: dims.to_vec(), element: DataType::FLOAT, bytes }
    }

    pub(crate) fn ints(values: &[i64]) -> Weight {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Weight { dims: vec![values.len()], element: DataType::INT64, bytes }
    }

    pub(crate) fn int8(dims: &[usize], values: &[i8]) -> Weight {
        Weight { dims: dims.to_vec(), element: DataType::INT8, bytes: values.iter().map(|v| *v as u8).collect() }
    }

    /// The values of a `float` tensor.
    pub(crate) fn to_floats(&self) -> Option<Vec<f32>> {
        (self.element == DataType::FLOAT)
            .then(|| self.bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    /// The values of an `int64` or `int32` tensor.
    pub(crate) fn to_ints(&self) -> Option<Vec<i64>> {
        match self.element {
            DataType::INT64 => Some(self.bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
            DataType::INT32 => {
                Some(self.bytes.as_chunks().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect())
            }
            _ => None,
        }
    }

    /// Reads a tensor that the scorer has judged: its data is there, once, in the field of its type. `None` for a type
    /// whose values are not numbers of whole bytes.
    pub(crate) fn read(tensor: &TensorProto) -> Option<Weight> {
        let dims = tensor.dims.iter().map(|d| usize::try_from(*d).ok()).collect::<Option<Vec<_>>>()?;
        let element = tensor.data_type?;
        let width = width(element)?;
        let bytes = match &tensor.raw_data {
            Some(raw) if !raw.borrow().is_empty() => raw.borrow().clone(),
            _ => match element {
                DataType::FLOAT => tensor.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
                DataType::DOUBLE => tensor.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
                DataType::INT64 => tensor.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
                // The other types stand in one field, each value as 32 bits.
                _ => tensor.int32_data.iter().flat_map(|v| v.to_le_bytes()[..width.min(4)].to_vec()).collect(),
            },
        };
        (bytes.len() == width * dims.iter().product::<usize>()).then_some(Weight { dims, element, bytes })
    }

    pub(crate) fn write(&self, name: &str) -> TensorProto {
        TensorProto {
            name: Some(name.into()),
            dims: self.dims.iter().map(|d| *d as i64).collect(),
            data_type: Some(self.element),
            raw_data: Some(RefCell::new(self.bytes.clone())),
            ..TensorProto::default()
        }
    }
}

/// Bytes of one value.
fn width(element: DataType) -> Option<usize> {
    match element {
        DataType::INT8 | DataType::UINT8 | DataType::BOOL => Some(1),
        DataType::INT16 | DataType::UINT16 | DataType::FLOAT16 | DataType::BFLOAT16 => Some(2),
        DataType::FLOAT | DataType::INT32 | DataType::UINT32 => Some(4),
        DataType::DOUBLE | DataType::INT64 | DataType::UINT64 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_whichever_field_they_stood_in() {
        let typed = TensorProto {
            dims: vec![2],
            data_type: Some(DataType::INT8),
            int32_data: vec![-3, 7],
            ..Default::default()
        };
        assert_eq!(Weight::read(&typed), Some(Weight::int8(&[2], &[-3, 7])));
        let typed = TensorProto {
            dims: vec![2],
            data_type: Some(DataType::FLOAT),
            float_data: vec![0.5, -1.0],
            ..Default::default()
        };
        let weight = Weight::read(&typed).unwrap();
        assert_eq!(weight.to_floats(), Some(vec![0.5, -1.0]));
        assert_eq!(Weight::read(&weight.write("w")), Some(weight));
    }

    #[test]
    fn a_tensor_whose_values_do_not_fill_it_is_not_read() {
        let short = TensorProto {
            dims: vec![3],
            data_type: Some(DataType::FLOAT),
            float_data: vec![1.0],
            ..Default::default()
        };
        assert_eq!(Weight::read(&short), None);
    }
}
