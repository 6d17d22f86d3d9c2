//! `rkube status`: minikube's text and JSON, and its exit codes.

use std::fmt::Write as _;
use std::process::ExitCode;

use cluster::{Engine, NodeStatus, exit_bits};
use serde_json::json;

use super::Outcome;
use crate::cli::Status;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: Status) -> Outcome {
    let profile = context.existing()?;
    if let Some(name) = &args.node {
        Context::node(&profile, Some(name))?;
    }
    let engine = Engine::connect(&context.engine).await?;
    let mut nodes = cluster::status(&engine, &context.profiles, &profile).await?;
    nodes.retain(|node| args.node.as_ref().is_none_or(|name| *name == node.name));
    let code = exit_bits(&nodes);
    let rendered = match nodes.as_slice() {
        [node] => serde_json::to_value(node),
        nodes => serde_json::to_value(nodes),
    };
    let value = rendered.map_err(|error| Failure::internal(&error))?;
    context.ui.result(
        || {
            nodes
                .iter()
                .map(text)
                .collect::<Vec<_>>()
                .join("\n")
                .trim_end()
                .to_owned()
        },
        || json!(value),
    );
    Ok(ExitCode::from(code))
}

fn text(node: &NodeStatus) -> String {
    let kind = if node.worker { "Worker" } else { "Control Plane" };
    let mut text = format!(
        "{}\ntype: {kind}\nhost: {:?}\nkubelet: {:?}\n",
        node.name, node.host, node.kubelet
    );
    if !node.worker {
        // writing to a string cannot fail
        let _ = writeln!(
            text,
            "apiserver: {:?}\nkubeconfig: {:?}",
            node.api_server, node.kubeconfig
        );
    }
    text
}
