//! Services: by name, by address and by node port; from the pod's own node and from another, and from outside.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Run as _, until};
use serde_json::json;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "network::a_service_is_reached_from_every_node",
        a_service_is_reached_from_every_node,
    ),
    (
        "network::local_traffic_stays_on_its_node_and_keeps_its_source",
        local_traffic_stays_on_its_node_and_keeps_its_source,
    ),
    (
        "network::a_load_balancer_is_reached_from_outside",
        a_load_balancer_is_reached_from_outside,
    ),
    (
        "network::a_sticky_client_meets_one_endpoint_by_every_address",
        a_sticky_client_meets_one_endpoint_by_every_address,
    ),
];

/// Longer than a connection takes on a slow machine, short enough to see that there will be none.
const PATIENCE: Duration = Duration::from_secs(3);

/// The cluster's nodes and their addresses.
pub(crate) fn nodes(cluster: &Cluster) -> anyhow::Result<Vec<(String, String)>> {
    let list = cluster.rkube(&["node", "list"])?.ok()?;
    let pair = |line: &str| line.split_once('\t').map(|(name, ip)| (name.to_owned(), ip.to_owned()));
    list.lines()
        .map(|line| pair(line).with_context(|| line.to_owned()))
        .collect()
}

/// What a web server says to this machine.
pub(crate) fn fetch(address: &str, port: u16) -> anyhow::Result<String> {
    let address = SocketAddr::new(address.parse()?, port);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET / HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Pods of a web server that answers with its own name and its client's address, one on each of `nodes`.
fn telling_servers(cluster: &Cluster, namespace: &str, nodes: &[&str]) -> anyhow::Result<()> {
    const CONFIG: &str =
        "events {} http { access_log off; server { listen 80; location / { return 200 '$hostname $remote_addr'; } } }";
    let config = format!("--from-literal=nginx.conf={CONFIG}");
    cluster.kubectl(&["-n", namespace, "create", "configmap", "nginx", &config])?;
    for (number, node) in nodes.iter().enumerate() {
        let name = format!("server{number}");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": "telling" } },
            "spec": {
                "nodeName": node,
                "containers": [{
                    "name": "c", "image": "rkube.test/nginx:1", "ports": [{ "containerPort": 80 }],
                    "readinessProbe": { "httpGet": { "port": 80 }, "periodSeconds": 1 },
                    "volumeMounts": [{ "name": "c", "mountPath": "/etc/nginx/nginx.conf", "subPath": "nginx.conf" }],
                }],
                "volumes": [{ "name": "c", "configMap": { "name": "nginx" } }],
            },
        });
        cluster.kubectl_with(&["-n", namespace, "apply", "-f", "-"], &pod.to_string())?;
    }
    (0..nodes.len()).try_for_each(|number| cluster.pod_ready(namespace, &format!("server{number}")))
}

/// A NodePort service of these pods; gives its address and node port.
fn telling_service(cluster: &Cluster, namespace: &str, policy: &str, affinity: &str) -> anyhow::Result<(String, u16)> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "telling" },
        "spec": {
            "type": "NodePort", "externalTrafficPolicy": policy, "sessionAffinity": affinity,
            "selector": { "app": "telling" }, "ports": [{ "port": 80 }],
        },
    });
    cluster.kubectl_with(&["-n", namespace, "apply", "-f", "-"], &service.to_string())?;
    let service = cluster.get(&["-n", namespace, "service", "telling"])?;
    let spec = &service["spec"];
    let port = spec["ports"][0]["nodePort"].as_u64().context("no node port")?;
    Ok((
        spec["clusterIP"].as_str().unwrap_or_default().to_owned(),
        u16::try_from(port)?,
    ))
}

/// Server and client's address of an answer.
fn told(text: &str) -> anyhow::Result<(String, String)> {
    let line = text.trim().lines().last().unwrap_or_default();
    let (server, client) = line.split_once(' ').with_context(|| format!("{text:?}"))?;
    Ok((server.to_owned(), client.to_owned()))
}

/// The host's own address in the cluster's network.
pub(crate) fn gateway(cluster: &Cluster) -> anyhow::Result<String> {
    let format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    let inspect = ["network", "inspect", &cluster.name, "--format", format];
    let gateway = Command::new("docker").args(inspect).run()?.ok()?;
    Ok(gateway.trim().to_owned())
}

fn local_traffic_stays_on_its_node_and_keeps_its_source(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = nodes(cluster)?;
    let [(plane, plane_ip), (worker, worker_ip)] = nodes.as_slice() else {
        bail!("{nodes:?}")
    };
    cluster.namespace("local")?;
    telling_servers(cluster, "local", &[worker])?;
    let (_, port) = telling_service(cluster, "local", "Cluster", "None")?;
    // anywhere leads there, as the node that was asked
    until("the node port of the other node", 20, || {
        let (server, client) = told(&fetch(plane_ip, port)?)?;
        ensure!(server == "server0" && client == *plane_ip, "{server} saw {client}");
        Ok(())
    })?;
    let (_, port) = telling_service(cluster, "local", "Local", "None")?;
    let host = gateway(cluster)?;
    until("the host's own address to be seen", 20, || {
        let (server, client) = told(&fetch(worker_ip, port)?)?;
        ensure!(server == "server0" && client == host, "{server} saw {client}");
        Ok(())
    })?;
    until("a node without endpoints to be silent", 20, || {
        match fetch(plane_ip, port) {
            Err(error) => {
                let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
                // a balancer is to look elsewhere; a refusal would be passed on to its client
                ensure!(kind == Some(ErrorKind::TimedOut), "{error:?}");
                Ok(())
            }
            Ok(answer) => bail!("{answer}"),
        }
    })?;
    // what is inside may go on using any node
    cluster.kubectl_with(&["-n", "local", "apply", "-f", "-"], &pinned("client", plane))?;
    cluster.pod_ready("local", "client")?;
    let url = format!("http://{plane_ip}:{port}/");
    until("a pod on the node without endpoints", 20, || {
        let get = [
            "-n", "local", "exec", "client", "--", "wget", "-q", "-T", "3", "-O", "-", &url,
        ];
        told(&cluster.kubectl(&get)?)
    })?;
    let url =
        format!("{{ exec 3<>/dev/tcp/{plane_ip}/{port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3; }}");
    ensure!(
        cluster.in_node(plane, &url)?.contains("server0"),
        "the node itself reaches its port"
    );
    cluster.kubectl(&["delete", "namespace", "local", "--timeout=300s"])?;
    Ok(())
}

fn a_sticky_client_meets_one_endpoint_by_every_address(cluster: &Cluster) -> anyhow::Result<()> {
    const ASKED: usize = 12;
    let nodes = nodes(cluster)?;
    let [(plane, plane_ip), (worker, _)] = nodes.as_slice() else {
        bail!("{nodes:?}")
    };
    cluster.namespace("sticky")?;
    telling_servers(cluster, "sticky", &[plane, worker, worker])?;
    cluster.kubectl_with(&["-n", "sticky", "apply", "-f", "-"], &pinned("client", plane))?;
    cluster.pod_ready("sticky", "client")?;
    // the servers that answer a client in the cluster by the service's address and by its own node's port
    let met = |address: &str, port: u16| -> anyhow::Result<BTreeSet<String>> {
        let script = format!(
            "for i in $(seq {ASKED}); do wget -q -T 3 -O - http://{address}/ && echo; \
             wget -q -T 3 -O - http://{plane_ip}:{port}/ && echo; done"
        );
        let answers = cluster.kubectl(&["-n", "sticky", "exec", "client", "--", "sh", "-c", &script])?;
        let servers = answers.lines().map(|line| told(line).map(|(server, _)| server));
        servers.collect()
    };
    let (address, port) = telling_service(cluster, "sticky", "Cluster", "None")?;
    until("all three servers to be met", 20, || {
        let met = met(&address, port)?;
        ensure!(met.len() == 3, "{met:?}");
        Ok(())
    })?;
    let (address, port) = telling_service(cluster, "sticky", "Cluster", "ClientIP")?;
    let one = until("one server to be met", 20, || {
        let met = met(&address, port)?;
        ensure!(met.len() == 1, "{met:?}");
        Ok(met)
    })?;
    ensure!(met(&address, port)? == one, "another one than {one:?}");
    let from_host = (0..ASKED)
        .map(|_| until("an answer", 20, || Ok(told(&fetch(plane_ip, port)?)?.0)))
        .collect::<anyhow::Result<BTreeSet<_>>>()?;
    ensure!(from_host.len() == 1, "{from_host:?}");
    cluster.kubectl(&["delete", "namespace", "sticky", "--timeout=300s"])?;
    Ok(())
}

fn pinned(name: &str, node: &str) -> String {
    format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{name}\"}},\"spec\":{{\"nodeName\":\"{node}\",\"terminationGracePeriodSeconds\":1,\
         \"containers\":[{{\"name\":\"c\",\"image\":\"rkube.test/busybox:1\",\"command\":[\"sleep\",\"3600\"]}}]}}}}"
    )
}

fn a_service_is_reached_from_every_node(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("net")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "net"], args].concat());
    kubectl(&["create", "deployment", "web", "--image=rkube.test/nginx:1"])?;
    kubectl(&["expose", "deployment", "web", "--port=80", "--type=NodePort"])?;
    kubectl(&["rollout", "status", "deployment/web", "--timeout=300s"])?;
    let service = cluster.get(&["-n", "net", "service", "web"])?;
    let address = service["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    let nodes = nodes(cluster)?;
    ensure!(nodes.len() == 2, "{nodes:?}");
    let node_port = u16::try_from(
        service["spec"]["ports"][0]["nodePort"]
            .as_u64()
            .context("no node port")?,
    )?;
    for (number, (node, own)) in nodes.iter().enumerate() {
        let client = format!("client{number}");
        cluster.kubectl_with(&["-n", "net", "apply", "-f", "-"], &pinned(&client, node))?;
        cluster.pod_ready("net", &client)?;
        let mut targets = vec![
            "web".to_owned(),
            "web.net.svc.cluster.local".to_owned(),
            address.clone(),
        ];
        targets.extend(nodes.iter().map(|(_, ip)| format!("{ip}:{node_port}")));
        for target in targets {
            let url = format!("http://{target}/");
            until(&format!("{url} from {node}"), 20, || {
                let page = kubectl(&["exec", &client, "--", "wget", "-q", "-T", "3", "-O", "-", &url])?;
                if page.contains("Welcome to nginx") {
                    Ok(())
                } else {
                    bail!("{page}")
                }
            })?;
        }
        until(&format!("{own}:{node_port} from this machine"), 20, || {
            let page = fetch(own, node_port)?;
            ensure!(page.contains("Welcome to nginx"), "{page}");
            Ok(())
        })?;
    }
    let pods = kubectl(&[
        "get",
        "pods",
        "-l",
        "app=web",
        "-o",
        "jsonpath={.items[*].status.podIP}",
    ])?;
    let pods: Vec<&str> = pods.split(' ').collect();
    kubectl(&[
        "expose",
        "deployment",
        "web",
        "--name=headless",
        "--cluster-ip=None",
        "--port=80",
    ])?;
    let backwards: Vec<&str> = address.rsplit('.').collect();
    let backwards = format!("{}.in-addr.arpa", backwards.join("."));
    for (kind, name, expected) in [
        ("a", "kubernetes.default.svc.cluster.local", &["10.96.0.1"][..]),
        ("a", "headless.net.svc.cluster.local", &pods),
        ("ptr", &backwards, &["web.net.svc.cluster.local"]),
    ] {
        until(&format!("{kind} of {name}"), 20, || {
            let said = kubectl(&["exec", "client0", "--", "nslookup", &format!("-type={kind}"), name])?;
            ensure!(expected.iter().all(|expected| said.contains(expected)), "{said}");
            Ok(())
        })?;
    }
    cluster.kubectl(&["delete", "namespace", "net", "--timeout=300s"])?;
    Ok(())
}

/// The address that a service was given.
fn given(cluster: &Cluster, service: &str) -> anyhow::Result<String> {
    until(&format!("an address for {service}"), 15, || {
        let status = cluster.get(&["-n", "balanced", "service", service])?["status"].take();
        let address = status["loadBalancer"]["ingress"][0]["ip"].as_str();
        address.map(ToOwned::to_owned).with_context(|| status.to_string())
    })
}

fn a_load_balancer_is_reached_from_outside(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = nodes(cluster)?;
    let [(plane, plane_ip), (worker, worker_ip)] = nodes.as_slice() else {
        bail!("{nodes:?}")
    };
    cluster.namespace("balanced")?;
    telling_servers(cluster, "balanced", &[worker])?;
    let balancer = |name: &str, spec: serde_json::Value| {
        let mut whole = json!({ "type": "LoadBalancer", "selector": { "app": "telling" }, "ports": [{ "port": 8080, "targetPort": 80 }] });
        if let (Some(whole), Some(spec)) = (whole.as_object_mut(), spec.as_object()) {
            whole.extend(spec.clone());
        }
        let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": whole });
        cluster.kubectl_with(&["-n", "balanced", "apply", "-f", "-"], &service.to_string())
    };
    balancer("one", json!({}))?;
    // the same port again, with an address of its own
    balancer("two", json!({ "externalTrafficPolicy": "Local" }))?;
    let (one, two) = (given(cluster, "one")?, given(cluster, "two")?);
    ensure!(one != two, "{one} twice");
    let host = gateway(cluster)?;
    until("the first from this machine", 20, || {
        let (server, _) = told(&fetch(&one, 8080)?)?;
        ensure!(server == "server0", "{server}");
        Ok(())
    })?;
    until("the second, with this machine's own address", 20, || {
        let (server, client) = told(&fetch(&two, 8080)?)?;
        ensure!(server == "server0" && client == host, "{server} saw {client}");
        Ok(())
    })?;
    let health = cluster.get(&["-n", "balanced", "service", "two"])?["spec"]["healthCheckNodePort"].take();
    let health = u16::try_from(health.as_u64().context("no port for the service's health")?)?;
    for (node, status, endpoints) in [(worker_ip, "200 OK", 1), (plane_ip, "503 Service Unavailable", 0)] {
        until("what a node says of the service's health", 20, || {
            let answer = fetch(node, health)?;
            let says = format!("\"localEndpoints\": {endpoints},");
            ensure!(answer.contains(status) && answer.contains(&says), "{node}: {answer}");
            Ok(())
        })?;
    }
    cluster.kubectl_with(&["-n", "balanced", "apply", "-f", "-"], &pinned("client", plane))?;
    cluster.pod_ready("balanced", "client")?;
    let url = format!("http://{one}:8080/");
    let get = [
        "-n", "balanced", "exec", "client", "--", "wget", "-q", "-T", "3", "-O", "-", &url,
    ];
    until("the first from a pod", 15, || told(&cluster.kubectl(&get)?))?;
    // sources that may not come, and an address that there is not
    balancer("one", json!({ "loadBalancerSourceRanges": [format!("{plane_ip}/32")] }))?;
    until("the first to be closed to this machine", 20, || {
        match fetch(&one, 8080) {
            Ok(page) => bail!("{page}"),
            Err(_) => Ok(()),
        }
    })?;
    balancer("three", json!({ "loadBalancerIP": two }))?;
    until("a refusal", 15, || {
        let filter = "--field-selector=reason=SyncLoadBalancerFailed";
        let events = cluster.kubectl(&[
            "-n",
            "balanced",
            "get",
            "events",
            filter,
            "-o",
            "jsonpath={.items[*].message}",
        ])?;
        ensure!(events.contains("is taken by service balanced/two"), "{events:?}");
        Ok(())
    })?;
    // given back, it goes to the one that waits
    cluster.kubectl(&["-n", "balanced", "delete", "service", "two"])?;
    ensure!(given(cluster, "three")? == two, "not the address that was asked for");
    cluster.kubectl(&["delete", "namespace", "balanced", "--timeout=300s"])?;
    Ok(())
}
