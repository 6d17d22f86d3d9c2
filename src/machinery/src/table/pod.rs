//! Pods: the status column is a summary of all that can be wrong with one.

use serde_json::{Value, json};

use super::Printer;
use super::column::{AGE, NAME, text, wide};
use super::object::Cells;

pub(super) static PRINTERS: &[Printer] = &[Printer {
    group: "",
    kind: "Pod",
    columns: &[
        NAME,
        text("Ready"),
        text("Status"),
        text("Restarts"),
        AGE,
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ],
    cells: pod,
}];

/// Conditions of a pod's row, by which kubectl hides finished pods.
pub(super) fn row_conditions(object: &Value) -> Option<Value> {
    if object["kind"] != "Pod" || object["apiVersion"] != "v1" {
        return None;
    }
    let (reason, message) = match object.pointer("/status/phase")?.as_str()? {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

#[derive(Default)]
struct Summary {
    reason: String,
    ready: usize,
    restarts: i64,
    last_restart: Option<String>,
}

impl Summary {
    fn count(&mut self, status: &Value) {
        self.restarts += status["restartCount"].as_i64().unwrap_or_default();
        let finished = status
            .pointer("/lastState/terminated/finishedAt")
            .and_then(Value::as_str);
        // Times are canonical, so that they compare as text.
        if let Some(finished) = finished.filter(|time| self.last_restart.as_deref().is_none_or(|last| last < *time)) {
            self.last_restart = Some(finished.to_owned());
        }
    }
}

fn pod(cells: &Cells<'_>) -> Vec<Value> {
    let mut summary = Summary::default();
    let phase = cells.str("/status/phase");
    let status_reason = cells.str("/status/reason");
    (if status_reason.is_empty() { phase } else { status_reason }).clone_into(&mut summary.reason);
    if cells
        .condition("PodScheduled")
        .is_some_and(|condition| condition["reason"] == "SchedulingGated")
    {
        "SchedulingGated".clone_into(&mut summary.reason);
    }
    let inits = cells.list("/spec/initContainers");
    let is_sidecar = |name: &Value| {
        inits
            .iter()
            .any(|c| c["name"] == *name && c["restartPolicy"] == "Always")
    };
    let total = cells.list("/spec/containers").len() + inits.iter().filter(|c| c["restartPolicy"] == "Always").count();
    let mut sidecars = Summary::default();
    let initializing = init_containers(cells, &mut summary, &mut sidecars, &is_sidecar);
    let initialized = cells
        .condition("Initialized")
        .is_some_and(|condition| condition["status"] == "True");
    if !initializing || initialized {
        summary.restarts = sidecars.restarts;
        summary.last_restart = sidecars.last_restart;
        containers(cells, &mut summary);
    }
    if cells.is_deleting() && status_reason == "NodeLost" {
        "Unknown".clone_into(&mut summary.reason);
    } else if cells.is_deleting() && !matches!(phase, "Failed" | "Succeeded") {
        "Terminating".clone_into(&mut summary.reason);
    }
    let restarts = match &summary.last_restart {
        Some(last) if summary.restarts != 0 => {
            format!(
                "{} ({} ago)",
                summary.restarts,
                cells.since(Some(&last.as_str().into()))
            )
        }
        _ => summary.restarts.to_string(),
    };
    vec![
        cells.name(),
        format!("{}/{total}", summary.ready).into(),
        summary.reason.into(),
        restarts.into(),
        cells.age(),
        cells.text_or("/status/podIPs/0/ip", "<none>"),
        cells.text_or("/spec/nodeName", "<none>"),
        cells.text_or("/status/nominatedNodeName", "<none>"),
        readiness_gates(cells),
    ]
}

/// True if an init container has not got through yet; the reason then says which and why.
fn init_containers(
    cells: &Cells<'_>,
    summary: &mut Summary,
    sidecars: &mut Summary,
    is_sidecar: &dyn Fn(&Value) -> bool,
) -> bool {
    for (i, status) in cells.list("/status/initContainerStatuses").iter().enumerate() {
        summary.count(status);
        let sidecar = is_sidecar(&status["name"]);
        if sidecar {
            sidecars.count(status);
        }
        let terminated = status.pointer("/state/terminated");
        let waiting = status
            .pointer("/state/waiting/reason")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if terminated.is_some_and(|terminated| terminated["exitCode"].as_i64().unwrap_or_default() == 0) {
            continue;
        }
        if sidecar && status["started"] == true {
            summary.ready += usize::from(status["ready"] == true);
            continue;
        }
        summary.reason = match terminated {
            Some(terminated) => format!("Init:{}", termination(terminated)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            None => format!("Init:{i}/{}", cells.list("/spec/initContainers").len()),
        };
        return true;
    }
    false
}

fn containers(cells: &Cells<'_>, summary: &mut Summary) {
    let mut running = false;
    let mut error = None;
    for status in cells.list("/status/containerStatuses").iter().rev() {
        summary.count(status);
        let waiting = status
            .pointer("/state/waiting/reason")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.reason);
        } else if let Some(terminated) = status.pointer("/state/terminated").filter(|value| !value.is_null()) {
            summary.reason = termination(terminated);
            if terminated["exitCode"].as_i64().unwrap_or_default() != 0 {
                error = Some(summary.reason.clone());
            }
        } else if status["ready"] == true && status.pointer("/state/running").is_some() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" {
        let ready = cells
            .condition("Ready")
            .is_some_and(|condition| condition["status"] == "True");
        if running && ready {
            "Running".clone_into(&mut summary.reason);
        } else if let Some(error) = error {
            summary.reason = error;
        } else if running {
            "NotReady".clone_into(&mut summary.reason);
        }
    }
}

fn termination(terminated: &Value) -> String {
    let reason = terminated["reason"].as_str().unwrap_or_default();
    let signal = terminated["signal"].as_i64().unwrap_or_default();
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or_default()),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn readiness_gates(cells: &Cells<'_>) -> Value {
    let gates = cells.list("/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".into();
    }
    let met = |gate: &&Value| {
        let ty = gate["conditionType"].as_str().unwrap_or_default();
        cells
            .condition(ty)
            .is_some_and(|condition| condition["status"] == "True")
    };
    format!("{}/{}", gates.iter().filter(met).count(), gates.len()).into()
}
