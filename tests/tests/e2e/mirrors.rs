//! Images from mirrors: real registries, and servers that lack, refuse, lie and say nothing.

mod corporate;
mod host;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Fault, Faulty, Registry, Run as _, Sandbox, until};
use serde_json::Value;

use crate::{Own, Shared};

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "mirrors::bad_ones_are_passed_over_and_quoted",
        bad_ones_are_passed_over_and_quoted,
    ),
    ("mirrors::authority_login_and_rewriting", authority_login_and_rewriting),
    (
        "mirrors::a_certificate_of_another_host_is_told_apart",
        a_certificate_of_another_host_is_told_apart,
    ),
    ("mirrors::a_pods_own_login", a_pods_own_login),
    (
        "mirrors::a_pod_on_the_nodes_network_cannot_use_the_nodes_logins",
        a_pod_on_the_nodes_network_cannot_use_the_nodes_logins,
    ),
    (
        "mirrors::an_authority_for_every_host",
        corporate::an_authority_for_every_host,
    ),
    ("mirrors::what_start_is_told", host::what_start_is_told),
    ("mirrors::a_node_image_of_a_registry", host::a_node_image_of_a_registry),
    (
        "mirrors::the_node_image_of_a_repository_is_found_by_its_tag",
        host::the_node_image_of_a_repository_is_found_by_its_tag,
    ),
    ("mirrors::kubectl_of_a_mirror", host::kubectl_of_a_mirror),
];

pub(crate) const OWN: &[(&str, Own)] = &[
    (
        "mirrors::what_makes_no_sense_is_refused",
        what_makes_no_sense_is_refused,
    ),
    (
        "mirrors::proxies_are_for_what_is_outside",
        corporate::proxies_are_for_what_is_outside,
    ),
];

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

/// All addresses that a registry may get: they are given in order.
fn addresses(cluster: &Cluster) -> anyhow::Result<String> {
    let gateway = e2e::gateway(cluster)?.to_string();
    let (network, _) = gateway.rsplit_once('.').context("an odd address")?;
    let names: Vec<String> = (2..32).map(|host| format!("IP:{network}.{host}")).collect();
    Ok(names.join(","))
}

fn bad_ones_are_passed_over_and_quoted(cluster: &Cluster) -> anyhow::Result<()> {
    let healthy = Registry::open(cluster, "healthy")?;
    let digest = healthy.push(&archive(cluster), "a/app", "1")?;
    // its certificate is of an authority that nobody knows
    let folder = certificate(&cluster.sandbox, "unknown", &addresses(cluster)?)?;
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
        (&unknown.url, "UnknownIssuer"),
    ];
    until("every source's answer", 40, || {
        let text = kubectl(&["describe", "pod", "quoted"])?;
        for (url, words) in &expected {
            // what this very source said, up to the next one's
            let source = format!("{url}/a/app: ");
            let mut answers = text
                .split(&source)
                .skip(1)
                .map(|from| from.split("; ").next().unwrap_or_default());
            ensure!(
                answers.any(|answer| answer.contains(words)),
                "{url} never said {words:?}: {text}"
            );
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
    let lies = corrupt.asked();
    ensure!(
        lies.iter().any(|asked| asked.contains("/blobs/")),
        "no blob was asked of the liar: {lies:?}"
    );
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
    let digest = healthy.push(&archive(cluster), "a/other", "x")?;
    apply(&pod("pinned", &format!("faults.test/a/other@{digest}")))?;
    cluster.pod_ready("mirrors", "pinned")?;
    set(cluster, registry)?;
    cluster.kubectl(&["delete", "namespace", "mirrors", "--timeout=300s"])?;
    Ok(())
}

fn authority_login_and_rewriting(cluster: &Cluster) -> anyhow::Result<()> {
    let folder = certificate(&cluster.sandbox, "known", &addresses(cluster)?)?;
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

/// Of an authority that is trusted, but for another address.
fn a_certificate_of_another_host_is_told_apart(cluster: &Cluster) -> anyhow::Result<()> {
    let folder = certificate(&cluster.sandbox, "elsewhere", "IP:127.0.0.9")?;
    let registry = Registry::private(cluster, "elsewhere", &folder, false)?;
    let ca = folder.join("ca.pem");
    let answer = |more: &[&str]| set(cluster, &[&["elsewhere.test"], more].concat());
    answer(&[&registry.url, "--upstream", "never", "--ca-file", &ca.to_string_lossy()])?;
    let said = cluster
        .rkube(&["mirrors", "test", "elsewhere.test/a/app:1"])?
        .failed(49)?;
    ensure!(
        said.contains("not valid for name") && !said.contains("UnknownIssuer"),
        "{said}"
    );
    answer(&[])?;
    let profile = cluster.sandbox.home().join("profiles").join(&cluster.name);
    let own = fs_err::read_to_string(profile.join("mirrors.yaml"))?;
    ensure!(
        !own.contains("ca.pem"),
        "what was set with the mirror stays without it: {own}"
    );
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
    cluster.kubectl(&["delete", "namespace", "loopback", "--timeout=300s"])?;
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
