//! Bad input: a clear error with its own exit code, and nothing lost.

use std::net::TcpListener;

use anyhow::ensure;
use e2e::{Run as _, Sandbox};

use crate::Own;

pub(crate) const TESTS: &[(&str, Own)] = &[
    ("bad_input::unknown_flag_values", unknown_flag_values),
    (
        "bad_input::a_broken_profile_names_its_file",
        a_broken_profile_names_its_file,
    ),
    ("bad_input::a_taken_port", a_taken_port),
    ("bad_input::a_taken_subnet", a_taken_subnet),
    ("bad_input::no_engine", no_engine),
    ("bad_input::malformed_recipe", malformed_recipe),
    ("bad_input::an_unknown_profile", an_unknown_profile),
    ("bad_input::no_mirror_answers", no_mirror_answers),
    ("bad_input::messages_in_chinese", messages_in_chinese),
];

fn unknown_flag_values(sandbox: &Sandbox) -> anyhow::Result<()> {
    let error = sandbox.rkube(&["start", "--nodes", "many"]).run()?.failed(2)?;
    ensure!(error.contains("many") && error.contains("--nodes"), "{error}");
    let error = sandbox.rkube(&["start", "--nodes", "0"]).run()?.failed(2)?;
    ensure!(error.contains("1..=100"), "{error}");
    let error = sandbox
        .rkube(&["start", "--extra-config", "nonsense"])
        .run()?
        .failed(2)?;
    ensure!(error.contains("COMPONENT.KEY=VALUE"), "{error}");
    let error = sandbox.rkube(&["start", "-p", "No_Good"]).run()?.failed(14)?;
    ensure!(error.contains("PROFILE_NAME"), "{error}");
    Ok(())
}

fn a_broken_profile_names_its_file(sandbox: &Sandbox) -> anyhow::Result<()> {
    let folder = sandbox.home().join("profiles/e2e-broken");
    fs_err::create_dir_all(&folder)?;
    fs_err::write(folder.join("profile.json"), "{ \"name\": ")?;
    for command in ["start", "status", "stop"] {
        let error = sandbox.rkube(&[command, "-p", "e2e-broken"]).run()?.failed(38)?;
        ensure!(
            error.contains("e2e-broken/profile.json") && error.contains("rkube delete"),
            "{error}"
        );
    }
    sandbox.rkube(&["delete", "-p", "e2e-broken"]).run()?.ok()?;
    ensure!(!folder.exists());
    Ok(())
}

fn a_taken_port(sandbox: &Sandbox) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let error = sandbox
        .rkube(&["start", "-p", "e2e-port", "--apiserver-port", &port])
        .run()?
        .failed(71)?;
    ensure!(error.contains(&port) && error.contains("--apiserver-port"), "{error}");
    sandbox.rkube(&["status", "-p", "e2e-port"]).run()?.failed(85)?;
    Ok(())
}

fn a_taken_subnet(sandbox: &Sandbox) -> anyhow::Result<()> {
    // the default bridge's own
    let error = sandbox
        .rkube(&["start", "-p", "e2e-net", "--subnet", "172.17.0.0/24"])
        .run()?
        .failed(71)?;
    ensure!(
        error.contains("overlaps 172.17.0.0/16") && error.contains("--subnet"),
        "{error}"
    );
    sandbox.rkube(&["status", "-p", "e2e-net"]).run()?.failed(85)?;
    Ok(())
}

fn no_engine(sandbox: &Sandbox) -> anyhow::Result<()> {
    let mut command = sandbox.rkube(&["start", "-p", "e2e-engine"]);
    let error = command
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .run()?
        .failed(53)?;
    ensure!(
        error.contains("/nowhere/docker.sock: no such socket") && error.contains("DOCKER_HOST"),
        "{error}"
    );
    Ok(())
}

fn malformed_recipe(sandbox: &Sandbox) -> anyhow::Result<()> {
    let recipe = sandbox.file("bad.yaml", "name: x\ntag: x:1\npackages: [a\n")?;
    let name = recipe.to_string_lossy();
    let error = sandbox.rkube(&["image", "compose", &name]).run()?.failed(18)?;
    ensure!(error.contains("bad.yaml") && error.contains("line"), "{error}");
    let error = sandbox
        .rkube(&["image", "compose", "nothing-like-it"])
        .run()?
        .failed(14)?;
    ensure!(error.contains("busybox"), "{error}");
    Ok(())
}

fn an_unknown_profile(sandbox: &Sandbox) -> anyhow::Result<()> {
    for command in [
        ["status"].as_slice(),
        &["stop"],
        &["ip"],
        &["ssh", "true"],
        &["kubectl", "get", "nodes"],
    ] {
        let error = sandbox
            .rkube(&[&["-p", "e2e-none"], command].concat())
            .run()?
            .failed(85)?;
        ensure!(error.contains("e2e-none") && error.contains("rkube start"), "{error}");
    }
    sandbox.rkube(&["delete", "-p", "e2e-none"]).run()?.ok()?;
    Ok(())
}

fn no_mirror_answers(sandbox: &Sandbox) -> anyhow::Result<()> {
    let recipe = "name: y\ntag: y:1\npackages: [busybox-static]\n\
        archives: [{suite: no-such-suite, components: [main], mirrors: [\"http://127.0.0.1:1/debian\"]}]\n";
    let recipe = sandbox.file("unreachable.yaml", recipe)?;
    let error = sandbox
        .rkube(&["image", "compose", &recipe.to_string_lossy()])
        .run()?
        .failed(49)?;
    ensure!(
        error.contains("http://127.0.0.1:1/debian/dists/no-such-suite/InRelease"),
        "{error}"
    );
    ensure!(error.contains("--debian-mirror"), "{error}");
    Ok(())
}

fn messages_in_chinese(sandbox: &Sandbox) -> anyhow::Result<()> {
    let error = sandbox
        .rkube(&["status", "-p", "e2e-none"])
        .env("LANG", "zh_CN.UTF-8")
        .run()?
        .failed(85)?;
    ensure!(
        error.starts_with("错误") && error.contains("GUEST_PROFILE_NOT_FOUND"),
        "{error}"
    );
    Ok(())
}
