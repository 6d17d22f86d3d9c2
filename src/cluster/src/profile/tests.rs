//! Profiles: addresses, names, what is refused.

use super::*;
use crate::ClusterError;

pub(crate) fn profile() -> Profile {
    let subnet: Ipv4Net = "192.168.49.0/24".parse().unwrap();
    let pods: Ipv4Net = "10.244.0.0/16".parse().unwrap();
    Profile {
        name: "demo".to_owned(),
        version: "0".to_owned(),
        image: "image".to_owned(),
        subnet,
        api_port: 40_000,
        http_port: Some(80),
        https_port: None,
        registry_port: None,
        api_host: "127.0.0.1".to_owned(),
        cluster_cidr: pods,
        service_cidr: "10.96.0.0/16".parse().unwrap(),
        dns_domain: "cluster.local".to_owned(),
        nodes: (0..3).map(|index| Profile::node("demo", index, subnet, pods)).collect(),
        kubeconfig: "/tmp/config".into(),
        previous_context: None,
        extra_config: vec!["kubelet.max-pods=7".to_owned()],
        limits: Limits {
            milli_cpus: Some(1500),
            memory: None,
        },
        driver: Some(Driver::Podman),
    }
}

#[test]
fn addresses_follow_from_the_nodes_number() {
    let profile = profile();
    let third = &profile.nodes[2];
    assert_eq!(
        (third.name.as_str(), third.ip.to_string()),
        ("demo-m03", "192.168.49.4".to_owned())
    );
    assert_eq!(third.pod_cidr.to_string(), "10.244.2.0/24");
    assert_eq!(profile.kubernetes_ip().to_string(), "10.96.0.1");
    let config = profile.node_config(third);
    assert_eq!(config.api_endpoint, "https://demo:6443");
    assert_eq!(config.dns_ip.to_string(), "10.96.0.10");
    assert_eq!(config.pod_cidrs["demo-m02"].to_string(), "10.244.1.0/24");
    assert_eq!(config.extra_config["kubelet"]["max-pods"], "7");
}

#[test]
fn a_written_profile_is_read_back_and_a_broken_one_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path().to_owned());
    assert_eq!(store.read("demo").unwrap(), None);
    store.write(&profile()).unwrap();
    assert_eq!(store.read("demo").unwrap(), Some(profile()));
    assert_eq!(store.names().unwrap(), ["demo"]);
    store.write_file("demo", "profile.json", b"{\"name\": ").unwrap();
    let error = store.read("demo").unwrap_err().to_string();
    assert!(
        error.contains("demo/profile.json") && error.contains("line 1"),
        "{error}"
    );
    store.remove("demo").unwrap();
    store.remove("demo").unwrap();
}

#[test]
fn a_profile_of_an_older_version_has_no_limits() {
    let mut old = serde_json::to_value(profile()).unwrap();
    for field in ["limits", "driver"] {
        old.as_object_mut().unwrap().remove(field).unwrap();
    }
    let read: Profile = serde_json::from_value(old).unwrap();
    assert_eq!((read.limits, read.driver), (Limits::default(), None));
}

#[test]
fn the_active_profile_is_kept_until_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path().join("home"));
    assert_eq!(store.active(), None);
    store.set_active(Some("demo")).unwrap();
    assert_eq!(store.active().as_deref(), Some("demo"));
    store.remove("other").unwrap();
    assert_eq!(store.active().as_deref(), Some("demo"));
    store.remove("demo").unwrap();
    assert_eq!(store.active(), None);
    store.set_active(None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_command_on_the_same_profile_waits_and_then_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path().to_owned());
    let patience = std::time::Duration::from_secs(5);
    let first = store.lock("demo", patience).await.unwrap();
    let refused = store.lock("demo", patience).await.unwrap_err();
    assert!(matches!(refused, ClusterError::Busy { .. }), "{refused}");
    drop(first);
    store.lock("demo", patience).await.unwrap();
}

#[test]
fn names_that_are_no_dns_label_are_refused() {
    for good in ["rkube", "a1", "my-cluster"] {
        check_name(good).unwrap();
    }
    for bad in [
        "x",
        "-a",
        "a-",
        "A1",
        "a_b",
        "a.b",
        "status",
        "addons",
        "cache",
        "open",
        "",
        &"a".repeat(60),
    ] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
}
