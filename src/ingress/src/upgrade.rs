//! Connections that become something else: WebSocket, mostly.

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// The protocol that a request asks to change to.
pub(crate) fn wanted<B>(request: &Request<B>) -> Option<HeaderValue> {
    let headers = request.headers();
    let mut connection = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let asks = connection.any(|value| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("upgrade")));
    headers
        .get(UPGRADE)
        .filter(|_| asks && request.version() == Version::HTTP_11)
        .cloned()
}

/// Passes bytes both ways until one side ends.
pub(crate) async fn join(client: OnUpgrade, server: OnUpgrade) {
    match tokio::try_join!(client, server) {
        Ok((client, server)) => {
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
                tracing::debug!(%error, "an upgraded connection broke");
            }
        }
        Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
    }
}
