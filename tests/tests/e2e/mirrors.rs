//! Images from mirrors: real registries, and servers that lack, refuse, lie and say nothing.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Fault, Faulty, Registry, Run as _, Sandbox, cluster_name, until};
use serde_json::Value;

use crate::{Own, Shared};

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "mirrors::bad_ones_are_passed_over_and_quoted",
        bad_ones_are_passed_over_and_quoted,
    ),
    ("mirrors::authority_login_and_rewriting", authority_login_and_rewriting),
    ("mirrors::a_pods_own_login", a_pods_own_login),
    (
        "mirrors::a_pod_on_the_nodes_network_cannot_use_the_nodes_logins",
        a_pod_on_the_nodes_network_cannot_use_the_nodes_logins,
    ),
    ("mirrors::what_start_is_told", what_start_is_told),
    ("mirrors::a_node_image_of_a_registry", a_node_image_of_a_registry),
];

pub(crate) const BAD_INPUT: &[(&str, Own)] = &[(
    "mirrors::what_makes_no_sense_is_refused",
    what_makes_no_sense_is_refused,
)];

fn pod(name: &str, image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {{name: c, image: '{image}', command: [sleep, '3600']}}\n"
    )
}

/// The archive of busybox that the suite has composed.
fn archive(cluster: &Cluster) -> PathBuf {
    cluster.sandbox.path("busybox.tar")
}

/// Sets mirrors of this cluster alone.
fn set(cluster: &Cluster, args: &[&str]) -> anyhow::Result<()> {
    let told = cluster
        .rkube(&[&["-o", "json", "mirrors", "set", "--cluster"], args].concat())?
        .ok()?;
    let told: Value = serde_json::from_str(&told)?;
    ensure!(told["clusters"][0] == cluster.name, "{told}");
    Ok(())
}

/// A certificate for an address, of an authority of its own: `ca.pem`, `cert.pem`, `key.pem`.
fn certificate(sandbox: &Sandbox, name: &str, subject: &str) -> anyhow::Result<PathBuf> {
    let folder = sandbox.path(name);
    fs_err::create_dir_all(&folder)?;
    let script = format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test authority {name}' -keyout ca.key -out ca.pem && \
         openssl req -newkey rsa:2048 -nodes -subj /CN=registry -keyout key.pem -out request.pem && \
         printf 'subjectAltName={subject}\\n' > names && \
         openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem && \
         chmod 644 key.pem"
    );
    Command::new("sh")
        .args(["-ec", &script])
        .current_dir(&folder)
        .run()?
        .ok()?;
    Ok(folder)
}

fn bad_ones_are_passed_over_and_quoted(cluster: &Cluster) -> anyhow::Result<()> {
    let healthy = Registry::open(cluster, "healthy")?;
    let digest = healthy.push(&archive(cluster), "a/app", "1")?;
    // its certificate is for another address, and of an authority that nobody knows
    let folder = certificate(&cluster.sandbox, "unknown", "IP:127.0.0.9")?;
    let unknown = Registry::private(cluster, "unknown", &folder, false)?;
    let faulty = |fault| Faulty::start(cluster, fault);
    let missing = faulty(Fault::Status("404 Not Found", ""))?;
    let limited = faulty(Fault::Status("429 Too Many Requests", "Retry-After: 60\r\n"))?;
    let login = faulty(Fault::Status("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n"))?;
    let silent = faulty(Fault::Silent)?;
    let corrupt = faulty(Fault::Corrupt(healthy.host().parse()?))?;
    let dead = format!("http://{}:1", e2e::gateway(cluster)?);
    let bad = [&missing.url, &limited.url, &login.url, &silent.url, &dead, &unknown.url];
    let endpoints: Vec<&str> = bad.iter().map(|url| url.as_str()).collect();
    let registry = ["faults.test"].as_slice();
    set(cluster, &[registry, &endpoints, &["--upstream", "never"]].concat())?;
    cluster.namespace("mirrors")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "mirrors"], args].concat());
    let apply = |text: &str| cluster.kubectl_with(&["-n", "mirrors", "apply", "-f", "-"], text);
    apply(&pod("quoted", "faults.test/a/app:1"))?;
    let expected = [
        (&missing.url, "404 Not Found"),
        (&limited.url, "429 Too Many Requests, retry after 60 s"),
        (&login.url, "401 Unauthorized: it wants a login"),
        (&silent.url, "no answer in 3 s"),
        (&dead, "onnection refused"),
        (&unknown.url, "certificate"),
    ];
    until("every source's answer", 40, || {
        let text = kubectl(&["describe", "pod", "quoted"])?;
        for (url, words) in &expected {
            // what this very source said, up to the next one's
            let from = text
                .split(&format!("{url}/a/app: "))
                .nth(1)
                .with_context(|| format!("no {url} in {text}"))?;
            let answer = from.split("; ").next().unwrap_or_default();
            ensure!(answer.contains(words), "{url} said {answer:?}, not {words:?}");
        }
        Ok(())
    })?;
    let test = cluster.rkube(&["mirrors", "test", "faults.test/a/app:1"])?.failed(49)?;
    for (url, words) in &expected {
        ensure!(
            test.contains(url.as_str()) && test.contains(words),
            "{url} {words}: {test}"
        );
    }
    // without a restart of anything the new mirrors are asked; the first of them lies
    let both = [corrupt.url.as_str(), healthy.url.as_str()];
    set(
        cluster,
        &[registry, &endpoints, &both, &["--upstream", "never"]].concat(),
    )?;
    apply(&pod("healed", "faults.test/a/app:1"))?;
    cluster.pod_ready("mirrors", "healed")?;
    let test = cluster
        .rkube(&["-o", "json", "mirrors", "test", "faults.test/a/app:1"])?
        .ok()?;
    let test: Value = serde_json::from_str(&test)?;
    ensure!(
        test[0]["available"] == true && test[0]["from"] == cluster.name.as_str(),
        "{test}"
    );
    ensure!(test[0]["sources"][7]["digest"] == digest.as_str(), "{test}");
    // by digest, under a name that no node has yet
    healthy.push(&archive(cluster), "a/other", "x")?;
    apply(&pod("pinned", &format!("faults.test/a/other@{digest}")))?;
    cluster.pod_ready("mirrors", "pinned")?;
    set(cluster, registry)?;
    cluster.kubectl(&["delete", "namespace", "mirrors", "--timeout=60s"])?;
    Ok(())
}

fn authority_login_and_rewriting(cluster: &Cluster) -> anyhow::Result<()> {
    // addresses are given in order, so the certificate is made for all that the registry may get
    let subnet = e2e::gateway(cluster)?.to_string();
    let network = subnet
        .rsplit_once('.')
        .map(|(network, _)| network)
        .context("an odd address")?;
    let names: Vec<String> = (2..32).map(|host| format!("IP:{network}.{host}")).collect();
    let folder = certificate(&cluster.sandbox, "known", &names.join(","))?;
    let registry = Registry::private(cluster, "login", &folder, true)?;
    registry.push(&archive(cluster), "ns/app", "1")?;
    let (ca, user) = (folder.join("ca.pem"), Registry::LOGIN.0);
    let args = [
        "-o",
        "json",
        "mirrors",
        "set",
        "--cluster",
        "private.test",
        &format!("{}/ns", registry.url),
        "--upstream",
        "never",
        "--rewrite",
        "^.*/=",
        "--ca-file",
        &ca.to_string_lossy(),
        "--username",
        user,
        "--password-stdin",
    ]
    .map(str::to_owned);
    let all = [&["--profile".to_owned(), cluster.name.clone()], args.as_slice()].concat();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    cluster.sandbox.rkube(&all).run_with(Registry::LOGIN.1)?.ok()?;
    let profile = cluster.sandbox.home().join("profiles").join(&cluster.name);
    for file in ["mirrors.yaml", "mirrors.json"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs_err::metadata(profile.join(file))?.permissions());
        ensure!(mode & 0o777 == 0o600, "{file} {mode:o}");
    }
    let mode = cluster.in_node(&cluster.name, "stat -c %a /etc/rkube/mirrors.json")?;
    ensure!(mode.trim() == "600", "{mode}");
    let test = cluster
        .rkube(&["mirrors", "test", "private.test/deep/folder/app:1"])?
        .ok()?;
    ensure!(test.contains(&format!("{}/ns/app  sha256:", registry.url)), "{test}");
    ensure!(!test.contains(Registry::LOGIN.1), "the password: {test}");
    cluster.kubectl_with(
        &["apply", "-f", "-"],
        &pod("rewritten", "private.test/deep/folder/app:1"),
    )?;
    cluster.pod_ready("default", "rewritten")?;
    cluster.kubectl(&["delete", "pod", "rewritten"])?;
    set(cluster, &["private.test"])?;
    Ok(())
}

fn a_pods_own_login(cluster: &Cluster) -> anyhow::Result<()> {
    let folder = certificate(&cluster.sandbox, "own", "IP:127.0.0.9")?;
    let registry = Registry::private(cluster, "own", &folder, true)?;
    registry.push(&archive(cluster), "app", "1")?;
    let (host, (user, password)) = (registry.host().to_owned(), Registry::LOGIN);
    set(cluster, &[&host, "--insecure-skip-verify"])?;
    cluster.kubectl_with(&["apply", "-f", "-"], &pod("stranger", &format!("{host}/app:1")))?;
    until("the answer to a stranger", 30, || {
        let events = cluster.kubectl(&["describe", "pod", "stranger"])?;
        if events.contains("401 Unauthorized") {
            Ok(())
        } else {
            bail!("{events}")
        }
    })?;
    let server = format!("--docker-server={host}");
    let (user, password) = (
        format!("--docker-username={user}"),
        format!("--docker-password={password}"),
    );
    cluster.kubectl(&[
        "create",
        "secret",
        "docker-registry",
        "own-login",
        &server,
        &user,
        &password,
    ])?;
    let known = pod("known", &format!("{host}/app:1")) + "  imagePullSecrets: [{name: own-login}]\n";
    cluster.kubectl_with(&["apply", "-f", "-"], &known)?;
    cluster.pod_ready("default", "known")?;
    cluster.kubectl(&["delete", "pod", "stranger", "known"])?;
    cluster.kubectl(&["delete", "secret", "own-login"])?;
    set(cluster, &[&host])?;
    Ok(())
}

fn a_pod_on_the_nodes_network_cannot_use_the_nodes_logins(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("loopback")?;
    let overrides = "--overrides={\"spec\":{\"hostNetwork\":true,\"terminationGracePeriodSeconds\":0}}";
    let image = "--image=rkube.test/busybox:1";
    let run = ["-n", "loopback", "run", "asker", image, overrides, "--command", "--"];
    cluster.kubectl(&[&run[..], &["sleep", "3600"]].concat())?;
    cluster.pod_ready("loopback", "asker")?;
    for path in ["", "library/app/manifests/1?ns=docker.io"] {
        let url = format!("http://127.0.0.1:5055/v2/{path}");
        let args = ["-n", "loopback", "exec", "asker", "--", "wget", "-O", "-", &url];
        let asked = cluster.kubectl_command(&args).run()?;
        ensure!(
            asked.code != 0 && asked.stderr.contains("403 Forbidden"),
            "{url}: {asked:?}"
        );
    }
    cluster.kubectl(&["delete", "namespace", "loopback", "--timeout=60s"])?;
    Ok(())
}

fn what_start_is_told(cluster: &Cluster) -> anyhow::Result<()> {
    let registry = Registry::open(cluster, "flags")?;
    let host = registry.host().to_owned();
    for repository in ["library/hub", "ns/flat", "ns/deep/whole", "b/direct", "c/file"] {
        registry.push(&archive(cluster), repository, "1")?;
    }
    let file = format!("mirrors:\n  quay.io: {{endpoint: ['{}']}}\n", registry.url);
    let file = cluster.sandbox.file("registries.yaml", &file)?;
    let repository = format!("{}/ns", registry.url);
    let flags = [
        "start",
        "--registry-mirror",
        &registry.url,
        "--image-repository",
        &repository,
        "--insecure-registry",
        &host,
        "--registries",
        &file.to_string_lossy(),
        "--image-mirror-country",
        "cn",
    ];
    cluster.rkube(&flags)?.ok()?;
    for (pod, image) in [
        ("registry-mirror", "hub:1"),
        ("repository-flat", "registry.k8s.io/some/where/flat:1"),
        ("repository-whole", "gcr.io/deep/whole:1"),
        ("insecure", &format!("{host}/b/direct:1")),
        ("registries", "quay.io/c/file:1"),
    ] {
        cluster.kubectl_with(&["apply", "-f", "-"], &self::pod(pod, image))?;
        cluster
            .pod_ready("default", pod)
            .with_context(|| format!("{image}: {:?}", cluster.kubectl(&["describe", "pod", pod])))?;
        cluster.kubectl(&["delete", "pod", pod])?;
    }
    // what the node was told, in this order: the mirror, those of the country, the repository, the registry itself
    let told: Value = serde_json::from_str(&cluster.rkube(&["-o", "json", "mirrors", "list"])?.ok()?)?;
    let hub = told
        .as_array()
        .into_iter()
        .flatten()
        .find(|row| row["registry"] == "docker.io");
    let sources: Vec<&str> = hub.context("no docker.io")?["sources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|source| source["source"].as_str())
        .collect();
    let expected = [
        format!("{}/PATH", registry.url),
        "https://docker.m.daocloud.io/PATH".to_owned(),
        format!("{}/ns/PATH", registry.url),
        "https://registry-1.docker.io/PATH".to_owned(),
    ];
    ensure!(sources == expected, "{sources:?}");
    let table = cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")?;
    ensure!(table.contains("k8s.m.daocloud.io") && table.contains(&host), "{table}");
    // without them, what was said stands; the file is the record of it
    cluster.rkube(&["start"])?.ok()?;
    ensure!(cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")? == table);
    let own = cluster
        .sandbox
        .home()
        .join("profiles")
        .join(&cluster.name)
        .join("mirrors.yaml");
    fs_err::remove_file(own)?;
    cluster.rkube(&["start"])?.ok()?;
    let table = cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")?;
    ensure!(!table.contains(&host), "{table}");
    Ok(())
}

fn a_node_image_of_a_registry(cluster: &Cluster) -> anyhow::Result<()> {
    let (archive, name) = (cluster.sandbox.path("node.tar"), cluster_name("base"));
    cluster
        .rkube(&["image", "compose", "node", "--to", &archive.to_string_lossy()])?
        .ok()?;
    let registry = Registry::open(cluster, "nodes")?;
    registry.push(&archive, "ns/rkube-node", "1")?;
    let start = |image: &str| {
        let flags = [
            "--profile",
            &name,
            "start",
            "--base-image",
            image,
            "--insecure-registry",
            registry.host(),
        ];
        cluster.sandbox.rkube(&flags).run()
    };
    let said = start(&format!("{}/ns/rkube-node:none", registry.host()))?.failed(49)?;
    ensure!(
        said.contains(&format!("{}/ns/rkube-node: 404 Not Found", registry.url)),
        "{said}"
    );
    let image = format!("{}/ns/rkube-node:1", registry.host());
    let started = start(&image)?.ok();
    let docker = |args: &[&str]| Command::new("docker").args(args).run()?.ok();
    let used = docker(&["inspect", "-f", "{{.Config.Image}}", &name]);
    cluster.sandbox.rkube(&["--profile", &name, "delete"]).run()?.ok()?;
    started?;
    docker(&["rmi", &image])?;
    let used = used?;
    ensure!(used.trim() == image, "{used}");
    Ok(())
}

fn what_makes_no_sense_is_refused(sandbox: &Sandbox) -> anyhow::Result<()> {
    let home = sandbox.path("mirrors-home");
    let rkube = |args: &[&str]| sandbox.rkube(args).env("RKUBE_HOME", &home).run();
    for (args, words) in [
        (["mirrors", "set", "docker.io", "ftp://x"].as_slice(), "http or https"),
        (&["mirrors", "set", "docker.io", "https://me:pw@x"], "credentials"),
        (
            &["mirrors", "set", "docker.io", "https://x", "--rewrite", "(=a"],
            "rewrite rule \"(\"",
        ),
        (&["mirrors", "set", "--country", "xx"], "known are cn, and auto"),
        (
            &["start", "-p", "e2e-mirrors", "--image-mirror-country", "xx"],
            "known are cn, and auto",
        ),
        (&["start", "-p", "e2e-mirrors", "--registry-mirror", "a b"], "\"a b\""),
    ] {
        let error = rkube(args)?.failed(18)?;
        ensure!(error.contains(words) && error.contains("MIRRORS_INVALID"), "{error}");
    }
    ensure!(!home.join("mirrors.yaml").exists(), "a refused setting was kept");
    rkube(&[
        "mirrors",
        "set",
        "docker.io",
        "https://a.example",
        "https://b.example/ns",
    ])?
    .ok()?;
    let list = rkube(&["mirrors", "list"])?.ok()?;
    let places: Vec<_> = [
        "https://a.example/PATH",
        "https://b.example/ns/PATH",
        "https://registry-1.docker.io/PATH",
    ]
    .map(|source| list.find(source))
    .to_vec();
    ensure!(places.iter().all(Option::is_some) && places.is_sorted(), "{list}");
    fs_err::write(home.join("mirrors.yaml"), "mirrors: [\n")?;
    let error = rkube(&["mirrors", "list"])?.failed(18)?;
    ensure!(error.contains("mirrors.yaml") && error.contains("line"), "{error}");
    let error = rkube(&["start", "-p", "e2e-mirrors", "--registries", "/nowhere.yaml"])?.failed(14)?;
    ensure!(error.contains("/nowhere.yaml"), "{error}");
    Ok(())
}
