//! Small ONNX files, written where a test needs one.

use std::cell::RefCell;
use std::path::PathBuf;

use rten_onnx::onnx::{
    DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, TypeProtoTensor, ValueInfoProto,
};

use crate::run::written;

/// A file whose `score` is what `nodes` make of one input and of constant rows.
pub(crate) fn model(
    name: &str,
    input: (&str, DataType),
    nodes: Vec<NodeProto>,
    constants: &[(&str, &[f32])],
) -> PathBuf {
    let port = |name: &str, element: DataType| ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeProtoTensor {
                elem_type: Some(element),
                shape: Some(TensorShapeProto { dim: vec![Dimension { dim_value: None, dim_param: Some("N".into()) }] }),
            }),
            sequence: None,
        }),
    };
    let constant = |(name, values): &(&str, &[f32])| TensorProto {
        name: Some((*name).into()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::FLOAT),
        raw_data: Some(RefCell::new(values.iter().flat_map(|value| value.to_le_bytes()).collect())),
        ..Default::default()
    };
    let graph = GraphProto {
        node: nodes,
        input: vec![port(input.0, input.1)],
        output: vec![port("score", DataType::FLOAT)],
        initializer: constants.iter().map(constant).collect(),
        ..Default::default()
    };
    let model = ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        metadata_props: Vec::new(),
        producer_name: None,
        producer_version: None,
    };
    written(name, model.write_buf().expect("a message of known size"))
}

/// One step of a graph.
pub(crate) fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(operator.into()),
        input: inputs.iter().map(|name| (*name).into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}
