//! What all parts of the kubelet share.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Client;
use kube::runtime::reflector::Store;
use tasks::Group;

use crate::csi::Csi;
use crate::events::Recorder;
use crate::options::Options;
use crate::pod::{env, fields};
use crate::runtime::Runtime;
use crate::sources::objects::Objects;

/// A pod that wants service variables waits this long for the first list of services, then starts without.
const SERVICES_DEADLINE: Duration = Duration::from_secs(5);

/// Shared handles; everything in it is cheap to use from any task.
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    pub(crate) recorder: Recorder,
    pub(crate) config_maps: Objects<ConfigMap>,
    pub(crate) secrets: Objects<Secret>,
    pub(crate) claims: Objects<PersistentVolumeClaim>,
    pub(crate) csi: Csi,
    pub(crate) services: Store<Service>,
    pub(crate) capacity: BTreeMap<String, Quantity>,
    pub(crate) node_memory: i64,
    pub(crate) group: Group,
}

impl Context {
    /// The node's addresses as pods see them.
    pub(crate) fn host_ips(&self) -> Vec<String> {
        vec![self.options.node_ip.to_string()]
    }

    /// The facts that the downward API shows, for a pod with these addresses.
    pub(crate) fn facts(&self, pod_ips: Vec<String>) -> fields::Facts {
        fields::Facts {
            host_ips: self.host_ips(),
            pod_ips,
            node_name: self.options.node_name.clone(),
            allocatable: self.capacity.clone(),
        }
    }

    /// Variables of the services a pod of `namespace` sees: its own namespace's and the API's.
    pub(crate) async fn service_variables(&self, namespace: &str, links: bool) -> BTreeMap<String, String> {
        let _ = tokio::time::timeout(SERVICES_DEADLINE, self.services.wait_until_ready()).await;
        let services = self.services.state();
        let api = |service: &Service| {
            service.metadata.namespace.as_deref() == Some("default")
                && service.metadata.name.as_deref() == Some("kubernetes")
        };
        let own = |service: &Service| links && service.metadata.namespace.as_deref() == Some(namespace);
        let mut chosen: Vec<&Service> = services
            .iter()
            .map(AsRef::as_ref)
            .filter(|service| api(service) || own(service))
            .collect();
        // Where names meet, the pod's own namespace wins by coming last.
        chosen.sort_by_key(|service| !api(service));
        env::of_services(chosen.into_iter())
    }
}
