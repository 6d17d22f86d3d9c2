//! `rkube ssh`: a shell or program in a node, on this terminal if there is one.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use cluster::{Chunk, Engine};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use crate::cli::Ssh;
use crate::context::Context;
use crate::failure::Failure;
use crate::ui::RawMode;

pub(super) async fn run(context: &Context, args: Ssh) -> Outcome {
    let profile = context.existing()?;
    let node = Context::node(&profile, args.node.node.as_deref())?;
    let engine = Engine::connect(&context.engine).await?;
    context.running(&engine, &profile, node).await?;
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let command = match args.command.as_slice() {
        [] => vec!["bash".to_owned(), "-l".to_owned()],
        // one word may be a whole line, as with ssh
        [line] => vec!["bash".to_owned(), "-c".to_owned(), line.clone()],
        words => words.to_vec(),
    };
    let mut session = engine.exec_start(&node.name, &command, tty, true).await?;
    let raw = if tty {
        Some(RawMode::enter().map_err(|error| Failure::internal(&error))?)
    } else {
        None
    };
    let mut resized = signal(SignalKind::window_change()).map_err(|error| Failure::internal(&error))?;
    resize(&engine, &session.id, tty).await;
    let mut input = Some((tokio::io::stdin(), vec![0; 16 << 10]));
    loop {
        let read = async {
            match &mut input {
                Some((stdin, buffer)) => stdin.read(buffer).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            piece = session.output.next() => match piece {
                Some(Ok(Chunk::Out(bytes))) => pass(&mut std::io::stdout(), &bytes),
                Some(Ok(Chunk::Err(bytes))) => pass(&mut std::io::stderr(), &bytes),
                Some(Err(error)) => return Err(error.into()),
                None => break,
            },
            count = read => {
                let count = count.unwrap_or(0);
                let sent = match &input {
                    Some((_, buffer)) if count > 0 => session.input.write_all(&buffer[..count]).await.is_ok(),
                    _ => false,
                };
                if !sent {
                    let _ = session.input.shutdown().await;
                    input = None;
                }
            }
            _ = resized.recv() => resize(&engine, &session.id, tty).await,
        }
    }
    drop(raw);
    let code = engine.exec_code(&session.id).await?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

async fn resize(engine: &Engine, id: &str, tty: bool) {
    if tty {
        let (rows, columns) = console::Term::stdout().size();
        // a program that has just ended has no terminal any more
        let _ = engine.exec_resize(id, rows, columns).await;
    }
}

fn pass(out: &mut impl std::io::Write, bytes: &[u8]) {
    // a reader that went away does not end the program in the node
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
