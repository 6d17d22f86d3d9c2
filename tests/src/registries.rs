//! Registries for tests: the real one, in a container on the cluster's network, and small servers that misbehave.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::{Cluster, Run as _, until};

/// Pushes the first image of an archive, and a layer more that no node can have yet: url, archive, repository, tag,
/// user:password, with or without a look at the certificate. Prints the manifest's digest.
const PUSH: &str = r#"
import base64, hashlib, io, json, os, ssl, sys, tarfile, urllib.request
url, archive, repository, tag, login = sys.argv[1:]
context = ssl._create_unverified_context() if url.startswith("https") else None
def ask(method, address, data=None, kind="application/octet-stream"):
    request = urllib.request.Request(address, data=data, method=method, headers={"Content-Type": kind})
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    return urllib.request.urlopen(request, context=context, timeout=20)
def blob(digest):
    return tar.extractfile("blobs/" + digest.replace(":", "/")).read()
tar = tarfile.open(archive)
entry = json.load(tar.extractfile("index.json"))["manifests"][0]
manifest = json.loads(blob(entry["digest"]))
config = json.loads(blob(manifest["config"]["digest"]))
own = {}
def add(content, kind):
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    own[digest] = content
    return {"mediaType": kind, "digest": digest, "size": len(content)}
spool = io.BytesIO()
with tarfile.open(fileobj=spool, mode="w") as layer:
    content = os.urandom(1 << 16)
    file = tarfile.TarInfo("unique")
    file.size = len(content)
    layer.addfile(file, io.BytesIO(content))
manifest["layers"].append(add(spool.getvalue(), "application/vnd.oci.image.layer.v1.tar"))
config["rootfs"]["diff_ids"].append(manifest["layers"][-1]["digest"])
config.pop("history", None)
manifest["config"] = add(json.dumps(config).encode(), manifest["config"]["mediaType"])
for part in [manifest["config"], *manifest["layers"]]:
    place = ask("POST", f"{url}/v2/{repository}/blobs/uploads/", b"").headers["Location"]
    content = own.get(part["digest"]) or blob(part["digest"])
    ask("PUT", place + ("&" if "?" in place else "?") + "digest=" + part["digest"], content)
text = json.dumps(manifest).encode()
ask("PUT", f"{url}/v2/{repository}/manifests/{tag}", text, entry["mediaType"])
print("sha256:" + hashlib.sha256(text).hexdigest())
"#;

/// Debian's distribution registry; gone when dropped.
#[derive(Debug)]
pub struct Registry {
    container: String,
    /// `http://address:port` or `https://…`, as nodes and this machine reach it.
    pub url: String,
    /// `name:password`, if it wants one.
    login: String,
}

impl Registry {
    /// The user that registries of [`Registry::private`] let in.
    pub const LOGIN: (&str, &str) = ("me", "secret");

    /// An open registry over plain HTTP.
    pub fn open(cluster: &Cluster, name: &str) -> anyhow::Result<Self> {
        Self::run(cluster, name, None, false)
    }

    /// A registry with a certificate (and key) of that folder, `cert.pem` and `key.pem`; with a login if `login`.
    pub fn private(cluster: &Cluster, name: &str, folder: &Path, login: bool) -> anyhow::Result<Self> {
        Self::run(cluster, name, Some(folder), login)
    }

    fn run(cluster: &Cluster, name: &str, tls: Option<&Path>, login: bool) -> anyhow::Result<Self> {
        let container = format!("{}-{name}", cluster.name);
        drop(Command::new("docker").args(["rm", "-f", &container]).run());
        cluster.rkube(&["image", "compose", "registry"])?.ok()?;
        let mut create = Command::new("docker");
        create.args(["create", "--name", &container, "--network", &cluster.name]);
        if tls.is_some() {
            create.args([
                "-e",
                "REGISTRY_HTTP_TLS_CERTIFICATE=/tls/cert.pem",
                "-e",
                "REGISTRY_HTTP_TLS_KEY=/tls/key.pem",
            ]);
        }
        if login {
            create.args([
                "-e",
                "REGISTRY_AUTH=htpasswd",
                "-e",
                "REGISTRY_AUTH_HTPASSWD_REALM=tests",
            ]);
            create.args(["-e", "REGISTRY_AUTH_HTPASSWD_PATH=/tls/htpasswd"]);
        }
        create.arg("rkube.addons/registry:2").run()?.ok()?;
        let mut registry = Self {
            container,
            url: String::new(),
            login: if login {
                format!("{}:{}", Self::LOGIN.0, Self::LOGIN.1)
            } else {
                String::new()
            },
        };
        if let Some(folder) = tls {
            // bcrypt of `secret`
            let line = "me:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";
            fs_err::write(folder.join("htpasswd"), line)?;
            let (from, to) = (
                format!("{}/.", folder.display()),
                format!("{}:/tls", registry.container),
            );
            Command::new("docker").args(["cp", &from, &to]).run()?.ok()?;
        }
        Command::new("docker")
            .args(["start", &registry.container])
            .run()?
            .ok()?;
        let format = format!(
            "{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}",
            cluster.name
        );
        let inspect = Command::new("docker")
            .args(["inspect", "-f", &format, &registry.container])
            .run()?
            .ok()?;
        let address: SocketAddr = (inspect.trim().parse::<IpAddr>()?, 5000).into();
        let log = || Command::new("docker").args(["logs", &registry.container]).run();
        until("the registry", 20, || {
            Ok(TcpStream::connect_timeout(&address, Duration::from_secs(1))?)
        })
        .with_context(|| format!("{:?}", log()))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        registry.url = format!("{scheme}://{address}");
        Ok(registry)
    }

    /// `address:port`.
    pub fn host(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// From now on it takes connections and answers nothing.
    pub fn fall_silent(&self) -> anyhow::Result<()> {
        Command::new("docker").args(["pause", &self.container]).run()?.ok()?;
        Ok(())
    }

    /// Pushes an archive's image with a layer that is new to every node; gives its digest.
    pub fn push(&self, archive: &Path, repository: &str, tag: &str) -> anyhow::Result<String> {
        let mut push = Command::new("python3");
        push.args(["-c", PUSH, &self.url])
            .arg(archive)
            .args([repository, tag, &self.login]);
        Ok(push.run()?.ok()?.trim().to_owned())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // one that is paused cannot be killed everywhere
        drop(Command::new("docker").args(["unpause", &self.container]).run());
        drop(Command::new("docker").args(["rm", "-f", &self.container]).run());
    }
}

/// What a small server does with every request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Says so, with these header lines.
    Status(&'static str, &'static str),
    /// Never answers.
    Silent,
    /// Gives the real registry's manifests, and other bytes for its blobs.
    Corrupt(SocketAddr),
}

/// A small server on the address that nodes know this machine by.
#[derive(Debug)]
pub struct Faulty {
    /// `http://address:port`.
    pub url: String,
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Faulty {
    /// Starts a server that misbehaves.
    pub fn start(cluster: &Cluster, fault: Fault) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((gateway(cluster)?, 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let stop = ended.clone();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let note = asked.clone();
        std::thread::spawn(move || {
            // silent connections stay open until the end
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                match &fault {
                    Fault::Silent => kept.push(stream),
                    fault => drop(answer(stream, fault, &note)),
                }
            }
        });
        Ok(Self {
            url: format!("http://{address}"),
            address,
            ended,
            asked,
        })
    }

    /// The first lines of the requests that it was asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // wakes the listener, so that it sees its end
        drop(TcpStream::connect(self.address));
    }
}

fn answer(mut stream: TcpStream, fault: &Fault, asked: &Mutex<Vec<String>>) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            bail!("no request");
        }
        request.extend_from_slice(&piece[..count]);
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    if let Ok(mut asked) = asked.lock() {
        asked.push(text.lines().next().unwrap_or_default().to_owned());
    }
    let answer = match fault {
        Fault::Status(status, headers) => {
            format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
        }
        Fault::Corrupt(_) if text.contains("/blobs/") => {
            b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ncorrupt".to_vec()
        }
        Fault::Corrupt(real) => {
            let mut behind = TcpStream::connect(real)?;
            let closing = text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            behind.write_all(closing.as_bytes())?;
            let mut answer = Vec::new();
            behind.read_to_end(&mut answer)?;
            answer
        }
        Fault::Silent => return Ok(()),
    };
    stream.write_all(&answer)?;
    Ok(())
}

/// This machine's address in the cluster's network.
pub fn gateway(cluster: &Cluster) -> anyhow::Result<IpAddr> {
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    let mut inspect = Command::new("docker");
    inspect.args(["network", "inspect", "-f", format, &cluster.name]);
    Ok(inspect.run()?.ok()?.trim().parse()?)
}
