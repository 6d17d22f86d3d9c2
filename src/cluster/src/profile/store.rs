//! Profiles on disk: one folder each, `profile.json` and the keys that the host keeps.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mirrors::Document;

use super::{Confinement, Profile, ProfileLock, check_name};
use crate::{ClusterError, kubeconfig};

const FILE: &str = "profile.json";
const MIRRORS: &str = "mirrors.yaml";
const AUTHORITIES: &str = "certs";
const ACTIVE: &str = "active-profile";

/// The folder of all profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileStore {
    root: PathBuf,
}

impl ProfileStore {
    /// Profiles below `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where the profiles are.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The user's document about mirrors, for all clusters; empty without one.
    pub fn mirrors(&self) -> Result<Document, ClusterError> {
        let path = self.root.join(MIRRORS);
        match fs_err::read_to_string(&path) {
            Ok(text) => Ok(Document::parse(&path.display().to_string(), &text)?.relative_to(&self.root)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Document::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Certificates of authorities that the nodes are to trust wherever images come from, as PEM.
    pub fn authorities(&self) -> Result<String, ClusterError> {
        Ok(::mirrors::authorities(&self.root.join(AUTHORITIES))?)
    }

    /// Replaces the user's document about mirrors; only its owner may read it, since it may hold credentials.
    pub fn write_mirrors(&self, document: &Document) -> Result<(), ClusterError> {
        fs_err::create_dir_all(&self.root)?;
        write_atomically(&self.root.join(MIRRORS), document.text()?.as_bytes())?;
        Ok(())
    }

    /// Takes the profile's lock, which a command that changes it holds to its end.
    pub async fn lock(&self, name: &str, patience: Duration) -> Result<ProfileLock, ClusterError> {
        let locks = self.root.join("locks");
        fs_err::create_dir_all(&locks)?;
        ProfileLock::take(&locks.join(format!("{name}.lock")), name, patience).await
    }

    /// Reads a profile; `None` if there is none of that name.
    pub fn read(&self, name: &str) -> Result<Option<Profile>, ClusterError> {
        let path = self.folder(name).join(FILE);
        let text = match fs_err::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let broken = |reason: String| ClusterError::BrokenProfile {
            path: path.display().to_string(),
            reason,
        };
        let profile: Profile = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        if profile.control_plane().is_none() {
            return Err(broken("names no control plane".to_owned()));
        }
        Ok(Some(profile))
    }

    /// Names of all profiles, sorted.
    pub fn names(&self) -> Result<Vec<String>, ClusterError> {
        let entries = match fs_err::read_dir(self.root.join("profiles")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Writes a profile in one step.
    pub fn write(&self, profile: &Profile) -> Result<(), ClusterError> {
        let text = serde_json::to_vec_pretty(profile).map_err(std::io::Error::other)?;
        self.write_file(&profile.name, FILE, &text)
    }

    /// Writes a file of a profile in one step, for its owner alone.
    pub fn write_file(&self, name: &str, file: &str, content: &[u8]) -> Result<(), ClusterError> {
        let folder = self.folder(name);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        write_atomically(&folder.join(file), content)?;
        Ok(())
    }

    /// Reads a file of a profile, if it is there.
    pub fn read_file(&self, name: &str, file: &str) -> Result<Option<String>, ClusterError> {
        match fs_err::read_to_string(self.folder(name).join(file)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a profile's folder; fine if it is gone. If it was the active one, none is any more.
    pub(crate) fn remove(&self, name: &str) -> Result<(), ClusterError> {
        if self.active().as_deref() == Some(name) {
            self.set_active(None)?;
        }
        match fs_err::remove_dir_all(self.folder(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The profile that commands are about unless they say otherwise, if the user chose one.
    pub fn active(&self) -> Option<String> {
        let text = fs_err::read_to_string(self.root.join(ACTIVE)).ok()?;
        // one that an older version made may have a name that is taken now
        let known = |name: &String| check_name(name).is_ok() || self.folder(name).join(FILE).is_file();
        Some(text.trim().to_owned()).filter(|name| !name.contains('/') && known(name))
    }

    /// Chooses it, or goes back to the default.
    pub fn set_active(&self, name: Option<&str>) -> Result<(), ClusterError> {
        let path = self.root.join(ACTIVE);
        let Some(name) = name else {
            return match fs_err::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        };
        fs_err::create_dir_all(&self.root)?;
        Ok(write_atomically(&path, format!("{name}\n").as_bytes())?)
    }

    /// Makes its context kubectl's current one, if it is there; `delete` goes back to the one before. A profile that cannot be read
    /// has none.
    pub fn choose_context(&self, name: &str) -> Result<(), ClusterError> {
        let Ok(Some(mut profile)) = self.read(name) else {
            return Ok(());
        };
        let before = kubeconfig::current(&profile.kubeconfig).filter(|before| !before.is_empty() && before != name);
        let chosen = kubeconfig::choose(&profile.kubeconfig, name)?;
        if chosen && before.is_some() && profile.previous_context.is_none() {
            profile.previous_context = before;
            self.write(&profile)?;
        }
        Ok(())
    }

    /// What an engine was found to allow, from an earlier start.
    pub(crate) fn confinement(&self, engine: &str) -> Option<Confinement> {
        let text = fs_err::read_to_string(self.root.join("engines.json")).ok()?;
        let known: std::collections::BTreeMap<String, Confinement> = serde_json::from_str(&text).ok()?;
        known.get(engine).copied()
    }

    /// Remembers what an engine allows.
    pub(crate) fn remember_confinement(&self, engine: &str, confinement: Confinement) -> Result<(), ClusterError> {
        let path = self.root.join("engines.json");
        let mut known: std::collections::BTreeMap<String, Confinement> = fs_err::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        known.insert(engine.to_owned(), confinement);
        let text = serde_json::to_vec_pretty(&known).map_err(std::io::Error::other)?;
        write_atomically(&path, &text)?;
        Ok(())
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.root.join("profiles").join(name)
    }
}

/// Replaces a file in one step: a reader sees the old content or the new one.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.tmp", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.sync_data())
        .and_then(|()| fs_err::rename(&draft, path));
    if written.is_err() {
        let _ = fs_err::remove_file(&draft);
    }
    written
}
