//! Connections that stay open while rules change.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{bail, ensure};
use e2e::{Cluster, Run as _, until};

use super::{NAMESPACE, get, ports};

/// A connection by way of the ingress that has become something else: what is sent comes back.
struct Echo {
    client: TcpStream,
    /// Gives the request's header as the server saw it.
    server: JoinHandle<anyhow::Result<String>>,
}

impl Echo {
    /// Opens it to a server of this test's own, behind a service without selector and an Ingress `echo`.
    fn open(cluster: &Cluster) -> anyhow::Result<Self> {
        let gateway = e2e::gateway(cluster)?;
        let listener = TcpListener::bind((gateway, 0))?;
        let port = listener.local_addr()?.port();
        let server = std::thread::spawn(move || -> anyhow::Result<String> {
            let (mut stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            let head = head(&mut stream)?;
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")?;
            let mut piece = [0; 64];
            loop {
                let count = stream.read(&mut piece)?;
                if count == 0 {
                    return Ok(head);
                }
                stream.write_all(&piece[..count])?;
            }
        });
        let objects = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: echo}}\nspec: {{ports: [{{name: p, port: 80}}]}}\n---\n\
             apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: echo-1, labels: {{kubernetes.io/service-name: echo}}}}\n\
             addressType: IPv4\nports: [{{name: p, port: {port}}}]\nendpoints: [{{addresses: ['{gateway}']}}]\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: echo}}\nspec:\n  defaultBackend: {{service: {{name: echo, port: {{name: p}}}}}}\n"
        );
        cluster.kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], &objects)?;
        until("the rule", 10, || {
            let status = cluster.get(&["-n", NAMESPACE, "ingress", "echo"])?["status"].to_string();
            if status.contains("ip") {
                Ok(())
            } else {
                bail!("{status}")
            }
        })?;
        let (http, _) = ports(cluster)?;
        // the status says that the Ingress was seen, not yet that its endpoints were
        let client = until("the upgrade", 20, || {
            let mut client = TcpStream::connect(("127.0.0.1", u16::try_from(http)?))?;
            client.set_read_timeout(Some(Duration::from_secs(20)))?;
            client.write_all(
                b"GET /ws HTTP/1.1\r\nHost: echo.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n",
            )?;
            let answer = head(&mut client)?;
            ensure!(answer.starts_with("HTTP/1.1 101"), "{answer}");
            Ok(client)
        })?;
        Ok(Self { client, server })
    }

    fn say(&mut self, word: &str) -> anyhow::Result<()> {
        self.client.write_all(word.as_bytes())?;
        let mut back = vec![0; word.len()];
        self.client.read_exact(&mut back)?;
        ensure!(back == word.as_bytes(), "{back:?}");
        Ok(())
    }

    fn close(self) -> anyhow::Result<String> {
        drop(self.client);
        self.server.join().map_err(|_| anyhow::anyhow!("the server panicked"))?
    }
}

pub(super) fn an_upgraded_connection_outlives_changes(cluster: &Cluster) -> anyhow::Result<()> {
    let mut echo = Echo::open(cluster)?;
    echo.say("before")?;
    // another Ingress comes and this one goes: the connection knows nothing of it
    cluster.kubectl(&["-n", NAMESPACE, "delete", "ingress", "echo"])?;
    until("the rule's end", 20, || {
        let answer = get(cluster, "echo.test", "/")?;
        if answer.stdout.ends_with("404") {
            Ok(())
        } else {
            bail!("{answer:?}")
        }
    })?;
    echo.say("after")?;
    let seen = echo.close()?.to_lowercase();
    ensure!(
        seen.contains("host: echo.test\r\n") && seen.contains("x-forwarded-proto: http\r\n"),
        "{seen}"
    );
    ensure!(!seen.contains("6.6.6.6"), "{seen}");
    Ok(())
}

/// Requests that a client makes on one connection.
const REQUESTS: usize = 500;
/// Changes while clients make requests, one connection after the other.
const CHANGES: usize = 12;

/// A server that keeps connections, and a rule for it.
const FAST: &str = "
apiVersion: v1
kind: Pod
metadata: {name: fast, labels: {app: fast}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: 'rkube.test/nginx:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: fast}
spec: {selector: {app: fast}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: fast}
spec:
  rules:
  - host: fast.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: fast, port: {number: 80}}}}]}
";

/// Makes requests on one connection, all of which must be answered on it.
fn one_connection(scheme: &str, port: u64, version: &str) -> anyhow::Result<()> {
    let resolve = format!("fast.test:{port}:127.0.0.1");
    let url = format!("{scheme}://fast.test:{port}/?[1-{REQUESTS}]");
    let said = "%{http_code} %{http_version} %{num_connects}\\n";
    let args = [
        "-skS",
        version,
        "--resolve",
        &resolve,
        "-o",
        "/dev/null",
        "-w",
        said,
        &url,
    ];
    let lines = Command::new("curl").args(args).run()?.ok()?;
    let expected = if version == "--http2" { "200 2 " } else { "200 1.1 " };
    let good = lines.lines().filter(|line| line.starts_with(expected)).count();
    ensure!(good == REQUESTS, "{scheme} {version}: {good} of {REQUESTS} answered");
    let connections = lines.lines().filter(|line| !line.ends_with(" 0")).count();
    ensure!(
        connections == 1,
        "{scheme} {version}: {connections} connections instead of one"
    );
    Ok(())
}

pub(super) fn nothing_fails_while_rules_change(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], FAST)?;
    cluster.pod_ready(NAMESPACE, "fast")?;
    until("the rule", 20, || {
        let answer = get(cluster, "fast.test", "/")?;
        if answer.stdout.ends_with(" 200") {
            Ok(())
        } else {
            bail!("{answer:?}")
        }
    })?;
    let mut echo = Echo::open(cluster)?;
    let (http, https) = ports(cluster)?;
    let clients = [
        ("http", http, "--http1.1"),
        ("https", https, "--http1.1"),
        ("https", https, "--http2"),
    ];
    let ended = Arc::new(AtomicBool::new(false));
    let running: Vec<JoinHandle<anyhow::Result<()>>> = clients
        .into_iter()
        .map(|(scheme, port, version)| {
            let ended = ended.clone();
            std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    one_connection(scheme, port, version)?;
                }
                Ok(())
            })
        })
        .collect();
    let mut outcome = Ok(());
    for change in 0..CHANGES {
        // one comes or changes, another one goes, and the one that is asked for changes, too
        let backend = |service: &str| format!("backend: {{service: {{name: {service}, port: {{number: 80}}}}}}");
        let fast = format!("path: /, pathType: Prefix, {}}}, {{path: /{change},", backend("fast"));
        let ingress = format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: churn-{}}}\nspec:\n  rules:\n  - host: churn.test\n    http: {{paths: [{{path: /{change}, pathType: Prefix, {}}}]}}\n---\n{}",
            change % 3,
            backend("one"),
            FAST.replacen("path: /,", &fast, 1)
        );
        let other = format!("churn-{}", (change + 1) % 3);
        outcome = cluster
            .kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], &ingress)
            .and_then(|_| cluster.kubectl(&["-n", NAMESPACE, "delete", "ingress", &other, "--ignore-not-found"]))
            .and_then(|_| echo.say("still here"));
        if outcome.is_err() {
            break;
        }
    }
    ended.store(true, Ordering::Relaxed);
    for client in running {
        client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
    }
    outcome?;
    echo.close()?;
    cluster.kubectl(&["-n", NAMESPACE, "delete", "ingress", "echo"])?;
    Ok(())
}

/// Reads up to the end of the header.
fn head(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        ensure!(
            stream.read(&mut one)? == 1,
            "ended after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.push(one[0]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
