//! Makes the Node object, or brings an existing one up to date without touching what others have set.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSpec, Taint};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::context::Context;
use crate::options::Options;

/// Volumes are attached to the node by the controller, not by the kubelet.
const MANAGED: &str = "volumes.kubernetes.io/controller-managed-attach-detach";

/// The node as registered.
pub(super) async fn ensure(context: &Context, api: &Api<Node>) -> kube::Result<Node> {
    let options = &context.options;
    match api.get_opt(&options.node_name).await? {
        None => api.create(&PostParams::default(), &fresh(options)).await,
        Some(present) => {
            let labels = labels(options);
            let has = |key: &String, value: &String| {
                present.metadata.labels.as_ref().and_then(|all| all.get(key)) == Some(value)
            };
            let managed = present.annotations().get(MANAGED).map(String::as_str) == Some("true");
            if labels.iter().all(|(key, value)| has(key, value)) && managed {
                return Ok(present);
            }
            let patch = json!({
                "metadata": { "labels": labels, "annotations": { MANAGED: "true" } },
            });
            api.patch(&options.node_name, &PatchParams::default(), &Patch::Merge(patch))
                .await
        }
    }
}

fn fresh(options: &Options) -> Node {
    let taints = options.taints.iter().map(|(key, value, effect)| Taint {
        key: key.clone(),
        value: Some(value.clone()).filter(|value| !value.is_empty()),
        effect: effect.clone(),
        ..Default::default()
    });
    let mut node = Node {
        spec: Some(NodeSpec {
            taints: Some(taints.collect::<Vec<_>>()).filter(|taints| !taints.is_empty()),
            ..Default::default()
        }),
        ..Default::default()
    };
    node.metadata.name = Some(options.node_name.clone());
    node.metadata.labels = Some(labels(options));
    node.metadata.annotations = Some(BTreeMap::from([(MANAGED.to_owned(), "true".to_owned())]));
    node
}

fn labels(options: &Options) -> BTreeMap<String, String> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let mut labels = options.labels.clone();
    for (key, value) in [
        ("kubernetes.io/hostname", options.node_name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", architecture),
        ("beta.kubernetes.io/os", "linux"),
        ("beta.kubernetes.io/arch", architecture),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels
}
