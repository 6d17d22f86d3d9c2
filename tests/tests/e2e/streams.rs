//! exec, logs -f, cp, port-forward and attach: what needs a connection that stays.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Run as _, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] =
    &[("streams::exec_cp_logs_and_port_forward", exec_cp_logs_and_port_forward)];

/// Killed when dropped.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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

    let mut forward = cluster.kubectl_command(&["-n", "streams", "port-forward", "pod/web", ":80"]);
    let mut forward = Background(forward.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let mut line = String::new();
    // stays open: kubectl says more on it with each connection, and ends if nobody listens
    let mut said = BufReader::new(forward.0.stdout.take().context("stdout")?);
    said.read_line(&mut line)?;
    let port: u16 = line
        .split_once("127.0.0.1:")
        .and_then(|(_, rest)| rest.split(' ').next())
        .and_then(|port| port.parse().ok())
        .with_context(|| format!("no port in {line:?}"))?;
    let page = until("the forwarded page", 20, || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /page.html HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.contains("200 OK") {
            Ok(answer)
        } else {
            bail!("{answer}")
        }
    })?;
    ensure!(page.ends_with("<p>copied</p>"), "{page}");

    let mut follow = cluster.kubectl_command(&["-n", "streams", "logs", "-f", "web"]);
    let mut follow = Background(follow.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let mut lines = BufReader::new(follow.0.stdout.take().context("stdout")?).lines();
    let seen = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("GET /page.html")));
    ensure!(seen.is_some(), "the access log ended without the request");
    cluster.kubectl(&["delete", "namespace", "streams", "--timeout=60s"])?;
    Ok(())
}
