//! `rkube profile`.

use std::process::ExitCode;

use cluster::{ClusterError, Driver, Engine, EngineSettings, Profile, State};
use serde_json::{Value, json};

use super::Outcome;
use super::version::KUBERNETES;
use crate::cli;
use crate::cli::{ProfileCommand, ProfileList};
use crate::context::{Context, DEFAULT_PROFILE};
use crate::failure::Failure;
use crate::ui::table;

/// Both lead back to where one is without a choice.
const DEFAULTS: [&str; 2] = ["default", DEFAULT_PROFILE];

pub(super) async fn run(context: &Context, args: cli::Profile) -> Outcome {
    match (args.command, args.name) {
        (Some(ProfileCommand::List(args)), _) => list(context, args).await,
        (None, Some(name)) => choose(context, &name),
        (None, None) => {
            context
                .ui
                .result(|| context.profile.clone(), || json!({ "profile": context.profile }));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn choose(context: &Context, name: &str) -> Outcome {
    let name = if DEFAULTS.contains(&name) {
        context.profiles.set_active(None)?;
        DEFAULT_PROFILE
    } else {
        context.existing_named(name).map_err(Failure::no_profile)?;
        context.profiles.set_active(Some(name))?;
        name
    };
    context.profiles.choose_context(name)?;
    let text = context.ui.text().profile_set;
    context
        .ui
        .result(|| text.replace("{}", name), || json!({ "profile": name }));
    Ok(ExitCode::SUCCESS)
}

async fn list(context: &Context, args: ProfileList) -> Outcome {
    let (mut profiles, mut invalid) = (Vec::new(), Vec::new());
    for name in context.profiles.names()? {
        match context.profiles.read(&name) {
            Ok(Some(profile)) => profiles.push(profile),
            Ok(None) => {
                let reason = format!("the profile {name:?} has no profile.json");
                invalid.push((name, reason));
            }
            Err(error) => invalid.push((name, error.to_string())),
        }
    }
    let statuses = statuses(context, &profiles, args.light).await;
    let current = cluster::kubeconfig::current(&context.kubeconfig);
    let valid = profiles.iter().zip(&statuses).map(|(profile, status)| {
        let ip = profile.control_plane().map(|node| node.ip.to_string());
        json!({
            "Name": profile.name, "Status": status, "IP": ip.unwrap_or_default(), "Nodes": profile.nodes.len(),
            "Port": profile.api_port, "Active": profile.name == context.profile,
            "ActiveKubeContext": current.as_ref() == Some(&profile.name), "Config": config(profile),
        })
    });
    let valid: Vec<Value> = valid.collect();
    let text = context.ui.text().profile_invalid;
    for (name, reason) in &invalid {
        context
            .ui
            .note(&text.replace("{reason}", reason).replace("{name}", name));
    }
    context.ui.result(
        || {
            if valid.is_empty() {
                context.ui.text().no_clusters.to_owned()
            } else {
                rows(&valid)
            }
        },
        || {
            let invalid: Vec<Value> = invalid.iter().map(|(name, _)| json!({ "Name": name })).collect();
            json!({ "valid": valid, "invalid": invalid })
        },
    );
    Ok(ExitCode::SUCCESS)
}

/// What each cluster does, in minikube's words. Without an engine that is unknown, and the rest of the list is worth having.
async fn statuses(context: &Context, profiles: &[Profile], light: bool) -> Vec<String> {
    let all = |word: &str| vec![word.to_owned(); profiles.len()];
    if light {
        return all("Skipped");
    }
    let mut statuses = all("Unknown");
    for driver in [None, Some(Driver::Docker), Some(Driver::Podman)] {
        let its: Vec<&Profile> = profiles.iter().filter(|profile| profile.driver == driver).collect();
        if its.is_empty() {
            continue;
        }
        let settings = EngineSettings {
            driver,
            ..context.engine.clone()
        };
        match states(&settings, &its).await {
            Ok(states) => {
                let ours = profiles.iter().zip(&mut statuses);
                let ours = ours.filter(|(profile, _)| profile.driver == driver);
                for ((_, status), state) in ours.zip(states) {
                    *status = format!("{state:?}");
                }
            }
            Err(error) => {
                let text = context.ui.text().profile_no_engine;
                context.ui.note(&format!("{text} {error}"));
            }
        }
    }
    statuses
}

async fn states(settings: &EngineSettings, profiles: &[&Profile]) -> Result<Vec<State>, ClusterError> {
    let engine = Engine::connect(settings).await?;
    let containers = engine.nodes(None).await?;
    let states = profiles
        .iter()
        .map(|profile| cluster::overall(&engine, profile, &containers));
    Ok(futures::future::join_all(states).await)
}

/// The keys of minikube's that scripts read.
fn config(profile: &Profile) -> Value {
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
        "Name": profile.name, "Driver": profile.driver.unwrap_or(Driver::Docker).name(), "Subnet": profile.subnet, "APIServerPort": profile.api_port,
        "KubernetesConfig": {
            "KubernetesVersion": kubernetes(profile),
            "ClusterName": profile.name, "ContainerRuntime": "containerd", "DNSDomain": profile.dns_domain,
            "ServiceCIDR": profile.service_cidr, "PodCIDR": profile.cluster_cidr,
        },
        "Nodes": nodes,
    })
}

/// The version of Kubernetes in its nodes; of one that another rkube made only that rkube's is known.
fn kubernetes(profile: &Profile) -> String {
    if profile.version == env!("CARGO_PKG_VERSION") {
        KUBERNETES.split('+').next().unwrap_or(KUBERNETES).to_owned()
    } else {
        format!("rkube {}", profile.version)
    }
}

fn rows(valid: &[Value]) -> String {
    let head = [
        "PROFILE",
        "DRIVER",
        "RUNTIME",
        "IP",
        "VERSION",
        "STATUS",
        "NODES",
        "ACTIVE PROFILE",
        "ACTIVE KUBECONTEXT",
    ];
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "*".to_owned(),
        Value::Bool(false) => String::new(),
        other => other.to_string(),
    };
    let row = |one: &Value| {
        let kubernetes = &one["Config"]["KubernetesConfig"];
        [
            &one["Name"],
            &one["Config"]["Driver"],
            &kubernetes["ContainerRuntime"],
            &one["IP"],
            &kubernetes["KubernetesVersion"],
            &one["Status"],
            &one["Nodes"],
            &one["Active"],
            &one["ActiveKubeContext"],
        ]
        .map(cell)
    };
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned))
        .chain(valid.iter().map(row))
        .collect();
    table(&rows)
}
