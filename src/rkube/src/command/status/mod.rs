//! `rkube status`: minikube's text and JSON, and its exit codes.

mod layout;
mod template;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use cluster::{Engine, NodeStatus, exit_bits};

use super::Outcome;
use crate::cli::{Layout, Status};
use crate::context::Context;
use crate::failure::Failure;
use template::Template;

/// More often nobody can look, and the engine has other work.
const SHORTEST: Duration = Duration::from_millis(100);

pub(super) async fn run(context: &Context, args: Status) -> Outcome {
    let whole = args.layout == Layout::Cluster;
    if whole && !context.ui.is_json() {
        return Err(Failure::usage(&"--layout cluster is JSON; add -o json"));
    }
    if whole && args.node.is_some() {
        return Err(Failure::usage(&"--layout cluster is about all nodes; leave --node out"));
    }
    if args.format.is_some() && context.ui.is_json() {
        return Err(Failure::usage(
            &"--format and -o json are two ways to say it; choose one",
        ));
    }
    let template = args.format.as_deref().map(Template::parse).transpose();
    let template = template.map_err(|reason| Failure::usage(&format!("--format: {reason}")))?;
    loop {
        let nodes = look(context, args.node.as_deref()).await?;
        let json = if whole {
            layout::of_cluster(&context.profile, &nodes)
        } else {
            layout::of_nodes(&nodes)
        };
        let shown = context.ui.result(
            || match &template {
                Some(template) => lines(&nodes, |node| template.fill(node)),
                // between two looks there is an empty line, as between two nodes
                None if args.watch.is_some() => lines(&nodes, text) + "\n",
                None => lines(&nodes, text),
            },
            || json,
        );
        match args.watch {
            // a reader that went away needs no more
            Some(interval) if shown => tokio::time::sleep(interval.max(SHORTEST)).await,
            _ => return Ok(ExitCode::from(exit_bits(&nodes))),
        }
    }
}

/// What the nodes do now; the profile is read anew, since somebody may have deleted the cluster meanwhile.
async fn look(context: &Context, only: Option<&str>) -> Result<Vec<NodeStatus>, Failure> {
    let profile = context.existing()?;
    if only.is_some() {
        Context::node(&profile, only)?;
    }
    let engine = Engine::connect(&context.engine).await?;
    let mut nodes = cluster::status(&engine, &context.profiles, &profile).await?;
    nodes.retain(|node| only.is_none_or(|name| *name == node.name));
    Ok(nodes)
}

fn lines(nodes: &[NodeStatus], line: impl Fn(&NodeStatus) -> String) -> String {
    let all: Vec<String> = nodes.iter().map(line).collect();
    all.join("\n").trim_end().to_owned()
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
