//! What commands share: paths, engine, profile and output, all from the environment and global flags. The only file that
//! reads the environment.

use std::path::PathBuf;
use std::time::Duration;

use cluster::{ClusterError, Driver, Engine, EngineSettings, Profile, ProfileLock, ProfileNode, ProfileStore, Proxies};

use crate::cli::{Command, Global};
use crate::failure::Failure;
use crate::ui::Ui;

/// The cluster that commands are about unless they say otherwise.
pub(crate) const DEFAULT_PROFILE: &str = "rkube";
/// Set for programs that are asked for their version as kubectl: rkube under that name is none of them.
pub(crate) const ASKED_AS_KUBECTL: &str = "RKUBE_ASKED_AS_KUBECTL";

/// Shared by all commands.
pub(crate) struct Context {
    pub(crate) profile: String,
    pub(crate) profiles: ProfileStore,
    pub(crate) paths: Paths,
    pub(crate) engine: EngineSettings,
    pub(crate) kubeconfig: PathBuf,
    /// This machine's proxies.
    pub(crate) proxies: Proxies,
    /// `RKUBE_DEBIAN_MIRROR`, for commands without that flag.
    pub(crate) mirrors: Vec<String>,
    /// `RKUBE_BINARY_MIRROR`: where Kubernetes' clients are published, asked before Kubernetes' own place.
    pub(crate) binary_mirrors: Vec<String>,
    /// `RKUBE_DEBIAN_FROZEN`: the Debian archive is a snapshot, whose releases are out of date.
    frozen: bool,
    path: Option<String>,
    /// Another rkube wants to know whether this program is a kubectl.
    pub(crate) asked_as_kubectl: bool,
    pub(crate) ui: Ui,
}

impl Context {
    /// How long a command waits for another one on the same cluster.
    pub(crate) const PATIENCE: Duration = Duration::from_mins(10);

    pub(crate) fn new(global: &Global, command: &Command) -> Self {
        let home = directories::BaseDirs::new().map_or_else(|| PathBuf::from("/"), |own| own.home_dir().to_owned());
        let root = var("RKUBE_HOME").map_or_else(|| home.join(".rkube"), PathBuf::from);
        let profiles = ProfileStore::new(root.clone());
        let profile = global.profile.clone().or_else(|| profiles.active());
        let profile = profile.unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
        let driver = driver(&profiles, &profile);
        Self {
            profile,
            profiles,
            paths: Paths {
                root,
                home: home.clone(),
            },
            engine: EngineSettings {
                host: var("DOCKER_HOST"),
                runtime_dir: var("XDG_RUNTIME_DIR").map(PathBuf::from),
                driver,
            },
            kubeconfig: cluster::kubeconfig::path(var("KUBECONFIG").as_deref(), &home),
            proxies: proxies(),
            mirrors: list("RKUBE_DEBIAN_MIRROR"),
            binary_mirrors: list("RKUBE_BINARY_MIRROR"),
            frozen: var("RKUBE_DEBIAN_FROZEN").is_some_and(|value| value != "0"),
            path: var("PATH"),
            asked_as_kubectl: var(ASKED_AS_KUBECTL).is_some(),
            ui: Ui::new(global, command, &locale()),
        }
    }

    /// Where to look for a profile's engine: another one's, or that of a profile which this command has made.
    pub(crate) fn engine_of(&self, name: &str) -> EngineSettings {
        EngineSettings {
            driver: driver(&self.profiles, name),
            ..self.engine.clone()
        }
    }

    /// Takes the profile's lock for the rest of the command.
    pub(crate) async fn lock(&self) -> Result<ProfileLock, ClusterError> {
        self.profiles.lock(&self.profile, Self::PATIENCE).await
    }

    /// The profile, which must exist.
    pub(crate) fn existing(&self) -> Result<Profile, ClusterError> {
        self.existing_named(&self.profile)
    }

    /// Another profile, which must exist.
    pub(crate) fn existing_named(&self, name: &str) -> Result<Profile, ClusterError> {
        let found = self.profiles.read(name)?;
        found.ok_or_else(|| ClusterError::Unknown { name: name.to_owned() })
    }

    /// A node by name; the control plane without one.
    pub(crate) fn node<'a>(profile: &'a Profile, name: Option<&str>) -> Result<&'a ProfileNode, ClusterError> {
        let found = match name {
            Some(name) => profile.nodes.iter().find(|node| node.name == name),
            None => profile.control_plane(),
        };
        found.ok_or_else(|| ClusterError::UnknownNode {
            cluster: profile.name.clone(),
            name: name.unwrap_or_default().to_owned(),
            known: profile.nodes.iter().map(|node| node.name.clone()).collect(),
        })
    }

    /// Fails unless the node runs.
    pub(crate) async fn running(
        &self,
        engine: &Engine,
        profile: &Profile,
        node: &ProfileNode,
    ) -> Result<(), ClusterError> {
        let containers = engine.nodes(Some(&profile.name)).await?;
        let running = containers
            .iter()
            .any(|container| container.name == node.name && container.running());
        if running {
            Ok(())
        } else {
            Err(ClusterError::NotRunning {
                name: profile.name.clone(),
            })
        }
    }

    /// Where and how images are composed; `mirrors` are Debian's, asked last.
    pub(crate) fn composer(&self, mirrors: &[String]) -> imaging::Settings {
        imaging::Settings {
            cache: self.paths.cache(),
            host_root: "/".into(),
            mirrors: mirrors.to_owned(),
            shelf: self.paths.shelf(),
            frozen: self.frozen,
        }
    }

    /// Programs of a name on the PATH, in order.
    pub(crate) fn programs(&self, name: &str) -> Vec<PathBuf> {
        let folders = self.path.iter().flat_map(std::env::split_paths);
        folders
            .map(|folder| folder.join(name))
            .filter(|path| path.is_file())
            .collect()
    }
}

/// Files on the host.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    root: PathBuf,
    home: PathBuf,
}

impl Paths {
    /// Downloads and finished layers; safe to delete.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// What bundles have brought to this machine.
    pub(crate) fn shelf(&self) -> imaging::Shelf {
        imaging::Shelf::new(self.root.join("bundle"))
    }

    /// The user's own addons, a folder each.
    pub(crate) fn addons(&self) -> PathBuf {
        self.root.join("addons")
    }

    /// Where files are put that are nobody's business but that of the user's browser. One in a sandbox, such as a snap, sees no hidden
    /// folder of the home and has a /tmp of its own.
    pub(crate) fn private(&self) -> PathBuf {
        self.home.clone()
    }

    /// This program.
    pub(crate) fn binary() -> Result<PathBuf, Failure> {
        std::env::current_exe().map_err(|error| Failure::internal(&error))
    }

    /// Removes everything that rkube keeps on the host.
    pub(crate) fn purge(&self) -> Result<(), ClusterError> {
        match fs_err::remove_dir_all(&self.root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The kind of engine that a profile's cluster was made with, if there is such a profile and it can be read.
fn driver(profiles: &ProfileStore, name: &str) -> Option<Driver> {
    profiles.read(name).ok().flatten()?.driver
}

/// In either spelling.
fn proxies() -> Proxies {
    let find = |name: &str| var(name).or_else(|| var(&name.to_lowercase()));
    Proxies {
        http: find("HTTP_PROXY"),
        https: find("HTTPS_PROXY"),
        no: find("NO_PROXY"),
    }
}

/// The user's, such as `zh_CN.UTF-8`; empty if none is set.
pub(crate) fn locale() -> String {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(var);
    set.unwrap_or_default()
}

/// A variable's parts between commas.
fn list(name: &str) -> Vec<String> {
    let value = var(name).unwrap_or_default();
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
