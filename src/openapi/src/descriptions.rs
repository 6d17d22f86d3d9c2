//! What types and fields are for, by way of the k8s-openapi crate's own schemas.

use k8s_openapi::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis as extensions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::kube_aggregator::pkg::apis as aggregator;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";

/// Schemas by type name, for the descriptions in them.
#[derive(Default)]
pub(crate) struct Descriptions(Map<String, Value>);

macro_rules! kinds {
    ($(($group:literal, $version:literal, [$($kind:path),*]),)*) => {
        fn add(generator: &mut SchemaGenerator, group: &str, version: &str) {
            match (group, version) {
                $(($group, $version) => {
                    $(generator.subschema_for::<$kind>();)*
                })*
                _ => {}
            }
        }
    };
}

#[rustfmt::skip]
kinds![
    ("", "v1", [api::authentication::v1::TokenRequest, api::policy::v1::Eviction, api::core::v1::Binding, api::core::v1::ComponentStatus, api::core::v1::ConfigMap, api::core::v1::Endpoints, api::core::v1::Event, api::core::v1::LimitRange, api::core::v1::Namespace, api::core::v1::Node, api::core::v1::PersistentVolumeClaim, api::core::v1::PersistentVolume, api::core::v1::Pod, api::core::v1::PodTemplate, api::core::v1::ReplicationController, api::core::v1::ResourceQuota, api::core::v1::Secret, api::core::v1::ServiceAccount, api::core::v1::Service]),
    ("apiregistration.k8s.io", "v1", [aggregator::apiregistration::v1::APIService]),
    ("apps", "v1", [api::apps::v1::ControllerRevision, api::apps::v1::DaemonSet, api::apps::v1::Deployment, api::apps::v1::ReplicaSet, api::apps::v1::StatefulSet]),
    ("events.k8s.io", "v1", [api::events::v1::Event]),
    ("authentication.k8s.io", "v1", [api::authentication::v1::SelfSubjectReview, api::authentication::v1::TokenReview]),
    ("authorization.k8s.io", "v1", [api::authorization::v1::LocalSubjectAccessReview, api::authorization::v1::SelfSubjectAccessReview, api::authorization::v1::SelfSubjectRulesReview, api::authorization::v1::SubjectAccessReview]),
    ("autoscaling", "v2", [api::autoscaling::v2::HorizontalPodAutoscaler]),
    ("autoscaling", "v1", [api::autoscaling::v1::HorizontalPodAutoscaler]),
    ("batch", "v1", [api::batch::v1::CronJob, api::batch::v1::Job]),
    ("certificates.k8s.io", "v1", [api::certificates::v1::CertificateSigningRequest]),
    ("networking.k8s.io", "v1", [api::networking::v1::IngressClass, api::networking::v1::Ingress, api::networking::v1::IPAddress, api::networking::v1::NetworkPolicy, api::networking::v1::ServiceCIDR]),
    ("policy", "v1", [api::policy::v1::PodDisruptionBudget]),
    ("rbac.authorization.k8s.io", "v1", [api::rbac::v1::ClusterRoleBinding, api::rbac::v1::ClusterRole, api::rbac::v1::RoleBinding, api::rbac::v1::Role]),
    ("storage.k8s.io", "v1", [api::storage::v1::CSIDriver, api::storage::v1::CSINode, api::storage::v1::CSIStorageCapacity, api::storage::v1::StorageClass, api::storage::v1::VolumeAttachment, api::storage::v1::VolumeAttributesClass]),
    ("admissionregistration.k8s.io", "v1", [api::admissionregistration::v1::MutatingAdmissionPolicy, api::admissionregistration::v1::MutatingAdmissionPolicyBinding, api::admissionregistration::v1::MutatingWebhookConfiguration, api::admissionregistration::v1::ValidatingAdmissionPolicy, api::admissionregistration::v1::ValidatingAdmissionPolicyBinding, api::admissionregistration::v1::ValidatingWebhookConfiguration]),
    ("apiextensions.k8s.io", "v1", [extensions::apiextensions::v1::CustomResourceDefinition]),
    ("scheduling.k8s.io", "v1", [api::scheduling::v1::PriorityClass]),
    ("coordination.k8s.io", "v1", [api::coordination::v1::Lease]),
    ("node.k8s.io", "v1", [api::node::v1::RuntimeClass]),
    ("discovery.k8s.io", "v1", [api::discovery::v1::EndpointSlice]),
    ("resource.k8s.io", "v1", [api::resource::v1::DeviceClass, api::resource::v1::ResourceClaim, api::resource::v1::ResourceClaimTemplate, api::resource::v1::ResourceSlice]),
    ("flowcontrol.apiserver.k8s.io", "v1", [api::flowcontrol::v1::FlowSchema, api::flowcontrol::v1::PriorityLevelConfiguration]),
];

impl Descriptions {
    /// Of all types that the group version's kinds are made of.
    pub(crate) fn of(group: &str, version: &str) -> Self {
        let mut generator = SchemaSettings::default().into_generator();
        add(&mut generator, group, version);
        // what every group version speaks of
        generator.subschema_for::<meta::DeleteOptions>();
        generator.subschema_for::<meta::ListMeta>();
        generator.subschema_for::<meta::Patch>();
        generator.subschema_for::<meta::Status>();
        generator.subschema_for::<api::autoscaling::v1::Scale>();
        Self(generator.take_definitions(false))
    }

    /// What the type is for.
    pub(crate) fn of_type(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.get("description")?.as_str()
    }

    /// What the field is for.
    pub(crate) fn of_field(&self, name: &str, field: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(schema) => text_of(schema, field),
            // lists are generic in the crate; these two mean the same in every kind
            None if matches!(field, "apiVersion" | "kind") => text_of(self.0.get(STATUS)?, field),
            None => None,
        }
    }
}

fn text_of<'a>(schema: &'a Value, field: &str) -> Option<&'a str> {
    schema.get("properties")?.get(field)?.get("description")?.as_str()
}
