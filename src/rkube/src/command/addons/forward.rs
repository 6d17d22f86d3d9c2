//! A port of this machine that leads to a service's pods, by way of the API: works wherever the API is reached.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::failure::Failure;

/// Connections at a time: a browser has six, and a WebSocket or two for each of its tabs. Further ones wait.
const CONNECTIONS: usize = 256;
/// A connection that does not reach its pod within this time is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A listening port.
pub(in crate::command) struct Forward {
    listener: TcpListener,
    client: Client,
    namespace: String,
    selector: String,
    target: IntOrString,
}

impl Forward {
    /// Listens on `local` of the loopback address; 0 is a free port.
    pub(in crate::command) async fn open(
        client: Client,
        namespace: &str,
        service: &str,
        port: u16,
        local: u16,
    ) -> Result<Self, Failure> {
        let services: Api<Service> = Api::namespaced(client.clone(), namespace);
        let found = services
            .get(service)
            .await
            .map_err(|error| Failure::service(service, &error))?;
        let spec = found.spec.unwrap_or_default();
        let pairs = spec.selector.unwrap_or_default();
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let ports = spec.ports.unwrap_or_default();
        let target = ports.into_iter().find(|own| own.port == i32::from(port));
        let target = target.and_then(|own| own.target_port);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local)).await;
        Ok(Self {
            listener: listener.map_err(|_| cluster::ClusterError::PortTaken { port: local })?,
            client,
            namespace: namespace.to_owned(),
            selector: pairs.join(","),
            target: target.unwrap_or(IntOrString::Int(i32::from(port))),
        })
    }

    /// Where it listens.
    pub(in crate::command) fn address(&self) -> Result<SocketAddr, Failure> {
        self.listener.local_addr().map_err(|error| Failure::internal(&error))
    }

    /// Serves until the listener fails. A connection that cannot be forwarded is closed.
    pub(in crate::command) async fn serve(self) -> Result<(), Failure> {
        let connections = tasks::Group::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let own = Arc::new(self);
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return Ok(());
            };
            let accepted = own.listener.accept().await;
            let (stream, _) = accepted.map_err(|error| Failure::internal(&error))?;
            let own = Arc::clone(&own);
            // beside one another: one that waits for the API holds up no other
            connections.spawn("forward", async move {
                if let Err(error) = own.carry(stream).await {
                    tracing::info!(%error, "connection ended");
                }
                drop(place);
            });
        }
    }

    async fn carry(&self, mut local: TcpStream) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let connect = async {
            let (pod, port) = self.pod().await?;
            let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
            let forwarder = pods.portforward(&pod, &[port]).await?;
            Ok::<_, kube::Error>((forwarder, port))
        };
        let (mut forwarder, port) = tokio::time::timeout(PATIENCE, connect).await??;
        let mut remote = forwarder.take_stream(port).ok_or("the stream is taken")?;
        tokio::io::copy_bidirectional(&mut local, &mut remote).await?;
        Ok(())
    }

    /// A pod of the service that is ready, and the port's number there.
    async fn pod(&self) -> Result<(String, u16), kube::Error> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let found = pods.list(&ListParams::default().labels(&self.selector)).await?;
        let ready = found.items.iter().find(|pod| is_ready(pod));
        let port = ready.and_then(|pod| number(pod, &self.target));
        match (ready, port) {
            (Some(pod), Some(port)) => Ok((pod.name_any(), port)),
            _ => Err(kube::Error::Service("no pod of the service is ready".into())),
        }
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn number(pod: &Pod, target: &IntOrString) -> Option<u16> {
    match target {
        IntOrString::Int(port) => u16::try_from(*port).ok(),
        IntOrString::String(name) => {
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
            let port = ports.find(|port| port.name.as_ref() == Some(name))?;
            u16::try_from(port.container_port).ok()
        }
    }
}
