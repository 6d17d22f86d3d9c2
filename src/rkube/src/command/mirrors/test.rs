//! `rkube mirrors test`: from a node if one runs, since that is where pods' images are pulled; else from this machine.

use std::fmt::Write as _;
use std::process::ExitCode;

use cluster::{ClusterError, Engine};
use mirrors::{Client, Reference};
use serde_json::{Value, json};

use super::Outcome;
use crate::cli::MirrorsTest;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: MirrorsTest) -> Outcome {
    let node = if args.host { None } else { running_node(context).await? };
    let mut results = Vec::new();
    for image in &args.images {
        let reference =
            Reference::parse(image).ok_or_else(|| Failure::usage(&format!("{image:?} is no image reference")))?;
        let probes = if let Some((engine, node)) = &node {
            cluster::probe_in_node(engine, node, image).await?
        } else {
            let table = cluster::mirror_table(&context.profiles, &context.profile)?;
            json!(Client::new(table).probe(&reference).await)
        };
        results.push((reference.to_string(), probes));
    }
    let text = context.ui.text();
    let place = match &node {
        Some((_, node)) => text.mirrors_from_node.replace("{}", node),
        None => text.mirrors_from_host.to_owned(),
    };
    let lines: Vec<String> = results
        .iter()
        .map(|(image, probes)| shown(image, &place, probes))
        .collect();
    let good = |probes: &Value| {
        probes
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["digest"].is_string()))
    };
    if !results.iter().all(|(_, probes)| good(probes)) && !context.ui.is_json() {
        return Err(Failure::sources(&lines.join("\n")));
    }
    context.ui.result(
        || lines.join("\n"),
        || {
            let asked_from = node.as_ref().map_or("host", |(_, node)| node.as_str());
            results
                .iter()
                .map(|(image, probes)| json!({ "image": image, "from": asked_from, "available": good(probes), "sources": probes }))
                .collect()
        },
    );
    let all = results.iter().all(|(_, probes)| good(probes));
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(49) })
}

/// The control plane's node, if the cluster exists and it runs.
async fn running_node(context: &Context) -> Result<Option<(Engine, String)>, ClusterError> {
    let Some(profile) = context.profiles.read(&context.profile)? else {
        return Ok(None);
    };
    let node = Context::node(&profile, None)?;
    let engine = Engine::connect(&context.engine).await?;
    let runs = context.running(&engine, &profile, node).await.is_ok();
    Ok(runs.then(|| (engine, node.name.clone())))
}

fn shown(image: &str, place: &str, probes: &Value) -> String {
    let mut text = format!("{image} ({place})");
    for probe in probes.as_array().into_iter().flatten() {
        let word = probe["digest"].as_str().or_else(|| probe["answer"]["text"].as_str());
        // writing to a string cannot fail
        let _ = write!(
            text,
            "\n  {}  {}  {} ms",
            probe["source"].as_str().unwrap_or_default(),
            word.unwrap_or_default(),
            probe["milliseconds"]
        );
    }
    text
}
