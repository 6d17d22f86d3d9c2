//! `rkube logs`.

use std::io::Write;
use std::process::ExitCode;

use cluster::{Chunk, Engine};
use futures::StreamExt as _;
use imaging::ImagingError;
use serde_json::json;

use super::Outcome;
use crate::cli::Logs;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: Logs) -> Outcome {
    let profile = context.existing()?;
    let nodes = match &args.node {
        Some(_) => vec![Context::node(&profile, args.node.as_deref())?.name.clone()],
        None if args.follow => vec![Context::node(&profile, None)?.name.clone()],
        None => profile.nodes.iter().map(|node| node.name.clone()).collect(),
    };
    let engine = Engine::connect(&context.engine).await?;
    let failed = |error| Failure::from(ImagingError::Io(error));
    let mut out: Box<dyn Write + Send> = match &args.file {
        Some(path) => Box::new(fs_err::File::create(path).map_err(failed)?),
        None => Box::new(std::io::stdout()),
    };
    let mut write = |bytes: &[u8]| match out.write_all(bytes) {
        Err(error) if args.file.is_some() => Err(failed(error)),
        // false if the reader went away, as `head` does
        written => Ok(written.is_ok()),
    };
    for node in &nodes {
        if nodes.len() > 1 && !write(head(context, node).as_bytes())? {
            break;
        }
        let mut pieces = Box::pin(engine.log(node, args.length, args.follow));
        while let Some(piece) = pieces.next().await {
            let (Chunk::Out(bytes) | Chunk::Err(bytes)) = piece?;
            if !write(&bytes)? {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn head(context: &Context, node: &str) -> String {
    if context.ui.is_json() {
        format!("{}\n", json!({ "node": node }))
    } else {
        format!("==> {node} <==\n")
    }
}
