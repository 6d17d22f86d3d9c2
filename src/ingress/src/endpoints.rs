//! Addresses behind a backend: the ready endpoints of the service's slices, taken in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::routes::{Backend, Port};
use crate::state::Objects;

const SERVICE: &str = "kubernetes.io/service-name";

/// How a backend wants to be spoken to (KEP-3726).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protocol {
    /// HTTP/1.1; HTTP/2 without TLS for gRPC.
    #[default]
    Plain,
    /// `kubernetes.io/h2c`, `grpc`.
    Http2,
}

/// What stands behind a backend.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) protocol: Protocol,
    next: AtomicUsize,
}

impl Behind {
    /// The addresses, beginning with the one whose turn it is.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = SocketAddr> {
        let count = self.addresses.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        (0..count).map(move |step| self.addresses[(first + step) % count])
    }
}

/// Why there is nothing behind a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoBackend {
    #[error("service {0} does not exist")]
    NoService(String),
    #[error("service {service} has no port {port}")]
    NoPort { service: String, port: String },
    #[error("service {0} is an external name, which is not passed on to")]
    External(String),
}

/// Endpoints of all backends in use.
#[derive(Debug, Default)]
pub(crate) struct Endpoints(BTreeMap<Backend, Behind>);

impl Endpoints {
    pub(crate) fn get(&self, backend: &Backend) -> Option<&Behind> {
        self.0.get(backend)
    }

    /// Looks a backend's endpoints up and keeps them.
    pub(crate) fn add(&mut self, objects: &Objects, backend: &Backend) -> Result<(), NoBackend> {
        if self.0.contains_key(backend) {
            return Ok(());
        }
        let port = service_port(objects, backend)?;
        let behind = Behind {
            addresses: addresses(objects, backend, port),
            protocol: match port.app_protocol.as_deref() {
                Some("kubernetes.io/h2c" | "grpc") => Protocol::Http2,
                _ => Protocol::Plain,
            },
            next: AtomicUsize::new(0),
        };
        self.0.insert(backend.clone(), behind);
        Ok(())
    }
}

fn service_port<'a>(objects: &'a Objects, backend: &Backend) -> Result<&'a ServicePort, NoBackend> {
    let name = format!("{}/{}", backend.namespace, backend.service);
    let key = (backend.namespace.clone(), backend.service.clone());
    let service = objects
        .services
        .get(&key)
        .ok_or_else(|| NoBackend::NoService(name.clone()))?;
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName") {
        return Err(NoBackend::External(name));
    }
    let mut ports = spec.and_then(|spec| spec.ports.as_ref()).into_iter().flatten();
    let found = ports.find(|port| match &backend.port {
        Port::Number(number) => port.port == *number,
        Port::Name(name) => port.name.as_deref() == Some(name),
    });
    found.ok_or_else(|| NoBackend::NoPort {
        service: name,
        port: match &backend.port {
            Port::Number(number) => number.to_string(),
            Port::Name(name) => format!("{name:?}"),
        },
    })
}

fn addresses(objects: &Objects, backend: &Backend, port: &ServicePort) -> Vec<SocketAddr> {
    let first = (backend.namespace.clone(), String::new());
    let ours = |slice: &&EndpointSlice| {
        let labels = slice.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(SERVICE)) == Some(&backend.service)
    };
    let slices = objects
        .slices
        .range(first..)
        .take_while(|((namespace, _), _)| *namespace == backend.namespace);
    let mut found = BTreeSet::new();
    for slice in slices.map(|(_, slice)| slice).filter(ours) {
        // a slice's ports are named as the service's
        let wanted = port.name.as_deref().unwrap_or_default();
        let mut ports = slice.ports.iter().flatten();
        let number = ports.find_map(|one| {
            let named = one.name.as_deref().unwrap_or_default() == wanted;
            one.port.filter(|_| named)
        });
        let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else {
            continue;
        };
        for endpoint in slice.endpoints.iter().flatten() {
            // unknown counts as ready
            let ready = endpoint
                .conditions
                .as_ref()
                .and_then(|conditions| conditions.ready)
                .unwrap_or(true);
            if ready {
                let addresses = endpoint.addresses.iter().filter_map(|text| text.parse::<IpAddr>().ok());
                found.extend(addresses.map(|address| SocketAddr::new(address, number)));
            }
        }
    }
    found.into_iter().collect()
}
