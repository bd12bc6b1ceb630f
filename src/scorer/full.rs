//! The full engine: tract-onnx.
