//! Running `nft`, `ip` and `conntrack`, without a shell and with a deadline.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const DEADLINE: Duration = Duration::from_secs(30);

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// It could not be started or talked to.
    #[error("{program}: {source}")]
    Io {
        /// The program.
        program: &'static str,
        /// What happened.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{program} ended with {status}: {stderr}")]
    Failed {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// It took too long and was killed.
    #[error("{0} did not end within {DEADLINE:?}")]
    Timeout(&'static str),
}

/// Runs a program with the given standard input.
pub(crate) async fn run(program: &'static str, arguments: &[&str], input: &str) -> Result<(), CommandError> {
    let io = |source| CommandError::Io { program, source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io)?;
    let mut stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin.take() {
            stdin.write_all(input.as_bytes()).await.map_err(io)?;
        }
        child.wait_with_output().await.map_err(io)
    };
    let output = tokio::time::timeout(DEADLINE, work)
        .await
        .map_err(|_| CommandError::Timeout(program))??;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr)
        .trim()
        .chars()
        .take(2000)
        .collect();
    Err(CommandError::Failed {
        program,
        status: output.status,
        stderr,
    })
}
