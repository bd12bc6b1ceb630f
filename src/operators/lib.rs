//! The ONNX operators that rankers are made of, on dense tensors.
//!
//! The compact engine runs files with them. They know nothing of files, features or shoppers: a [`Node`] says which
//! operator is meant and with which attributes, [`Run`] is the function behind it, [`Tensor`]s go in and come out.
//! A crate of its own, since it is compiled for speed where the rest is compiled for size.
//!
//! Every number is computed by the same additions and multiplications in the same order natively and in WebAssembly:
//! a node gives the same bits on both. Nothing here panics on what a file or an input says; a [`Fault`] says in words
//! what does not go together.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `tensor` | dense tensors, views of them, how shapes are brought together |
//! | `node`, `run` | a node with its attributes; the operators by name |
//! | `elementwise`, `layout`, `matrix`, `quantised`, `recurrent`, `reduce`, `select` | the operators |
//! | `gemm`, `math` | the matrix product; functions of one number, several at a time |

mod elementwise;
mod gemm;
mod layout;
mod math;
mod matrix;
mod node;
mod quantised;
mod recurrent;
mod reduce;
mod run;
mod select;
mod tensor;

pub use gemm::Packed;
pub use node::{Attribute, Node};
pub use run::{Args, Run, find, names, runs};
pub use tensor::{Buffer, Data, ELEMENTS, Fault, Tensor};
