//! Reading the document.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Args, DEFAULT, Plugins, Profile, ProfileError, Profiles};

/// The document. What concerns a process of its own, or how many nodes are looked at, is read and means nothing here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    api_version: String,
    kind: String,
    #[serde(default)]
    profiles: Vec<ProfileDocument>,
    pod_initial_backoff_seconds: Option<i64>,
    pod_max_backoff_seconds: Option<i64>,
    #[serde(default)]
    extenders: Vec<Value>,
    #[serde(rename = "parallelism")]
    _parallelism: Option<Value>,
    #[serde(rename = "percentageOfNodesToScore")]
    _percentage: Option<Value>,
    #[serde(rename = "leaderElection")]
    _leader_election: Option<Value>,
    #[serde(rename = "clientConnection")]
    _client_connection: Option<Value>,
    #[serde(rename = "enableProfiling")]
    _profiling: Option<Value>,
    #[serde(rename = "enableContentionProfiling")]
    _contention_profiling: Option<Value>,
    #[serde(rename = "delayCacheUntilActive")]
    _delay: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProfileDocument {
    scheduler_name: Option<String>,
    plugins: Option<Value>,
    #[serde(default)]
    plugin_config: Vec<PluginConfig>,
    #[serde(rename = "percentageOfNodesToScore")]
    _percentage: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginConfig {
    name: String,
    #[serde(default)]
    args: Value,
}

pub(super) fn read(text: &str) -> Result<Profiles, ProfileError> {
    let whole = |what: String| ProfileError::new("KubeSchedulerConfiguration", what);
    let document: Document = yaml::from_str(text).map_err(|error| whole(error.to_string()))?;
    let is = (document.api_version.as_str(), document.kind.as_str());
    if is != ("kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration") {
        return Err(whole(format!(
            "must be apiVersion kubescheduler.config.k8s.io/v1, kind KubeSchedulerConfiguration, and not {} {}",
            is.0, is.1
        )));
    }
    if !document.extenders.is_empty() {
        return Err(ProfileError::new(
            "extenders",
            "there are none here; the scheduler is part of rkube",
        ));
    }
    let mut profiles = Profiles::default();
    profiles.backoff = backoff(&document, profiles.backoff)?;
    if !document.profiles.is_empty() {
        profiles.by_name = BTreeMap::new();
    }
    for (index, profile) in document.profiles.iter().enumerate() {
        let at = format!("profiles[{index}]");
        let name = profile.scheduler_name.as_deref().unwrap_or(DEFAULT).to_owned();
        let read = read_profile(profile, &at)?;
        if name.is_empty() || profiles.by_name.insert(name.clone(), Arc::new(read)).is_some() {
            let what = format!("{name:?} must be a name that no other profile has");
            return Err(ProfileError::new(format!("{at}.schedulerName"), what));
        }
    }
    Ok(profiles)
}

fn backoff(document: &Document, before: (Duration, Duration)) -> Result<(Duration, Duration), ProfileError> {
    let seconds = |field: &str, value: Option<i64>, before: Duration| match value {
        None => Ok(before),
        Some(value) if value > 0 => Ok(Duration::from_secs(value.unsigned_abs())),
        Some(value) => Err(ProfileError::new(field, format!("{value} must be above zero"))),
    };
    let first = seconds(
        "podInitialBackoffSeconds",
        document.pod_initial_backoff_seconds,
        before.0,
    )?;
    let most = seconds("podMaxBackoffSeconds", document.pod_max_backoff_seconds, before.1)?;
    if most < first {
        let what = "must not be less than podInitialBackoffSeconds";
        return Err(ProfileError::new("podMaxBackoffSeconds", what));
    }
    Ok((first, most))
}

fn read_profile(document: &ProfileDocument, at: &str) -> Result<Profile, ProfileError> {
    let mut profile = Profile::default();
    if let Some(plugins) = &document.plugins {
        profile.plugins = Plugins::read(plugins, &format!("{at}.plugins"))?;
    }
    let mut seen: Vec<&str> = Vec::new();
    for (index, config) in document.plugin_config.iter().enumerate() {
        let at = format!("{at}.pluginConfig[{index}]");
        if seen.contains(&config.name.as_str()) {
            return Err(ProfileError::new(at, format!("{} is configured twice", config.name)));
        }
        seen.push(&config.name);
        profile.args = read_args(profile.args, &config.name, &config.args, &at)?;
    }
    Ok(profile)
}

fn read_args(args: Args, plugin: &str, value: &Value, at: &str) -> Result<Args, ProfileError> {
    let name = super::plugins::known(plugin, &format!("{at}.name"))?;
    args.read(name, value, &format!("{at}.args"))
}
