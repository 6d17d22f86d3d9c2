//! The host's side of the conversation with `rkube node image-load`: a line of JSON each way, blobs in between.

use std::io::Read as _;

use futures::StreamExt as _;
use imaging::Image;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::engine::{Chunk, ExecSession};
use crate::{ClusterError, Engine};

const CHUNK: usize = 256 << 10;

/// What the node answers.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Answer {
    Missing { digests: Vec<String> },
    Loaded {},
    Failed { reference: String, error: String },
}

/// Sends images to a node. Gives the number of bytes that travelled.
pub(super) async fn send(engine: &Engine, node: &str, images: &[Image]) -> Result<u64, ClusterError> {
    let command = ["/usr/bin/rkube", "node", "image-load"].map(str::to_owned);
    let session = engine.exec_start(node, &command, false, true).await?;
    let mut talk = Conversation {
        session,
        node,
        buffer: Vec::new(),
        errors: Vec::new(),
    };
    let blobs: Vec<_> = images.iter().flat_map(|image| &image.blobs).collect();
    let digests: Vec<_> = blobs.iter().map(|blob| blob.digest.as_str()).collect();
    talk.say(&json!({ "type": "blobs", "digests": digests })).await?;
    let Answer::Missing { mut digests } = talk.answer().await? else {
        return Err(talk.failed("an answer out of turn"));
    };
    let mut sent = 0;
    for blob in blobs {
        // a layer that several images share is sent once
        if !digests.contains(&blob.digest) {
            continue;
        }
        digests.retain(|digest| *digest != blob.digest);
        talk.say(&json!({ "type": "blob", "digest": blob.digest, "size": blob.size }))
            .await?;
        let mut buffer = vec![0; CHUNK];
        let (mut content, mut left) = (blob.open()?, blob.size);
        while left > 0 {
            let count = content.read(&mut buffer)?;
            if count == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            talk.write(&buffer[..count]).await?;
            left -= count as u64;
        }
        sent += blob.size;
    }
    for image in images {
        for reference in &image.references {
            let line = json!({
                "type": "image", "reference": reference, "mediaType": image.media_type, "manifest": image.manifest,
            });
            talk.say(&line).await?;
            match talk.answer().await? {
                Answer::Loaded {} => {}
                Answer::Failed { reference, error } => {
                    return Err(ClusterError::Image {
                        reference,
                        reason: format!("node {node}: {error}"),
                    });
                }
                Answer::Missing { .. } => return Err(talk.failed("an answer out of turn")),
            }
        }
    }
    talk.say(&json!({ "type": "end" })).await?;
    Ok(sent)
}

struct Conversation<'a> {
    session: ExecSession,
    node: &'a str,
    buffer: Vec<u8>,
    errors: Vec<u8>,
}

impl Conversation<'_> {
    async fn say(&mut self, line: &Value) -> Result<(), ClusterError> {
        self.write(format!("{line}\n").as_bytes()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ClusterError> {
        let written = async {
            self.session.input.write_all(bytes).await?;
            self.session.input.flush().await
        };
        if let Err(error) = written.await {
            // the program has ended; what it said tells why
            while let Some(Ok(piece)) = self.session.output.next().await {
                self.keep(piece);
            }
            return Err(self.failed(&error.to_string()));
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<Answer, ClusterError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return serde_json::from_slice(&line).map_err(|error| self.failed(&error.to_string()));
            }
            match self.session.output.next().await {
                Some(piece) => self.keep(piece?),
                None => return Err(self.failed("it ended without an answer")),
            }
        }
    }

    fn keep(&mut self, piece: Chunk) {
        match piece {
            Chunk::Out(bytes) => self.buffer.extend_from_slice(&bytes),
            Chunk::Err(bytes) => self.errors.extend_from_slice(&bytes),
        }
    }

    fn failed(&self, reason: &str) -> ClusterError {
        let said = String::from_utf8_lossy(&self.errors);
        let reason = if said.trim().is_empty() {
            reason.to_owned()
        } else {
            said.trim().to_owned()
        };
        ClusterError::InNode {
            what: "loading an image",
            node: self.node.to_owned(),
            reason,
        }
    }
}
