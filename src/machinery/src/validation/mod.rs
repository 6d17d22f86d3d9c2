//! Checks of objects after decoding and defaulting, with upstream's words for what is wrong.
//!
//! Semantics: `k8s.io/kubernetes/pkg/apis/*/validation`. Kinds without rules of their own have their metadata checked.

mod access;
mod batch;
mod certificate;
mod config;
mod container;
mod coordination;
mod cron;
mod csi;
mod cursor;
mod ephemeral;
mod field_ref;
mod limits;
mod meta;
mod network;
mod pod;
mod pod_resize;
mod pod_status;
mod pod_update;
mod policy;
mod registration;
mod service;
mod storage;
mod stored;
mod volume;
mod workload;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::field::FieldError;
use cursor::Check;

/// What is wrong with a new object.
pub fn validate_create(group: &str, kind: &str, namespaced: bool, object: &Value) -> Vec<FieldError> {
    let mut check = Check::new(object);
    meta::create(&mut check, meta::name_rule(group, kind), namespaced);
    spec(&mut check, group, kind);
    if (group, kind) == ("", "Pod") {
        ephemeral::on_create(&mut check);
    }
    check.errors
}

/// What is wrong with a change of an object, made by way of a subresource or, where that is empty, of the object.
pub fn validate_update(group: &str, kind: &str, subresource: &str, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut check = Check::new(new);
    match (kind, subresource) {
        ("Pod", "ephemeralcontainers") => {
            meta::update(&mut check, old);
            pod::pod(&mut check);
            ephemeral::update(&mut check, old);
        }
        ("StorageVersion", "status") => {
            meta::update(&mut check, old);
            stored::versions(&mut check);
        }
        ("StorageVersionMigration", "status") => {
            meta::update(&mut check, old);
            stored::migration_status(&mut check, old);
        }
        ("Pod", "status") => {
            meta::update(&mut check, old);
            pod_status::update(&mut check, old);
        }
        ("Pod", "resize") => pod_resize::update(&mut check, old),
        ("CertificateSigningRequest", _) => {
            let writer = match subresource {
                "approval" => certificate::Writer::Approver,
                "status" => certificate::Writer::Signer,
                _ => certificate::Writer::Main,
            };
            meta::update(&mut check, old);
            certificate::update(&mut check, old, writer);
        }
        // their specs stay as they are here, whatever newer rules say of them
        (
            "ResourceQuota"
            | "CronJob"
            | "Job"
            | "Deployment"
            | "ReplicaSet"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicationController",
            "status",
        ) => meta::update(&mut check, old),
        _ => whole(&mut check, group, kind, old),
    }
    check.errors
}

fn whole(check: &mut Check<'_>, group: &str, kind: &str, old: &Value) {
    meta::update(check, old);
    match (group, kind) {
        ("", "Pod") => pod_update::update(check, old),
        ("", "ConfigMap") => config::immutable(check, old, &["data", "binaryData"]),
        ("", "Secret") => {
            check.immutable("/type", old, "type");
            config::immutable(check, old, &["data"]);
        }
        ("", "Service") => service::update(check, old),
        ("", "Node") => config::update_node(check, old),
        ("", "PersistentVolumeClaim") => storage::update_claim(check, old),
        ("", "PersistentVolume") => storage::update_volume(check, old),
        ("", "ResourceQuota") => limits::update_quota(check, old),
        ("scheduling.k8s.io", "PriorityClass") => policy::update_priority_class(check, old),
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => check.immutable("/spec/selector", old, "spec.selector"),
        ("apps", "StatefulSet") => workload::update_stateful_set(check, old),
        ("batch", "Job") => batch::update_job(check, old),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            check.immutable_with("/roleRef", old, "roleRef", "cannot change roleRef");
        }
        ("discovery.k8s.io", "EndpointSlice") => check.immutable("/addressType", old, "addressType"),
        ("networking.k8s.io", "IPAddress") => check.immutable("/spec/parentRef", old, "spec.parentRef"),
        ("networking.k8s.io", "ServiceCIDR") => network::update_service_range(check, old),
        ("coordination.k8s.io", "LeaseCandidate") => coordination::update_candidate(check, old),
        ("storagemigration.k8s.io", "StorageVersionMigration") => stored::update_migration(check, old),
        ("storage.k8s.io", "StorageClass") => storage::update_class(check, old),
        ("storage.k8s.io", "CSIDriver") => csi::update_driver(check, old),
        ("storage.k8s.io", "CSINode") => csi::update_node(check, old),
        ("storage.k8s.io", "VolumeAttachment") => csi::update_attachment(check, old),
        _ => {}
    }
    // A pod's template may hold what newer rules refuse; its changes are checked above.
    if (group, kind) != ("", "Pod") {
        spec(check, group, kind);
    }
}

fn spec(check: &mut Check<'_>, group: &str, kind: &str) {
    match (group, kind) {
        ("", "Pod") => pod::pod(check),
        ("", "PodTemplate") => pod::template(check, &check.root().child("template")),
        ("", "ReplicationController") => workload::replication_controller(check),
        ("", "ConfigMap") => config::config_map(check),
        ("", "Secret") => config::secret(check),
        ("", "Service") => service::service(check),
        ("", "Node") => config::node(check),
        ("", "PersistentVolumeClaim") => storage::claim(check),
        ("", "PersistentVolume") => storage::volume(check),
        ("apps", "Deployment") => workload::deployment(check),
        ("apps", "ReplicaSet") => workload::replica_set(check),
        ("apps", "DaemonSet") => workload::daemon_set(check),
        ("apps", "StatefulSet") => workload::stateful_set(check),
        ("batch", "Job") => batch::job(check),
        ("batch", "CronJob") => batch::cron_job(check),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => access::role(check, kind == "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            access::binding(check, kind == "RoleBinding");
        }
        ("discovery.k8s.io", "EndpointSlice") => network::endpoint_slice(check),
        ("networking.k8s.io", "Ingress") => network::ingress(check),
        ("networking.k8s.io", "IPAddress") => network::ip_address(check),
        ("networking.k8s.io", "ServiceCIDR") => network::service_range(check),
        ("networking.k8s.io", "NetworkPolicy") => network::network_policy(check),
        ("", "LimitRange") => limits::limit_range(check),
        ("", "ResourceQuota") => limits::quota(check),
        ("scheduling.k8s.io", "PriorityClass") => limits::priority_class(check),
        ("policy", "PodDisruptionBudget") => policy::budget(check),
        ("autoscaling", "HorizontalPodAutoscaler") => policy::autoscaler(check),
        ("storage.k8s.io", "StorageClass") => storage::class(check),
        ("storage.k8s.io", "CSIDriver") => csi::driver(check),
        ("storage.k8s.io", "CSINode") => csi::node(check),
        ("storage.k8s.io", "VolumeAttachment") => csi::attachment(check),
        ("certificates.k8s.io", "CertificateSigningRequest") => certificate::request(check),
        ("apiregistration.k8s.io", "APIService") => registration::service(check),
        ("coordination.k8s.io", "Lease") => coordination::lease(check),
        ("coordination.k8s.io", "LeaseCandidate") => coordination::candidate(check),
        ("storagemigration.k8s.io", "StorageVersionMigration") => stored::migration(check),
        _ => {}
    }
}
