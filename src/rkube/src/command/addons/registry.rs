//! What nodes are told of the addon `registry`: that `localhost:PORT` of this machine means it there too, and that it has the
//! images of the registry that it is a cache of.

use std::collections::BTreeMap;

use addons::Choice;
use cluster::{Engine, Profile};
use mirrors::{Document, Mirror, Upstream};

use super::wishes::Wishes;
use crate::context::Context;
use crate::failure::Failure;

/// The addon's name.
const ADDON: &str = "registry";
/// The setting that makes it a cache.
const REMOTE: &str = "proxyRemoteURL";

/// Tells the nodes, unless they know.
pub(super) async fn tell(context: &Context, profile: &Profile, wishes: &Wishes) -> Result<(), Failure> {
    let choice = wishes.0.get(ADDON).filter(|choice| choice.enabled);
    let document = choice.map_or_else(Document::default, |choice| document(profile, choice));
    if !cluster::write_addon_mirrors(&context.profiles, &profile.name, &document)? {
        return Ok(());
    }
    let engine = Engine::connect(&context.engine_of(&profile.name)).await?;
    let table = cluster::mirror_table(&context.profiles, &profile.name)?;
    cluster::tell_mirrors(&engine, &context.profiles, profile, &table).await?;
    Ok(())
}

fn document(profile: &Profile, choice: &Choice) -> Document {
    let Some(node) = profile.control_plane() else {
        return Document::default();
    };
    let endpoint = vec![format!("http://{}:{}", node.ip, nodespec::ports::LOCAL_REGISTRY)];
    let mut mirrors = BTreeMap::new();
    for host in profile.registry_port.iter().flat_map(|port| names(*port)) {
        // whatever else a node has at that port of its own comes first: there the name means that
        let mirror = Mirror {
            endpoint: endpoint.clone(),
            upstream: Some(Upstream::First),
            ..Mirror::default()
        };
        mirrors.insert(host, mirror);
    }
    let remote = choice.settings.get(REMOTE).and_then(serde_json::Value::as_str);
    if let Some(remote) = remote.filter(|remote| !remote.is_empty()) {
        let mirror = Mirror {
            endpoint,
            ..Mirror::default()
        };
        mirrors.insert(mirrors::registry_at(remote), mirror);
    }
    Document {
        mirrors,
        ..Document::default()
    }
}

/// How this machine's users name the port.
fn names(port: u16) -> [String; 2] {
    ["localhost", "127.0.0.1"].map(|host| format!("{host}:{port}"))
}
