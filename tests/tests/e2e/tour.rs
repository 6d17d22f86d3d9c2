//! Real programs, from the very files of `docs/tour`.

use std::process::Command;

use anyhow::{bail, ensure};
use e2e::{Cluster, Run as _, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "tour::etcd_survives_the_loss_of_a_member",
        etcd_survives_the_loss_of_a_member,
    ),
    ("tour::mariadb_keeps_its_rows", mariadb_keeps_its_rows),
    ("tour::a_blog_keeps_its_posts", a_blog_keeps_its_posts),
    (
        "tour::redis_replicas_follow_their_primary",
        redis_replicas_follow_their_primary,
    ),
];

/// A program of the tour in a namespace of its own.
struct Program<'a> {
    cluster: &'a Cluster,
    namespace: String,
}

impl<'a> Program<'a> {
    fn install(cluster: &'a Cluster, name: &str) -> anyhow::Result<Self> {
        let namespace = format!("tour-{name}");
        cluster.namespace(&namespace)?;
        let file = format!("{}/../docs/tour/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        cluster.kubectl(&["-n", &namespace, "apply", "-f", &file])?;
        Ok(Self { cluster, namespace })
    }

    fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        self.cluster.kubectl(&[&["-n", &self.namespace], args].concat())
    }

    /// Waits for a rollout; says what the pods are at if it takes too long.
    fn rolled_out(&self, what: &str) -> anyhow::Result<()> {
        match self.kubectl(&["rollout", "status", what, "--timeout=300s"]) {
            Ok(_) => Ok(()),
            Err(error) => {
                let pods = self.kubectl(&["describe", "pods"]).unwrap_or_default();
                let logs = self.kubectl(&["logs", what, "--tail=20"]).unwrap_or_default();
                bail!("{error:#}\n{pods}\n{logs}")
            }
        }
    }

    fn sh(&self, pod: &str, command: &str) -> anyhow::Result<String> {
        self.kubectl(&["exec", pod, "--", "sh", "-c", command])
    }

    fn remove(self) -> anyhow::Result<()> {
        let delete = ["delete", "namespace", &self.namespace, "--wait=false"];
        self.cluster.kubectl(&delete)?;
        Ok(())
    }
}

fn etcd_survives_the_loss_of_a_member(cluster: &Cluster) -> anyhow::Result<()> {
    let etcd = Program::install(cluster, "etcd")?;
    etcd.rolled_out("statefulset/etcd")?;
    let members = etcd.sh("etcd-0", "etcdctl member list")?;
    ensure!(members.lines().count() == 3, "{members}");
    etcd.sh("etcd-0", "etcdctl put greeting hello")?;
    etcd.kubectl(&["delete", "pod", "etcd-1"])?;
    let answer = until("a read without the member", 15, || {
        etcd.sh("etcd-2", "etcdctl get greeting")
    })?;
    ensure!(answer.lines().eq(["greeting", "hello"]), "{answer}");
    until("a write without the member", 15, || {
        etcd.sh("etcd-2", "etcdctl put greeting again")
    })?;
    etcd.rolled_out("statefulset/etcd")?;
    until("the member to catch up", 20, || {
        let answer = etcd.sh("etcd-1", "etcdctl get greeting --consistency=s")?;
        ensure!(answer.lines().eq(["greeting", "again"]), "{answer}");
        Ok(())
    })?;
    let after = etcd.sh("etcd-0", "etcdctl member list")?;
    ensure!(members == after, "the member is another:\n{members}\n{after}");
    etcd.remove()
}

fn mariadb_keeps_its_rows(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.load("mariadb")?;
    let mariadb = Program::install(cluster, "mariadb")?;
    mariadb.rolled_out("statefulset/mariadb")?;
    let sql = |sql: &str| {
        mariadb.sh(
            "mariadb-0",
            &format!("mariadb -N -ushop -p\"$MARIADB_PASSWORD\" -hmariadb shop -e '{sql}'"),
        )
    };
    until("the service's name", 15, || sql("SELECT 1"))?;
    sql("CREATE TABLE orders (id INT PRIMARY KEY, what TEXT); INSERT INTO orders VALUES (1, \"a book\")")?;
    let wrong = mariadb.sh("mariadb-0", "mariadb -ushop -pwrong -hmariadb shop -e 'SELECT 1'");
    ensure!(
        wrong.is_err_and(|error| format!("{error:#}").contains("Access denied")),
        "a wrong password is let in"
    );
    mariadb.kubectl(&["delete", "pod", "mariadb-0"])?;
    mariadb.rolled_out("statefulset/mariadb")?;
    let rows = until("the rows", 15, || sql("SELECT * FROM orders"))?;
    ensure!(rows.trim() == "1\ta book", "{rows:?}");
    mariadb.kubectl(&["delete", "statefulset", "mariadb"])?;
    let claim = mariadb.kubectl(&["get", "pvc", "data-mariadb-0", "-o", "jsonpath={.status.phase}"])?;
    ensure!(claim == "Bound", "{claim}");
    mariadb.remove()
}

fn a_blog_keeps_its_posts(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.rkube(&["addons", "enable", "ingress"])?.ok()?;
    for recipe in ["php", "mariadb"] {
        cluster.load(recipe)?;
    }
    let folder = cluster.sandbox.path("blog");
    fs_err::create_dir_all(&folder)?;
    let request = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=blog.test \
        -addext subjectAltName=DNS:blog.test -keyout blog.key -out blog.crt";
    Command::new("sh")
        .args(["-ec", request])
        .current_dir(&folder)
        .run()?
        .ok()?;
    let [cert, key] = ["blog.crt", "blog.key"].map(|file| folder.join(file).to_string_lossy().into_owned());
    // the page applies both files into one namespace
    let blog = Program::install(cluster, "blog")?;
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tour/mariadb.yaml");
    blog.kubectl(&["apply", "-f", database])?;
    blog.kubectl(&["create", "secret", "tls", "blog", "--cert", &cert, "--key", &key])?;
    blog.rolled_out("deployment/blog")?;
    let (http, https) = crate::ingress::ports(cluster)?;
    let ask = |scheme: &str, args: &[&str]| -> anyhow::Result<String> {
        let port = if scheme == "http" { http } else { https };
        let (resolve, url) = (
            format!("blog.test:{port}:127.0.0.1"),
            format!("{scheme}://blog.test:{port}/"),
        );
        let usual = ["-sS", "-i", "-m", "10", "--resolve", &resolve, "--cacert", &cert, &url];
        Command::new("curl").args(usual).args(args).run()?.ok()
    };
    let there = until("the redirect", 20, || {
        let answer = ask("http", &[])?;
        ensure!(answer.contains(" 308 "), "{answer}");
        Ok(answer)
    })?;
    let port = if https == 443 {
        String::new()
    } else {
        format!(":{https}")
    };
    ensure!(
        there.contains(&format!("location: https://blog.test{port}/")),
        "{there}"
    );
    let post = [
        "--data-urlencode",
        "title=Hello <b>you</b>",
        "--data-urlencode",
        "text=The first post",
    ];
    until("a post over HTTPS", 20, || {
        let posted = ask("https", &post)?;
        ensure!(posted.contains(" 303"), "{posted}");
        Ok(())
    })?;
    let kept = |when: &str| {
        until(&format!("the post {when}"), 60, || {
            let page = ask("https", &[])?;
            ensure!(
                page.contains("Hello &lt;b&gt;you") && page.contains("over https"),
                "{page}"
            );
            Ok(())
        })
    };
    kept("at once")?;
    blog.kubectl(&["delete", "pod", "mariadb-0"])?;
    blog.kubectl(&["rollout", "restart", "deployment/blog"])?;
    blog.rolled_out("statefulset/mariadb")?;
    blog.rolled_out("deployment/blog")?;
    kept("after all pods are others")?;
    cluster.rkube(&["addons", "disable", "ingress"])?.ok()?;
    blog.remove()
}

fn redis_replicas_follow_their_primary(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.load("redis")?;
    let redis = Program::install(cluster, "redis")?;
    redis.rolled_out("statefulset/redis")?;
    redis.rolled_out("deployment/redis-replica")?;
    let ask =
        |pod: &str, command: &str| redis.sh(pod, &format!("redis-cli --no-auth-warning -a \"$PASSWORD\" {command}"));
    let followed = |value: &str| {
        until(&format!("{value} at the replicas"), 30, || {
            let answer = ask("deploy/redis-replica", "get greeting")?;
            ensure!(answer.trim() == value, "{answer}");
            Ok(())
        })
    };
    ask("redis-0", "set greeting hello")?;
    followed("hello")?;
    redis.kubectl(&["delete", "pod", "redis-0"])?;
    redis.rolled_out("statefulset/redis")?;
    let kept = until("the primary", 15, || ask("redis-0", "get greeting"))?;
    ensure!(kept.trim() == "hello", "{kept}");
    ask("redis-0", "set greeting again")?;
    followed("again")?;
    redis.remove()
}
