//! Benchmarks: they print numbers next to the budgets and write them down; nothing fails because it was slow.

pub(crate) mod addons;
mod browser;
pub(crate) mod dashboard;
mod node;
mod report;
mod run;
pub(crate) mod start;
