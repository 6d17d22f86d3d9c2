//! Container Runtime Interface v1: generated messages and clients, and how to reach a runtime's socket.
//!
//! Nothing here interprets what the runtime says.

#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic, reason = "generated")]
#[rustfmt::skip]
pub mod v1;

use std::path::Path;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

/// Client of the runtime service over a shared channel.
pub type RuntimeClient = v1::runtime_service_client::RuntimeServiceClient<Channel>;
/// Client of the image service over a shared channel.
pub type ImageClient = v1::image_service_client::ImageServiceClient<Channel>;

/// Upstream's limit for one message; lists of containers outgrow gRPC's 4 MiB.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// A channel to the runtime behind `socket`. Connects on first use and again whenever the runtime has restarted.
pub fn channel(socket: &Path) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display()))?.connect_timeout(CONNECT_DEADLINE);
    Ok(endpoint.connect_lazy())
}

/// The runtime service on `channel`.
pub fn runtime(channel: Channel) -> RuntimeClient {
    RuntimeClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT)
}

/// The image service on `channel`.
pub fn images(channel: Channel) -> ImageClient {
    ImageClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT)
}
