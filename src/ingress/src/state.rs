//! The objects as they are now, and what is made of them for requests.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use crate::endpoints::Endpoints;
use crate::routes::Routes;
use crate::tls::Certificates;

/// Namespace and name.
pub(crate) type Key = (String, String);

/// What the API holds.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) ingresses: BTreeMap<Key, Ingress>,
    pub(crate) classes: BTreeMap<Key, IngressClass>,
    pub(crate) services: BTreeMap<Key, Service>,
    pub(crate) slices: BTreeMap<Key, EndpointSlice>,
    pub(crate) secrets: BTreeMap<Key, Secret>,
}

/// What requests are answered by; never changed, only replaced.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) routes: Routes,
    pub(crate) endpoints: Endpoints,
    pub(crate) certificates: Certificates,
}

/// The newest of it, shared by all connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Arc<RwLock<Arc<Live>>>);

impl Shared {
    pub(crate) fn get(&self) -> Arc<Live> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, live: Live) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
    }
}
