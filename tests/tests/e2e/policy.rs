//! Network policies: who reaches whom, on one node and between nodes, and that connections end when policies forbid them.

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, until};
use serde_json::{Value, json};

use crate::Shared;
use crate::network::{fetch, gateway, nodes};

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "policy::what_comes_in_is_what_the_policies_allow",
        what_comes_in_is_what_the_policies_allow,
    ),
    (
        "policy::what_goes_out_is_what_the_policies_allow",
        what_goes_out_is_what_the_policies_allow,
    ),
    (
        "policy::a_connection_ends_when_a_policy_forbids_it",
        a_connection_ends_when_a_policy_forbids_it,
    ),
    (
        "policy::a_new_pod_is_isolated_before_it_starts",
        a_new_pod_is_isolated_before_it_starts,
    ),
    (
        "policy::an_unknown_port_name_matches_nothing_and_is_told",
        an_unknown_port_name_matches_nothing_and_is_told,
    ),
];

/// A namespace and pods in it, removed at the end.
struct Stage<'a> {
    cluster: &'a Cluster,
    namespace: &'static str,
}

impl<'a> Stage<'a> {
    fn new(cluster: &'a Cluster, namespace: &'static str, labels: &[&str]) -> anyhow::Result<Self> {
        cluster.namespace(namespace)?;
        for label in labels {
            cluster.kubectl(&["label", "namespace", namespace, label])?;
        }
        Ok(Self { cluster, namespace })
    }

    fn apply(&self, object: &Value) -> anyhow::Result<()> {
        self.cluster
            .kubectl_with(&["-n", self.namespace, "apply", "-f", "-"], &object.to_string())?;
        Ok(())
    }

    fn policy(&self, name: &str, spec: &Value) -> anyhow::Result<()> {
        self.apply(&json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name }, "spec": spec,
        }))
    }

    fn forget(&self, policy: &str) -> anyhow::Result<()> {
        self.cluster
            .kubectl(&["-n", self.namespace, "delete", "networkpolicy", policy])?;
        Ok(())
    }

    /// A pod with a shell.
    fn client(&self, name: &str, node: &str, labels: &Value, command: &str) -> anyhow::Result<()> {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": labels },
            "spec": {
                "nodeName": node, "terminationGracePeriodSeconds": 0,
                "containers": [{ "name": "c", "image": "rkube.test/busybox:1", "command": ["sh", "-c", command] }],
            },
        }))
    }

    /// A web server that is probed, and a service of its name before it. Gives the pod's address.
    fn server(&self, name: &str, node: &str) -> anyhow::Result<String> {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": name } },
            "spec": {
                "nodeName": node, "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "c", "image": "rkube.test/nginx:1", "ports": [{ "name": "http", "containerPort": 80 }],
                    "readinessProbe": { "httpGet": { "port": "http" }, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 1 },
                }],
            },
        }))?;
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
            "spec": { "selector": { "app": name }, "ports": [{ "port": 8080, "targetPort": "http" }] },
        }))?;
        self.ready(name)
    }

    /// Waits for a pod; gives its address.
    fn ready(&self, pod: &str) -> anyhow::Result<String> {
        self.cluster.pod_ready(self.namespace, pod)?;
        let pod = self.cluster.get(&["-n", self.namespace, "pod", pod])?;
        Ok(pod["status"]["podIP"].as_str().context("no address")?.to_owned())
    }

    fn exec(&self, pod: &str, command: &[&str]) -> anyhow::Result<String> {
        self.cluster
            .kubectl(&[&["-n", self.namespace, "exec", pod, "--"], command].concat())
    }

    fn get(&self, client: &str, target: &str) -> anyhow::Result<String> {
        let url = format!("http://{target}/");
        self.exec(client, &["wget", "-q", "-T", "1", "-O", "-", &url])
    }

    fn reaches(&self, client: &str, target: &str) -> anyhow::Result<()> {
        until(&format!("{client} to reach {target}"), 15, || self.get(client, target)).map(drop)
    }

    fn is_kept_from(&self, client: &str, target: &str) -> anyhow::Result<()> {
        until(&format!("{client} to be kept from {target}"), 15, || {
            match self.get(client, target) {
                Ok(page) => bail!("{page}"),
                // anything else is no proof: a client that cannot run reaches nothing, either
                Err(error) if format!("{error:#}").contains("wget:") => Ok(()),
                Err(error) => Err(error),
            }
        })
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        let delete = [
            "delete",
            "namespace",
            self.namespace,
            "--wait=false",
            "--ignore-not-found",
        ];
        drop(self.cluster.kubectl(&delete));
    }
}

const IDLE: &str = "sleep 3600";

fn what_comes_in_is_what_the_policies_allow(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = nodes(cluster)?;
    let [(plane, _), (worker, worker_ip)] = nodes.as_slice() else {
        bail!("{nodes:?}")
    };
    let own = Stage::new(cluster, "policy-in", &[])?;
    let other = Stage::new(cluster, "policy-in-other", &["team=blue"])?;
    own.client("near", worker, &json!({ "role": "friend" }), IDLE)?;
    own.client("far", plane, &json!({ "role": "friend" }), IDLE)?;
    own.client("stranger", plane, &json!({}), IDLE)?;
    other.client("visitor", worker, &json!({ "role": "friend" }), IDLE)?;
    let web = own.server("web", worker)?;
    for pod in ["near", "far", "stranger"] {
        own.ready(pod)?;
        own.reaches(pod, &web)?;
    }
    other.ready("visitor")?;
    other.reaches("visitor", &web)?;

    own.policy("none", &json!({ "podSelector": {} }))?;
    own.is_kept_from("near", &web)?;
    own.is_kept_from("far", "web:8080")?;
    other.is_kept_from("visitor", &web)?;

    let from = |peer: Value| json!({ "podSelector": { "matchLabels": { "app": "web" } }, "ingress": [{ "from": [peer], "ports": [{ "port": "http" }] }] });
    own.policy(
        "friends",
        &from(json!({ "podSelector": { "matchLabels": { "role": "friend" } } })),
    )?;
    own.reaches("near", &web)?;
    own.reaches("far", "web:8080")?;
    own.is_kept_from("stranger", &web)?;
    other.is_kept_from("visitor", "web.policy-in:8080")?;
    own.policy(
        "neighbours",
        &from(json!({ "namespaceSelector": { "matchLabels": { "team": "blue" } } })),
    )?;
    other.reaches("visitor", "web.policy-in:8080")?;
    own.is_kept_from("stranger", "web:8080")?;
    // a label makes a friend
    own.cluster
        .kubectl(&["-n", own.namespace, "label", "pod", "stranger", "role=friend"])?;
    own.reaches("stranger", &web)?;

    // the outside, by address
    let service = json!({ "spec": { "type": "NodePort", "externalTrafficPolicy": "Local" } }).to_string();
    cluster.kubectl(&["-n", own.namespace, "patch", "service", "web", "-p", &service])?;
    let service = cluster.get(&["-n", own.namespace, "service", "web"])?;
    let port = u16::try_from(
        service["spec"]["ports"][0]["nodePort"]
            .as_u64()
            .context("no node port")?,
    )?;
    let host = gateway(cluster)?;
    own.policy("outside", &from(json!({ "ipBlock": { "cidr": "0.0.0.0/0" } })))?;
    until("the outside to be let in", 15, || fetch(worker_ip, port))?;
    let except = json!({ "ipBlock": { "cidr": "0.0.0.0/0", "except": [format!("{host}/32")] } });
    own.policy("outside", &from(except))?;
    until("the outside to be kept out", 20, || match fetch(worker_ip, port) {
        Ok(page) => bail!("{page}"),
        Err(_) => Ok(()),
    })?;
    until("the node's probes to go on", 10, || {
        let pod = cluster.get(&["-n", own.namespace, "pod", "web"])?;
        let status = &pod["status"];
        ensure!(status["containerStatuses"][0]["ready"] == true, "{status}");
        Ok(())
    })
}

fn what_goes_out_is_what_the_policies_allow(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = nodes(cluster)?;
    let [(plane, _), (worker, _)] = nodes.as_slice() else {
        bail!("{nodes:?}")
    };
    let stage = Stage::new(cluster, "policy-out", &[])?;
    stage.client("client", worker, &json!({ "app": "client" }), IDLE)?;
    let near = stage.server("near", worker)?;
    let far = stage.server("far", plane)?;
    stage.ready("client")?;
    stage.reaches("client", &near)?;
    let egress = |rules: Value| json!({ "podSelector": { "matchLabels": { "app": "client" } }, "policyTypes": ["Egress"], "egress": rules });
    stage.policy("out", &egress(json!([])))?;
    stage.is_kept_from("client", &near)?;
    stage.is_kept_from("client", &far)?;
    // names need the name server, services their pods behind them
    let dns = json!({ "to": [{ "namespaceSelector": {} }], "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }] });
    let web = json!({ "to": [{ "podSelector": { "matchLabels": { "app": "far" } } }], "ports": [{ "port": "http" }] });
    stage.policy("out", &egress(json!([dns, web])))?;
    stage.reaches("client", "far:8080")?;
    stage.is_kept_from("client", "near:8080")?;
    let block = json!({ "to": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": [format!("{far}/32")] } }], "ports": [{ "port": 79, "endPort": 81 }] });
    stage.policy("out", &egress(json!([block])))?;
    stage.reaches("client", &near)?;
    stage.is_kept_from("client", &far)?;
    stage.forget("out")?;
    stage.reaches("client", "far:8080")
}

fn a_connection_ends_when_a_policy_forbids_it(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = nodes(cluster)?;
    let [(plane, _), (worker, _)] = nodes.as_slice() else {
        bail!("{nodes:?}")
    };
    let stage = Stage::new(cluster, "policy-cut", &[])?;
    stage.client("echo", plane, &json!({ "app": "echo" }), "nc -ll -p 7 -e cat")?;
    let echo = stage.ready("echo")?;
    for (name, node) in [("near", plane), ("far", worker)] {
        let talk = format!(
            "while true; do echo tick; sleep 0.1; done | nc {echo} 7 > /tmp/heard; echo ended > /tmp/ended; sleep 3600"
        );
        stage.client(name, node, &json!({ "app": "talker" }), &talk)?;
        stage.ready(name)?;
        let heard = || -> anyhow::Result<usize> {
            let text = stage.exec(name, &["cat", "/tmp/heard"])?;
            Ok(text.lines().count())
        };
        let first = until("an answer", 15, || {
            let lines = heard()?;
            ensure!(lines > 0, "nothing heard");
            Ok(lines)
        })?;
        // a policy that allows the connection leaves it alone
        let allow = json!({ "podSelector": { "matchLabels": { "app": "echo" } }, "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "app": "talker" } } }] }] });
        stage.policy("echo", &allow)?;
        until("more answers", 15, || {
            let lines = heard()?;
            ensure!(lines > first + 5, "{lines} after {first}");
            Ok(())
        })?;
        ensure!(
            stage.exec(name, &["cat", "/tmp/ended"]).is_err(),
            "{name}: cut although allowed"
        );
        stage.policy("echo", &json!({ "podSelector": { "matchLabels": { "app": "echo" } } }))?;
        until(&format!("{name}'s connection to end"), 15, || {
            stage.exec(name, &["cat", "/tmp/ended"])
        })?;
        stage.forget("echo")?;
    }
    Ok(())
}

fn a_new_pod_is_isolated_before_it_starts(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = nodes(cluster)?;
    let stage = Stage::new(cluster, "policy-new", &[])?;
    let server = stage.server("server", &nodes[0].0)?;
    stage.policy(
        "out",
        &json!({ "podSelector": { "matchLabels": { "app": "early" } }, "policyTypes": ["Egress"] }),
    )?;
    for (number, (node, _)) in nodes.iter().enumerate() {
        let name = format!("early{number}");
        let try_at_once = format!("wget -q -T 1 -O - http://{server}/ > /tmp/page 2>&1; {IDLE}");
        stage.client(&name, node, &json!({ "app": "early" }), &try_at_once)?;
        stage.ready(&name)?;
        let page = until("an answer or none", 15, || {
            let page = stage.exec(&name, &["cat", "/tmp/page"])?;
            ensure!(!page.is_empty(), "not yet");
            Ok(page)
        })?;
        ensure!(page.contains("wget:"), "on {node}: {page}");
    }
    Ok(())
}

fn an_unknown_port_name_matches_nothing_and_is_told(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = nodes(cluster)?;
    let stage = Stage::new(cluster, "policy-port", &[])?;
    let server = stage.server("server", &nodes[1].0)?;
    stage.client("client", &nodes[0].0, &json!({}), IDLE)?;
    stage.ready("client")?;
    let ingress = |port: &str| json!({ "podSelector": { "matchLabels": { "app": "server" } }, "ingress": [{ "ports": [{ "port": port }] }] });
    stage.policy("in", &ingress("htpp"))?;
    stage.is_kept_from("client", &server)?;
    until("an event", 15, || {
        let about = [
            "-n",
            stage.namespace,
            "get",
            "events",
            "--field-selector=reason=UnknownPortName",
        ];
        let events = cluster.kubectl(&[&about[..], &["-o", "jsonpath={.items[*].message}"]].concat())?;
        ensure!(events.contains("\"htpp\""), "{events:?}");
        Ok(())
    })?;
    stage.policy("in", &ingress("http"))?;
    stage.reaches("client", &server)
}
