//! Roles of Kubernetes' own components, for those who run such components themselves or refer to the roles by name: facts of
//! upstream 1.36, without the roles that have rules of their own here.

/// `(groups, resources, verbs, names)`, words separated by spaces; a lone `-` is the core group.
pub(super) type Row = (&'static str, &'static str, &'static str, &'static str);

/// Roles that are not bound, or bound by [`super::rbac`].
pub(super) const COMPONENTS: &[(&str, &[Row])] = &[
    (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        &[(
            "certificates.k8s.io",
            "certificatesigningrequests/nodeclient",
            "create",
            "",
        )],
    ),
    (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        &[(
            "certificates.k8s.io",
            "certificatesigningrequests/selfnodeclient",
            "create",
            "",
        )],
    ),
    (
        "system:certificates.k8s.io:kube-apiserver-client-approver",
        &[(
            "certificates.k8s.io",
            "signers",
            "approve",
            "kubernetes.io/kube-apiserver-client",
        )],
    ),
    (
        "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
        &[(
            "certificates.k8s.io",
            "signers",
            "approve",
            "kubernetes.io/kube-apiserver-client-kubelet",
        )],
    ),
    (
        "system:certificates.k8s.io:kubelet-serving-approver",
        &[(
            "certificates.k8s.io",
            "signers",
            "approve",
            "kubernetes.io/kubelet-serving",
        )],
    ),
    (
        "system:certificates.k8s.io:legacy-unknown-approver",
        &[(
            "certificates.k8s.io",
            "signers",
            "approve",
            "kubernetes.io/legacy-unknown",
        )],
    ),
    (
        "system:heapster",
        &[
            ("-", "events namespaces nodes pods", "get list watch", ""),
            ("extensions", "deployments", "get list watch", ""),
        ],
    ),
    (
        "system:kube-aggregator",
        &[("-", "endpoints services", "get list watch", "")],
    ),
    ("system:kube-dns", &[("-", "endpoints services", "list watch", "")]),
    (
        "system:node",
        &[
            ("authentication.k8s.io", "tokenreviews", "create", ""),
            (
                "authorization.k8s.io",
                "localsubjectaccessreviews subjectaccessreviews",
                "create",
                "",
            ),
            ("-", "services", "get list watch", ""),
            ("-", "nodes", "create get list watch", ""),
            ("-", "nodes/status", "patch update", ""),
            ("-", "nodes", "patch update", ""),
            ("- events.k8s.io", "events", "create patch update", ""),
            ("-", "pods", "get list watch", ""),
            ("-", "pods", "create delete", ""),
            ("-", "pods/status", "patch update", ""),
            ("-", "pods/eviction", "create", ""),
            ("-", "configmaps secrets", "get list watch", ""),
            ("-", "persistentvolumeclaims persistentvolumes", "get", ""),
            ("-", "endpoints", "get", ""),
            (
                "certificates.k8s.io",
                "certificatesigningrequests",
                "create get list watch",
                "",
            ),
            ("coordination.k8s.io", "leases", "create delete get patch update", ""),
            ("storage.k8s.io", "volumeattachments", "get", ""),
            ("-", "serviceaccounts/token", "create", ""),
            ("-", "persistentvolumeclaims/status", "get patch update", ""),
            ("storage.k8s.io", "csidrivers", "get list watch", ""),
            ("storage.k8s.io", "csinodes", "create delete get patch update", ""),
            ("node.k8s.io", "runtimeclasses", "get list watch", ""),
            ("resource.k8s.io", "resourceclaims", "get", ""),
            ("resource.k8s.io", "resourceslices", "deletecollection", ""),
            ("-", "serviceaccounts", "get", ""),
        ],
    ),
    (
        "system:node-bootstrapper",
        &[(
            "certificates.k8s.io",
            "certificatesigningrequests",
            "create get list watch",
            "",
        )],
    ),
    (
        "system:node-problem-detector",
        &[
            ("-", "nodes", "get", ""),
            ("-", "nodes/status", "patch", ""),
            ("- events.k8s.io", "events", "create patch update", ""),
        ],
    ),
    (
        "system:persistent-volume-provisioner",
        &[
            ("-", "persistentvolumes", "create delete get list watch", ""),
            ("-", "persistentvolumeclaims", "get list update watch", ""),
            ("storage.k8s.io", "storageclasses", "get list watch", ""),
            ("-", "events", "watch", ""),
            ("- events.k8s.io", "events", "create patch update", ""),
        ],
    ),
    (
        "system:volume-scheduler",
        &[
            ("-", "persistentvolumes", "get list patch update watch", ""),
            ("storage.k8s.io", "storageclasses", "get list watch", ""),
            ("-", "persistentvolumeclaims", "get list patch update watch", ""),
        ],
    ),
];
