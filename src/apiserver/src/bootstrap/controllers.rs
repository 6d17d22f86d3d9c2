//! Roles of upstream's controllers, each bound to an account of the same name in `kube-system`: facts of upstream 1.36.

use super::components::Row;

/// What a controller needs to tell of its work.
const EVENTS: Row = ("- events.k8s.io", "events", "create patch update", "");

/// Each bound to the service account of `kube-system` that has the last part of its name.
pub(super) const CONTROLLERS: &[(&str, &[Row])] = &[
    (
        "system:controller:attachdetach-controller",
        &[
            ("-", "persistentvolumeclaims persistentvolumes", "list watch", ""),
            ("-", "nodes", "get list watch", ""),
            ("-", "nodes/status", "patch update", ""),
            ("-", "pods", "list watch", ""),
            EVENTS,
            (
                "storage.k8s.io",
                "volumeattachments",
                "create delete get list watch",
                "",
            ),
            ("storage.k8s.io", "csidrivers", "get list watch", ""),
            ("storage.k8s.io", "csinodes", "get list watch", ""),
        ],
    ),
    (
        "system:controller:certificate-controller",
        &[
            (
                "certificates.k8s.io",
                "certificatesigningrequests",
                "delete get list watch",
                "",
            ),
            (
                "certificates.k8s.io",
                "certificatesigningrequests/approval certificatesigningrequests/status",
                "update",
                "",
            ),
            (
                "certificates.k8s.io",
                "signers",
                "approve",
                "kubernetes.io/kube-apiserver-client-kubelet",
            ),
            (
                "certificates.k8s.io",
                "signers",
                "sign",
                "kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
            ),
            ("authorization.k8s.io", "subjectaccessreviews", "create", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:clusterrole-aggregation-controller",
        &[(
            "rbac.authorization.k8s.io",
            "clusterroles",
            "escalate get list patch update watch",
            "",
        )],
    ),
    (
        "system:controller:cronjob-controller",
        &[
            ("batch", "cronjobs", "get list update watch", ""),
            ("batch", "jobs", "create delete get list patch update watch", ""),
            ("batch", "cronjobs/status", "update", ""),
            ("batch", "cronjobs/finalizers", "update", ""),
            ("-", "pods", "delete list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:daemon-set-controller",
        &[
            ("apps extensions", "daemonsets", "get list watch", ""),
            ("apps extensions", "daemonsets/status", "update", ""),
            ("apps extensions", "daemonsets/finalizers", "update", ""),
            ("-", "nodes", "list watch", ""),
            ("-", "pods", "create delete list patch watch", ""),
            ("-", "pods/binding", "create", ""),
            (
                "apps",
                "controllerrevisions",
                "create delete get list patch update watch",
                "",
            ),
            EVENTS,
        ],
    ),
    (
        "system:controller:deployment-controller",
        &[
            ("apps extensions", "deployments", "get list update watch", ""),
            ("apps extensions", "deployments/status", "update", ""),
            ("apps extensions", "deployments/finalizers", "update", ""),
            (
                "apps extensions",
                "replicasets",
                "create delete get list patch update watch",
                "",
            ),
            ("-", "pods", "get list update watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:device-taint-eviction-controller",
        &[
            ("-", "pods", "delete get list watch", ""),
            ("-", "pods/status", "patch update", ""),
            ("resource.k8s.io", "resourceclaims", "get list watch", ""),
            ("resource.k8s.io", "resourceslices", "get list watch", ""),
            ("resource.k8s.io", "deviceclasses", "get list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:disruption-controller",
        &[
            ("apps extensions", "deployments", "get list watch", ""),
            ("apps extensions", "replicasets", "get list watch", ""),
            ("-", "replicationcontrollers", "get list watch", ""),
            ("policy", "poddisruptionbudgets", "get list watch", ""),
            ("apps", "statefulsets", "get list watch", ""),
            ("policy", "poddisruptionbudgets/status", "update", ""),
            ("-", "pods/status", "patch update", ""),
            ("*", "*/scale", "get", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:endpoint-controller",
        &[
            ("-", "pods services", "get list watch", ""),
            ("-", "endpoints", "create delete get list update watch", ""),
            ("-", "endpoints/restricted", "create", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:endpointslice-controller",
        &[
            ("-", "nodes pods services", "get list watch", ""),
            ("-", "services/finalizers", "update", ""),
            (
                "discovery.k8s.io",
                "endpointslices",
                "create delete get list update watch",
                "",
            ),
            ("discovery.k8s.io", "endpointslices/restricted", "create", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:endpointslicemirroring-controller",
        &[
            ("-", "endpoints services", "get list watch", ""),
            ("-", "services/finalizers", "update", ""),
            ("-", "endpoints/finalizers", "update", ""),
            (
                "discovery.k8s.io",
                "endpointslices",
                "create delete get list update watch",
                "",
            ),
            ("discovery.k8s.io", "endpointslices/restricted", "create", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:ephemeral-volume-controller",
        &[
            ("-", "pods", "get list watch", ""),
            ("-", "pods/finalizers", "update", ""),
            ("-", "persistentvolumeclaims", "create get list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:expand-controller",
        &[
            ("-", "persistentvolumes", "get list patch update watch", ""),
            ("-", "persistentvolumeclaims/status", "patch update", ""),
            ("-", "persistentvolumeclaims", "get list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:generic-garbage-collector",
        &[("*", "*", "delete get list patch update watch", ""), EVENTS],
    ),
    (
        "system:controller:horizontal-pod-autoscaler",
        &[
            ("autoscaling", "horizontalpodautoscalers", "get list watch", ""),
            ("autoscaling", "horizontalpodautoscalers/status", "update", ""),
            ("*", "*/scale", "get update", ""),
            ("-", "pods", "list watch", ""),
            ("metrics.k8s.io", "pods", "list watch", ""),
            ("custom.metrics.k8s.io", "*", "get list watch", ""),
            ("external.metrics.k8s.io", "*", "get list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:job-controller",
        &[
            ("batch", "jobs", "get list patch update watch", ""),
            ("batch", "jobs/status", "update", ""),
            ("batch", "jobs/finalizers", "update", ""),
            ("-", "pods", "create delete list patch watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:legacy-service-account-token-cleaner",
        &[
            (
                "-",
                "configmaps",
                "get",
                "kube-apiserver-legacy-service-account-token-tracking",
            ),
            ("-", "secrets", "delete patch", ""),
        ],
    ),
    (
        "system:controller:namespace-controller",
        &[
            ("-", "namespaces", "delete get list watch", ""),
            ("-", "namespaces/finalize namespaces/status", "update", ""),
            ("*", "*", "delete deletecollection get list watch", ""),
        ],
    ),
    (
        "system:controller:node-controller",
        &[
            ("-", "nodes", "delete get list patch update watch", ""),
            ("-", "nodes/status", "patch update", ""),
            ("-", "pods/status", "patch update", ""),
            ("-", "pods", "delete get list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:persistent-volume-binder",
        &[
            ("-", "persistentvolumes", "create delete get list update watch", ""),
            ("-", "persistentvolumes/status", "update", ""),
            ("-", "persistentvolumeclaims", "get list update watch", ""),
            ("-", "persistentvolumeclaims/status", "update", ""),
            ("-", "pods", "create delete get list watch", ""),
            ("storage.k8s.io", "storageclasses", "get list watch", ""),
            ("-", "nodes", "list watch", ""),
            EVENTS,
            ("-", "events", "watch", ""),
        ],
    ),
    (
        "system:controller:pod-garbage-collector",
        &[
            ("-", "pods", "delete list watch", ""),
            ("-", "nodes", "get list watch", ""),
            ("-", "pods/status", "patch", ""),
        ],
    ),
    (
        "system:controller:pv-protection-controller",
        &[("-", "persistentvolumes", "get list update watch", ""), EVENTS],
    ),
    (
        "system:controller:pvc-protection-controller",
        &[
            ("-", "persistentvolumeclaims", "get list update watch", ""),
            ("-", "persistentvolumeclaims/status", "update", ""),
            ("-", "pods", "get list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:replicaset-controller",
        &[
            ("apps extensions", "replicasets", "get list update watch", ""),
            ("apps extensions", "replicasets/status", "update", ""),
            ("apps extensions", "replicasets/finalizers", "update", ""),
            ("-", "pods", "create delete list patch watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:replication-controller",
        &[
            ("-", "replicationcontrollers", "get list update watch", ""),
            ("-", "replicationcontrollers/status", "update", ""),
            ("-", "replicationcontrollers/finalizers", "update", ""),
            ("-", "pods", "create delete list patch watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:resource-claim-controller",
        &[
            ("-", "pods", "get list watch", ""),
            ("-", "pods/finalizers", "update", ""),
            ("resource.k8s.io", "resourceclaims", "create delete get list watch", ""),
            (
                "resource.k8s.io",
                "resourceclaims resourceclaims/status",
                "patch update",
                "",
            ),
            ("-", "pods/status", "patch update", ""),
            EVENTS,
            ("resource.k8s.io", "resourceclaims/binding", "patch update", ""),
        ],
    ),
    (
        "system:controller:resourcequota-controller",
        &[
            ("*", "*", "list watch", ""),
            ("-", "resourcequotas/status", "update", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:root-ca-cert-publisher",
        &[("-", "configmaps", "create update", ""), EVENTS],
    ),
    (
        "system:controller:route-controller",
        &[
            ("-", "nodes", "list watch", ""),
            ("-", "nodes/status", "patch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:selinux-warning-controller",
        &[
            EVENTS,
            ("-", "persistentvolumes", "get list watch", ""),
            ("-", "persistentvolumeclaims", "get list watch", ""),
            ("-", "pods", "get list watch", ""),
            ("storage.k8s.io", "csidrivers", "get list watch", ""),
        ],
    ),
    (
        "system:controller:service-account-controller",
        &[("-", "serviceaccounts", "create", ""), EVENTS],
    ),
    (
        "system:controller:service-cidrs-controller",
        &[
            ("networking.k8s.io", "servicecidrs", "get list patch update watch", ""),
            ("networking.k8s.io", "servicecidrs/finalizers", "patch update", ""),
            ("networking.k8s.io", "servicecidrs/status", "patch update", ""),
            ("networking.k8s.io", "ipaddresses", "get list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:service-controller",
        &[
            ("-", "services", "get list watch", ""),
            ("-", "services/status", "patch update", ""),
            ("-", "nodes", "list watch", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:statefulset-controller",
        &[
            ("-", "pods", "list watch", ""),
            ("apps", "statefulsets", "get list watch", ""),
            ("apps", "statefulsets/status", "update", ""),
            ("apps", "statefulsets/finalizers", "update", ""),
            ("-", "pods", "create delete get patch update", ""),
            (
                "apps",
                "controllerrevisions",
                "create delete get list patch update watch",
                "",
            ),
            ("-", "persistentvolumeclaims", "create get list watch", ""),
            ("-", "persistentvolumeclaims", "delete update", ""),
            ("-", "pods/finalizers", "update", ""),
            EVENTS,
        ],
    ),
    (
        "system:controller:ttl-after-finished-controller",
        &[("batch", "jobs", "delete get list watch", ""), EVENTS],
    ),
    (
        "system:controller:ttl-controller",
        &[("-", "nodes", "list patch update watch", ""), EVENTS],
    ),
    (
        "system:controller:validatingadmissionpolicy-status-controller",
        &[
            (
                "admissionregistration.k8s.io",
                "validatingadmissionpolicies",
                "get list watch",
                "",
            ),
            (
                "admissionregistration.k8s.io",
                "validatingadmissionpolicies/status",
                "get patch update",
                "",
            ),
            EVENTS,
        ],
    ),
    (
        "system:controller:volumeattributesclass-protection-controller",
        &[
            ("-", "persistentvolumeclaims", "get list watch", ""),
            ("-", "persistentvolumes", "get list watch", ""),
            ("storage.k8s.io", "volumeattributesclasses", "get list update watch", ""),
            EVENTS,
        ],
    ),
];
