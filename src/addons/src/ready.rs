//! Waiting until an addon is up.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::apply::Applier;
use crate::catalogue::Addon;
use crate::error::AddonError;
use crate::info::Target;
use crate::record::Reference;
use crate::trouble;

/// Waits for all that the addon names. `seen` hears each time that something else is seen.
pub fn wait<'a>(
    client: &'a Client,
    addon: &'a Addon,
    patience: Duration,
    seen: &'a (dyn Fn(&str) + Sync),
) -> BoxFuture<'a, Result<(), AddonError>> {
    Box::pin(async move {
        let deadline = Instant::now() + patience;
        for target in &addon.info.ready {
            wait_for(client, target, deadline, patience, seen).await?;
        }
        Ok(())
    })
}

async fn wait_for(
    client: &Client,
    target: &Target,
    deadline: Instant,
    patience: Duration,
    seen: &(dyn Fn(&str) + Sync),
) -> Result<(), AddonError> {
    let what = match target.namespace.as_str() {
        "" => format!("{} {}", target.kind, target.name),
        namespace => format!("{} {namespace}/{}", target.kind, target.name),
    };
    let reference = Reference {
        api_version: version(&target.kind).to_owned(),
        kind: target.kind.clone(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
    };
    let api = Applier::new(client, "").api(&reference).await;
    let api = api.map_err(|source| AddonError::Object {
        kind: target.kind.clone(),
        name: target.name.clone(),
        source: Box::new(source),
    })?;
    // an API that refuses or is gone is not asked without a pause
    let mut stream = watch_object(api, &target.name).default_backoff().boxed();
    let mut last = "nothing yet".to_owned();
    let mut live: Option<DynamicObject> = None;
    while let Ok(Some(change)) = timeout_at(deadline, stream.next()).await {
        let now = match change {
            Ok(Some(object)) => {
                let missing = lacks(&target.kind, object.metadata.generation, &object.data);
                live = Some(object);
                match missing {
                    None => return Ok(()),
                    Some(missing) => missing,
                }
            }
            Ok(None) => "it does not exist".to_owned(),
            Err(error) => error.to_string(),
        };
        if now != last {
            seen(&format!("{what}: {now}"));
            last = now;
        }
    }
    let troubles = match live {
        Some(object) => trouble::of(client, &target.kind, &target.namespace, &object).await,
        None => Vec::new(),
    };
    Err(AddonError::NotReady {
        what,
        seconds: patience.as_secs(),
        seen: last,
        troubles,
    })
}

fn version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "DaemonSet" | "StatefulSet" => "apps/v1",
        "APIService" => "apiregistration.k8s.io/v1",
        "Job" => "batch/v1",
        "IngressClass" => "networking.k8s.io/v1",
        _ => "v1",
    }
}

/// What an object lacks to be up; `None` if it is.
fn lacks(kind: &str, generation: Option<i64>, object: &Value) -> Option<String> {
    let status = &object["status"];
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let replicas = || object["spec"]["replicas"].as_i64().unwrap_or(1);
    let (now, wanted) = match kind {
        "Deployment" => (number("availableReplicas").min(number("updatedReplicas")), replicas()),
        "StatefulSet" => (number("readyReplicas").min(number("updatedReplicas")), replicas()),
        "DaemonSet" => (
            number("numberAvailable").min(number("updatedNumberScheduled")),
            number("desiredNumberScheduled").max(1),
        ),
        "APIService" | "Job" => {
            let wanted = if kind == "Job" { "Complete" } else { "Available" };
            let mut conditions = status["conditions"].as_array().into_iter().flatten();
            let condition = conditions.find(|condition| condition["type"] == wanted);
            return match condition {
                Some(condition) if condition["status"] == "True" => None,
                Some(condition) => Some(condition["message"].as_str().unwrap_or("no reason given").to_owned()),
                None => Some(format!("not {wanted} yet")),
            };
        }
        // of the others it is enough that they are there
        _ => return None,
    };
    if number("observedGeneration") < generation.unwrap_or(0) {
        return Some("its controller has not seen it yet".to_owned());
    }
    (now < wanted).then(|| format!("{now} of {wanted} available"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_is_up_when_its_newest_replicas_are_available() {
        let of = |observed: i64, updated: i64, available: i64| {
            let object = json!({"spec": {"replicas": 2}, "status": {
                "observedGeneration": observed, "updatedReplicas": updated, "availableReplicas": available}});
            lacks("Deployment", Some(3), &object)
        };
        assert_eq!(of(2, 2, 2).unwrap(), "its controller has not seen it yet");
        assert_eq!(of(3, 1, 2).unwrap(), "1 of 2 available");
        assert_eq!(of(3, 2, 2), None);
    }

    #[test]
    fn an_api_service_says_why_it_is_not_available() {
        let of = |conditions: Value| lacks("APIService", None, &json!({"status": {"conditions": conditions}}));
        assert_eq!(of(json!([])).unwrap(), "not Available yet");
        let missing = json!([{"type": "Available", "status": "False", "message": "no endpoints"}]);
        assert_eq!(of(missing).unwrap(), "no endpoints");
        assert_eq!(of(json!([{"type": "Available", "status": "True"}])), None);
    }

    #[test]
    fn a_daemon_set_without_nodes_is_not_up() {
        let object = json!({"status": {"desiredNumberScheduled": 0}});
        assert_eq!(lacks("DaemonSet", None, &object).unwrap(), "0 of 1 available");
    }
}
