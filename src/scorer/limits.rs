//! How large a model file may be.
//!
//! The limits keep a hostile or mistaken file from exhausting memory or the stack before its content
//! is looked at. A ranker that reaches one of them would be too slow for a page anyway.

/// Most bytes of a file: 64 MiB, some twenty times a ranker with 10,000 items and 128 dimensions in `int8`.
pub const FILE_BYTES: usize = 64 << 20;
/// Most nodes, those of subgraphs included.
pub const NODES: usize = 10_000;
/// Most nodes on one path from an input to an output: engines walk the graph recursively, and WebAssembly has
/// a stack of 1 MiB. A recurrent layer unrolled over 50 events has some 500.
pub const PATH: u32 = 1_000;
/// Deepest nesting of subgraphs; the main graph is depth 0.
pub const SUBGRAPH_DEPTH: usize = 4;
/// Most dimensions of a tensor.
pub const RANK: usize = 8;
/// Most elements of a tensor, stored in the file or asked for by a constant shape: 2^26, 256 MiB as `float`.
pub const ELEMENTS: u64 = 1 << 26;
/// Most messages and strings in a file. Each costs its reader some 100 bytes even when it takes two in the file.
pub const RECORDS: usize = 500_000;
/// Most bytes in fields that Nearside does not look into: documentation, annotations. PyTorch's exporter writes
/// some 5 kB of stack trace per node.
pub const SKIPPED_BYTES: usize = 16 << 20;
/// Most segments of the metadata `nearside.segments`; nobody tells more kinds of shoppers apart.
pub const SEGMENTS: usize = 64;
