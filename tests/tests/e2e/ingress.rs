//! Ingress: rules, certificates, what is not plain HTTP, and changes under way.

mod connections;

use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Output, Run as _, until};
use serde_json::Value;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("ingress::rules_by_host_and_path", rules_by_host_and_path),
    ("ingress::a_broken_tls_secret", a_broken_tls_secret),
    ("ingress::grpc_over_http2", grpc_over_http2),
    (
        "ingress::an_upgraded_connection_outlives_changes",
        connections::an_upgraded_connection_outlives_changes,
    ),
    (
        "ingress::nothing_fails_while_rules_change",
        connections::nothing_fails_while_rules_change,
    ),
    ("ingress::names_for_this_machine", names_for_this_machine),
    (
        "ingress::a_port_taken_while_the_cluster_was_stopped",
        a_port_taken_while_the_cluster_was_stopped,
    ),
    ("ingress::disabled_again", disabled_again),
    (
        "ingress::somebody_elses_class_stays_theirs",
        somebody_elses_class_stays_theirs,
    ),
];

const NAMESPACE: &str = "ingress-test";

/// Two web servers that say their names, and rules for them.
const WEB: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: one}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: rkube.test/busybox:1
    command: [sh, -c, "mkdir -p /w/a /w/b; for f in /w /w/a /w/b; do echo one > $f/index.html; done; exec httpd -f -p 8080 -h /w"]
---
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: two}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: rkube.test/busybox:1
    command: [sh, -c, "mkdir -p /w/a /w/b; for f in /w /w/a /w/b; do echo two > $f/index.html; done; exec httpd -f -p 8080 -h /w"]
---
apiVersion: v1
kind: Service
metadata: {name: one}
spec: {selector: {app: one}, ports: [{name: web, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: one.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: one, port: {name: web}}}}
      - {path: /a/, pathType: Exact, backend: {service: {name: two, port: {number: 80}}}}
      - {path: /none, pathType: Prefix, backend: {service: {name: nobody, port: {number: 80}}}}
  - host: "*.wild.test"
    http: {paths: [{path: /, pathType: ImplementationSpecific, backend: {service: {name: two, port: {number: 80}}}}]}
"#;

/// Ports of this machine that lead to the ingress.
pub(crate) fn ports(cluster: &Cluster) -> anyhow::Result<(u64, u64)> {
    let profile = cluster
        .sandbox
        .home()
        .join("profiles")
        .join(&cluster.name)
        .join("profile.json");
    let profile: Value = serde_json::from_str(&fs_err::read_to_string(profile)?)?;
    let port = |name: &str| {
        profile[name]
            .as_u64()
            .with_context(|| format!("no {name} in {profile}"))
    };
    Ok((port("httpPort")?, port("httpsPort")?))
}

/// Asks over HTTP on 127.0.0.1.
fn get(cluster: &Cluster, host: &str, path: &str) -> anyhow::Result<Output> {
    let (http, _) = ports(cluster)?;
    let (url, host) = (format!("http://127.0.0.1:{http}{path}"), format!("Host: {host}"));
    let args = ["-s", "-m", "10", "-w", " %{http_code}", "-H", &host, &url];
    Command::new("curl").args(args).run()
}

fn rules_by_host_and_path(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.rkube(&["addons", "enable", "ingress"])?.ok()?;
    cluster.namespace(NAMESPACE)?;
    cluster.kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], WEB)?;
    for pod in ["one", "two"] {
        cluster.pod_ready(NAMESPACE, pod)?;
    }
    for (host, path, expected) in [
        ("one.test", "/", "one\n 200"),
        ("ONE.test", "/b/", "one\n 200"),
        ("one.test", "/a/", "two\n 200"),
        ("one.test", "/a/index.html", "one\n 200"),
        ("x.wild.test", "/", "two\n 200"),
        ("a.b.wild.test", "/", "404"),
        ("wild.test", "/", "404"),
        ("one.test", "/none/x", "503"),
        ("else.test", "/", "404"),
    ] {
        until(&format!("{host}{path}"), 20, || {
            let answer = get(cluster, host, path)?;
            if answer.stdout.ends_with(expected) {
                Ok(())
            } else {
                bail!("{answer:?}")
            }
        })?;
    }
    let address = until("the status", 10, || {
        let object = cluster.get(&["-n", NAMESPACE, "ingress", "web"])?;
        let address = object["status"]["loadBalancer"]["ingress"][0]["ip"]
            .as_str()
            .map(str::to_owned);
        address.with_context(|| object["status"].to_string())
    })?;
    let node = cluster.rkube(&["ip"])?.ok()?;
    ensure!(address == node.trim(), "{address} {node}");
    until("an event on the missing service", 10, || {
        let events = cluster.kubectl(&["-n", NAMESPACE, "describe", "ingress", "web"])?;
        if events.contains("service ingress-test/nobody does not exist") {
            Ok(())
        } else {
            bail!("{events}")
        }
    })
}

/// Who the server says it is, to a client that asks for a name.
fn subject(cluster: &Cluster, name: &str) -> anyhow::Result<String> {
    let (_, https) = ports(cluster)?;
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{https} -servername {name} </dev/null 2>/dev/null | openssl x509 -noout -subject -ext subjectAltName"
    );
    Command::new("sh").args(["-c", &script]).run()?.ok()
}

fn a_broken_tls_secret(cluster: &Cluster) -> anyhow::Result<()> {
    let folder = cluster.sandbox.path("ingress-tls");
    fs_err::create_dir_all(&folder)?;
    let script = "for n in good other; do openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$n.test \
        -addext subjectAltName=DNS:$n.test -keyout $n.key -out $n.crt; done";
    Command::new("sh")
        .args(["-ec", script])
        .current_dir(&folder)
        .run()?
        .ok()?;
    let secret = |name: &str, cert: &str, key: &str| -> anyhow::Result<()> {
        let encode = |file: &str| Command::new("base64").args(["-w0"]).arg(folder.join(file)).run()?.ok();
        let (cert, key) = (encode(cert)?, encode(key)?);
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls\ndata: {{tls.crt: {cert}, tls.key: {key}}}\n"
        );
        cluster
            .kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], &text)
            .map(drop)
    };
    secret("good", "good.crt", "good.key")?;
    secret("broken", "good.crt", "other.key")?;
    let rule = |host: &str| {
        format!(
            "{{host: {host}, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: one, port: {{number: 80}}}}}}}}]}}}}"
        )
    };
    let ingress = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: tls}}\nspec:\n  tls:\n  - {{hosts: [good.test], secretName: good}}\n  - {{hosts: [broken.test], secretName: broken}}\n  rules: [{}, {}]\n",
        rule("good.test"),
        rule("broken.test")
    );
    cluster.kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], &ingress)?;
    until("the right certificate", 20, || {
        let subject = subject(cluster, "good.test")?;
        if subject.contains("DNS:good.test") {
            Ok(())
        } else {
            bail!("{subject}")
        }
    })?;
    let (_, https) = ports(cluster)?;
    let resolve = |host: &str| format!("{host}:{https}:127.0.0.1");
    let trusted = folder.join("good.crt");
    let url = format!("https://good.test:{https}/");
    let mut ask = Command::new("curl");
    ask.args(["-sS", "-m", "10", "--resolve", &resolve("good.test"), "--cacert"])
        .arg(&trusted)
        .arg(&url);
    ensure!(ask.run()?.ok()? == "one\n");
    // over HTTP it is sent there, unless its Ingress says otherwise
    let answer = get(cluster, "good.test", "/a/?b=c")?;
    ensure!(answer.stdout.ends_with(" 308"), "{answer:?}");
    let annotate = ["-n", NAMESPACE, "annotate", "ingress", "tls"];
    let no_redirect = "nginx.ingress.kubernetes.io/ssl-redirect=false";
    cluster.kubectl(&[&annotate[..], &[no_redirect]].concat())?;
    until("HTTP without a redirect", 20, || {
        let answer = get(cluster, "good.test", "/")?;
        if answer.stdout.ends_with("one\n 200") {
            Ok(())
        } else {
            bail!("{answer:?}")
        }
    })?;
    // the broken one is told, and served by a certificate of the ingress's own
    until("an event on the broken secret", 20, || {
        let events = cluster.kubectl(&["-n", NAMESPACE, "describe", "ingress", "tls"])?;
        let told = events.contains("BrokenTLSSecret") && events.contains("its key does not fit its certificate");
        if told { Ok(()) } else { bail!("{events}") }
    })?;
    let subject = subject(cluster, "broken.test")?;
    ensure!(subject.contains("DNS:ingress.local"), "{subject}");
    let url = format!("https://broken.test:{https}/");
    let ask = Command::new("curl")
        .args(["-sSk", "-m", "10", "--resolve", &resolve("broken.test"), &url])
        .run()?;
    ensure!(ask.ok()? == "one\n");
    // repaired, it is served at once
    secret("broken", "other.crt", "other.key")?;
    until("the repaired certificate", 20, || {
        let subject = self::subject(cluster, "broken.test")?;
        if subject.contains("DNS:other.test") {
            Ok(())
        } else {
            bail!("{subject}")
        }
    })
}

fn grpc_over_http2(cluster: &Cluster) -> anyhow::Result<()> {
    let objects = r"
apiVersion: v1
kind: Pod
metadata: {name: etcd, labels: {app: etcd}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: etcd, image: 'rkube.test/etcd:1', readinessProbe: {grpc: {port: 2379}}}]
---
apiVersion: v1
kind: Service
metadata: {name: etcd}
spec: {selector: {app: etcd}, ports: [{port: 2379, appProtocol: kubernetes.io/h2c}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: etcd}
spec:
  ingressClassName: rkube
  rules: [{host: etcd.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: etcd, port: {number: 2379}}}}]}}]
";
    cluster.kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], objects)?;
    cluster.pod_ready(NAMESPACE, "etcd")?;
    // an empty message: etcd's own complaint in the trailers shows that request and answer got through whole
    let frame = cluster.sandbox.path("frame");
    fs_err::write(&frame, [0; 5])?;
    let (_, https) = ports(cluster)?;
    let (resolve, data) = (format!("etcd.test:{https}:127.0.0.1"), format!("@{}", frame.display()));
    let url = format!("https://etcd.test:{https}/etcdserverpb.KV/Range");
    let args = [
        "-sSvk",
        "-m",
        "10",
        "--http2",
        "--resolve",
        &resolve,
        "-H",
        "content-type: application/grpc",
        "-H",
        "te: trailers",
        "--data-binary",
        &data,
        &url,
    ];
    until("gRPC by way of the ingress", 20, || {
        let answer = Command::new("curl").args(args).run()?;
        let told = answer.stderr.contains("grpc-message: etcdserver: key is not provided");
        if told && answer.stderr.contains("HTTP/2 200") {
            Ok(())
        } else {
            bail!("{answer:?}")
        }
    })
}

fn names_for_this_machine(cluster: &Cluster) -> anyhow::Result<()> {
    let said = cluster.rkube(&["addons", "enable", "ingress-dns"])?.ok()?;
    let node = cluster.rkube(&["ip"])?.ok()?.trim().to_owned();
    ensure!(said.contains(&format!("nslookup HOST {node}")), "{said}");
    // a question as resolvers put it: one name, IPv4, over UDP
    let ask = |name: &str| -> anyhow::Result<(u8, Vec<u8>)> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(u8::try_from(label.len())?);
            query.extend_from_slice(label.as_bytes());
        }
        query.extend_from_slice(&[0, 0, 1, 0, 1]);
        socket.send_to(&query, (node.as_str(), 53))?;
        let mut answer = [0; 512];
        let count = socket.recv(&mut answer)?;
        ensure!(count > 12 && answer[..2] == [7, 7], "{:?}", &answer[..count]);
        Ok((answer[3] & 0xf, answer[count - 4..count].to_vec()))
    };
    let address: std::net::Ipv4Addr = node.parse()?;
    for name in ["one.test", "any.wild.test"] {
        until(name, 20, || {
            let (code, last) = ask(name)?;
            ensure!(code == 0 && last == address.octets(), "{name}: {code} {last:?}");
            Ok(())
        })?;
    }
    // refused: then a resolver asks its next server
    ensure!(ask("else.test")?.0 == 5);
    cluster
        .rkube(&["addons", "configure", "ingress-dns", "address=127.0.0.1"])?
        .ok()?;
    until("the configured address", 20, || {
        let (_, last) = ask("one.test")?;
        ensure!(last == [127, 0, 0, 1], "{last:?}");
        Ok(())
    })?;
    let said = cluster.rkube(&["addons", "disable", "ingress"])?.failed(111)?;
    ensure!(said.contains("needed by ingress-dns"), "{said}");
    cluster
        .rkube(&["addons", "configure", "ingress-dns", "address="])?
        .ok()?;
    cluster.rkube(&["addons", "disable", "ingress-dns"])?.ok()?;
    Ok(())
}

fn a_port_taken_while_the_cluster_was_stopped(cluster: &Cluster) -> anyhow::Result<()> {
    let (http, _) = ports(cluster)?;
    cluster.rkube(&["stop"])?.ok()?;
    let other = until("the port", 10, || {
        Ok(TcpListener::bind(("127.0.0.1", u16::try_from(http)?))?)
    })?;
    let said = cluster.rkube(&["start"])?.failed(71)?;
    ensure!(
        said.contains(&format!("port {http} of this machine is in use by another program")),
        "{said}"
    );
    drop(other);
    cluster.rkube(&["start"])?.ok()?;
    until("the rule as before", 30, || {
        let answer = get(cluster, "one.test", "/")?;
        if answer.stdout.ends_with("one\n 200") {
            Ok(())
        } else {
            bail!("{answer:?}")
        }
    })
}

fn disabled_again(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl(&["delete", "namespace", NAMESPACE, "--timeout=300s"])?;
    cluster.rkube(&["addons", "disable", "ingress"])?.ok()?;
    let classes = cluster.kubectl(&["get", "ingressclass", "-o", "name"])?;
    ensure!(classes.is_empty(), "{classes}");
    Ok(())
}

/// As an ingress-nginx of the user's own makes it.
fn somebody_elses_class_stays_theirs(cluster: &Cluster) -> anyhow::Result<()> {
    let theirs = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\nspec: {controller: k8s.io/ingress-nginx}\n";
    cluster.kubectl_with(&["create", "-f", "-"], theirs)?;
    let controller = || cluster.kubectl(&["get", "ingressclass", "nginx", "-o", "jsonpath={.spec.controller}"]);
    let said = cluster.rkube(&["addons", "enable", "ingress"])?.failed(111)?;
    for words in [
        "IngressClass nginx is there already",
        "rkube addons configure ingress className=",
    ] {
        ensure!(said.contains(words), "no {words:?} in {said}");
    }
    ensure!(controller()? == "k8s.io/ingress-nginx", "it was taken");
    // what the message says to type, and no default class either
    cluster
        .rkube(&[
            "addons",
            "configure",
            "ingress",
            "className=web",
            "isDefaultClass=false",
        ])?
        .ok()?;
    cluster.rkube(&["addons", "enable", "ingress"])?.ok()?;
    let classes = cluster.kubectl(&["get", "ingressclass", "-o", "name"])?;
    let classes: Vec<&str> = classes
        .lines()
        .map(|line| line.rsplit('/').next().unwrap_or_default())
        .collect();
    ensure!(classes == ["nginx", "rkube", "web"], "{classes:?}");
    let default = r"jsonpath={.metadata.annotations.ingressclass\.kubernetes\.io/is-default-class}";
    let default = cluster.kubectl(&["get", "ingressclass", "rkube", "-o", default])?;
    ensure!(default == "false", "{default}");
    cluster.rkube(&["addons", "disable", "ingress"])?.ok()?;
    ensure!(controller()? == "k8s.io/ingress-nginx", "it went with the addon");
    cluster.kubectl(&["delete", "ingressclass", "nginx"])?;
    let usual = ["className=nginx", "isDefaultClass=true"];
    cluster
        .rkube(&["addons", "configure", "ingress", usual[0], usual[1]])?
        .ok()?;
    Ok(())
}
