//! The user's kubeconfig: our cluster, user and context in it, everything else left as it is.

mod lock;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yaml::{Mapping, Value};

use crate::ClusterError;
use crate::profile::write_atomically;

/// What a context needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access<'a> {
    /// Name of cluster, user and context.
    pub(crate) name: &'a str,
    /// `https://127.0.0.1:<port>`.
    pub(crate) server: String,
    /// PEM texts.
    pub(crate) ca: &'a str,
    pub(crate) cert: &'a str,
    pub(crate) key: &'a str,
}

/// The file to write: the first of `$KUBECONFIG`, else `~/.kube/config`.
pub fn path(variable: Option<&str>, home: &Path) -> PathBuf {
    variable
        .into_iter()
        .flat_map(|list| list.split(':'))
        .find(|file| !file.is_empty())
        .map_or_else(|| home.join(".kube/config"), PathBuf::from)
}

/// Adds or replaces our entries and makes our context current, unless the current one is to be kept. Gives the context that was
/// current before.
pub(crate) fn merge(path: &Path, access: &Access<'_>, keep: bool) -> Result<Option<String>, ClusterError> {
    edit(path, |config| {
        let encode = |pem: &str| Value::from(STANDARD.encode(pem));
        let cluster = [
            ("server", access.server.clone().into()),
            ("certificate-authority-data", encode(access.ca)),
        ];
        let user = [
            ("client-certificate-data", encode(access.cert)),
            ("client-key-data", encode(access.key)),
        ];
        set(config, "clusters", access.name, "cluster", mapping(cluster));
        set(config, "users", access.name, "user", mapping(user));
        let context = match find(config, "contexts", access.name).and_then(|entry| entry.get("context")) {
            // a namespace that the user set stays
            Some(Value::Mapping(known)) => known.clone(),
            _ => Mapping::new(),
        };
        let mut context = context;
        context.insert("cluster".into(), access.name.into());
        context.insert("user".into(), access.name.into());
        set(config, "contexts", access.name, "context", context);
        config.entry("apiVersion".into()).or_insert_with(|| "v1".into());
        config.entry("kind".into()).or_insert_with(|| "Config".into());
        if keep {
            return None;
        }
        let before = config.insert("current-context".into(), access.name.into());
        before
            .and_then(|name| name.as_str().map(str::to_owned))
            .filter(|name| !name.is_empty() && name != access.name)
    })
}

/// Takes our entries out; where our context was current, `previous` becomes so again if it still exists.
pub(crate) fn remove(path: &Path, name: &str, previous: Option<&str>) -> Result<(), ClusterError> {
    if !path.exists() {
        return Ok(());
    }
    edit(path, |config| {
        for list in ["clusters", "users", "contexts"] {
            if let Some(Value::Sequence(entries)) = config.get_mut(list) {
                entries.retain(|entry| entry.get("name").and_then(Value::as_str) != Some(name));
            }
        }
        if config.get("current-context").and_then(Value::as_str) == Some(name) {
            let restored = previous
                .filter(|previous| find(config, "contexts", previous).is_some())
                .unwrap_or_default();
            config.insert("current-context".into(), restored.into());
        }
    })
}

/// Makes a context current, if it is there. True if it is current then.
pub(crate) fn choose(path: &Path, name: &str) -> Result<bool, ClusterError> {
    if current(path).as_deref() == Some(name) {
        return Ok(true);
    }
    if !path.exists() {
        return Ok(false);
    }
    edit(path, |config| {
        let there = find(config, "contexts", name).is_some();
        if there {
            config.insert("current-context".into(), name.into());
        }
        there
    })
}

/// Fails if the file is there and cannot be read, so that a start finds out before it has made anything.
pub(crate) fn check(path: &Path) -> Result<(), ClusterError> {
    match fs_err::read_to_string(path) {
        Ok(text) => read(path, &text).map(drop),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The current context of a kubeconfig; `None` also if it cannot be read.
pub fn current(path: &Path) -> Option<String> {
    let text = fs_err::read_to_string(path).ok()?;
    let config = read(path, &text).ok()?;
    config.get("current-context")?.as_str().map(str::to_owned)
}

/// The server that our context leads to, if it is there.
pub(crate) fn server(path: &Path, name: &str) -> Option<String> {
    let text = fs_err::read_to_string(path).ok()?;
    let config = read(path, &text).ok()?;
    find(&config, "contexts", name)?;
    find(&config, "clusters", name)?
        .get("cluster")?
        .get("server")?
        .as_str()
        .map(str::to_owned)
}

fn edit<T>(path: &Path, change: impl FnOnce(&mut Mapping) -> T) -> Result<T, ClusterError> {
    // a link (to a dotfiles folder, say) stays a link
    let path = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let _lock = lock::take(&path)?;
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let mut config = read(&path, &text)?;
    let result = change(&mut config);
    let new = yaml::to_string(&config).map_err(std::io::Error::other)?;
    if new != text {
        write_atomically(&path, new.as_bytes())?;
    }
    Ok(result)
}

/// Reads a kubeconfig, keeping what we know nothing of; an empty one is an empty mapping.
fn read(path: &Path, text: &str) -> Result<Mapping, ClusterError> {
    let broken = |reason: String| ClusterError::BrokenKubeconfig {
        path: path.display().to_string(),
        reason,
    };
    match yaml::from_str(text).map_err(|error| broken(error.to_string()))? {
        Value::Mapping(mapping) => Ok(mapping),
        Value::Null => Ok(Mapping::new()),
        _ => Err(broken("not a mapping".to_owned())),
    }
}

fn find<'a>(config: &'a Mapping, list: &str, name: &str) -> Option<&'a Value> {
    config
        .get(list)?
        .as_sequence()?
        .iter()
        .find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
}

fn set(config: &mut Mapping, list: &str, name: &str, key: &str, value: Mapping) {
    let entry = mapping([("name", name.into()), (key, Value::Mapping(value))]);
    let entries = config.entry(list.into()).or_insert_with(|| Value::Sequence(Vec::new()));
    if !entries.is_sequence() {
        // kubectl itself writes `clusters: null` into an empty file
        *entries = Value::Sequence(Vec::new());
    }
    if let Value::Sequence(entries) = entries {
        entries.retain(|entry| entry.get("name").and_then(Value::as_str) != Some(name));
        entries.push(Value::Mapping(entry));
    }
}

fn mapping<const N: usize>(pairs: [(&str, Value); N]) -> Mapping {
    pairs
        .into_iter()
        .map(|(key, value)| (Value::from(key), value))
        .collect()
}

#[cfg(test)]
mod tests;
