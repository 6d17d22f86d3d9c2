//! Container Storage Interface v1 and the kubelet's plugin registration v1: generated messages, clients and servers, and how
//! to reach a plugin's socket. Of CSI, what a node speaks: the services Identity and Node.
//!
//! Nothing here interprets what a driver says.

#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic, reason = "generated")]
#[rustfmt::skip]
pub mod registration;
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic, reason = "generated")]
#[rustfmt::skip]
pub mod v1;

use std::path::Path;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint, Error};

/// Client of a driver's node service.
pub type NodeClient = v1::node_client::NodeClient<Channel>;
/// Client of a plugin that wants to be registered.
pub type RegistrationClient = registration::registration_client::RegistrationClient<Channel>;

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// A channel to the plugin behind `socket`. Connects on first use and again whenever the plugin has restarted.
pub fn channel(socket: &Path) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display()))?.connect_timeout(CONNECT_DEADLINE);
    Ok(endpoint.connect_lazy())
}
