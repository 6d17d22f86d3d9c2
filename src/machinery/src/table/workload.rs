//! Controllers of pods, and what scales them.

use serde_json::Value;

use super::Printer;
use super::column::{AGE, Column, NAME, boolean, integer, text, wide};
use super::object::Cells;
use crate::decode::parse_time;
use crate::duration;

const CONTAINERS: Column = wide("Containers");
const IMAGES: Column = wide("Images");
const SELECTOR: Column = wide("Selector");
const TEMPLATE: &str = "/spec/template/spec/containers";

static SETS: &[Column] = &[
    NAME,
    integer("Desired"),
    integer("Current"),
    integer("Ready"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "",
        kind: "ReplicationController",
        columns: SETS,
        cells: replication_controller,
    },
    Printer {
        group: "apps",
        kind: "ReplicaSet",
        columns: SETS,
        cells: replica_set,
    },
    Printer {
        group: "apps",
        kind: "Deployment",
        columns: &[
            NAME,
            text("Ready"),
            text("Up-to-date"),
            text("Available"),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: deployment,
    },
    Printer {
        group: "apps",
        kind: "StatefulSet",
        columns: &[NAME, text("Ready"), AGE, CONTAINERS, IMAGES],
        cells: stateful_set,
    },
    Printer {
        group: "apps",
        kind: "DaemonSet",
        columns: &[
            NAME,
            integer("Desired"),
            integer("Current"),
            integer("Ready"),
            integer("Up-to-date"),
            integer("Available"),
            text("Node Selector"),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: daemon_set,
    },
    Printer {
        group: "apps",
        kind: "ControllerRevision",
        columns: &[NAME, text("Controller"), text("Revision"), AGE],
        cells: controller_revision,
    },
    Printer {
        group: "batch",
        kind: "Job",
        columns: &[
            NAME,
            text("Status"),
            text("Completions"),
            text("Duration"),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: job,
    },
    Printer {
        group: "batch",
        kind: "CronJob",
        columns: &[
            NAME,
            text("Schedule"),
            text("Timezone"),
            boolean("Suspend"),
            integer("Active"),
            text("Last Schedule"),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        cells: cron_job,
    },
    Printer {
        group: "autoscaling",
        kind: "HorizontalPodAutoscaler",
        columns: &[
            NAME,
            text("Reference"),
            text("Targets"),
            text("MinPods"),
            text("MaxPods"),
            text("Replicas"),
            AGE,
        ],
        cells: autoscaler,
    },
    Printer {
        group: "autoscaling",
        kind: "Scale",
        columns: &[text("Name"), integer("Desired"), integer("Available"), AGE],
        cells: |c| {
            vec![
                c.name(),
                c.int("/spec/replicas").into(),
                c.int("/status/replicas").into(),
                c.age(),
            ]
        },
    },
    Printer {
        group: "policy",
        kind: "PodDisruptionBudget",
        columns: &[
            NAME,
            text("Min Available"),
            text("Max Unavailable"),
            integer("Allowed Disruptions"),
            AGE,
        ],
        cells: budget,
    },
    Printer {
        group: "",
        kind: "PodTemplate",
        columns: &[NAME, text("Containers"), text("Images"), text("Pod Labels")],
        cells: |c| {
            let [names, images] = c.containers("/template/spec/containers");
            vec![c.name(), names, images, c.map("/template/metadata/labels")]
        },
    },
];

fn counts(c: &Cells<'_>) -> Vec<Value> {
    let [names, images] = c.containers(TEMPLATE);
    let (desired, current, ready) = (
        c.int("/spec/replicas"),
        c.int("/status/replicas"),
        c.int("/status/readyReplicas"),
    );
    vec![
        c.name(),
        desired.into(),
        current.into(),
        ready.into(),
        c.age(),
        names,
        images,
    ]
}

fn replication_controller(c: &Cells<'_>) -> Vec<Value> {
    let mut cells = counts(c);
    cells.push(c.map("/spec/selector"));
    cells
}

fn replica_set(c: &Cells<'_>) -> Vec<Value> {
    let mut cells = counts(c);
    cells.push(c.selector("/spec/selector"));
    cells
}

fn deployment(c: &Cells<'_>) -> Vec<Value> {
    let [names, images] = c.containers(TEMPLATE);
    let ready = format!("{}/{}", c.int("/status/readyReplicas"), c.int("/spec/replicas"));
    let updated = c.int("/status/updatedReplicas").into();
    let available = c.int("/status/availableReplicas").into();
    vec![
        c.name(),
        ready.into(),
        updated,
        available,
        c.age(),
        names,
        images,
        c.selector("/spec/selector"),
    ]
}

fn stateful_set(c: &Cells<'_>) -> Vec<Value> {
    let [names, images] = c.containers(TEMPLATE);
    let ready = format!("{}/{}", c.int("/status/readyReplicas"), c.int("/spec/replicas"));
    vec![c.name(), ready.into(), c.age(), names, images]
}

fn daemon_set(c: &Cells<'_>) -> Vec<Value> {
    let [names, images] = c.containers(TEMPLATE);
    vec![
        c.name(),
        c.int("/status/desiredNumberScheduled").into(),
        c.int("/status/currentNumberScheduled").into(),
        c.int("/status/numberReady").into(),
        c.int("/status/updatedNumberScheduled").into(),
        c.int("/status/numberAvailable").into(),
        c.map("/spec/template/spec/nodeSelector"),
        c.age(),
        names,
        images,
        c.selector("/spec/selector"),
    ]
}

fn controller_revision(c: &Cells<'_>) -> Vec<Value> {
    let controller = c
        .list("/metadata/ownerReferences")
        .iter()
        .find(|owner| owner["controller"] == true);
    let controller = controller.map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let kind = owner["kind"].as_str().unwrap_or_default().to_lowercase();
            let group = owner["apiVersion"]
                .as_str()
                .and_then(|v| v.split_once('/'))
                .map_or("", |(group, _)| group);
            let dot = if group.is_empty() { "" } else { "." };
            format!("{kind}{dot}{group}/{}", owner["name"].as_str().unwrap_or_default())
        },
    );
    vec![c.name(), controller.into(), c.int("/revision").into(), c.age()]
}

fn job(c: &Cells<'_>) -> Vec<Value> {
    let succeeded = c.int("/status/succeeded");
    let parallelism = c.int("/spec/parallelism");
    let completions = match c.at("/spec/completions").and_then(Value::as_i64) {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    };
    let start = parse_time(c.str("/status/startTime"));
    let end = parse_time(c.str("/status/completionTime")).unwrap_or(c.now);
    let took = start
        .map(|start| duration::human_between(start, end))
        .unwrap_or_default();
    let has = |ty: &str| c.condition(ty).is_some_and(|condition| condition["status"] == "True");
    let status = match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if c.is_deleting() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    };
    let [names, images] = c.containers(TEMPLATE);
    vec![
        c.name(),
        status.into(),
        completions.into(),
        took.into(),
        c.age(),
        names,
        images,
        c.selector("/spec/selector"),
    ]
}

fn cron_job(c: &Cells<'_>) -> Vec<Value> {
    let last = c
        .at("/status/lastScheduleTime")
        .map_or_else(|| "<none>".to_owned(), |time| c.since(Some(time)));
    let [names, images] = c.containers("/spec/jobTemplate/spec/template/spec/containers");
    vec![
        c.name(),
        c.text("/spec/schedule"),
        c.text_or("/spec/timeZone", "<none>"),
        c.bool_or_unset("/spec/suspend"),
        c.list("/status/active").len().into(),
        last.into(),
        c.age(),
        names,
        images,
        c.selector("/spec/jobTemplate/spec/selector"),
    ]
}

fn budget(c: &Cells<'_>) -> Vec<Value> {
    let amount = |pointer: &str| match c.at(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "N/A".to_owned(),
    };
    vec![
        c.name(),
        amount("/spec/minAvailable").into(),
        amount("/spec/maxUnavailable").into(),
        c.int("/status/disruptionsAllowed").into(),
        c.age(),
    ]
}

fn autoscaler(c: &Cells<'_>) -> Vec<Value> {
    let reference = format!(
        "{}/{}",
        c.str("/spec/scaleTargetRef/kind"),
        c.str("/spec/scaleTargetRef/name")
    );
    let min = c
        .at("/spec/minReplicas")
        .map_or_else(|| "<unset>".to_owned(), ToString::to_string);
    vec![
        c.name(),
        reference.into(),
        metrics(c).into(),
        min.into(),
        c.int("/spec/maxReplicas").into(),
        c.int("/status/currentReplicas").into(),
        c.age(),
    ]
}

/// `current/target` of each metric, two at most.
fn metrics(c: &Cells<'_>) -> String {
    let current = c.list("/status/currentMetrics");
    let mut out = Vec::new();
    for (i, metric) in c.list("/spec/metrics").iter().enumerate() {
        let ty = metric["type"].as_str().unwrap_or_default();
        let source = match ty {
            "External" => "external",
            "Pods" => "pods",
            "Object" => "object",
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            _ => {
                out.push("<unknown type>".to_owned());
                continue;
            }
        };
        let target = &metric[source]["target"];
        let now = current.get(i).map_or(&Value::Null, |status| &status[source]["current"]);
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let unknown = || "<unknown>".to_owned();
        let named = matches!(source, "resource" | "containerResource");
        let pair = match text(&target["averageValue"]) {
            Some(average) => {
                let suffix = if matches!(source, "external" | "object") {
                    " (avg)"
                } else {
                    ""
                };
                format!(
                    "{}/{average}{suffix}",
                    text(&now["averageValue"]).unwrap_or_else(unknown)
                )
            }
            None if named => {
                let percent = |value: &Value| value.as_i64().map(|value| format!("{value}%"));
                let target = percent(&target["averageUtilization"]).unwrap_or_else(|| "<auto>".to_owned());
                format!(
                    "{}/{target}",
                    percent(&now["averageUtilization"]).unwrap_or_else(unknown)
                )
            }
            None => {
                let target = text(&target["value"]).unwrap_or_else(unknown);
                format!("{}/{target}", text(&now["value"]).unwrap_or_else(unknown))
            }
        };
        let name = metric[source]["name"].as_str().unwrap_or_default();
        out.push(if named { format!("{name}: {pair}") } else { pair });
    }
    match out.len() {
        0 => "<none>".to_owned(),
        1 | 2 => out.join(", "),
        more => format!("{} + {} more...", out[..2].join(", "), more - 2),
    }
}
