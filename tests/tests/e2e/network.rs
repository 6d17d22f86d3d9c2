//! Services: by name, by address and by node port; from the pod's own node and from another.

use anyhow::{bail, ensure};
use e2e::{Cluster, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[(
    "network::a_service_is_reached_from_every_node",
    a_service_is_reached_from_every_node,
)];

fn pinned(name: &str, node: &str) -> String {
    format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{name}\"}},\"spec\":{{\"nodeName\":\"{node}\",\
         \"containers\":[{{\"name\":\"c\",\"image\":\"rkube.test/busybox:1\",\"command\":[\"sleep\",\"3600\"]}}]}}}}"
    )
}

fn a_service_is_reached_from_every_node(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("net")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "net"], args].concat());
    kubectl(&["create", "deployment", "web", "--image=rkube.test/nginx:1"])?;
    kubectl(&["expose", "deployment", "web", "--port=80", "--type=NodePort"])?;
    kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"])?;
    let service = cluster.get(&["-n", "net", "service", "web"])?;
    let address = service["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    let port = service["spec"]["ports"][0]["nodePort"].to_string();
    let nodes: Vec<String> = cluster
        .rkube(&["node", "list"])?
        .ok()?
        .lines()
        .map(|line| line.replace('\t', " "))
        .collect();
    ensure!(nodes.len() == 2, "{nodes:?}");
    for (number, line) in nodes.iter().enumerate() {
        let Some((node, _)) = line.split_once(' ') else {
            bail!("{line}")
        };
        let client = format!("client{number}");
        cluster.kubectl_with(&["-n", "net", "apply", "-f", "-"], &pinned(&client, node))?;
        cluster.pod_ready("net", &client)?;
        let mut targets = vec![
            "web".to_owned(),
            "web.net.svc.cluster.local".to_owned(),
            address.clone(),
        ];
        targets.extend(
            nodes
                .iter()
                .filter_map(|line| line.split_once(' '))
                .map(|(_, ip)| format!("{ip}:{port}")),
        );
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
    }
    let reverse = kubectl(&[
        "exec",
        "client0",
        "--",
        "nslookup",
        "kubernetes.default.svc.cluster.local",
    ])?;
    ensure!(reverse.contains("10.96.0.1"), "{reverse}");
    cluster.kubectl(&["delete", "namespace", "net", "--timeout=60s"])?;
    Ok(())
}
