//! The API's own objects: who answers for which group, who is asked, who waits, how objects are stored.

use serde_json::Value;

use super::Printer;
use super::column::{AGE, NAME, integer, text};
use super::object::Cells;

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "",
        kind: "ComponentStatus",
        columns: &[NAME, text("Status"), text("Message"), text("Error")],
        cells: component_status,
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
    Printer {
        group: "internal.apiserver.k8s.io",
        kind: "StorageVersion",
        columns: &[NAME, text("CommonEncodingVersion"), text("StorageVersions"), AGE],
        cells: storage_version,
    },
    Printer {
        group: "storagemigration.k8s.io",
        kind: "StorageVersionMigration",
        columns: &[text("Name"), text("Resource"), text("Status")],
        cells: migration,
    },
];

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

fn storage_version(c: &Cells<'_>) -> Vec<Value> {
    const SHOWN: usize = 3;
    let all = c.list("/status/storageVersions");
    let part = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let one = |one: &Value| format!("{}={}", part(one, "apiServerID"), part(one, "encodingVersion"));
    let mut servers = all.iter().take(SHOWN).map(one).collect::<Vec<_>>().join(",");
    if all.len() > SHOWN {
        servers = format!("{servers} + {} more...", all.len() - SHOWN);
    } else if all.is_empty() {
        "<unset>".clone_into(&mut servers);
    }
    vec![
        c.name(),
        c.text_or("/status/commonEncodingVersion", "<unset>"),
        servers.into(),
        c.age(),
    ]
}

fn migration(c: &Cells<'_>) -> Vec<Value> {
    let (group, resource) = (c.str("/spec/resource/group"), c.str("/spec/resource/resource"));
    let dot = if group.is_empty() { "" } else { "." };
    let conditions = c.list("/status/conditions").iter();
    let mut states = conditions
        .filter(|condition| condition["status"] == "True")
        .filter_map(|condition| condition["type"].as_str())
        .filter(|ty| matches!(*ty, "Running" | "Failed" | "Succeeded"));
    let state = states.next_back().unwrap_or("Unknown");
    vec![c.name(), format!("{resource}{dot}{group}").into(), state.into()]
}
