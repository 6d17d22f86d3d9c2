//! Who may come in, and what others on this machine can see.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Run as _, https_get, until};
use serde_json::Value;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("security::keys_are_their_owners_alone", keys_are_their_owners_alone),
    (
        "security::ports_are_published_on_loopback",
        ports_are_published_on_loopback,
    ),
    ("security::the_api_asks_who_it_is", the_api_asks_who_it_is),
    ("security::the_kubelet_asks_too", the_kubelet_asks_too),
    ("security::arguments_pass_no_shell", arguments_pass_no_shell),
    ("security::a_body_has_a_limit", a_body_has_a_limit),
];

fn private(path: &Path) -> anyhow::Result<()> {
    let meta = fs_err::metadata(path)?;
    let mode = meta.permissions().mode() & 0o777;
    ensure!(mode.trailing_zeros() >= 6, "{} has mode {mode:o}", path.display());
    if meta.is_dir() {
        for entry in fs_err::read_dir(path)? {
            private(&entry?.path())?;
        }
    }
    Ok(())
}

fn keys_are_their_owners_alone(cluster: &Cluster) -> anyhow::Result<()> {
    private(&cluster.sandbox.home().join("profiles").join(&cluster.name))?;
    private(&cluster.sandbox.path("kubeconfig"))?;
    let keys = cluster.in_node(&cluster.name, "find / -xdev -name 'sa.key' -perm 600")?;
    ensure!(!keys.trim().is_empty(), "no key in the node");
    for what in ["-name '*.key'", "-path '/var/log/rkube/*'"] {
        let readable = format!("find / /var -xdev -type f {what} -perm /077 2>/dev/null; true");
        let found = cluster.in_node(&cluster.name, &readable)?;
        ensure!(found.trim().is_empty(), "{found}");
    }
    let logged = cluster.rkube(&["logs", "--length", "2000"])?.ok()?;
    ensure!(
        !logged.contains("PRIVATE KEY") && !logged.contains("Bearer ey"),
        "a secret in the log"
    );
    Ok(())
}

fn ports_are_published_on_loopback(cluster: &Cluster) -> anyhow::Result<()> {
    let list = cluster.rkube(&["node", "list"])?.ok()?;
    for node in list.lines().filter_map(|line| line.split('\t').next()) {
        let inspect = ["inspect", node, "--format", "{{json .NetworkSettings.Ports}}"];
        let ports: Value = serde_json::from_str(&Command::new("docker").args(inspect).run()?.ok()?)?;
        let bindings = ports
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, list)| list.as_array());
        for binding in bindings.flatten() {
            ensure!(binding["HostIp"] == "127.0.0.1", "{node}: {ports}");
        }
    }
    // this machine's address towards the cluster is one that others could use
    let format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    let gateway = ["network", "inspect", &cluster.name, "--format", format];
    let gateway = Command::new("docker").args(gateway).run()?.ok()?;
    let address = SocketAddr::new(gateway.trim().parse()?, server_port(cluster)?);
    ensure!(
        TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_err(),
        "{address} answers"
    );
    Ok(())
}

fn server_port(cluster: &Cluster) -> anyhow::Result<u16> {
    let path = "jsonpath={.clusters[0].cluster.server}";
    let server = cluster.kubectl(&["config", "view", "--minify", "-o", path])?;
    Ok(server.rsplit_once(':').context("no port")?.1.parse()?)
}

/// A service account of a namespace of its own, and a token for it.
fn account(cluster: &Cluster, namespace: &str) -> anyhow::Result<String> {
    cluster.namespace(namespace)?;
    cluster.kubectl(&["-n", namespace, "create", "serviceaccount", "visitor"])?;
    let token = cluster.kubectl(&["-n", namespace, "create", "token", "visitor"])?;
    Ok(token.trim().to_owned())
}

fn reason(body: &str) -> anyhow::Result<(String, String)> {
    let status: Value = serde_json::from_str(body).with_context(|| body.to_owned())?;
    ensure!(status["kind"] == "Status" && status["status"] == "Failure", "{status}");
    let word = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
    Ok((word("reason"), word("message")))
}

fn the_api_asks_who_it_is(cluster: &Cluster) -> anyhow::Result<()> {
    let token = account(cluster, "visitor")?;
    let url = format!(
        "https://127.0.0.1:{}/api/v1/namespaces/visitor/secrets",
        server_port(cluster)?
    );
    let (code, body) = https_get(&url, None)?;
    let (why, message) = reason(&body)?;
    ensure!(
        code == 403 && why == "Forbidden" && message.contains("\"system:anonymous\" cannot list resource \"secrets\""),
        "{code} {body}"
    );
    let (code, body) = https_get(&url, Some("nonsense"))?;
    ensure!(code == 401 && reason(&body)?.0 == "Unauthorized", "{code} {body}");
    let (code, body) = https_get(&url, Some(&token))?;
    let expected = "secrets is forbidden: User \"system:serviceaccount:visitor:visitor\" cannot list resource \"secrets\" in API \
                    group \"\" in the namespace \"visitor\"";
    ensure!(code == 403 && reason(&body)?.1 == expected, "{code} {body}");

    let bind = [
        "create",
        "rolebinding",
        "visitor",
        "--clusterrole=admin",
        "--serviceaccount=visitor:visitor",
    ];
    cluster.kubectl(&[&["-n", "visitor"], bind.as_slice()].concat())?;
    until("the right to take effect", 10, || {
        let (code, body) = https_get(&url, Some(&token))?;
        ensure!(code == 200, "{code} {body}");
        Ok(())
    })?;
    // the token is good for an hour still, but its account is gone
    cluster.kubectl(&["-n", "visitor", "delete", "serviceaccount", "visitor"])?;
    until("the token to be worth nothing", 10, || {
        let (code, body) = https_get(&url, Some(&token))?;
        ensure!(code == 401, "{code} {body}");
        Ok(())
    })?;
    cluster.kubectl(&["delete", "namespace", "visitor", "--timeout=300s"])?;
    Ok(())
}

fn the_kubelet_asks_too(cluster: &Cluster) -> anyhow::Result<()> {
    let token = account(cluster, "kubelet-visitor")?;
    let address = cluster.rkube(&["ip"])?.ok()?;
    let url = format!("https://{}:10250/pods", address.trim());
    for credential in [None, Some("nonsense")] {
        let (code, body) = https_get(&url, credential)?;
        ensure!(code == 401, "{credential:?}: {code} {body}");
    }
    let (code, body) = https_get(&url, Some(&token))?;
    ensure!(
        code == 403
            && body.contains("user=system:serviceaccount:kubelet-visitor:visitor")
            && body.contains("resource=nodes"),
        "{code} {body}"
    );
    let role = [
        "create",
        "clusterrole",
        "kubelet-visitor",
        "--verb=get",
        "--resource=nodes/proxy",
    ];
    cluster.kubectl(&role)?;
    let account = "--serviceaccount=kubelet-visitor:visitor";
    let bind = [
        "create",
        "clusterrolebinding",
        "kubelet-visitor",
        "--clusterrole=kubelet-visitor",
        account,
    ];
    cluster.kubectl(&bind)?;
    until("the right to take effect", 10, || {
        let (code, body) = https_get(&url, Some(&token))?;
        ensure!(code == 200 && body.contains("PodList"), "{code} {body}");
        Ok(())
    })?;
    cluster.kubectl(&["delete", "clusterrolebinding,clusterrole", "kubelet-visitor"])?;
    cluster.kubectl(&["delete", "namespace", "kubelet-visitor", "--timeout=300s"])?;
    Ok(())
}

fn arguments_pass_no_shell(cluster: &Cluster) -> anyhow::Result<()> {
    let odd = ["a b", "$HOME", "; id", "`id`", "*", "", "--node"];
    let output = cluster
        .rkube(&[["ssh", "--", "printf", "%s|"].as_slice(), &odd].concat())?
        .ok()?;
    ensure!(output == odd.join("|") + "|", "{output}");
    ensure!(
        cluster.rkube(&["ssh", "exit 7"])?.code == 7,
        "the exit code is the program's"
    );
    Ok(())
}

fn a_body_has_a_limit(cluster: &Cluster) -> anyhow::Result<()> {
    let value = "x".repeat(4 << 20);
    let object = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"big\"}},\"data\":{{\"a\":\"{value}\"}}}}"
    );
    let file = cluster.sandbox.file("big.json", &object)?;
    let path = file.to_string_lossy();
    let mut create =
        cluster.kubectl_command(&["create", "--raw", "/api/v1/namespaces/default/configmaps", "-f", &path]);
    let error = create.run()?.failed(1)?;
    ensure!(
        error.starts_with("Error from server (RequestEntityTooLarge)") && error.contains("limit is 3145728"),
        "{error}"
    );
    Ok(())
}
