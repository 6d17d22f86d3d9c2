//! The client half of SPDY/3.1 as container runtimes' streaming servers speak it: streams with one header, data both
//! ways, half-close. No flow control (their library has none) and no server-initiated streams.

mod frame;
mod relay;

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

use frame::{Frame, HeaderEncoder};
pub(crate) use relay::relay;

/// Largest payload of one data frame we send.
const CHUNK: usize = 32 * 1024;

/// Identifies a stream within its connection.
pub(crate) type StreamId = u32;

/// What arrives on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Bytes of a stream.
    Data(StreamId, Bytes),
    /// The peer sends no more on a stream.
    Closed(StreamId),
}

/// The reading half.
pub(crate) struct Reader<S> {
    stream: ReadHalf<S>,
    buffer: BytesMut,
    pending: Option<Event>,
    pings: tokio::sync::mpsc::Sender<u32>,
}

/// The writing half.
pub(crate) struct Writer<S> {
    stream: WriteHalf<S>,
    headers: HeaderEncoder,
    next: StreamId,
    pings: tokio::sync::mpsc::Receiver<u32>,
}

/// Splits an upgraded connection into its halves.
pub(crate) fn client<S: AsyncRead + AsyncWrite>(stream: S) -> (Reader<S>, Writer<S>) {
    let (read, write) = tokio::io::split(stream);
    let (send, receive) = tokio::sync::mpsc::channel(8);
    let reader = Reader {
        stream: read,
        buffer: BytesMut::new(),
        pending: None,
        pings: send,
    };
    let writer = Writer {
        stream: write,
        headers: HeaderEncoder::new(),
        next: 1,
        pings: receive,
    };
    (reader, writer)
}

impl<S: AsyncRead> Reader<S> {
    /// The next event, or `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Event>> {
        if let Some(event) = self.pending.take() {
            return Ok(Some(event));
        }
        loop {
            match frame::decode(&mut self.buffer)? {
                Some(Frame::Data { stream, bytes, last }) => {
                    if last && !bytes.is_empty() {
                        self.pending = Some(Event::Closed(stream));
                    }
                    return Ok(Some(if last && bytes.is_empty() {
                        Event::Closed(stream)
                    } else {
                        Event::Data(stream, bytes)
                    }));
                }
                Some(Frame::Reset { stream } | Frame::Reply { stream, last: true }) => {
                    return Ok(Some(Event::Closed(stream)));
                }
                Some(Frame::Ping(id)) => {
                    // Answered by the writer with its next frame; a peer that floods is not answered at all.
                    let _ = self.pings.try_send(id);
                }
                Some(Frame::GoAway) => return Ok(None),
                Some(Frame::Reply { .. } | Frame::Other) => {}
                None => {
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

impl<S: AsyncWrite> Writer<S> {
    /// Opens a stream of the given headers.
    pub(crate) async fn open(&mut self, headers: &[(&str, &str)]) -> io::Result<StreamId> {
        let id = self.next;
        self.next += 2;
        let frame = self.headers.open(id, headers)?;
        self.stream.write_all(&frame).await?;
        Ok(id)
    }

    /// Sends bytes on a stream.
    pub(crate) async fn send(&mut self, stream: StreamId, bytes: &[u8]) -> io::Result<()> {
        self.answer_pings().await?;
        for chunk in bytes.chunks(CHUNK) {
            self.stream
                .write_all(&frame::data_head(stream, chunk.len(), false))
                .await?;
            self.stream.write_all(chunk).await?;
        }
        self.stream.flush().await
    }

    /// Ends our half of a stream.
    pub(crate) async fn close(&mut self, stream: StreamId) -> io::Result<()> {
        self.answer_pings().await?;
        self.stream.write_all(&frame::data_head(stream, 0, true)).await?;
        self.stream.flush().await
    }

    async fn answer_pings(&mut self) -> io::Result<()> {
        while let Ok(id) = self.pings.try_recv() {
            self.stream.write_all(&frame::ping(id)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn data_and_half_close_arrive_as_events() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let (mut reader, mut writer) = client(ours);
        let id = writer.open(&[("streamtype", "stdin")]).await.unwrap();
        writer.send(id, b"hi").await.unwrap();
        writer.close(id).await.unwrap();
        let mut sent = vec![0; 1024];
        let count = theirs.read(&mut sent).await.unwrap();
        assert!(
            sent[..count].ends_with(&[0, 0, 0, 1, 1, 0, 0, 0]),
            "an empty last frame closes"
        );
        theirs.write_all(&[0, 0, 0, 1, 1, 0, 0, 2, b'o', b'k']).await.unwrap();
        drop(theirs);
        assert_eq!(
            reader.next().await.unwrap(),
            Some(Event::Data(1, Bytes::from_static(b"ok")))
        );
        assert_eq!(reader.next().await.unwrap(), Some(Event::Closed(1)));
        assert_eq!(reader.next().await.unwrap(), None);
    }
}
