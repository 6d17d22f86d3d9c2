//! Benchmarks: they print numbers next to the budgets and write them down; nothing fails because it was slow.

mod node;
mod run;
pub(crate) mod start;
