//! `rkube ip`.

use std::process::ExitCode;

use serde_json::json;

use super::Outcome;
use crate::cli::NodeFlag;
use crate::context::Context;

pub(super) fn run(context: &Context, args: NodeFlag) -> Outcome {
    let profile = context.existing()?;
    let node = Context::node(&profile, args.node.as_deref())?;
    context
        .ui
        .result(|| node.ip.to_string(), || json!({ "node": node.name, "ip": node.ip }));
    Ok(ExitCode::SUCCESS)
}
