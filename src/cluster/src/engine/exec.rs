//! Running programs in a node, and reading its log.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::{LogsOptionsBuilder, ResizeExecOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::io::AsyncWrite;

use super::{Engine, failed};
use crate::ClusterError;

/// What a program wrote and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecOutput {
    /// Exit code.
    pub code: i64,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// A piece of a program's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Standard output, or all output on a terminal.
    Out(Bytes),
    /// Standard error.
    Err(Bytes),
}

/// A program that runs in a node.
pub struct ExecSession {
    /// Names it to the engine.
    pub id: String,
    /// What it writes.
    pub output: Pin<Box<dyn Stream<Item = Result<Chunk, ClusterError>> + Send>>,
    /// What it reads; closed by dropping or shutting down.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Engine {
    /// Starts a program in a node, on a terminal if `tty`.
    pub async fn exec_start(
        &self,
        node: &str,
        command: &[String],
        tty: bool,
        input: bool,
    ) -> Result<ExecSession, ClusterError> {
        let config = ExecConfig {
            cmd: Some(command.to_vec()),
            attach_stdin: Some(input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            ..ExecConfig::default()
        };
        let made = self.docker.create_exec(node, config).await;
        let id = made.map_err(|error| failed("run a program in the node", error))?.id;
        let options = StartExecOptions {
            detach: false,
            tty,
            output_capacity: Some(1 << 16),
        };
        let started = self.docker.start_exec(&id, Some(options)).await;
        match started.map_err(|error| failed("run a program in the node", error))? {
            StartExecResults::Attached { output, input } => Ok(ExecSession {
                id,
                output: Box::pin(output.map(|piece| {
                    piece
                        .map(chunk)
                        .map_err(|error| failed("read the output of a program in the node", error))
                })),
                input,
            }),
            StartExecResults::Detached => Err(ClusterError::Engine {
                what: "run a program in the node",
                reason: "it was started detached".to_owned(),
            }),
        }
    }

    /// How a program ended.
    pub async fn exec_code(&self, id: &str) -> Result<i64, ClusterError> {
        let state = self
            .docker
            .inspect_exec(id)
            .await
            .map_err(|error| failed("inspect the program", error))?;
        Ok(state.exit_code.unwrap_or(0))
    }

    /// Tells a program's terminal its size.
    pub async fn exec_resize(&self, id: &str, rows: u16, columns: u16) -> Result<(), ClusterError> {
        let options = ResizeExecOptionsBuilder::default()
            .h(i32::from(rows))
            .w(i32::from(columns))
            .build();
        self.docker
            .resize_exec(id, options)
            .await
            .map_err(|error| failed("resize the terminal", error))
    }

    /// Runs a program without input and gives its whole output.
    pub async fn exec(&self, node: &str, command: &[&str]) -> Result<ExecOutput, ClusterError> {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        let mut session = self.exec_start(node, &command, false, false).await?;
        let mut result = ExecOutput::default();
        while let Some(piece) = session.output.next().await {
            match piece? {
                Chunk::Out(bytes) => result.stdout.extend_from_slice(&bytes),
                Chunk::Err(bytes) => result.stderr.extend_from_slice(&bytes),
            }
        }
        result.code = self.exec_code(&session.id).await?;
        Ok(result)
    }

    /// Puts a tar archive's members below `/` of a node.
    pub(crate) async fn upload(&self, node: &str, archive: Vec<u8>) -> Result<(), ClusterError> {
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let body = bollard::body_full(archive.into());
        self.docker
            .upload_to_container(node, Some(options), body)
            .await
            .map_err(|error| failed("write the node's configuration", error))
    }

    /// The node container's log: the last `tail` lines, and what follows if `follow`.
    pub fn log(
        &self,
        node: &str,
        tail: usize,
        follow: bool,
    ) -> impl Stream<Item = Result<Chunk, ClusterError>> + Send + 'static {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .follow(follow)
            .tail(&tail.to_string())
            .build();
        let lines = self.docker.logs(node, Some(options));
        lines.map(|piece| piece.map(chunk).map_err(|error| failed("read the node's log", error)))
    }

    /// The last lines of a node's log as text, for errors; never fails.
    pub async fn log_tail(&self, node: &str, tail: usize) -> String {
        let mut text = Vec::new();
        let mut lines = Box::pin(self.log(node, tail, false));
        while let Some(Ok(Chunk::Out(bytes) | Chunk::Err(bytes))) = lines.next().await {
            text.extend_from_slice(&bytes);
        }
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }
}

fn chunk(piece: LogOutput) -> Chunk {
    match piece {
        LogOutput::StdErr { message } => Chunk::Err(message),
        LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
            Chunk::Out(message)
        }
    }
}
