//! Static pods and their mirrors: the object by which the API shows a pod that does not come from it.

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};

pub(crate) const SOURCE: &str = "kubernetes.io/config.source";
pub(crate) const HASH: &str = "kubernetes.io/config.hash";
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";
pub(crate) const SEEN: &str = "kubernetes.io/config.seen";

fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// True for a pod from the manifest folder.
pub(crate) fn is_static(pod: &Pod) -> bool {
    annotation(pod, SOURCE).is_some_and(|source| source != "api")
}

/// True for an API object that only mirrors a static pod.
pub(crate) fn is_mirror(pod: &Pod) -> bool {
    annotation(pod, MIRROR).is_some()
}

/// Makes sure that the static pod has its mirror and returns it; one of another manifest is replaced.
pub(crate) async fn ensure(api: &Api<Pod>, pod: &Pod, node: &str) -> kube::Result<Pod> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let hash = annotation(pod, HASH).unwrap_or_default();
    // by selector: the Node authorizer lets nobody ask for a single pod that is not there
    let own = ListParams::default().fields(&format!("metadata.name={name},spec.nodeName={node}"));
    if let Some(present) = api.list(&own).await?.items.pop() {
        if annotation(&present, MIRROR) == Some(hash) && present.metadata.deletion_timestamp.is_none() {
            return Ok(present);
        }
        let mut parameters = DeleteParams::default().grace_period(0);
        parameters.preconditions = Some(Preconditions {
            uid: present.metadata.uid,
            resource_version: None,
        });
        api.delete(&name, &parameters).await?;
    }
    let mut mirror = pod.clone();
    mirror.metadata.uid = None;
    mirror.status = None;
    mirror
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(MIRROR.to_owned(), hash.to_owned());
    let nodes: Api<Node> = Api::all(api.clone().into_client());
    let owner = nodes.get(node).await?;
    mirror.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: node.to_owned(),
        uid: owner.metadata.uid.unwrap_or_default(),
        controller: Some(true),
        ..Default::default()
    }]);
    api.create(&PostParams::default(), &mirror).await
}

/// Removes the mirror of a static pod whose manifest is gone.
pub(crate) async fn remove(api: &Api<Pod>, name: &str) -> kube::Result<()> {
    match api.delete(name, &DeleteParams::default().grace_period(0)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}
