//! Nodes, namespaces, configuration, access, events and the API's own objects.

use serde_json::Value;

use super::Printer;
use super::column::{AGE, Column, NAME, boolean, integer, text, wide};
use super::object::Cells;
use crate::duration;

pub(super) static FALLBACK: Printer = Printer {
    group: "",
    kind: "",
    columns: &[NAME, text("Created At")],
    cells: |c| vec![c.name(), c.text("/metadata/creationTimestamp")],
};

pub(super) static NAME_AND_AGE: Printer = Printer {
    group: "",
    kind: "",
    columns: &[NAME, AGE],
    cells: |c| vec![c.name(), c.age()],
};

const NAME_ONLY: Column = Column { priority: 1, ..NAME };

static BINDING: &[Column] = &[
    NAME,
    text("Role"),
    AGE,
    wide("Users"),
    wide("Groups"),
    wide("ServiceAccounts"),
];

static EVENT: &[Column] = &[
    text("Last Seen"),
    text("Type"),
    text("Reason"),
    text("Object"),
    wide("Subobject"),
    wide("Source"),
    text("Message"),
    wide("First Seen"),
    wide("Count"),
    NAME_ONLY,
];

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "",
        kind: "Node",
        columns: &[
            NAME,
            text("Status"),
            text("Roles"),
            AGE,
            text("Version"),
            wide("Internal-IP"),
            wide("External-IP"),
            wide("OS-Image"),
            wide("Kernel-Version"),
            wide("Container-Runtime"),
        ],
        cells: node,
    },
    Printer {
        group: "",
        kind: "Namespace",
        columns: &[NAME, text("Status"), AGE],
        cells: |c| vec![c.name(), c.text("/status/phase"), c.age()],
    },
    Printer {
        group: "",
        kind: "ConfigMap",
        columns: &[NAME, text("Data"), AGE],
        cells: |c| vec![c.name(), (c.size("/data") + c.size("/binaryData")).into(), c.age()],
    },
    Printer {
        group: "",
        kind: "Secret",
        columns: &[NAME, text("Type"), text("Data"), AGE],
        cells: |c| vec![c.name(), c.text("/type"), c.size("/data").into(), c.age()],
    },
    Printer {
        group: "",
        kind: "ServiceAccount",
        columns: &[NAME, AGE],
        cells: |c| vec![c.name(), c.age()],
    },
    Printer {
        group: "",
        kind: "ResourceQuota",
        columns: &[NAME, text("Request"), text("Limit"), AGE],
        cells: resource_quota,
    },
    Printer {
        group: "",
        kind: "ComponentStatus",
        columns: &[NAME, text("Status"), text("Message"), text("Error")],
        cells: component_status,
    },
    Printer {
        group: "",
        kind: "Event",
        columns: EVENT,
        cells: event,
    },
    Printer {
        group: "events.k8s.io",
        kind: "Event",
        columns: EVENT,
        cells: event,
    },
    Printer {
        group: "rbac.authorization.k8s.io",
        kind: "RoleBinding",
        columns: BINDING,
        cells: binding,
    },
    Printer {
        group: "rbac.authorization.k8s.io",
        kind: "ClusterRoleBinding",
        columns: BINDING,
        cells: binding,
    },
    Printer {
        group: "coordination.k8s.io",
        kind: "Lease",
        columns: &[NAME, text("Holder"), AGE],
        cells: |c| vec![c.name(), c.text("/spec/holderIdentity"), c.age()],
    },
    Printer {
        group: "scheduling.k8s.io",
        kind: "PriorityClass",
        columns: &[
            NAME,
            integer("Value"),
            boolean("Global-Default"),
            AGE,
            text("PreemptionPolicy"),
        ],
        cells: |c| {
            let global = c.at("/globalDefault").and_then(Value::as_bool).unwrap_or_default();
            vec![
                c.name(),
                c.int("/value").into(),
                global.into(),
                c.age(),
                c.text("/preemptionPolicy"),
            ]
        },
    },
    Printer {
        group: "node.k8s.io",
        kind: "RuntimeClass",
        columns: &[NAME, text("Handler"), AGE],
        cells: |c| vec![c.name(), c.text("/handler"), c.age()],
    },
    Printer {
        group: "certificates.k8s.io",
        kind: "CertificateSigningRequest",
        columns: &[
            NAME,
            AGE,
            text("SignerName"),
            text("Requestor"),
            text("RequestedDuration"),
            text("Condition"),
        ],
        cells: signing_request,
    },
    Printer {
        group: "apiregistration.k8s.io",
        kind: "APIService",
        columns: &[NAME, text("Service"), text("Available"), AGE],
        cells: api_service,
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "MutatingWebhookConfiguration",
        columns: &[NAME, integer("Webhooks"), AGE],
        cells: |c| vec![c.name(), c.list("/webhooks").len().into(), c.age()],
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "ValidatingWebhookConfiguration",
        columns: &[NAME, integer("Webhooks"), AGE],
        cells: |c| vec![c.name(), c.list("/webhooks").len().into(), c.age()],
    },
    Printer {
        group: "flowcontrol.apiserver.k8s.io",
        kind: "FlowSchema",
        columns: &[
            NAME,
            text("PriorityLevel"),
            text("MatchingPrecedence"),
            text("DistinguisherMethod"),
            AGE,
            text("MissingPL"),
        ],
        cells: |c| {
            let dangling = c
                .condition("Dangling")
                .map_or("?", |condition| condition["status"].as_str().unwrap_or("?"));
            vec![
                c.name(),
                c.text_or("/spec/priorityLevelConfiguration/name", "<none>"),
                c.int("/spec/matchingPrecedence").into(),
                c.text_or("/spec/distinguisherMethod/type", "<none>"),
                c.age(),
                dangling.into(),
            ]
        },
    },
    Printer {
        group: "flowcontrol.apiserver.k8s.io",
        kind: "PriorityLevelConfiguration",
        columns: &[
            NAME,
            text("Type"),
            text("NominalConcurrencyShares"),
            text("Queues"),
            text("HandSize"),
            text("QueueLengthLimit"),
            AGE,
        ],
        cells: |c| {
            let number = |pointer: &str| c.at(pointer).cloned().unwrap_or_else(|| "<none>".into());
            let queuing = "/spec/limited/limitResponse/queuing";
            vec![
                c.name(),
                c.text("/spec/type"),
                number("/spec/limited/nominalConcurrencyShares"),
                number(&format!("{queuing}/queues")),
                number(&format!("{queuing}/handSize")),
                number(&format!("{queuing}/queueLengthLimit")),
                c.age(),
            ]
        },
    },
];

fn node(c: &Cells<'_>) -> Vec<Value> {
    let mut status = match c.condition("Ready") {
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if c.at("/spec/unschedulable") == Some(&Value::Bool(true)) {
        status.push_str(",SchedulingDisabled");
    }
    let address = |ty: &str| {
        let found = c.list("/status/addresses").iter().find(|address| address["type"] == ty);
        found
            .and_then(|address| address["address"].as_str())
            .unwrap_or("<none>")
            .to_owned()
    };
    let info = |field: &str| c.text_or(&format!("/status/nodeInfo/{field}"), "<unknown>");
    let architecture = c.str("/status/nodeInfo/architecture");
    let mut kernel = info("kernelVersion");
    if let (Some(version), false) = (kernel.as_str(), architecture.is_empty()) {
        kernel = format!("{version} ({architecture})").into();
    }
    vec![
        c.name(),
        status.into(),
        roles(c).into(),
        c.age(),
        c.text("/status/nodeInfo/kubeletVersion"),
        address("InternalIP").into(),
        address("ExternalIP").into(),
        info("osImage"),
        kernel,
        info("containerRuntimeVersion"),
    ]
}

fn roles(c: &Cells<'_>) -> String {
    let labels = c
        .at("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let role = |(key, value): (&String, &Value)| match key.strip_prefix("node-role.kubernetes.io/") {
        Some(role) => Some(role.to_owned()),
        None if key == "kubernetes.io/role" => value.as_str().map(ToOwned::to_owned),
        None => None,
    };
    let mut roles: Vec<String> = labels.filter_map(role).filter(|role| !role.is_empty()).collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        "<none>".to_owned()
    } else {
        roles.join(",")
    }
}

/// Events of both groups; the newer one has other names for some fields.
fn event(c: &Cells<'_>) -> Vec<Value> {
    let either = |old: &str, new: &str| c.at(old).or_else(|| c.at(new));
    let first = c.since(either("/firstTimestamp", "/deprecatedFirstTimestamp").or_else(|| c.at("/eventTime")));
    let last = either("/lastTimestamp", "/deprecatedLastTimestamp");
    let mut last = last.map_or_else(|| first.clone(), |time| c.since(Some(time)));
    let mut count = either("/count", "/deprecatedCount")
        .and_then(Value::as_i64)
        .filter(|count| *count != 0)
        .unwrap_or(1);
    if c.at("/series").is_some() {
        last = c.since(c.at("/series/lastObservedTime"));
        count = c.int("/series/count");
    }
    let involved = either("/involvedObject", "/regarding").unwrap_or(&Value::Null);
    let part = |field: &str| involved[field].as_str().unwrap_or_default();
    let slash = if part("name").is_empty() { "" } else { "/" };
    let target = format!("{}{slash}{}", part("kind").to_lowercase(), part("name"));
    let source = |field: &str, new: &str, reporting: &[&str]| {
        let named = either(&format!("/source/{field}"), &format!("/deprecatedSource/{new}")).and_then(Value::as_str);
        let reporting = reporting
            .iter()
            .map(|pointer| c.str(pointer))
            .find(|text| !text.is_empty());
        named
            .filter(|text| !text.is_empty())
            .or(reporting)
            .unwrap_or_default()
            .to_owned()
    };
    let component = source(
        "component",
        "component",
        &["/reportingComponent", "/reportingController"],
    );
    let instance = source("host", "host", &["/reportingInstance"]);
    let source = if instance.is_empty() {
        component
    } else {
        format!("{component}, {instance}")
    };
    let message = either("/message", "/note").and_then(Value::as_str).unwrap_or_default();
    vec![
        last.into(),
        c.text("/type"),
        c.text("/reason"),
        target.into(),
        part("fieldPath").into(),
        source.into(),
        message.trim().into(),
        first.into(),
        count.into(),
        c.name(),
    ]
}

fn binding(c: &Cells<'_>) -> Vec<Value> {
    let subjects = |kind: &str| -> Value {
        let of_kind = c.list("/subjects").iter().filter(|subject| subject["kind"] == kind);
        let name = |subject: &Value| {
            let name = subject["name"].as_str().unwrap_or_default();
            match subject["namespace"].as_str() {
                Some(namespace) if kind == "ServiceAccount" => format!("{namespace}/{name}"),
                _ => name.to_owned(),
            }
        };
        of_kind.map(name).collect::<Vec<_>>().join(", ").into()
    };
    let role = format!("{}/{}", c.str("/roleRef/kind"), c.str("/roleRef/name"));
    vec![
        c.name(),
        role.into(),
        c.age(),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

fn signing_request(c: &Cells<'_>) -> Vec<Value> {
    let has = |ty: &str| c.condition(ty).is_some();
    let mut status = match () {
        () if has("Denied") => "Denied",
        () if has("Approved") => "Approved",
        () => "Pending",
    }
    .to_owned();
    if has("Failed") {
        status.push_str(",Failed");
    }
    if !c.str("/status/certificate").is_empty() {
        status.push_str(",Issued");
    }
    let requested = c.at("/spec/expirationSeconds").and_then(Value::as_i64);
    let requested = requested.map_or_else(|| "<none>".to_owned(), duration::human);
    vec![
        c.name(),
        c.age(),
        c.text_or("/spec/signerName", "<none>"),
        c.text("/spec/username"),
        requested.into(),
        status.into(),
    ]
}

fn api_service(c: &Cells<'_>) -> Vec<Value> {
    let service = match c.at("/spec/service") {
        Some(_) => format!("{}/{}", c.str("/spec/service/namespace"), c.str("/spec/service/name")),
        None => "Local".to_owned(),
    };
    let available = match c.condition("Available") {
        Some(condition) if condition["status"] == "True" => "True".to_owned(),
        Some(condition) => {
            let part = |field: &str| condition[field].as_str().unwrap_or_default();
            format!("{} ({})", part("status"), part("reason"))
        }
        None => "Unknown".to_owned(),
    };
    vec![c.name(), service.into(), available.into(), c.age()]
}

/// `name: used/hard`, limits apart from the rest.
fn resource_quota(c: &Cells<'_>) -> Vec<Value> {
    let hard = c.at("/status/hard").and_then(Value::as_object);
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, hard) in hard.into_iter().flatten() {
        let used = c
            .at("/status/used")
            .and_then(|used| used[name.as_str()].as_str())
            .unwrap_or("0");
        let text = format!("{name}: {used}/{}", hard.as_str().unwrap_or_default());
        if name.starts_with("limits.") {
            limits.push(text);
        } else {
            requests.push(text);
        }
    }
    vec![c.name(), requests.join(", ").into(), limits.join(", ").into(), c.age()]
}

fn component_status(c: &Cells<'_>) -> Vec<Value> {
    let healthy = c
        .list("/conditions")
        .iter()
        .find(|condition| condition["type"] == "Healthy");
    let part = |field: &str| {
        healthy
            .and_then(|condition| condition[field].as_str())
            .unwrap_or_default()
    };
    let status = if part("status") == "True" {
        "Healthy"
    } else {
        "Unhealthy"
    };
    vec![c.name(), status.into(), part("message").into(), part("error").into()]
}
