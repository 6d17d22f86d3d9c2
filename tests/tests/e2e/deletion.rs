//! `delete --all` and `--purge`: everything of one user, and nothing of anybody else's. In an engine of the test's own, because
//! whoever gets this wrong takes all clusters of the machine away.

use std::path::PathBuf;

use anyhow::ensure;
use e2e::{Engine, Output, Run as _, Sandbox, cluster_name};

use crate::Own;

pub(crate) const TESTS: &[(&str, Own)] = &[("deletion::all_of_ones_own_and_no_more", all_of_ones_own_and_no_more)];

/// Somebody with a home and a kubeconfig.
struct User<'a> {
    sandbox: &'a Sandbox,
    engine: &'a Engine,
    home: PathBuf,
}

impl<'a> User<'a> {
    fn new(sandbox: &'a Sandbox, engine: &'a Engine, name: &str) -> anyhow::Result<Self> {
        let home = sandbox.path(name);
        fs_err::create_dir_all(&home)?;
        // downloads are everybody's; a purge takes the link alone
        fs_err::os::unix::fs::symlink(sandbox.home().join("cache"), home.join("cache"))?;
        Ok(Self { sandbox, engine, home })
    }

    fn kubeconfig(&self) -> PathBuf {
        self.home.with_extension("kubeconfig")
    }

    fn rkube(&self, args: &[&str]) -> anyhow::Result<Output> {
        let mut command = self.sandbox.rkube(args);
        command
            .env("RKUBE_HOME", &self.home)
            .env("KUBECONFIG", self.kubeconfig());
        self.engine.within(&command).run()
    }
}

/// Everything in the engine that has a cluster's name.
fn left(engine: &Engine, cluster: &str) -> anyhow::Result<Vec<String>> {
    let filter = format!("label=io.rkube.cluster={cluster}");
    let list = |what: &str| {
        let args: Vec<&str> = what.split(' ').chain(["--quiet", "--filter", &filter]).collect();
        engine.docker(&args)
    };
    let all = [list("container ls --all")?, list("network ls")?, list("volume ls")?].concat();
    Ok(all.lines().map(ToOwned::to_owned).collect())
}

fn all_of_ones_own_and_no_more(sandbox: &Sandbox) -> anyhow::Result<()> {
    let [first, second, others] = ["purged-a", "purged-b", "purged-not"].map(cluster_name);
    fs_err::create_dir_all(sandbox.home().join("cache"))?;
    // composed where there is a network: the engine's own has no way out
    let node = sandbox.path("node.tar").to_string_lossy().into_owned();
    sandbox
        .rkube(&["image", "compose", "node", "--to", &node])
        .run()?
        .ok()?;
    let engine = Engine::start(&cluster_name("purged"))?;
    let user = User::new(sandbox, &engine, "user")?;
    let neighbour = User::new(sandbox, &engine, "neighbour")?;
    for name in [&first, &second] {
        user.rkube(&["--profile", name, "start"])?.ok()?;
    }
    neighbour.rkube(&["--profile", &others, "start"])?.ok()?;

    let refused = user.rkube(&["--profile", &first, "delete", "--purge"])?.failed(14)?;
    ensure!(
        refused.contains(&first) && refused.contains(&second) && refused.contains("--all"),
        "{refused}"
    );
    ensure!(!refused.contains(&others), "a neighbour's cluster: {refused}");
    user.rkube(&["--profile", &first, "status"])?.ok()?;

    // what a purge alone takes
    let keep = [
        user.home.join("addons/mine/addon.yaml"),
        user.home.join("bundle/index.json"),
    ];
    for file in &keep {
        fs_err::create_dir_all(file.parent().unwrap_or(file))?;
        fs_err::write(file, "kept")?;
    }
    user.rkube(&["delete", "--all"])?.ok()?;
    let contexts = fs_err::read_to_string(user.kubeconfig())?;
    for name in [&first, &second] {
        let left = left(&engine, name)?;
        ensure!(left.is_empty(), "of {name}: {left:?}");
        ensure!(!contexts.contains(name.as_str()), "{contexts}");
    }
    ensure!(keep.iter().all(|file| file.is_file()), "more than clusters went");
    neighbour.rkube(&["--profile", &others, "status"])?.ok()?;

    // a neighbour's is no reason to refuse
    user.rkube(&["--profile", &first, "delete", "--purge"])?.ok()?;
    ensure!(!user.home.exists(), "{} is there", user.home.display());
    ensure!(sandbox.home().join("cache").is_dir(), "what the link led to went");
    neighbour.rkube(&["--profile", &others, "status"])?.ok()?;
    // a cluster whose profile is lost is one's own still
    let lost = neighbour.home.join("profiles").join(&others);
    fs_err::remove_dir_all(lost)?;
    neighbour.rkube(&["delete", "--all", "--purge"])?.ok()?;
    let left = left(&engine, &others)?;
    ensure!(left.is_empty() && !neighbour.home.exists(), "{left:?}");
    Ok(())
}
