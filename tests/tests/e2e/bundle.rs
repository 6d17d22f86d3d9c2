//! A bundle on a machine without any network: an engine in a network of its own, which leads nowhere, and an empty home.

use anyhow::ensure;
use e2e::{Engine, Output, Run as _, Sandbox, cluster_name, until};
use serde_json::Value;

use crate::Own;

pub(crate) const TESTS: &[(&str, Own)] = &[
    ("bundle::what_is_none_is_refused", what_is_none_is_refused),
    (
        "bundle::a_machine_without_a_network_has_a_cluster",
        a_machine_without_a_network_has_a_cluster,
    ),
];

const BOX: &str = "rkube.test/busybox:1";

fn what_is_none_is_refused(sandbox: &Sandbox) -> anyhow::Result<()> {
    let home = sandbox.path("bundle-home");
    let load = |file: &str| {
        let mut command = sandbox.rkube(&["bundle", "load", file]);
        command.env("RKUBE_HOME", &home).run()
    };
    let text = sandbox.file("no-bundle", "just text")?;
    let said = load(&text.to_string_lossy())?.failed(38)?;
    ensure!(
        said.contains("no-bundle: it is no rkube bundle") && said.contains("BUNDLE_INVALID"),
        "{said}"
    );
    let said = load("/nowhere/bundle")?.failed(30)?;
    ensure!(said.contains("/nowhere/bundle"), "{said}");
    let said = sandbox
        .rkube(&["bundle", "save", "x", "--addons", "registri"])
        .env("RKUBE_HOME", &home)
        .run()?
        .failed(115)?;
    ensure!(said.contains("did you mean registry?"), "{said}");
    let said = sandbox
        .rkube(&["start", "-p", "e2e-bundle", "--bundle", &text.to_string_lossy()])
        .env("RKUBE_HOME", &home)
        .run()?
        .failed(38)?;
    ensure!(said.contains("no rkube bundle"), "{said}");
    Ok(())
}

fn a_machine_without_a_network_has_a_cluster(sandbox: &Sandbox) -> anyhow::Result<()> {
    let (name, file) = (cluster_name("offline"), sandbox.path("all.bundle"));
    let file = file.to_string_lossy();
    let save = [
        "-o", "json", "bundle", "save", &file, "--addons", "registry", "--images", BOX,
    ];
    let saved: Value = serde_json::from_str(&sandbox.rkube(&save).run()?.ok()?)?;
    ensure!(
        saved["images"].as_array().is_some_and(|images| images.len() == 3),
        "{saved}"
    );

    let engine = Engine::start(&name)?;
    let home = sandbox.path("offline-home");
    let rkube = |args: &[&str]| -> anyhow::Result<Output> {
        let mut command = sandbox.rkube(&[&["--profile", name.as_str()], args].concat());
        command.env("RKUBE_HOME", &home);
        engine.within(&command).run()
    };
    let kubectl = |args: &[&str]| -> anyhow::Result<String> {
        let mut command = std::process::Command::new(std::env::var_os("E2E_KUBECTL").unwrap_or("kubectl".into()));
        command.args(args).env("KUBECONFIG", sandbox.path("kubeconfig"));
        engine.within(&command).run()?.ok()
    };
    // nothing can be composed or fetched here, and that is said with every source's answer
    let said = rkube(&["start"])?.failed(49)?;
    ensure!(said.contains("every source failed"), "{said}");

    let whole = fs_err::read(&*file)?;
    let part = sandbox.path("part.bundle");
    fs_err::write(&part, &whole[..whole.len() / 2])?;
    let said = rkube(&["bundle", "load", &part.to_string_lossy()])?.failed(38)?;
    ensure!(said.contains("cut off"), "{said}");
    for _ in 0..2 {
        rkube(&["bundle", "load", &file])?.ok()?;
    }
    let listed = rkube(&["bundle", "ls"])?.ok()?;
    ensure!(
        listed.contains(BOX) && listed.contains("rkube.addons/registry:2"),
        "{listed}"
    );
    rkube(&["start", "--nodes", "2"])?.ok()?;
    rkube(&["addons", "enable", "registry"])?.ok()?;
    let nodes = [name.clone(), format!("{name}-m02")];
    for node in &nodes {
        let overrides = format!("--overrides={{\"spec\":{{\"nodeName\":\"{node}\"}}}}");
        let image = format!("--image={BOX}");
        kubectl(&[
            "run",
            &format!("on-{node}"),
            &image,
            &overrides,
            "--command",
            "--",
            "sleep",
            "3600",
        ])?;
    }
    for node in &nodes {
        let pod = format!("pod/on-{node}");
        until(&pod, 60, || {
            kubectl(&["wait", &pod, "--for=condition=Ready", "--timeout=5s"])
        })?;
    }
    // nobody can be asked here, and the bundle has brought it
    let image = format!("--image={BOX}");
    kubectl(&[
        "run",
        "asking",
        &image,
        "--image-pull-policy=Always",
        "--command",
        "--",
        "sleep",
        "3600",
    ])?;
    until("a pod whose image is always asked for", 90, || {
        kubectl(&["wait", "pod/asking", "--for=condition=Ready", "--timeout=5s"])
    })?;
    // a node that is made anew gets it all again
    engine.docker(&["rm", "-f", "-v", &nodes[1]])?;
    engine.docker(&["volume", "rm", "-f", &nodes[1]])?;
    rkube(&["start"])?.ok()?;
    let images = rkube(&["ssh", "--node", &nodes[1], "--", "rkube", "node", "images"])?.ok()?;
    ensure!(
        images.contains(BOX) && images.contains("rkube.addons/registry:2"),
        "{images}"
    );
    rkube(&["delete"])?.ok()?;
    let said = rkube(&["bundle", "rm", "absent:1"])?.code;
    ensure!(said != 0, "an image that no bundle brought was removed");
    rkube(&["bundle", "rm", BOX])?.ok()?;
    let listed = rkube(&["bundle", "ls"])?.ok()?;
    ensure!(
        !listed.contains(BOX) && listed.contains("rkube.addons/registry:2"),
        "{listed}"
    );
    rkube(&["bundle", "rm", "--all"])?.ok()?;
    let listed = rkube(&["-o", "json", "bundle", "ls"])?.ok()?;
    ensure!(listed.trim() == "[]", "{listed}");
    Ok(())
}
