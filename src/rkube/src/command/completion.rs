//! `rkube completion`.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, Completion};

pub(super) fn run(args: Completion) -> ExitCode {
    clap_complete::generate(args.shell, &mut Cli::command(), "rkube", &mut std::io::stdout());
    ExitCode::SUCCESS
}
