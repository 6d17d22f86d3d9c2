//! exec, logs -f, cp, port-forward and attach: what needs a connection that stays.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Run as _, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("streams::exec_cp_logs_and_port_forward", exec_cp_logs_and_port_forward),
    (
        "streams::a_short_run_says_all_it_has_to_say",
        a_short_run_says_all_it_has_to_say,
    ),
    (
        "streams::a_terminal_and_an_attached_input",
        a_terminal_and_an_attached_input,
    ),
];

/// Killed when dropped.
pub(crate) struct Background(pub(crate) Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `kubectl port-forward`.
pub(crate) struct Forward {
    port: u16,
    _kubectl: Background,
    /// Stays open: kubectl says more on it with each connection, and ends if nobody listens.
    _said: BufReader<ChildStdout>,
}

impl Forward {
    /// Runs the command, which must ask for a free port.
    pub(crate) fn open(mut command: Command) -> anyhow::Result<Self> {
        let mut kubectl = Background(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
        let mut said = BufReader::new(kubectl.0.stdout.take().context("stdout")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        let port = line
            .split_once("127.0.0.1:")
            .and_then(|(_, rest)| rest.split(' ').next())
            .and_then(|port| port.parse().ok())
            .with_context(|| format!("no port in {line:?}"))?;
        Ok(Self {
            port,
            _kubectl: kubectl,
            _said: said,
        })
    }

    /// What is served at a path at the other end.
    pub(crate) fn page(&self, path: &str) -> anyhow::Result<String> {
        until("the forwarded page", 20, || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            if answer.contains("200 OK") {
                Ok(answer)
            } else {
                bail!("{answer}")
            }
        })
    }
}

fn exec_cp_logs_and_port_forward(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("streams")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "streams"], args].concat());
    kubectl(&["run", "web", "--image=rkube.test/nginx:1", "--port=80"])?;
    cluster.pod_ready("streams", "web")?;

    ensure!(kubectl(&["exec", "web", "--", "sh", "-c", "echo out"])? == "out\n");
    let mut failing = cluster.kubectl_command(&["-n", "streams", "exec", "web", "--", "sh", "-c", "exit 7"]);
    failing.run()?.failed(7)?;
    let echoed = cluster.kubectl_with(&["-n", "streams", "exec", "-i", "web", "--", "cat"], "through stdin")?;
    ensure!(echoed == "through stdin", "{echoed:?}");

    let file = cluster.sandbox.file("page.html", "<p>copied</p>")?;
    kubectl(&["cp", &file.to_string_lossy(), "web:/var/www/html/page.html"])?;
    let back = cluster.sandbox.path("back.html");
    kubectl(&["cp", "web:/var/www/html/page.html", &back.to_string_lossy()])?;
    ensure!(fs_err::read_to_string(back)? == "<p>copied</p>");

    let forward = Forward::open(cluster.kubectl_command(&["-n", "streams", "port-forward", "pod/web", ":80"]))?;
    let page = forward.page("/page.html")?;
    ensure!(page.ends_with("<p>copied</p>"), "{page}");

    let mut follow = cluster.kubectl_command(&["-n", "streams", "logs", "-f", "web"]);
    let mut follow = Background(follow.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let mut lines = BufReader::new(follow.0.stdout.take().context("stdout")?).lines();
    let seen = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("GET /page.html")));
    ensure!(seen.is_some(), "the access log ended without the request");
    cluster.kubectl(&["delete", "namespace", "streams", "--timeout=300s"])?;
    Ok(())
}

/// Whether kubectl attaches before, while or after the container ends, its output arrives.
fn a_short_run_says_all_it_has_to_say(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("short")?;
    for round in 0..6 {
        let name = format!("short-{round}");
        let image = "--image=rkube.test/busybox:1";
        let said = cluster.kubectl(&[
            "-n",
            "short",
            "run",
            &name,
            "--rm",
            "-i",
            image,
            "--restart=Never",
            "--",
            "echo",
            "hi",
        ])?;
        ensure!(said.starts_with("hi\n"), "round {round}: {said:?}");
    }
    cluster.kubectl(&["delete", "namespace", "short", "--timeout=300s"])?;
    Ok(())
}

fn a_terminal_and_an_attached_input(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("terminal")?;
    let overrides = "{\"spec\":{\"terminationGracePeriodSeconds\":1}}";
    let listen = "read line; echo got $line; exec sleep 3600";
    let image = "--image=rkube.test/busybox:1";
    let run = [
        "-n",
        "terminal",
        "run",
        "talk",
        image,
        "--stdin",
        "--attach=false",
        "--overrides",
        overrides,
    ];
    cluster.kubectl(&[run.as_slice(), &["--", "sh", "-c", listen]].concat())?;
    cluster.pod_ready("terminal", "talk")?;
    let mut attach = cluster.kubectl_command(&["-n", "terminal", "attach", "-i", "talk"]);
    let attach = attach.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut attach = Background(attach.spawn()?);
    attach.0.stdin.take().context("stdin")?.write_all(b"hello\n")?;
    until("the container to take its input", 30, || {
        let said = cluster.kubectl(&["-n", "terminal", "logs", "talk"])?;
        ensure!(said == "got hello\n", "{said:?}");
        Ok(())
    })?;

    // script(1) gives kubectl a terminal of its own; its size reaches the container a moment after the command starts
    let exec = "kubectl -n terminal exec -it talk -- sh -c \
        'test -t 0 && for i in $(seq 40); do stty size | grep \"31 77\" && exit 5; sleep 0.25; done'";
    let mut command = Command::new("script");
    command
        .args([
            "--quiet",
            "--return",
            "--command",
            &format!("stty rows 31 cols 77; {exec}"),
            "/dev/null",
        ])
        .env("KUBECONFIG", cluster.sandbox.path("kubeconfig"));
    let ended = command.run()?;
    ensure!(ended.code == 5 && ended.stdout.contains("31 77"), "{ended:?}");
    cluster.kubectl(&["delete", "namespace", "terminal", "--timeout=300s"])?;
    Ok(())
}
