//! Bytes written by blocking code, as a stream for a request's body.

use std::io::{Error, ErrorKind, Result, Write};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use tokio::sync::mpsc::{Sender, channel};

const CHUNK: usize = 256 << 10;
/// Chunks in flight: the writer waits for a slow engine.
const QUEUE: usize = 16;

/// Runs `write` on a thread of its own; what it writes comes out of the stream, an error at its end.
pub(super) fn stream(
    write: impl FnOnce(&mut dyn Write) -> Result<()> + Send + 'static,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let (sender, mut receiver) = channel(QUEUE);
    drop(tokio::task::spawn_blocking(move || {
        let mut out = Chunks {
            sender: sender.clone(),
            buffer: BytesMut::with_capacity(CHUNK),
        };
        if let Err(error) = write(&mut out).and_then(|()| out.flush()) {
            // without a receiver there is nobody to tell
            let _ = sender.blocking_send(Err(error));
        }
    }));
    futures::stream::poll_fn(move |context| receiver.poll_recv(context))
}

struct Chunks {
    sender: Sender<Result<Bytes>>,
    buffer: BytesMut,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.sender
            .blocking_send(Ok(chunk))
            .map_err(|_| Error::new(ErrorKind::BrokenPipe, "the engine hung up"))
    }
}
