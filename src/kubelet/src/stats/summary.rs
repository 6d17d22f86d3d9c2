//! `/stats/summary`.
//!
//! Semantics: `k8s.io/kubelet/pkg/apis/stats/v1alpha1`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::collect::{ContainerStats, Measured, PodStats, Snapshot};
use super::disk::Space;
use super::network::Interface;
use super::{Stats, Wanted};
use crate::runtime::RuntimeError;
use crate::server::Server;

impl Stats {
    /// The document of `/stats/summary`; of processor and memory alone if so asked.
    pub(crate) async fn summary(&self, server: &Server, only_resources: bool) -> Result<Value, RuntimeError> {
        let wanted = if only_resources {
            Wanted::Resources
        } else {
            Wanted::Everything
        };
        let snapshot = self.look(&server.context, server.manager.pods(), wanted);
        Ok(render(&snapshot.await?))
    }
}

pub(super) fn render(snapshot: &Snapshot) -> Value {
    let at = snapshot.node.at;
    let mut node = measured(&snapshot.node, Some(snapshot.memory_capacity));
    node.insert("nodeName".to_owned(), snapshot.node_name.as_str().into());
    node.insert("startTime".to_owned(), time(snapshot.booted));
    if let Some(pods) = &snapshot.pods_total {
        let mut all = measured(pods, Some(snapshot.memory_capacity));
        all.insert("name".to_owned(), "pods".into());
        all.insert("startTime".to_owned(), time(snapshot.booted));
        node.insert("systemContainers".to_owned(), json!([all]));
    }
    if !snapshot.interfaces.is_empty() {
        node.insert("network".to_owned(), network(&snapshot.interfaces, at));
    }
    if let Some(disk) = snapshot.node_disk {
        node.insert("fs".to_owned(), space(disk, at));
    }
    if let Some(disk) = snapshot.image_disk {
        let disk = space(disk, at);
        node.insert("runtime".to_owned(), json!({"imageFs": disk, "containerFs": disk}));
    }
    let pods: Vec<Value> = snapshot.pods.iter().map(pod).collect();
    json!({"node": node, "pods": pods})
}

fn pod(pod: &PodStats) -> Value {
    let mut out = Map::new();
    let mut at = pod.started;
    if let Some(own) = &pod.measured {
        out = measured(own, own.usage.memory_limit);
        at = own.at;
        if let Some(processes) = own.usage.processes {
            out.insert("process_stats".to_owned(), json!({"process_count": processes}));
        }
    }
    out.insert(
        "podRef".to_owned(),
        json!({"name": pod.name, "namespace": pod.namespace, "uid": pod.uid}),
    );
    out.insert("startTime".to_owned(), time(pod.started));
    let containers: Vec<Value> = pod.containers.iter().map(container).collect();
    out.insert("containers".to_owned(), containers.into());
    if !pod.interfaces.is_empty() {
        out.insert("network".to_owned(), network(&pod.interfaces, at));
    }
    let volumes: Vec<Value> = pod
        .volumes
        .iter()
        .map(|volume| {
            let mut row = space(volume.space, at);
            row["name"] = volume.name.as_str().into();
            if let Some(claim) = &volume.claim {
                row["pvcRef"] = json!({"name": claim, "namespace": pod.namespace});
            }
            row
        })
        .collect();
    if !volumes.is_empty() {
        out.insert("volume".to_owned(), volumes.into());
    }
    if let Some(disk) = ephemeral(pod) {
        out.insert("ephemeral-storage".to_owned(), space(disk, at));
    }
    out.into()
}

/// What the pod has written to the node's disk: layers, logs and its own volumes together.
fn ephemeral(pod: &PodStats) -> Option<Space> {
    let of_containers = pod.containers.iter().flat_map(|one| [one.layer, one.logs]).flatten();
    let of_volumes = pod
        .volumes
        .iter()
        .filter(|volume| volume.on_node)
        .map(|volume| volume.space);
    of_containers.chain(of_volumes).reduce(|all, one| Space {
        used: all.used + one.used,
        inodes_used: all.inodes_used + one.inodes_used,
        ..all
    })
}

fn container(container: &ContainerStats) -> Value {
    let mut out = Map::new();
    let mut at = container.started;
    if let Some(own) = &container.measured {
        out = measured(own, own.usage.memory_limit);
        at = own.at;
    }
    out.insert("name".to_owned(), container.name.as_str().into());
    out.insert("startTime".to_owned(), time(container.started));
    for (field, disk) in [("rootfs", container.layer), ("logs", container.logs)] {
        if let Some(disk) = disk {
            out.insert(field.to_owned(), space(disk, at));
        }
    }
    out.into()
}

fn measured(measured: &Measured, limit: Option<u64>) -> Map<String, Value> {
    let (usage, at) = (&measured.usage, measured.at);
    let available = limit
        .zip(usage.working_set)
        .map(|(limit, used)| limit.saturating_sub(used));
    let mut out = Map::new();
    for (part, fields) in [
        (
            "cpu",
            &[("usageNanoCores", measured.rate), ("usageCoreNanoSeconds", usage.cpu)][..],
        ),
        (
            "memory",
            &[
                ("availableBytes", available),
                ("usageBytes", usage.memory),
                ("workingSetBytes", usage.working_set),
                ("rssBytes", usage.rss),
                ("pageFaults", usage.page_faults),
                ("majorPageFaults", usage.major_page_faults),
            ],
        ),
        ("swap", &[("swapUsageBytes", usage.swap)]),
    ] {
        let mut row = Map::from_iter([("time".to_owned(), time(at))]);
        let known = fields
            .iter()
            .filter_map(|(field, value)| Some(((*field).to_owned(), (*value)?.into())));
        row.extend(known);
        out.insert(part.to_owned(), row.into());
    }
    out
}

fn network(interfaces: &[Interface], at: Timestamp) -> Value {
    let rows: Vec<Value> = interfaces
        .iter()
        .map(|one| {
            json!({"name": one.name, "rxBytes": one.received.bytes, "rxErrors": one.received.errors,
                "txBytes": one.sent.bytes, "txErrors": one.sent.errors})
        })
        .collect();
    let main = interfaces.iter().position(|one| one.name == "eth0").unwrap_or_default();
    let mut out = rows.get(main).cloned().unwrap_or_else(|| json!({}));
    out["time"] = time(at);
    out["interfaces"] = rows.into();
    out
}

fn space(disk: Space, at: Timestamp) -> Value {
    json!({
        "time": time(at), "availableBytes": disk.available, "capacityBytes": disk.capacity, "usedBytes": disk.used,
        "inodesFree": disk.inodes_free, "inodes": disk.inodes, "inodesUsed": disk.inodes_used,
    })
}

fn time(at: Timestamp) -> Value {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string().into()
}
