//! Where a cluster's images come from: the user's document, the cluster's own above it, what its addons say above that, and
//! the nodes told of all.

use ::mirrors::{Document, Table};
use nodespec::paths;

use crate::engine::NodeState;
use crate::profile::{Profile, ProfileStore};
use crate::{ClusterError, Engine};

/// The cluster's own document, in its profile's folder.
const OWN: &str = "mirrors.yaml";
/// What its addons say, above both.
const ADDONS: &str = "addon-mirrors.yaml";
/// What its nodes were told last.
const TOLD: &str = "mirrors.json";

/// The cluster's own document; empty without one.
pub fn own_mirrors(store: &ProfileStore, name: &str) -> Result<Document, ClusterError> {
    match store.read_file(name, OWN)? {
        Some(text) => Ok(Document::parse(&format!("profiles/{name}/{OWN}"), &text)?),
        None => Ok(Document::default()),
    }
}

/// Replaces the cluster's own document.
pub fn write_own_mirrors(store: &ProfileStore, name: &str, document: &Document) -> Result<(), ClusterError> {
    store.write_file(name, OWN, document.text()?.as_bytes())
}

/// Replaces what the cluster's addons say of mirrors. False if it was so already.
pub fn write_addon_mirrors(store: &ProfileStore, name: &str, document: &Document) -> Result<bool, ClusterError> {
    if addon_mirrors(store, name)? == *document {
        return Ok(false);
    }
    store.write_file(name, ADDONS, document.text()?.as_bytes())?;
    Ok(true)
}

fn addon_mirrors(store: &ProfileStore, name: &str) -> Result<Document, ClusterError> {
    match store.read_file(name, ADDONS)? {
        Some(text) => Ok(Document::parse(&format!("profiles/{name}/{ADDONS}"), &text)?),
        None => Ok(Document::default()),
    }
}

/// The table of a cluster, or of one that does not exist yet.
pub fn mirror_table(store: &ProfileStore, name: &str) -> Result<Table, ClusterError> {
    table(store, name, &own_mirrors(store, name)?)
}

/// The table for a cluster's own document.
pub(crate) fn table(store: &ProfileStore, name: &str, own: &Document) -> Result<Table, ClusterError> {
    let all = addon_mirrors(store, name)?.over(own).over(&store.mirrors()?);
    Ok(Table::new(&all)?.trusting(store.authorities()?))
}

/// The table as a node reads it.
pub(crate) fn file(table: &Table) -> Result<Vec<u8>, ClusterError> {
    Ok(serde_json::to_vec_pretty(table).map_err(std::io::Error::other)?)
}

/// Notes what the nodes have been told.
pub(crate) fn remember(store: &ProfileStore, name: &str, table: &Table) -> Result<(), ClusterError> {
    store.write_file(name, TOLD, &file(table)?)
}

/// Tells the nodes that exist, running or not, unless they know already; no restart is needed. True if there was news.
pub async fn tell_mirrors(
    engine: &Engine,
    store: &ProfileStore,
    profile: &Profile,
    table: &Table,
) -> Result<bool, ClusterError> {
    let content = file(table)?;
    if store
        .read_file(&profile.name, TOLD)?
        .is_some_and(|told| told.as_bytes() == content)
    {
        return Ok(false);
    }
    let existing = engine.nodes(Some(&profile.name)).await?;
    let mut tar = tar::Builder::new(Vec::new());
    crate::start::append(&mut tar, paths::MIRRORS, &content, 0o600)?;
    let archive = tar.into_inner()?;
    let uploads = existing
        .iter()
        .map(|node: &NodeState| engine.upload(&node.name, archive.clone()));
    futures::future::try_join_all(uploads).await?;
    remember(store, &profile.name, table)?;
    Ok(!existing.is_empty())
}

/// What every source says of an image, as seen from a node.
pub async fn probe_in_node(engine: &Engine, node: &str, image: &str) -> Result<serde_json::Value, ClusterError> {
    let output = engine
        .exec(node, &["/usr/bin/rkube", "node", "mirrors-test", image])
        .await?;
    let failed = |reason: String| ClusterError::InNode {
        what: "asking the sources",
        node: node.to_owned(),
        reason,
    };
    if output.code != 0 {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}
