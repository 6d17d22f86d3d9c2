//! The proto packages that become part of the table, and the API group each belongs to.

/// One Go package with a `generated.proto`.
pub(crate) struct Package {
    /// Below `staging/src/k8s.io`.
    pub dir: &'static str,
    /// File and module name in `src/schema/src/generated`.
    pub module: &'static str,
    /// API group and version of its kinds; none for helper packages.
    pub group: Option<(&'static str, &'static str)>,
}

const fn package(dir: &'static str, module: &'static str, group: &'static str, version: &'static str) -> Package {
    Package {
        dir,
        module,
        group: Some((group, version)),
    }
}

const fn helper(dir: &'static str, module: &'static str) -> Package {
    Package {
        dir,
        module,
        group: None,
    }
}

/// All packages, one generated file each.
pub(crate) const PACKAGES: &[Package] = &[
    package("apimachinery/pkg/apis/meta/v1", "meta_v1", "meta.k8s.io", "v1"),
    helper("apimachinery/pkg/api/resource", "resource"),
    helper("apimachinery/pkg/runtime", "runtime"),
    helper("apimachinery/pkg/util/intstr", "intstr"),
    package("api/core/v1", "core_v1", "", "v1"),
    package("api/admission/v1", "admission_v1", "admission.k8s.io", "v1"),
    package(
        "api/admissionregistration/v1",
        "admissionregistration_v1",
        "admissionregistration.k8s.io",
        "v1",
    ),
    package(
        "apiextensions-apiserver/pkg/apis/apiextensions/v1",
        "apiextensions_v1",
        "apiextensions.k8s.io",
        "v1",
    ),
    package(
        "kube-aggregator/pkg/apis/apiregistration/v1",
        "apiregistration_v1",
        "apiregistration.k8s.io",
        "v1",
    ),
    package("api/apidiscovery/v2", "apidiscovery_v2", "apidiscovery.k8s.io", "v2"),
    package("api/apps/v1", "apps_v1", "apps", "v1"),
    package(
        "api/authentication/v1",
        "authentication_v1",
        "authentication.k8s.io",
        "v1",
    ),
    package("api/authorization/v1", "authorization_v1", "authorization.k8s.io", "v1"),
    package("api/autoscaling/v1", "autoscaling_v1", "autoscaling", "v1"),
    package("api/autoscaling/v2", "autoscaling_v2", "autoscaling", "v2"),
    package("api/batch/v1", "batch_v1", "batch", "v1"),
    package("api/certificates/v1", "certificates_v1", "certificates.k8s.io", "v1"),
    package(
        "api/apiserverinternal/v1alpha1",
        "apiserverinternal_v1alpha1",
        "internal.apiserver.k8s.io",
        "v1alpha1",
    ),
    package("api/coordination/v1", "coordination_v1", "coordination.k8s.io", "v1"),
    package(
        "api/coordination/v1beta1",
        "coordination_v1beta1",
        "coordination.k8s.io",
        "v1beta1",
    ),
    package("api/discovery/v1", "discovery_v1", "discovery.k8s.io", "v1"),
    package("api/events/v1", "events_v1", "events.k8s.io", "v1"),
    package(
        "api/flowcontrol/v1",
        "flowcontrol_v1",
        "flowcontrol.apiserver.k8s.io",
        "v1",
    ),
    package("api/networking/v1", "networking_v1", "networking.k8s.io", "v1"),
    package("api/node/v1", "node_v1", "node.k8s.io", "v1"),
    package("api/policy/v1", "policy_v1", "policy", "v1"),
    package("api/rbac/v1", "rbac_v1", "rbac.authorization.k8s.io", "v1"),
    package("api/resource/v1", "resource_v1", "resource.k8s.io", "v1"),
    package("api/scheduling/v1", "scheduling_v1", "scheduling.k8s.io", "v1"),
    package("api/storage/v1", "storage_v1", "storage.k8s.io", "v1"),
    package(
        "api/storagemigration/v1beta1",
        "storagemigration_v1beta1",
        "storagemigration.k8s.io",
        "v1beta1",
    ),
];

/// Whether the group version is part of the table.
pub(crate) fn served(group: &str, version: &str) -> bool {
    PACKAGES.iter().any(|package| package.group == Some((group, version)))
}
