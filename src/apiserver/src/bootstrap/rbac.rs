//! The default roles and bindings, as rows. Rules are upstream's for the roles that users see.

use serde_json::{Value, json};

use super::{components, controllers};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const READ: &str = "get list watch";
const WRITE: &str = "create delete deletecollection patch update";
const ALL: &str = "*";

/// `(groups, resources, verbs)`, words separated by spaces; a lone `-` is the core group.
type Row = (&'static str, &'static str, &'static str);

struct Role {
    name: &'static str,
    /// Label that adds it to `admin`, `edit` or `view`.
    aggregates_to: &'static str,
    rules: &'static [Row],
    urls: &'static [(&'static str, &'static str)],
    /// `User:` or `Group:` names it is bound to.
    subjects: &'static [&'static str],
}

const VIEW: &[Row] = &[
    (
        "-",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
        READ,
    ),
    (
        "-",
        "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status namespaces",
        READ,
    ),
    ("discovery.k8s.io", "endpointslices", READ),
    (
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
        READ,
    ),
    (
        "autoscaling",
        "horizontalpodautoscalers horizontalpodautoscalers/status",
        READ,
    ),
    ("batch", "cronjobs cronjobs/status jobs jobs/status", READ),
    ("policy", "poddisruptionbudgets poddisruptionbudgets/status", READ),
    ("networking.k8s.io", "ingresses ingresses/status networkpolicies", READ),
    ("events.k8s.io", "events", READ),
];

const EDIT: &[Row] = &[
    (
        "-",
        "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy",
        READ,
    ),
    ("-", "serviceaccounts", "impersonate"),
    ("-", "pods pods/attach pods/exec pods/portforward pods/proxy", WRITE),
    ("-", "pods/eviction serviceaccounts/token", "create"),
    (
        "-",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
        WRITE,
    ),
    (
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
        WRITE,
    ),
    ("autoscaling", "horizontalpodautoscalers", WRITE),
    ("batch", "cronjobs jobs", WRITE),
    ("policy", "poddisruptionbudgets", WRITE),
    ("networking.k8s.io", "ingresses networkpolicies", WRITE),
    (
        "coordination.k8s.io",
        "leases",
        "create delete deletecollection patch update get list watch",
    ),
    ("events.k8s.io", "events", WRITE),
];

const ADMIN: &[Row] = &[
    ("authorization.k8s.io", "localsubjectaccessreviews", "create"),
    (
        "rbac.authorization.k8s.io",
        "rolebindings roles",
        "create delete deletecollection get list patch update watch",
    ),
];

const ROLES: &[Role] = &[
    Role {
        name: "cluster-admin",
        aggregates_to: "",
        rules: &[("*", "*", ALL)],
        urls: &[("*", ALL)],
        subjects: &["Group:system:masters"],
    },
    Role {
        name: "system:discovery",
        aggregates_to: "",
        rules: &[],
        urls: &[(
            "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
            "get",
        )],
        subjects: &["Group:system:authenticated"],
    },
    Role {
        name: "rkube:trace-reader",
        aggregates_to: "",
        rules: &[],
        urls: &[("/traces /traces/*", "get")],
        subjects: &[],
    },
    Role {
        name: "system:public-info-viewer",
        aggregates_to: "",
        rules: &[],
        urls: &[("/healthz /livez /readyz /version /version/", "get")],
        subjects: &["Group:system:authenticated", "Group:system:unauthenticated"],
    },
    Role {
        name: "system:basic-user",
        aggregates_to: "",
        rules: &[
            (
                "authorization.k8s.io",
                "selfsubjectaccessreviews selfsubjectrulesreviews",
                "create",
            ),
            ("authentication.k8s.io", "selfsubjectreviews", "create"),
        ],
        urls: &[],
        subjects: &["Group:system:authenticated"],
    },
    Role {
        name: "system:service-account-issuer-discovery",
        aggregates_to: "",
        rules: &[],
        urls: &[(
            "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
            "get",
        )],
        subjects: &["Group:system:serviceaccounts"],
    },
    Role {
        name: "system:auth-delegator",
        aggregates_to: "",
        rules: &[
            ("authentication.k8s.io", "tokenreviews", "create"),
            ("authorization.k8s.io", "subjectaccessreviews", "create"),
        ],
        urls: &[],
        subjects: &[],
    },
    Role {
        name: "system:kubelet-api-admin",
        aggregates_to: "",
        rules: &[
            ("-", "nodes", "get list watch proxy"),
            (
                "-",
                "nodes/log nodes/metrics nodes/proxy nodes/stats nodes/healthz nodes/pods nodes/configz",
                "*",
            ),
        ],
        urls: &[],
        subjects: &[],
    },
    Role {
        name: "system:monitoring",
        aggregates_to: "",
        rules: &[],
        urls: &[(
            "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*",
            "get",
        )],
        subjects: &["Group:system:monitoring"],
    },
    Role {
        name: "system:node-proxier",
        aggregates_to: "",
        rules: &[
            ("-", "services endpoints", "list watch"),
            ("-", "nodes pods namespaces", READ),
            ("- events.k8s.io", "events", "create patch update"),
            ("discovery.k8s.io", "endpointslices", "list watch"),
            ("networking.k8s.io", "networkpolicies servicecidrs", "list watch"),
        ],
        urls: &[],
        subjects: &["User:system:kube-proxy"],
    },
    Role {
        name: "system:kube-scheduler",
        aggregates_to: "",
        rules: &[
            ("- events.k8s.io", "events", "create patch update"),
            ("coordination.k8s.io", "leases", "create get list patch update watch"),
            ("-", "nodes namespaces replicationcontrollers services", READ),
            ("-", "pods", "delete get list watch"),
            ("-", "bindings pods/binding", "create"),
            ("-", "pods/status", "patch update"),
            (
                "-",
                "persistentvolumeclaims persistentvolumes",
                "get list patch update watch",
            ),
            ("apps", "replicasets statefulsets", READ),
            ("policy", "poddisruptionbudgets", READ),
            (
                "storage.k8s.io",
                "csidrivers csinodes csistoragecapacities storageclasses volumeattachments",
                READ,
            ),
            ("resource.k8s.io", "*", "get list watch patch update"),
        ],
        urls: &[],
        subjects: &["User:system:kube-scheduler"],
    },
    // one identity for all controllers of this process; garbage collection and namespace deletion reach every kind
    Role {
        name: "system:kube-controller-manager",
        aggregates_to: "",
        rules: &[("*", "*", ALL)],
        urls: &[("*", "get")],
        subjects: &["User:system:kube-controller-manager"],
    },
    Role {
        name: "system:aggregate-to-view",
        aggregates_to: "view",
        rules: VIEW,
        urls: &[],
        subjects: &[],
    },
    Role {
        name: "system:aggregate-to-edit",
        aggregates_to: "edit",
        rules: EDIT,
        urls: &[],
        subjects: &[],
    },
    Role {
        name: "system:aggregate-to-admin",
        aggregates_to: "admin",
        rules: ADMIN,
        urls: &[],
        subjects: &[],
    },
];

fn words(text: &str) -> Vec<&str> {
    text.split(' ')
        .map(|word| if word == "-" { "" } else { word })
        .collect()
}

fn rules<'a>(rows: impl IntoIterator<Item = &'a Row>, urls: &[(&str, &str)]) -> Vec<Value> {
    let resources = rows.into_iter().map(|(groups, resources, verbs)| json!({"apiGroups": words(groups), "resources": words(resources), "verbs": words(verbs)}));
    let urls = urls
        .iter()
        .map(|(urls, verbs)| json!({"nonResourceURLs": words(urls), "verbs": words(verbs)}));
    resources.chain(urls).collect()
}

fn cluster_role(name: &str, rules: Vec<Value>) -> Value {
    json!({
        "apiVersion": RBAC, "kind": "ClusterRole", "rules": rules,
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}, "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}},
    })
}

/// All of them, with their resource names.
pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let mut out = Vec::new();
    for role in ROLES {
        let mut object = cluster_role(role.name, rules(role.rules, role.urls));
        if !role.aggregates_to.is_empty() {
            object["metadata"]["labels"][format!("rbac.authorization.k8s.io/aggregate-to-{}", role.aggregates_to)] =
                "true".into();
        }
        out.push(("clusterroles", object));
        if !role.subjects.is_empty() {
            out.push(("clusterrolebindings", binding(role.name, &subjects(role))));
        }
    }
    out.extend(components());
    // each includes the ones before it; the aggregation controller adds what users label
    let tiers: [(&str, &[&[Row]]); 3] = [
        ("view", &[VIEW]),
        ("edit", &[EDIT, VIEW]),
        ("admin", &[ADMIN, EDIT, VIEW]),
    ];
    for (name, sets) in tiers {
        let mut object = cluster_role(name, rules(sets.iter().copied().flatten(), &[]));
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{name}");
        object["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]});
        match name {
            "view" => object["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] = "true".into(),
            "edit" => object["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-admin"] = "true".into(),
            _ => {}
        }
        out.push(("clusterroles", object));
    }
    out
}

/// The role to read how extension API servers authenticate, and its binding.
pub(super) fn extension_reader() -> (Value, Value) {
    let name = "extension-apiserver-authentication-reader";
    let metadata = |name: &str| {
        json!({
            "name": name, "namespace": "kube-system", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        })
    };
    let rule = json!({"apiGroups": [""], "resources": ["configmaps"],
        "resourceNames": ["extension-apiserver-authentication"], "verbs": words(READ)});
    let users = ["system:kube-controller-manager", "system:kube-scheduler"];
    let subjects = users.map(|user| json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}));
    let role = json!({"apiVersion": RBAC, "kind": "Role", "metadata": metadata(name), "rules": [rule]});
    let binding = json!({
        "apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata(&format!("system::{name}")), "subjects": subjects,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
    });
    (role, binding)
}

fn subjects(role: &Role) -> Vec<Value> {
    let named = role.subjects.iter().filter_map(|subject| subject.split_once(':'));
    named
        .map(|(kind, name)| json!({"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name}))
        .collect()
}

fn binding(name: &str, subjects: &[Value]) -> Value {
    json!({
        "apiVersion": RBAC, "kind": "ClusterRoleBinding", "subjects": subjects,
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}, "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
    })
}

/// Roles of upstream's components, and the bindings that they have there.
fn components() -> Vec<(&'static str, Value)> {
    let rule = |row: &components::Row| {
        let (groups, resources, verbs, names) = *row;
        let mut rule = json!({"apiGroups": words(groups), "resources": words(resources), "verbs": words(verbs)});
        if !names.is_empty() {
            rule["resourceNames"] = words(names).into();
        }
        rule
    };
    let account = |name: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": "kube-system"});
    let scheduler = json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:kube-scheduler"});
    let bound = |name: &str| match name.strip_prefix("system:controller:") {
        Some(controller) => Some(vec![account(controller)]),
        None => match name {
            "system:kube-dns" => Some(vec![account("kube-dns")]),
            // nodes have their rights from their authorizer
            "system:node" => Some(Vec::new()),
            "system:volume-scheduler" => Some(vec![scheduler.clone()]),
            _ => None,
        },
    };
    let mut out = Vec::new();
    for (name, rows) in components::COMPONENTS.iter().chain(controllers::CONTROLLERS) {
        out.push(("clusterroles", cluster_role(name, rows.iter().map(rule).collect())));
        out.extend(bound(name).map(|subjects| ("clusterrolebindings", binding(name, &subjects))));
    }
    out
}

/// What an object of a former start lacks of what it ought to grant; `None` if that is nothing, or not wanted. What others
/// have added stays.
pub(super) fn completed(live: &Value, wanted: &Value) -> Option<Value> {
    if live.pointer("/metadata/annotations/rbac.authorization.kubernetes.io~1autoupdate") != Some(&"true".into()) {
        return None;
    }
    let mut next = live.clone();
    for list in ["/rules", "/subjects", "/aggregationRule/clusterRoleSelectors"] {
        // the rules of such roles are gathered from others
        if list == "/rules" && wanted.get("aggregationRule").is_some() {
            continue;
        }
        let present = live
            .pointer(list)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let ought = wanted.pointer(list).and_then(Value::as_array).into_iter().flatten();
        let missing: Vec<Value> = ought.filter(|one| !has(present, one)).cloned().collect();
        if missing.is_empty() {
            continue;
        }
        let all = [present, &missing].concat();
        match list {
            "/aggregationRule/clusterRoleSelectors" => next["aggregationRule"]["clusterRoleSelectors"] = all.into(),
            list => next[&list[1..]] = all.into(),
        }
    }
    for (key, value) in wanted["metadata"]["labels"].as_object().into_iter().flatten() {
        next["metadata"]["labels"][key] = value.clone();
    }
    (next != *live).then_some(next)
}

/// Whether the list has the item, which may say more there.
fn has(list: &[Value], item: &Value) -> bool {
    let fields = item.as_object();
    list.iter().any(|own| {
        // names make a rule narrower
        own.get("resourceNames") == item.get("resourceNames")
            && fields.is_some_and(|fields| fields.iter().all(|(field, value)| own.get(field) == Some(value)))
    })
}

#[cfg(test)]
mod tests;
