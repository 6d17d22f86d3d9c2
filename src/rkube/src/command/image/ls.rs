//! `rkube image ls`: the images in the nodes.

use std::collections::BTreeMap;
use std::process::ExitCode;

use cluster::Engine;
use serde_json::{Value, json};

use super::Outcome;
use crate::context::Context;

pub(super) async fn run(context: &Context) -> Outcome {
    let profile = context.existing()?;
    let engine = Engine::connect(&context.engine).await?;
    // an image that several nodes have is one image
    let mut images: BTreeMap<String, Value> = BTreeMap::new();
    for node in &profile.nodes {
        context.running(&engine, &profile, node).await?;
        for image in cluster::list_images(&engine, &node.name).await? {
            images.insert(image["id"].as_str().unwrap_or_default().to_owned(), image);
        }
    }
    context.ui.result(
        || {
            let tags = |image: &Value| match image["repoTags"].as_array().map(Vec::as_slice) {
                None | Some([]) => vec![image["id"].as_str().unwrap_or_default().to_owned()],
                Some(tags) => tags.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            };
            let mut lines: Vec<String> = images.values().flat_map(tags).collect();
            lines.sort();
            lines.join("\n")
        },
        || json!(images.values().collect::<Vec<_>>()),
    );
    Ok(ExitCode::SUCCESS)
}
