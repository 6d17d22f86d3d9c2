//! The client and the shared informers.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, ReplicationController,
    ResourceQuota, Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{IPAddress, ServiceCIDR};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimTemplate};
use k8s_openapi::api::storage::v1::{CSIDriver, StorageClass, VolumeAttachment};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tasks::Supervisor;

use super::Informer;
use super::changes::Changes;
use crate::Config;

macro_rules! informers {
    ($($(#[$doc:meta])* $field:ident: $kind:ty, $task:literal, $config:expr;)*) => {
        /// The client and one informer per kind.
        pub(crate) struct Ctx {
            pub client: Client,
            pub config: Config,
            /// Objects of all kinds.
            pub changes: Arc<Changes>,
            $($(#[$doc])* pub $field: Arc<Informer<$kind>>,)*
        }

        impl Ctx {
            /// Starts all informers.
            pub(crate) fn start(client: Client, config: Config, tasks: &Supervisor) -> Arc<Self> {
                $(let $field = Arc::new(Informer::default());
                follow::<$kind>(tasks, $task, &client, &$field, $config);)*
                Arc::new(Self { client, config, changes: Arc::default(), $($field,)* })
            }
        }
    };
}

informers! {
    api_services: APIService, "informer-apiservices", watcher::Config::default();
    attachments: VolumeAttachment, "informer-volumeattachments", watcher::Config::default();
    autoscalers: HorizontalPodAutoscaler, "informer-horizontalpodautoscalers", watcher::Config::default();
    budgets: PodDisruptionBudget, "informer-poddisruptionbudgets", watcher::Config::default();
    claims: PersistentVolumeClaim, "informer-persistentvolumeclaims", watcher::Config::default();
    cluster_roles: ClusterRole, "informer-clusterroles", watcher::Config::default();
    cron_jobs: CronJob, "informer-cronjobs", watcher::Config::default();
    controller_revisions: ControllerRevision, "informer-controllerrevisions", watcher::Config::default();
    csi_drivers: CSIDriver, "informer-csidrivers", watcher::Config::default();
    daemon_sets: DaemonSet, "informer-daemonsets", watcher::Config::default();
    deployments: Deployment, "informer-deployments", watcher::Config::default();
    endpoint_slices: EndpointSlice, "informer-endpointslices", watcher::Config::default();
    endpoints: Endpoints, "informer-endpoints", watcher::Config::default();
    ip_addresses: IPAddress, "informer-ipaddresses", watcher::Config::default();
    jobs: Job, "informer-jobs", watcher::Config::default();
    /// Heartbeats of nodes.
    leases: Lease, "informer-leases", watcher::Config::default().fields("metadata.namespace=kube-node-lease");
    namespaces: Namespace, "informer-namespaces", watcher::Config::default();
    nodes: Node, "informer-nodes", watcher::Config::default();
    quotas: ResourceQuota, "informer-resourcequotas", watcher::Config::default();
    persistent_volumes: PersistentVolume, "informer-persistentvolumes", watcher::Config::default();
    pods: Pod, "informer-pods", watcher::Config::default();
    replica_sets: ReplicaSet, "informer-replicasets", watcher::Config::default();
    replication_controllers: ReplicationController, "informer-replicationcontrollers", watcher::Config::default();
    resource_claims: ResourceClaim, "informer-resourceclaims", watcher::Config::default();
    resource_claim_templates: ResourceClaimTemplate, "informer-resourceclaimtemplates", watcher::Config::default();
    /// Only the copies of the cluster's CA.
    root_ca_maps: ConfigMap, "informer-root-ca", watcher::Config::default().fields("metadata.name=kube-root-ca.crt");
    service_accounts: ServiceAccount, "informer-serviceaccounts", watcher::Config::default();
    service_ranges: ServiceCIDR, "informer-servicecidrs", watcher::Config::default();
    signing_requests: CertificateSigningRequest, "informer-certificatesigningrequests", watcher::Config::default();
    storage_classes: StorageClass, "informer-storageclasses", watcher::Config::default();
    stateful_sets: StatefulSet, "informer-statefulsets", watcher::Config::default();
    services: Service, "informer-services", watcher::Config::default();
}

fn follow<K>(
    tasks: &Supervisor,
    name: &'static str,
    client: &Client,
    informer: &Arc<Informer<K>>,
    config: watcher::Config,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (client, informer) = (client.clone(), informer.clone());
    tasks.run(name, move || {
        let (api, informer, config) = (Api::all(client.clone()), informer.clone(), config.clone());
        async move { informer.run(api, config).await }
    });
}
