//! Defaults that depend on nothing but the field itself.

/// `json` is what an unset `field` of `ty` becomes.
pub(super) struct Row {
    ty: &'static str,
    pub field: &'static str,
    pub json: &'static str,
}

const fn row(ty: &'static str, field: &'static str, json: &'static str) -> Row {
    Row { ty, field, json }
}

/// Rows of the type, its name without `io.k8s.api.`.
pub(super) fn of(ty: &str) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.ty == ty)
}

const EMPTY: &str = "{}";

static ROWS: &[Row] = &[
    // core
    row("core.v1.ConfigMapVolumeSource", "defaultMode", "420"),
    row(
        "core.v1.Container",
        "terminationMessagePath",
        "\"/dev/termination-log\"",
    ),
    row("core.v1.Container", "terminationMessagePolicy", "\"File\""),
    row("core.v1.DownwardAPIVolumeSource", "defaultMode", "420"),
    row(
        "core.v1.EphemeralContainer",
        "terminationMessagePath",
        "\"/dev/termination-log\"",
    ),
    row("core.v1.EphemeralContainer", "terminationMessagePolicy", "\"File\""),
    row("core.v1.HTTPGetAction", "path", "\"/\""),
    row("core.v1.HTTPGetAction", "scheme", "\"HTTP\""),
    row("core.v1.HostPathVolumeSource", "type", "\"\""),
    row("core.v1.NamespaceStatus", "phase", "\"Active\""),
    row("core.v1.EndpointPort", "protocol", "\"TCP\""),
    row("core.v1.ObjectFieldSelector", "apiVersion", "\"v1\""),
    row("core.v1.PersistentVolumeClaimSpec", "volumeMode", "\"Filesystem\""),
    row(
        "core.v1.PersistentVolumeSpec",
        "persistentVolumeReclaimPolicy",
        "\"Retain\"",
    ),
    row("core.v1.PodSpec", "dnsPolicy", "\"ClusterFirst\""),
    row("core.v1.PodSpec", "restartPolicy", "\"Always\""),
    row("core.v1.PodSpec", "schedulerName", "\"default-scheduler\""),
    row("core.v1.PodSpec", "securityContext", EMPTY),
    row("core.v1.PodSpec", "terminationGracePeriodSeconds", "30"),
    row("core.v1.Probe", "failureThreshold", "3"),
    row("core.v1.Probe", "periodSeconds", "10"),
    row("core.v1.Probe", "successThreshold", "1"),
    row("core.v1.Probe", "timeoutSeconds", "1"),
    row("core.v1.ProjectedVolumeSource", "defaultMode", "420"),
    row("core.v1.Secret", "type", "\"Opaque\""),
    row("core.v1.SecretVolumeSource", "defaultMode", "420"),
    row("core.v1.ServiceAccountTokenProjection", "expirationSeconds", "3600"),
    row("core.v1.ServiceSpec", "sessionAffinity", "\"None\""),
    row("core.v1.ServiceSpec", "type", "\"ClusterIP\""),
    // apps
    row("apps.v1.DaemonSetSpec", "revisionHistoryLimit", "10"),
    row("apps.v1.DeploymentSpec", "progressDeadlineSeconds", "600"),
    row("apps.v1.DeploymentSpec", "replicas", "1"),
    row("apps.v1.DeploymentSpec", "revisionHistoryLimit", "10"),
    row("apps.v1.ReplicaSetSpec", "replicas", "1"),
    row("apps.v1.StatefulSetSpec", "podManagementPolicy", "\"OrderedReady\""),
    row("apps.v1.StatefulSetSpec", "replicas", "1"),
    row("apps.v1.StatefulSetSpec", "revisionHistoryLimit", "10"),
    row(
        "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenDeleted",
        "\"Retain\"",
    ),
    row(
        "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenScaled",
        "\"Retain\"",
    ),
    row("apps.v1.StatefulSetSpec", "persistentVolumeClaimRetentionPolicy", EMPTY),
    // batch
    row("batch.v1.CronJobSpec", "concurrencyPolicy", "\"Allow\""),
    row("batch.v1.CronJobSpec", "failedJobsHistoryLimit", "1"),
    row("batch.v1.CronJobSpec", "successfulJobsHistoryLimit", "3"),
    row("batch.v1.CronJobSpec", "suspend", "false"),
    row("batch.v1.PodFailurePolicyOnPodConditionsPattern", "status", "\"True\""),
    // autoscaling
    row("autoscaling.v1.HorizontalPodAutoscalerSpec", "minReplicas", "1"),
    row("autoscaling.v2.HorizontalPodAutoscalerSpec", "minReplicas", "1"),
    row(
        "autoscaling.v2.HorizontalPodAutoscalerSpec",
        "metrics",
        r#"[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]"#,
    ),
    row(
        "autoscaling.v2.HorizontalPodAutoscalerBehavior",
        "scaleUp",
        r#"{"stabilizationWindowSeconds":0,"selectPolicy":"Max","policies":[{"type":"Pods","value":4,"periodSeconds":15},{"type":"Percent","value":100,"periodSeconds":15}]}"#,
    ),
    row(
        "autoscaling.v2.HorizontalPodAutoscalerBehavior",
        "scaleDown",
        r#"{"selectPolicy":"Max","policies":[{"type":"Percent","value":100,"periodSeconds":15}]}"#,
    ),
    // networking, discovery
    row("networking.v1.IngressClassParametersReference", "scope", "\"Cluster\""),
    row("networking.v1.NetworkPolicyPort", "protocol", "\"TCP\""),
    row("discovery.v1.EndpointPort", "name", "\"\""),
    row("discovery.v1.EndpointPort", "protocol", "\"TCP\""),
    // rbac
    row("rbac.v1.RoleRef", "apiGroup", "\"rbac.authorization.k8s.io\""),
    // storage, scheduling
    row("storage.v1.CSIDriverSpec", "attachRequired", "true"),
    row(
        "storage.v1.CSIDriverSpec",
        "fsGroupPolicy",
        "\"ReadWriteOnceWithFSType\"",
    ),
    row("storage.v1.CSIDriverSpec", "podInfoOnMount", "false"),
    row("storage.v1.CSIDriverSpec", "requiresRepublish", "false"),
    row("storage.v1.CSIDriverSpec", "seLinuxMount", "false"),
    row("storage.v1.CSIDriverSpec", "storageCapacity", "false"),
    row("storage.v1.CSIDriverSpec", "volumeLifecycleModes", "[\"Persistent\"]"),
    row("storage.v1.StorageClass", "reclaimPolicy", "\"Delete\""),
    row("storage.v1.StorageClass", "volumeBindingMode", "\"Immediate\""),
    row(
        "scheduling.v1.PriorityClass",
        "preemptionPolicy",
        "\"PreemptLowerPriority\"",
    ),
    // admissionregistration
    row(
        "admissionregistration.v1.MatchResources",
        "matchPolicy",
        "\"Equivalent\"",
    ),
    row("admissionregistration.v1.MatchResources", "namespaceSelector", EMPTY),
    row("admissionregistration.v1.MatchResources", "objectSelector", EMPTY),
    row(
        "admissionregistration.v1.MutatingAdmissionPolicySpec",
        "failurePolicy",
        "\"Fail\"",
    ),
    row("admissionregistration.v1.MutatingWebhook", "failurePolicy", "\"Fail\""),
    row(
        "admissionregistration.v1.MutatingWebhook",
        "matchPolicy",
        "\"Equivalent\"",
    ),
    row("admissionregistration.v1.MutatingWebhook", "namespaceSelector", EMPTY),
    row("admissionregistration.v1.MutatingWebhook", "objectSelector", EMPTY),
    row(
        "admissionregistration.v1.MutatingWebhook",
        "reinvocationPolicy",
        "\"Never\"",
    ),
    row("admissionregistration.v1.MutatingWebhook", "timeoutSeconds", "10"),
    row("admissionregistration.v1.NamedRuleWithOperations", "scope", "\"*\""),
    row("admissionregistration.v1.RuleWithOperations", "scope", "\"*\""),
    row("admissionregistration.v1.ServiceReference", "port", "443"),
    row(
        "admissionregistration.v1.ValidatingAdmissionPolicySpec",
        "failurePolicy",
        "\"Fail\"",
    ),
    row(
        "admissionregistration.v1.ValidatingWebhook",
        "failurePolicy",
        "\"Fail\"",
    ),
    row(
        "admissionregistration.v1.ValidatingWebhook",
        "matchPolicy",
        "\"Equivalent\"",
    ),
    row("admissionregistration.v1.ValidatingWebhook", "namespaceSelector", EMPTY),
    row("admissionregistration.v1.ValidatingWebhook", "objectSelector", EMPTY),
    row("admissionregistration.v1.ValidatingWebhook", "timeoutSeconds", "10"),
    // apiextensions, apiregistration
    row(
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference",
        "port",
        "443",
    ),
    row(
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec",
        "conversion",
        "{\"strategy\":\"None\"}",
    ),
    row(
        "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference",
        "port",
        "443",
    ),
    // flowcontrol
    row(
        "flowcontrol.v1.ExemptPriorityLevelConfiguration",
        "lendablePercent",
        "0",
    ),
    row(
        "flowcontrol.v1.ExemptPriorityLevelConfiguration",
        "nominalConcurrencyShares",
        "0",
    ),
    row("flowcontrol.v1.FlowSchemaSpec", "matchingPrecedence", "1000"),
    row(
        "flowcontrol.v1.LimitedPriorityLevelConfiguration",
        "lendablePercent",
        "0",
    ),
    row(
        "flowcontrol.v1.LimitedPriorityLevelConfiguration",
        "nominalConcurrencyShares",
        "30",
    ),
    row("flowcontrol.v1.QueuingConfiguration", "handSize", "8"),
    row("flowcontrol.v1.QueuingConfiguration", "queueLengthLimit", "50"),
    row("flowcontrol.v1.QueuingConfiguration", "queues", "64"),
    // resource
    row("resource.v1.DeviceSubRequest", "allocationMode", "\"ExactCount\""),
    row("resource.v1.ExactDeviceRequest", "allocationMode", "\"ExactCount\""),
];
