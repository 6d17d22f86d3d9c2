//! The `rkube` binary: command-line types, output, and the multi-call entry points.

mod addon;
mod cli;
mod command;
mod context;
mod failure;
mod multicall;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args = multicall::as_called(std::env::args().collect());
    // in-node programs come first: some have no runtime, memory or time to spare
    multicall::dispatch(&args).unwrap_or_else(|| command::main(&args))
}
