//! `/health` and `/ready` for the kubelet's probes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const DEADLINE: Duration = Duration::from_secs(5);

/// Answers one request per connection; `/ready` says 503 until the records are complete.
pub(crate) async fn serve(listen: SocketAddr, ready: watch::Receiver<bool>) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = answer(stream, *ready.borrow());
        if let Err(error) = tokio::time::timeout(DEADLINE, answer)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        {
            tracing::debug!(%error, "answering a probe");
        }
    }
}

async fn answer(mut stream: TcpStream, ready: bool) -> std::io::Result<()> {
    let mut request = [0; 1024];
    let length = stream.read(&mut request).await?;
    let line = String::from_utf8_lossy(&request[..length]);
    let path = line.split(' ').nth(1).unwrap_or_default();
    let (status, text) = match path {
        "/health" => ("200 OK", "OK"),
        "/ready" if ready => ("200 OK", "OK"),
        "/ready" => ("503 Service Unavailable", "records are not complete yet"),
        _ => ("404 Not Found", "not found"),
    };
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}
