//! A small CSI driver for tests: volumes are folders on the node, block volumes a device number. It runs as a pod on every
//! node, registers by itself, and writes down what it is asked, for tests to read.
//!
//! `csi-driver <node>`: its folder is `/var/lib/csi.rkube.test`, also on the node.

mod identity;
mod node;

use std::path::Path;

use csi::registration::registration_server::{Registration, RegistrationServer};
use csi::registration::{InfoRequest, PluginInfo, RegistrationStatus, RegistrationStatusResponse};
use csi::v1::identity_server::IdentityServer;
use csi::v1::node_server::NodeServer;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tasks::Group;
use tokio::net::UnixListener;
use tonic::{Request, Response, Status};
use tower::Service as _;

/// The driver's name.
const NAME: &str = "csi.rkube.test";
const SOCKET: &str = "/var/lib/kubelet/plugins/csi.rkube.test/csi.sock";
const REGISTRATION: &str = "/var/lib/kubelet/plugins_registry/csi.rkube.test-reg.sock";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let node = std::env::args().nth(1).unwrap_or_default();
    anyhow::ensure!(!node.is_empty(), "usage: csi-driver <node>");
    let driver = listen(SOCKET)?;
    let registration = listen(REGISTRATION)?;
    let group = Group::new();
    tokio::select! {
        ended = serve(&group, registration, node.clone()) => ended,
        ended = serve(&group, driver, node) => ended,
    }
}

fn listen(socket: &str) -> anyhow::Result<UnixListener> {
    if let Some(folder) = Path::new(socket).parent() {
        fs_err::create_dir_all(folder)?;
    }
    drop(fs_err::remove_file(socket));
    Ok(UnixListener::bind(socket)?)
}

/// Answers all services on one socket, which is more than anybody asks of it.
async fn serve(group: &Group, listener: UnixListener, node: String) -> anyhow::Result<()> {
    let driver = NodeServer::new(node::Driver { node });
    let (identity, registrar) = (IdentityServer::new(identity::About), RegistrationServer::new(Registrar));
    loop {
        let (stream, _) = listener.accept().await?;
        let (driver, identity, registrar) = (driver.clone(), identity.clone(), registrar.clone());
        let routes = service_fn(move |request: http::Request<Incoming>| {
            let (mut driver, mut identity, mut registrar) = (driver.clone(), identity.clone(), registrar.clone());
            async move {
                match request.uri().path().split('/').nth(1) {
                    Some("csi.v1.Node") => driver.call(request).await,
                    Some("csi.v1.Identity") => identity.call(request).await,
                    _ => registrar.call(request).await,
                }
            }
        });
        group.spawn("client", async move {
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            // a client that leaves is no matter
            drop(server.serve_connection(TokioIo::new(stream), routes).await);
        });
    }
}

struct Registrar;

#[tonic::async_trait]
impl Registration for Registrar {
    async fn get_info(&self, _: Request<InfoRequest>) -> Result<Response<PluginInfo>, Status> {
        Ok(Response::new(PluginInfo {
            r#type: "CSIPlugin".to_owned(),
            name: NAME.to_owned(),
            endpoint: SOCKET.to_owned(),
            supported_versions: vec!["1.0.0".to_owned()],
        }))
    }

    async fn notify_registration_status(
        &self,
        request: Request<RegistrationStatus>,
    ) -> Result<Response<RegistrationStatusResponse>, Status> {
        node::note(&format!("registered {}", request.into_inner().plugin_registered));
        Ok(Response::new(RegistrationStatusResponse {}))
    }
}
