//! ONNX behind one trait.
