//! Passing a connection on as it is, but for a say in the first data that the server sends.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, split};

use super::frame::{self, HEAD};

/// No frame that anybody would replace is larger.
const LARGEST: usize = 64 * 1024;

/// Carries bytes both ways until both sides have ended. `replace` sees the first payload that the server sends on any
/// stream, and gives another in its place if it wants to.
pub(crate) async fn relay(
    client: impl AsyncRead + AsyncWrite,
    server: impl AsyncRead + AsyncWrite,
    replace: impl FnOnce(&[u8]) -> Option<Bytes>,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = split(server);
    let up = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let down = async {
        first(&mut from_server, &mut to_client, replace).await?;
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(up, down).map(drop)
}

/// Passes frames on up to and with the first one that has data.
async fn first(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    replace: impl FnOnce(&[u8]) -> Option<Bytes>,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        if let Some(head) = buffer.first_chunk::<HEAD>() {
            let (stream, last, length) = frame::parse_head(*head);
            if length > LARGEST {
                return to.write_all(&buffer).await;
            }
            if buffer.len() >= HEAD + length {
                let whole = buffer.split_to(HEAD + length);
                match stream {
                    Some(stream) if length > 0 => {
                        match replace(&whole[HEAD..]) {
                            Some(other) => {
                                to.write_all(&frame::data_head(stream, other.len(), last)).await?;
                                to.write_all(&other).await?;
                            }
                            None => to.write_all(&whole).await?,
                        }
                        to.write_all(&buffer).await?;
                        return to.flush().await;
                    }
                    _ => to.write_all(&whole).await?,
                }
                continue;
            }
        }
        to.flush().await?;
        if from.read_buf(&mut buffer).await? == 0 {
            return to.write_all(&buffer).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn relayed(sent: &[u8], replacement: &'static [u8]) -> Vec<u8> {
        let (client, mut near) = tokio::io::duplex(1024);
        let (server, mut far) = tokio::io::duplex(1024);
        far.write_all(sent).await.unwrap();
        far.shutdown().await.unwrap();
        near.shutdown().await.unwrap();
        let replace = |bytes: &[u8]| (bytes == b"ok").then(|| Bytes::from_static(replacement));
        relay(client, server, replace).await.unwrap();
        let mut got = Vec::new();
        near.read_to_end(&mut got).await.unwrap();
        got
    }

    fn data(stream: u32, bytes: &[u8], last: bool) -> Vec<u8> {
        [&frame::data_head(stream, bytes.len(), last)[..], bytes].concat()
    }

    #[tokio::test]
    async fn only_the_first_payload_can_be_replaced() {
        let before = [frame::ping(3), data(5, b"", true)].concat();
        let sent = [before.clone(), data(1, b"ok", true), data(1, b"ok", false)].concat();
        let wanted = [before, data(1, b"other", true), data(1, b"ok", false)].concat();
        assert_eq!(relayed(&sent, b"other").await, wanted);
        let sent = [data(3, b"output", false), data(1, b"ok", true)].concat();
        assert_eq!(
            relayed(&sent, b"other").await,
            sent,
            "the first was not what is replaced"
        );
    }

    #[tokio::test]
    async fn what_ends_within_a_frame_is_passed_on() {
        let sent = &data(1, b"ok", true)[..9];
        assert_eq!(relayed(sent, b"other").await, sent);
    }
}
