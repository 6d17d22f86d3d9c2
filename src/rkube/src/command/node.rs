//! `rkube node …`.

use std::process::ExitCode;

use serde_json::json;

use super::Outcome;
use crate::cli::NodeCommand;
use crate::context::Context;

pub(super) fn run(context: &Context, command: NodeCommand) -> Outcome {
    let NodeCommand::List = command;
    let profile = context.existing()?;
    context.ui.result(
        || {
            profile
                .nodes
                .iter()
                .map(|node| format!("{}\t{}", node.name, node.ip))
                .collect::<Vec<_>>()
                .join("\n")
        },
        || json!(profile.nodes),
    );
    Ok(ExitCode::SUCCESS)
}
