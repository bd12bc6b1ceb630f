//! The built program, from its command line to its exit code.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod bad_logs;
mod catalogue;
mod click;
mod compile;
mod demo;
mod embed;
mod evaluate;
mod figures;
mod formats;
mod interrupted;
mod membership;
mod models;
mod onnx;
mod retailrocket;
mod rules;
mod run;
mod train;
mod usage;
