//! Port forwarding in the older WebSocket form: two channels for each port, data and errors, each of which begins with the
//! port's number in two bytes, the lower first.

use std::io;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::runtime_stream::Upgraded;
use super::websocket::{self, Socket};
use crate::spdy::{self, Event, StreamId};

/// The subprotocol.
pub(super) const PROTOCOL: &str = "v4.channel.k8s.io";
/// Channels are numbered by one byte, and nobody forwards so many.
const MOST: usize = 64;

/// The ports that a request names, in its `port` parameters, several of which may be in one.
pub(super) fn ports(query: &[(String, String)]) -> Result<Vec<u16>, String> {
    let named = query.iter().filter(|(key, _)| key == "port");
    let named = named.flat_map(|(_, value)| value.split(','));
    let parse = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let ports: Result<Vec<u16>, String> = named
        .map(|text| parse(text).ok_or_else(|| format!("unable to parse {text:?} as a port")))
        .collect();
    match ports? {
        none if none.is_empty() => Err("query parameter \"port\" is required".to_owned()),
        many if many.len() > MOST => Err(format!("more than {MOST} ports")),
        ports => Ok(ports),
    }
}

/// Carries bytes between the client's channels and streams of the runtime until either ends, or the runtime has closed
/// every port.
pub(super) async fn bridge(socket: Socket, runtime: Upgraded, ports: &[u16]) -> io::Result<()> {
    let (mut reader, mut writer) = spdy::client(runtime);
    let (mut out, mut incoming) = socket.split();
    let mut streams: Vec<StreamId> = Vec::with_capacity(ports.len() * 2);
    for (number, port) in ports.iter().enumerate() {
        let (text, request) = (port.to_string(), number.to_string());
        // names in lower case, as SPDY wants them; the runtime waits for a port's error stream before its data
        let open = |kind| {
            [
                ("streamtype", kind),
                ("port", text.as_str()),
                ("requestid", request.as_str()),
            ]
        };
        let errors = writer.open(&open("error")).await?;
        writer.close(errors).await?;
        streams.push(writer.open(&open("data")).await?);
        streams.push(errors);
        for channel in [number * 2, number * 2 + 1] {
            let [low, high] = port.to_le_bytes();
            let hello = vec![channel as u8, low, high];
            out.send(Message::Binary(hello.into()))
                .await
                .map_err(io::Error::other)?;
        }
    }
    let streams = &streams;
    let to_client = async {
        let mut open = ports.len();
        while open > 0 {
            let Some(event) = reader.next().await? else { break };
            match event {
                Event::Data(stream, bytes) => {
                    let Some(channel) = streams.iter().position(|own| *own == stream) else {
                        continue;
                    };
                    let message = [&[channel as u8][..], &bytes].concat();
                    out.send(Message::Binary(message.into()))
                        .await
                        .map_err(io::Error::other)?;
                }
                Event::Closed(stream) => {
                    let channel = streams.iter().position(|own| *own == stream);
                    open -= usize::from(channel.is_some_and(|channel| channel % 2 == 0));
                }
            }
        }
        out.send(websocket::normal_close()).await.map_err(io::Error::other)
    };
    let to_runtime = async {
        while let Some(message) = incoming.next().await {
            let bytes: Bytes = match message.map_err(io::Error::other)? {
                Message::Binary(bytes) => bytes,
                Message::Close(_) => break,
                _ => continue,
            };
            let stream = bytes.first().filter(|channel| *channel % 2 == 0);
            if let Some(stream) = stream.and_then(|channel| streams.get(usize::from(*channel))) {
                writer.send(*stream, &bytes[1..]).await?;
            }
        }
        io::Result::Ok(())
    };
    tokio::select! {
        result = to_client => result,
        result = to_runtime => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_named_one_by_one_or_together() {
        let query = |values: &[&str]| -> Vec<(String, String)> {
            values
                .iter()
                .map(|value| ("port".to_owned(), (*value).to_owned()))
                .collect()
        };
        assert_eq!(ports(&query(&["80,81", "82"])).unwrap(), [80, 81, 82]);
        assert!(ports(&query(&[])).unwrap_err().contains("is required"));
        for wrong in ["0", "65536", "http", ""] {
            assert!(ports(&query(&[wrong])).unwrap_err().contains("as a port"), "{wrong}");
        }
    }
}
