//! `rkube node image-load`: the node's side of `image load`, over standard input and output (docs/ARCHITECTURE.md).
//!
//! Only layers that the node lacks travel. Blobs are put where the node-local registry finds them, then containerd
//! pulls from there, so an image arrives by the one path that all images take.

use std::io;

use mirrors::Reference;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::images;
use crate::registry::{self, staging};

/// Longest line of the protocol: a manifest with some hundred layers is far below it.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// What the host says, one JSON object per line. `Blob` is followed by exactly `size` raw bytes.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Request {
    /// First: every blob of the images to come.
    Blobs { digests: Vec<String> },
    /// One blob that was answered as missing.
    Blob { digest: String, size: u64 },
    /// All blobs of this image have been sent. `manifest` is the manifest's exact text.
    #[serde(rename_all = "camelCase")]
    Image {
        reference: String,
        media_type: String,
        manifest: String,
    },
    /// Nothing more comes.
    End,
}

/// What the node answers, one JSON object per line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Answer<'a> {
    /// To `Blobs`: send these.
    Missing { digests: Vec<String> },
    /// To `Image`: containerd has it.
    Loaded { reference: &'a str },
    /// To `Image`: containerd refused it.
    Failed { reference: &'a str, error: String },
}

/// Speaks the protocol until `End` or the end of input. False if any image failed.
pub async fn run<R, W>(mut input: R, mut output: W) -> io::Result<bool>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    images::ready().await?;
    let _alone = staging::alone().await?;
    let result = serve(&mut input, &mut output).await;
    staging::clear()?;
    registry::forget_lost()?;
    result
}

async fn serve<R, W>(input: &mut R, output: &mut W) -> io::Result<bool>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut complete = true;
    loop {
        let mut line = String::new();
        if (&mut *input).take(LONGEST_LINE).read_line(&mut line).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the host stopped before the end of its images",
            ));
        }
        match serde_json::from_str(&line)? {
            Request::Blobs { digests } => {
                let missing = digests
                    .into_iter()
                    .filter(|digest| staging::blob(digest).is_none())
                    .collect();
                say(output, &Answer::Missing { digests: missing }).await?;
            }
            Request::Blob { digest, size } => receive(input, &digest, size).await?,
            Request::Image {
                reference,
                media_type,
                manifest,
            } => match load(&reference, media_type, manifest).await {
                Ok(()) => say(output, &Answer::Loaded { reference: &reference }).await?,
                Err(error) => {
                    complete = false;
                    say(
                        output,
                        &Answer::Failed {
                            reference: &reference,
                            error: error.to_string(),
                        },
                    )
                    .await?;
                }
            },
            Request::End => return Ok(complete),
        }
    }
}

async fn say<W: AsyncWrite + Unpin>(output: &mut W, answer: &Answer<'_>) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    output.write_all(&line).await?;
    output.flush().await
}

async fn receive<R: AsyncRead + Unpin>(input: &mut R, digest: &str, size: u64) -> io::Result<()> {
    let target = staging::blob_target(digest)?;
    let partial = target.with_extension("part");
    let mut file = fs_err::tokio::File::create(&partial).await?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut left = size;
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = input.read(&mut buffer[..wanted]).await?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{digest} ended {left} bytes early"),
            ));
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count]).await?;
        left -= count as u64;
    }
    file.flush().await?;
    let got = format!("sha256:{}", hex::encode(hash.finalize()));
    if got != digest {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("blob {digest} arrived as {got}"),
        ));
    }
    fs_err::tokio::rename(partial, target).await
}

async fn load(reference: &str, media_type: String, manifest: String) -> io::Result<()> {
    let parsed =
        Reference::parse(reference).ok_or_else(|| io::Error::other(format!("{reference:?} is no image reference")))?;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&manifest)));
    let offered = staging::Manifest {
        media_type,
        digest: digest.clone(),
        text: manifest,
    };
    for version in parsed.tag.iter().chain([&digest]) {
        staging::offer(&parsed.registry, &parsed.repository, version, &offered)?;
    }
    images::pull(reference)
        .await
        .map_err(|status| io::Error::other(status.message().to_owned()))?;
    for version in parsed.tag.iter().chain([&digest]) {
        registry::remember(&parsed.registry, &parsed.repository, version, &offered)?;
    }
    Ok(())
}
