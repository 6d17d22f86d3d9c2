//! Whom a page is signed in as, what that leaves behind, and what others see of it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use e2e::{Cluster, until};

use crate::streams::Background;

/// A desktop's opener that keeps what it was given.
const OPENER: &str = "#!/bin/sh\necho \"$@\" >\"$0.args\"\ncp -p \"$1\" \"$0.page\"\n";

pub(super) fn leaves_nothing_and_shows_nobody_its_token(cluster: &Cluster) -> anyhow::Result<()> {
    expires(cluster)?;
    opens_privately(cluster)?;
    interrupted_early(cluster)
}

fn sessions(cluster: &Cluster) -> anyhow::Result<String> {
    let kinds = "serviceaccounts,clusterrolebindings";
    cluster.kubectl(&["get", kinds, "-A", "-l", "rkube.io/session", "-o", "name"])
}

fn none_left(cluster: &Cluster) -> anyhow::Result<()> {
    until("the sessions' accounts to go", 20, || {
        let left = sessions(cluster)?;
        ensure!(left.trim().is_empty(), "{left}");
        Ok(())
    })
}

/// As a killed command leaves it: nobody is there who would put its end off.
fn expires(cluster: &Cluster) -> anyhow::Result<()> {
    let metadata = "name: killed\n  labels: {rkube.io/session: dashboard}";
    let objects = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  {metadata}\n  namespace: default\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  {metadata}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}\n"
    );
    cluster.kubectl_with(&["create", "-f", "-"], &objects)?;
    let until = |time: &str| {
        let expires = format!("rkube.io/expires={time}");
        cluster.kubectl(&["annotate", "--overwrite", "serviceaccount", "killed", &expires])
    };
    until("2999-01-01T00:00:00Z")?;
    let now = sessions(cluster)?;
    ensure!(now.lines().count() == 2, "{now}");
    until("2026-01-01T00:00:00Z")?;
    none_left(cluster)
}

fn opens_privately(cluster: &Cluster) -> anyhow::Result<()> {
    let tools = cluster.sandbox.path("tools");
    fs_err::create_dir_all(&tools)?;
    let opener = tools.join("xdg-open");
    fs_err::write(&opener, OPENER)?;
    fs_err::set_permissions(&opener, std::fs::Permissions::from_mode(0o755))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut command = cluster.sandbox.rkube(&["--profile", &cluster.name]);
    command
        .arg("dashboard")
        .env("PATH", format!("{}:{}", tools.display(), path.display()));
    let (dashboard, url) = super::start(&mut command, "http://")?;
    let token = url.split_once("#token=").context("a token")?.1;
    let page = until("the browser's file", 20, || {
        Ok(fs_err::read_to_string(tools.join("xdg-open.page"))?)
    })?;
    ensure!(page.contains(&format!("url={url}\"")), "{page}");
    let arguments = fs_err::read_to_string(tools.join("xdg-open.args"))?;
    ensure!(!arguments.contains(token) && arguments.contains(".html"), "{arguments}");
    let mode = fs_err::metadata(tools.join("xdg-open.page"))?.permissions().mode();
    ensure!(mode & 0o777 == 0o600, "{mode:o}");
    ensure!(std::path::Path::new(arguments.trim()).exists(), "gone too early");
    Command::new("kill").arg(dashboard.0.id().to_string()).status()?;
    until("the file to go", 20, || {
        ensure!(!std::path::Path::new(arguments.trim()).exists(), "{arguments}");
        Ok(())
    })?;
    none_left(cluster)
}

/// Interrupted while the account is being made, at whatever moment.
fn interrupted_early(cluster: &Cluster) -> anyhow::Result<()> {
    for tenths in [1, 2, 3, 4, 6] {
        let mut command = cluster
            .sandbox
            .rkube(&["--profile", &cluster.name, "dashboard", "--url"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut child = Background(child);
        std::thread::sleep(std::time::Duration::from_millis(100 * tenths));
        // not an interrupt, which those whom a shell put in the background do not hear
        Command::new("kill").arg(child.0.id().to_string()).status()?;
        until("the command to end", 20, || {
            child.0.try_wait()?.context("it runs")?;
            Ok(())
        })?;
        none_left(cluster)?;
    }
    Ok(())
}

/// The administrator's account that the page used lives as long as the command.
pub(super) fn end(cluster: &Cluster, dashboard: Background) -> anyhow::Result<()> {
    let made = sessions(cluster)?;
    ensure!(made.lines().count() == 2, "an account and its rights: {made}");
    Command::new("kill").arg(dashboard.0.id().to_string()).status()?;
    none_left(cluster)?;
    drop(dashboard);
    let unknown = cluster.rkube(&["dashboard", "--url", "--service-account", "page/nobody"])?;
    ensure!(
        unknown.stderr.contains("there is no service account page/nobody"),
        "{unknown:?}"
    );
    Ok(())
}

/// Signed in as an account that the user names, with its rights and no others; it stays when the command ends.
pub(super) fn as_an_account(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl(&["-n", "page", "create", "serviceaccount", "looker"])?;
    let role = [
        "rolebinding",
        "looker",
        "--clusterrole=view",
        "--serviceaccount=page:looker",
    ];
    cluster.kubectl(&["-n", "page", "create", role[0], role[1], role[2], role[3]])?;
    let profile = ["--profile", &cluster.name];
    let mut command = cluster.sandbox.rkube(&profile);
    command.args(["dashboard", "--url", "--service-account", "page/looker"]);
    let (dashboard, url) = super::start(&mut command, "http://")?;
    let (base, token) = url.split_once("#token=").context("a token in the address")?;
    let ask = |path: &str| {
        let header = format!("Authorization: Bearer {token}");
        let code = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "20", "-H", &header];
        let output = Command::new("curl").args(code).arg(format!("{base}{path}")).output()?;
        anyhow::Ok(String::from_utf8(output.stdout)?)
    };
    until("the account's rights", 20, || {
        let code = ask("api/v1/namespaces/page/pods")?;
        ensure!(code == "200", "{code}");
        Ok(())
    })?;
    let header = format!("Authorization: Bearer {token}");
    let head = ["-s", "-D", "-", "-o", "/dev/null", "-m", "20", "-H", &header];
    let head = Command::new("curl").args(head).arg(format!("{base}version")).output()?;
    let head = String::from_utf8(head.stdout)?.to_lowercase();
    ensure!(head.contains("x-content-type-options: nosniff"), "{head}");
    let (secrets, elsewhere) = (
        ask("api/v1/namespaces/page/secrets")?,
        ask("api/v1/namespaces/default/pods")?,
    );
    ensure!(
        (secrets.as_str(), elsewhere.as_str()) == ("403", "403"),
        "{secrets} {elsewhere}"
    );
    let sessions = cluster.kubectl(&["get", "serviceaccounts", "-A", "-l", "rkube.io/session", "-o", "name"])?;
    ensure!(sessions.is_empty(), "an account of its own: {sessions}");
    drop(dashboard);
    cluster.kubectl(&["-n", "page", "get", "serviceaccount", "looker"])?;
    Ok(())
}
