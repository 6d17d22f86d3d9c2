//! `rkube profile`.

use std::process::ExitCode;

use cluster::Engine;
use serde_json::{Value, json};

use super::Outcome;
use crate::cli::{Profile, ProfileCommand};
use crate::context::Context;

pub(super) async fn run(context: &Context, args: Profile) -> Outcome {
    match args.command {
        None => {
            context
                .ui
                .result(|| context.profile.clone(), || json!({ "profile": context.profile }));
            Ok(ExitCode::SUCCESS)
        }
        Some(ProfileCommand::List) => list(context).await,
    }
}

async fn list(context: &Context) -> Outcome {
    let engine = Engine::connect(&context.engine).await?;
    let containers = engine.nodes(None).await?;
    let current = cluster::kubeconfig::current(&context.kubeconfig);
    let (mut valid, mut invalid) = (Vec::new(), Vec::new());
    for name in context.profiles.names()? {
        match context.profiles.read(&name) {
            Ok(Some(profile)) => {
                let ours: Vec<_> = containers
                    .iter()
                    .filter(|container| container.cluster == name)
                    .collect();
                let status = if ours.is_empty() {
                    "Nonexistent"
                } else if ours.iter().all(|container| container.running()) {
                    "Running"
                } else {
                    "Stopped"
                };
                let ip = profile
                    .control_plane()
                    .map(|node| node.ip.to_string())
                    .unwrap_or_default();
                valid.push(json!({
                    "Name": name, "Status": status, "IP": ip, "Nodes": profile.nodes.len(), "Port": profile.api_port,
                    "Active": name == context.profile, "ActiveKubeContext": current.as_ref() == Some(&name),
                    "Config": config(&profile),
                }));
            }
            _ => invalid.push(json!({ "Name": name })),
        }
    }
    context
        .ui
        .result(|| table(&valid), || json!({ "valid": valid, "invalid": invalid }));
    Ok(ExitCode::SUCCESS)
}

/// The keys of minikube's that scripts read.
fn config(profile: &cluster::Profile) -> Value {
    let nodes: Vec<Value> = profile
        .nodes
        .iter()
        .map(|node| {
            let control_plane = node.role == nodespec::Role::ControlPlane;
            json!({
                "Name": node.name, "IP": node.ip, "Port": nodespec::ports::API, "ContainerRuntime": "containerd",
                "ControlPlane": control_plane, "Worker": true,
            })
        })
        .collect();
    json!({
        "Name": profile.name, "Driver": "docker", "Subnet": profile.subnet, "APIServerPort": profile.api_port,
        "KubernetesConfig": {
            "ClusterName": profile.name, "ContainerRuntime": "containerd", "DNSDomain": profile.dns_domain,
            "ServiceCIDR": profile.service_cidr, "PodCIDR": profile.cluster_cidr,
        },
        "Nodes": nodes,
    })
}

fn table(rows: &[Value]) -> String {
    let cell = |row: &Value, key: &str| match &row[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut lines = vec![format!(
        "{:<20} {:<12} {:<16} {:<6} {:<6}",
        "PROFILE", "STATUS", "IP", "NODES", "PORT"
    )];
    for row in rows {
        let [name, status, ip, nodes, port] = ["Name", "Status", "IP", "Nodes", "Port"].map(|key| cell(row, key));
        lines.push(
            format!("{name:<20} {status:<12} {ip:<16} {nodes:<6} {port:<6}")
                .trim_end()
                .to_owned(),
        );
    }
    lines.join("\n")
}
