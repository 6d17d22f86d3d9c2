//! The cluster's API for the commands on addons.

use cluster::{ClusterError, Engine, Profile};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Failure;

/// A client with the administrator's certificate; `None` if the cluster does not run. A paused cluster is an error: its API
/// would not answer.
pub(in crate::command) async fn of_running(context: &Context, profile: &Profile) -> Result<Option<Client>, Failure> {
    let engine = Engine::connect(&context.engine_of(&profile.name)).await?;
    let node = Context::node(profile, None)?;
    match context.running(&engine, profile, node).await {
        Ok(()) => {}
        Err(ClusterError::NotRunning { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    if cluster::is_paused(&engine, &node.name).await? {
        return Err(Failure::paused(&profile.name));
    }
    client(context, profile).await.map(Some)
}

/// A client of a cluster that runs.
pub(super) async fn client(context: &Context, profile: &Profile) -> Result<Client, Failure> {
    let unusable = |error: &dyn std::error::Error| ClusterError::Credentials(error.to_string());
    let config = kubeconfig(context, profile)?;
    let config: Kubeconfig = serde_json::from_value(config).map_err(|error| unusable(&error))?;
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|error| unusable(&error))?;
    // the cluster is on this machine: no proxy of the environment leads there
    config.proxy_url = None;
    let client = Client::try_from(config).map_err(|error| unusable(&error))?;
    Ok(client)
}

/// The administrator's access as a kubeconfig, all parts of it under the cluster's name.
pub(in crate::command) fn kubeconfig(context: &Context, profile: &Profile) -> Result<Value, Failure> {
    let admin = cluster::admin(&context.profiles, profile)?;
    let name = &profile.name;
    Ok(json!({
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": admin.server, "certificate-authority-data": admin.ca}}],
        "users": [{"name": name, "user": {"client-certificate-data": admin.cert, "client-key-data": admin.key}}],
    }))
}
