//! Fixture trees of both cgroup versions, and the documents made from them.

use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use machinery::exposition::samples;
use serde_json::json;

use super::cgroup::Cgroups;
use super::collect::{Look, Snapshot};
use super::{Wanted, cadvisor, resource, summary};
use crate::runtime::Listed;

const POD: &str = "kubepods/burstable/pod1234";

fn put(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
}

/// A group that has used a processor for `seconds` and holds 30 MiB, 10 of them easily given up.
fn v1_group(root: &Path, group: &str, seconds: u64) {
    for (file, text) in [
        ("cpuacct/G/cpuacct.usage", format!("{}\n", seconds * 1_000_000_000)),
        ("cpuacct/G/cpuacct.stat", "user 70\nsystem 30\n".to_owned()),
        (
            "cpu/G/cpu.stat",
            "nr_periods 4\nnr_throttled 1\nthrottled_time 2000000\n".to_owned(),
        ),
        ("memory/G/memory.usage_in_bytes", format!("{}\n", 30 << 20)),
        ("memory/G/memory.limit_in_bytes", "9223372036854771712\n".to_owned()),
        ("memory/G/memory.max_usage_in_bytes", format!("{}\n", 40 << 20)),
        ("memory/G/memory.failcnt", "0\n".to_owned()),
        (
            "memory/G/memory.stat",
            format!(
                "inactive_file 1\ntotal_inactive_file {}\ntotal_rss 5\ntotal_cache 6\ntotal_swap 0\n",
                10 << 20
            ),
        ),
        ("memory/G/cgroup.procs", String::new()),
        ("pids/G/pids.current", "3\n".to_owned()),
    ] {
        put(root, &file.replace("/G", &format!("/{group}")), &text);
    }
}

fn v2_group(root: &Path, group: &str, seconds: u64) {
    for (file, text) in [
        (
            "cpu.stat",
            format!(
                "usage_usec {}\nuser_usec 700000\nsystem_usec 300000\nnr_periods 4\nnr_throttled 1\nthrottled_usec 2000\n",
                seconds * 1_000_000
            ),
        ),
        ("memory.current", format!("{}\n", 30 << 20)),
        ("memory.max", "max\n".to_owned()),
        ("memory.peak", format!("{}\n", 40 << 20)),
        ("memory.events", "low 0\nhigh 0\nmax 0\noom 0\n".to_owned()),
        ("memory.stat", format!("anon 5\nfile 6\ninactive_file {}\n", 10 << 20)),
        ("memory.swap.current", "0\n".to_owned()),
        ("cgroup.procs", String::new()),
        ("pids.current", "3\n".to_owned()),
    ] {
        put(root, &format!("{group}/{file}"), &text);
    }
}

fn tree(root: &Path, unified: bool) {
    let make = if unified { v2_group } else { v1_group };
    make(root, ".", 100);
    make(root, "kubepods", 50);
    make(root, POD, 9);
    make(root, &format!("{POD}/abc"), 7);
    // the process that the pod's network is seen through lies in a group below it
    let procs = if unified {
        format!("{POD}/abc/cgroup.procs")
    } else {
        format!("memory/{POD}/abc/cgroup.procs")
    };
    put(root, &procs, "42\n");
    if unified {
        put(root, "cgroup.controllers", "cpu memory pids\n");
    }
}

fn snapshot(root: &Path) -> Snapshot {
    let proc = root.join("proc");
    put(
        &proc,
        "42/net/dev",
        "h\n h\n  eth0: 11 1 0 0 0 0 0 0 22 2 0 0 0 0 0 0\n",
    );
    put(&proc, "1/net/dev", "h\n h\n  eth0: 33 1 0 0 0 0 0 0 44 2 0 0 0 0 0 0\n");
    let look = Look {
        given: std::collections::HashMap::new(),
        cgroups: Cgroups::at(root),
        proc,
        rates: Arc::default(),
        wanted: Wanted::Network,
        root: root.to_owned(),
        pod_logs: root.to_owned(),
    };
    let mut snapshot = Snapshot {
        node_name: "n1".to_owned(),
        memory_capacity: 1 << 30,
        ..Snapshot::default()
    };
    let pod = |name: &str, uid: &str| -> Arc<Pod> {
        let pod = json!({"metadata": {"name": name, "namespace": "shop", "uid": uid},
            "spec": {"containers": [{"name": "web", "resources": {"requests": {"cpu": "10m"}}}]}});
        Arc::new(serde_json::from_value(pod).unwrap())
    };
    let running = Listed {
        id: "abc".to_owned(),
        name: "web".to_owned(),
        uid: "1234".to_owned(),
        image: "docker.io/library/web:1".to_owned(),
        created_at: 1_700_000_000_500_000_000,
    };
    look.at_node(&mut snapshot);
    let pods = [pod("p", "1234"), pod("pending", "5678")];
    look.at_pods(&mut snapshot, &pods, &[running], &std::collections::HashMap::new());
    snapshot
}

fn with_both(check: impl Fn(&Snapshot)) {
    for unified in [false, true] {
        let root = tempfile::tempdir().unwrap();
        tree(root.path(), unified);
        check(&snapshot(root.path()));
    }
}

#[test]
fn both_versions_give_the_same_counters() {
    with_both(|snapshot| {
        let usage = &snapshot.pods[0].containers[0].measured.as_ref().unwrap().usage;
        assert_eq!(usage.cpu, Some(7_000_000_000));
        assert_eq!(
            (usage.cpu_user, usage.cpu_system),
            (Some(700_000_000), Some(300_000_000))
        );
        assert_eq!((usage.throttled_periods, usage.throttled), (Some(1), Some(2_000_000)));
        assert_eq!((usage.memory, usage.working_set), (Some(30 << 20), Some(20 << 20)));
        assert_eq!((usage.rss, usage.cache, usage.swap), (Some(5), Some(6), Some(0)));
        assert_eq!((usage.peak, usage.memory_limit), (Some(40 << 20), None));
        assert_eq!(usage.processes, Some(3));
    });
}

#[test]
fn a_group_that_is_not_there_has_no_counters() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path(), false);
    assert_eq!(Cgroups::at(root.path()).read("/kubepods/podgone"), None);
}

#[test]
fn a_pod_without_containers_is_not_shown() {
    with_both(|snapshot| {
        let summary = summary::render(snapshot);
        assert_eq!(summary["pods"].as_array().unwrap().len(), 1, "{summary}");
        let pod = &summary["pods"][0];
        assert_eq!(pod["podRef"], json!({"name": "p", "namespace": "shop", "uid": "1234"}));
        assert_eq!(pod["cpu"]["usageCoreNanoSeconds"], 9_000_000_000_u64);
        assert_eq!(pod["containers"][0]["memory"]["workingSetBytes"], 20 << 20);
        assert_eq!(pod["containers"][0]["startTime"], "2023-11-14T22:13:20Z");
        assert_eq!(pod["network"]["rxBytes"], 11);
        assert_eq!(summary["node"]["network"]["txBytes"], 44);
        assert_eq!(summary["node"]["memory"]["availableBytes"], (1 << 30) - (20 << 20));
        // nobody asked before
        assert!(pod["cpu"].get("usageNanoCores").is_none(), "{pod}");
    });
}

#[test]
fn the_resource_document_is_what_metrics_server_reads() {
    with_both(|snapshot| {
        let text = resource::render(snapshot);
        let read: Vec<_> = samples(&text).collect::<Result<_, _>>().unwrap();
        let one = |name: &str| {
            read.iter()
                .find(|sample| sample.name == name)
                .unwrap_or_else(|| panic!("{name}: {text}"))
        };
        let cpu = one("container_cpu_usage_seconds_total");
        let labels = ["container", "pod", "namespace"].map(|label| cpu.label(label));
        assert_eq!(labels, ["web", "p", "shop"]);
        assert!((cpu.value - 7.0).abs() < 1e-9 && cpu.at.is_some(), "{text}");
        assert!((one("node_cpu_usage_seconds_total").value - 100.0).abs() < 1e-9);
        assert!((one("pod_memory_working_set_bytes").value - f64::from(20 << 20)).abs() < 1e-9);
        let start = one("container_start_time_seconds");
        assert!((start.value - 1_700_000_000.5).abs() < 1e-6 && start.at.is_none());
        assert!(one("resource_scrape_error").value.abs() < 1e-9);
    });
}

#[test]
fn each_family_of_cadvisors_stands_together_and_once() {
    with_both(|snapshot| {
        let text = cadvisor::render(snapshot);
        let mut seen: Vec<String> = Vec::new();
        for sample in samples(&text) {
            let name = sample.unwrap().name.to_owned();
            if seen.last() != Some(&name) {
                assert!(!seen.contains(&name), "{name} twice");
                seen.push(name);
            }
        }
        assert!(
            seen.iter().any(|name| name == "container_network_receive_bytes_total"),
            "{text}"
        );
        assert!(
            text.contains("container_memory_rss{container=\"web\",id=\"/kubepods/burstable/pod1234/abc\",image=\"docker.io/library/web:1\",name=\"abc\",namespace=\"shop\",pod=\"p\"} 5 "),
            "{text}"
        );
    });
}
