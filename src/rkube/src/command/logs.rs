//! `rkube logs`.

use std::io::Write as _;
use std::process::ExitCode;

use cluster::{Chunk, Engine};
use futures::StreamExt as _;

use super::Outcome;
use crate::cli::Logs;
use crate::context::Context;

pub(super) async fn run(context: &Context, args: Logs) -> Outcome {
    let profile = context.existing()?;
    let nodes = match &args.node {
        Some(_) => vec![Context::node(&profile, args.node.as_deref())?.name.clone()],
        None if args.follow => vec![Context::node(&profile, None)?.name.clone()],
        None => profile.nodes.iter().map(|node| node.name.clone()).collect(),
    };
    let engine = Engine::connect(&context.engine).await?;
    for node in &nodes {
        if nodes.len() > 1 {
            context
                .ui
                .result(|| format!("==> {node} <=="), || serde_json::json!({ "node": node }));
        }
        let mut lines = Box::pin(engine.log(node, args.length, args.follow));
        while let Some(piece) = lines.next().await {
            let (Chunk::Out(bytes) | Chunk::Err(bytes)) = piece?;
            if std::io::stdout().write_all(&bytes).is_err() {
                // the reader went away, as `head` does
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
