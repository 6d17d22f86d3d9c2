//! `/metrics/cadvisor`: the names that dashboards ask for.
//!
//! Semantics: `github.com/google/cadvisor/metrics`.

use machinery::exposition::{Exposition, Kind};

use super::cgroup::Usage;
use super::collect::{Measured, Snapshot};
use super::network::Interface;
use super::resource::seconds;
use super::{NANOS, Stats, Wanted};
use crate::runtime::RuntimeError;
use crate::server::Server;

type Row<T> = (&'static str, Kind, &'static str, fn(&T) -> Option<f64>);

fn nanos(value: Option<u64>) -> Option<f64> {
    value.map(|nanos| nanos as f64 / NANOS)
}

fn plain(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}

const USAGE: &[Row<Usage>] = &[
    (
        "container_cpu_usage_seconds_total",
        Kind::Counter,
        "Cumulative cpu time consumed in seconds.",
        |u| nanos(u.cpu),
    ),
    (
        "container_cpu_user_seconds_total",
        Kind::Counter,
        "Cumulative user cpu time consumed in seconds.",
        |u| nanos(u.cpu_user),
    ),
    (
        "container_cpu_system_seconds_total",
        Kind::Counter,
        "Cumulative system cpu time consumed in seconds.",
        |u| nanos(u.cpu_system),
    ),
    (
        "container_cpu_cfs_periods_total",
        Kind::Counter,
        "Number of elapsed enforcement period intervals.",
        |u| plain(u.periods),
    ),
    (
        "container_cpu_cfs_throttled_periods_total",
        Kind::Counter,
        "Number of throttled period intervals.",
        |u| plain(u.throttled_periods),
    ),
    (
        "container_cpu_cfs_throttled_seconds_total",
        Kind::Counter,
        "Total time duration the container has been throttled.",
        |u| nanos(u.throttled),
    ),
    (
        "container_memory_usage_bytes",
        Kind::Gauge,
        "Current memory usage in bytes, caches included.",
        |u| plain(u.memory),
    ),
    (
        "container_memory_working_set_bytes",
        Kind::Gauge,
        "Current working set in bytes.",
        |u| plain(u.working_set),
    ),
    ("container_memory_rss", Kind::Gauge, "Size of RSS in bytes.", |u| {
        plain(u.rss)
    }),
    (
        "container_memory_cache",
        Kind::Gauge,
        "Number of bytes of page cache memory.",
        |u| plain(u.cache),
    ),
    (
        "container_memory_swap",
        Kind::Gauge,
        "Container swap usage in bytes.",
        |u| plain(u.swap),
    ),
    (
        "container_memory_max_usage_bytes",
        Kind::Gauge,
        "Maximum memory usage recorded in bytes.",
        |u| plain(u.peak),
    ),
    (
        "container_memory_failcnt",
        Kind::Counter,
        "Number of memory usage hits limits.",
        |u| plain(u.limit_hits),
    ),
    (
        "container_spec_memory_limit_bytes",
        Kind::Gauge,
        "Memory limit for the container; 0 if there is none.",
        |u| Some(u.memory_limit.unwrap_or_default() as f64),
    ),
    (
        "container_processes",
        Kind::Gauge,
        "Number of processes running inside the container.",
        |u| plain(u.processes),
    ),
];

const NETWORK: &[Row<Interface>] = &[
    (
        "container_network_receive_bytes_total",
        Kind::Counter,
        "Cumulative count of bytes received.",
        |i| Some(i.received.bytes as f64),
    ),
    (
        "container_network_receive_packets_total",
        Kind::Counter,
        "Cumulative count of packets received.",
        |i| Some(i.received.packets as f64),
    ),
    (
        "container_network_receive_errors_total",
        Kind::Counter,
        "Cumulative count of errors while receiving.",
        |i| Some(i.received.errors as f64),
    ),
    (
        "container_network_receive_packets_dropped_total",
        Kind::Counter,
        "Cumulative count of packets dropped while receiving.",
        |i| Some(i.received.dropped as f64),
    ),
    (
        "container_network_transmit_bytes_total",
        Kind::Counter,
        "Cumulative count of bytes transmitted.",
        |i| Some(i.sent.bytes as f64),
    ),
    (
        "container_network_transmit_packets_total",
        Kind::Counter,
        "Cumulative count of packets transmitted.",
        |i| Some(i.sent.packets as f64),
    ),
    (
        "container_network_transmit_errors_total",
        Kind::Counter,
        "Cumulative count of errors while transmitting.",
        |i| Some(i.sent.errors as f64),
    ),
    (
        "container_network_transmit_packets_dropped_total",
        Kind::Counter,
        "Cumulative count of packets dropped while transmitting.",
        |i| Some(i.sent.dropped as f64),
    ),
];

impl Stats {
    /// The document of `/metrics/cadvisor`.
    pub(crate) async fn cadvisor(&self, server: &Server) -> Result<String, RuntimeError> {
        let snapshot = self.look(&server.context, server.manager.pods(), Wanted::Network);
        Ok(render(&snapshot.await?))
    }
}

/// Labels of a group: those of containers have all six filled in, those of pods no container, the node's only the id.
struct Labels<'a> {
    container: &'a str,
    image: &'a str,
    name: &'a str,
    namespace: &'a str,
    pod: &'a str,
}

impl<'a> Labels<'a> {
    const NODE: Self = Self {
        container: "",
        image: "",
        name: "",
        namespace: "",
        pod: "",
    };

    fn with(&self, id: &'a str) -> [(&'static str, &'a str); 6] {
        [
            ("container", self.container),
            ("id", id),
            ("image", self.image),
            ("name", self.name),
            ("namespace", self.namespace),
            ("pod", self.pod),
        ]
    }
}

pub(super) fn render(snapshot: &Snapshot) -> String {
    let mut out = Exposition::default();
    let mut groups: Vec<(Labels<'_>, &Measured)> = vec![(Labels::NODE, &snapshot.node)];
    groups.extend(snapshot.pods_total.iter().map(|measured| (Labels::NODE, measured)));
    for pod in &snapshot.pods {
        let of_pod = |container, image, name| Labels {
            container,
            image,
            name,
            namespace: &pod.namespace,
            pod: &pod.name,
        };
        groups.extend(pod.measured.iter().map(|measured| (of_pod("", "", ""), measured)));
        for container in &pod.containers {
            if let Some(measured) = &container.measured {
                groups.push((of_pod(&container.name, &container.image, &container.id), measured));
            }
        }
    }
    for (name, kind, help, value) in USAGE {
        out.family(name, *kind, help);
        for (labels, measured) in &groups {
            if let Some(value) = value(&measured.usage) {
                out.sample(&labels.with(&measured.group), value, Some(measured.at.as_millisecond()));
            }
        }
    }
    out.family("container_last_seen", Kind::Gauge, "Last time a container was seen.");
    for (labels, measured) in &groups {
        let at = measured.at;
        out.sample(
            &labels.with(&measured.group),
            at.as_second() as f64,
            Some(at.as_millisecond()),
        );
    }
    out.family(
        "container_start_time_seconds",
        Kind::Gauge,
        "Start time of the container since unix epoch in seconds.",
    );
    for (pod, container) in snapshot.containers() {
        let labels = Labels {
            container: &container.name,
            image: &container.image,
            name: &container.id,
            namespace: &pod.namespace,
            pod: &pod.name,
        };
        let group = container.measured.as_ref().map_or("", |measured| &measured.group);
        out.sample(&labels.with(group), seconds(container.started), None);
    }
    network(&mut out, snapshot);
    out.family("machine_cpu_cores", Kind::Gauge, "Number of logical CPU cores.")
        .sample(&[], snapshot.processors as f64, None);
    out.family(
        "machine_memory_bytes",
        Kind::Gauge,
        "Amount of memory installed on the machine.",
    )
    .sample(&[], snapshot.memory_capacity as f64, None);
    out.family(
        "container_scrape_error",
        Kind::Gauge,
        "1 if there was an error while getting container metrics, 0 otherwise",
    )
    .sample(&[], 0.0, None);
    out.finish()
}

fn network(out: &mut Exposition, snapshot: &Snapshot) {
    for (name, kind, help, value) in NETWORK {
        out.family(name, *kind, help);
        let mut sample = |at: &Measured, namespace: &str, pod: &str, interface: &Interface| {
            let labels = [
                ("id", at.group.as_str()),
                ("interface", &interface.name),
                ("namespace", namespace),
                ("pod", pod),
            ];
            if let Some(value) = value(interface) {
                out.sample(&labels, value, Some(at.at.as_millisecond()));
            }
        };
        for interface in &snapshot.interfaces {
            sample(&snapshot.node, "", "", interface);
        }
        for pod in &snapshot.pods {
            if let Some(measured) = &pod.measured {
                for interface in &pod.interfaces {
                    sample(measured, &pod.namespace, &pod.name, interface);
                }
            }
        }
    }
}
