//! `/metrics/resource`: what metrics-server reads.
//!
//! Semantics: `k8s.io/kubernetes/pkg/kubelet/metrics/collectors`.

use jiff::Timestamp;
use machinery::exposition::{Exposition, Kind};

use super::cgroup::Usage;
use super::collect::{Measured, Snapshot};
use super::{NANOS, Stats, Wanted};
use crate::server::Server;

/// A value by its part of a name, and where it is found.
type Row = (
    &'static [&'static str; 3],
    Kind,
    &'static str,
    fn(&Usage) -> Option<f64>,
);

const ROWS: &[Row] = &[
    (
        &[
            "node_cpu_usage_seconds_total",
            "pod_cpu_usage_seconds_total",
            "container_cpu_usage_seconds_total",
        ],
        Kind::Counter,
        "[STABLE] Cumulative cpu time consumed in core-seconds",
        |usage| usage.cpu.map(|nanos| nanos as f64 / NANOS),
    ),
    (
        &[
            "node_memory_working_set_bytes",
            "pod_memory_working_set_bytes",
            "container_memory_working_set_bytes",
        ],
        Kind::Gauge,
        "[STABLE] Current working set in bytes",
        |usage| usage.working_set.map(|bytes| bytes as f64),
    ),
    (
        &[
            "node_swap_usage_bytes",
            "pod_swap_usage_bytes",
            "container_swap_usage_bytes",
        ],
        Kind::Gauge,
        "[ALPHA] Current swap usage in bytes",
        |usage| usage.swap.map(|bytes| bytes as f64),
    ),
];

impl Stats {
    /// The document of `/metrics/resource`.
    pub(crate) async fn resource(&self, server: &Server) -> String {
        match self
            .look(&server.context, server.manager.pods(), Wanted::Resources)
            .await
        {
            Ok(snapshot) => render(&snapshot),
            Err(error) => {
                tracing::warn!(%error, "no statistics of containers");
                let mut out = Exposition::default();
                errors(&mut out, 1.0);
                out.finish()
            }
        }
    }
}

pub(super) fn render(snapshot: &Snapshot) -> String {
    let mut out = Exposition::default();
    for ([node, pod, container], kind, help, value) in ROWS {
        let sample = |out: &mut Exposition, labels: &[(&str, &str)], measured: &Measured| {
            if let Some(value) = value(&measured.usage) {
                out.sample(labels, value, Some(measured.at.as_millisecond()));
            }
        };
        out.family(node, *kind, help);
        sample(&mut out, &[], &snapshot.node);
        out.family(pod, *kind, help);
        for pod in &snapshot.pods {
            if let Some(measured) = &pod.measured {
                sample(&mut out, &[("namespace", &pod.namespace), ("pod", &pod.name)], measured);
            }
        }
        out.family(container, *kind, help);
        for (pod, container) in snapshot.containers() {
            if let Some(measured) = &container.measured {
                let labels = [
                    ("container", container.name.as_str()),
                    ("namespace", &pod.namespace),
                    ("pod", &pod.name),
                ];
                sample(&mut out, &labels, measured);
            }
        }
    }
    let help = "[STABLE] Start time of the container since unix epoch in seconds";
    out.family("container_start_time_seconds", Kind::Gauge, help);
    for (pod, container) in snapshot.containers() {
        let labels = [
            ("container", container.name.as_str()),
            ("namespace", &pod.namespace),
            ("pod", &pod.name),
        ];
        out.sample(&labels, seconds(container.started), None);
    }
    errors(&mut out, 0.0);
    out.finish()
}

fn errors(out: &mut Exposition, count: f64) {
    let help = "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise";
    out.family("resource_scrape_error", Kind::Gauge, help)
        .sample(&[], count, None);
}

pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1e3
}
