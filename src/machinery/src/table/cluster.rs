//! Nodes, namespaces, configuration, quotas, leases and classes.

use serde_json::Value;

use super::Printer;
use super::column::{AGE, NAME, boolean, integer, text, wide};
use super::object::Cells;

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
        group: "coordination.k8s.io",
        kind: "Lease",
        columns: &[NAME, text("Holder"), AGE],
        cells: |c| vec![c.name(), c.text("/spec/holderIdentity"), c.age()],
    },
    Printer {
        group: "coordination.k8s.io",
        kind: "LeaseCandidate",
        columns: &[
            NAME,
            text("LeaseName"),
            text("BinaryVersion"),
            text("EmulationVersion"),
            AGE,
        ],
        cells: |c| {
            vec![
                c.name(),
                c.text("/spec/leaseName"),
                c.text("/spec/binaryVersion"),
                c.text("/spec/emulationVersion"),
                c.age(),
            ]
        },
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
