//! Names, labels and volumes that stay with an ordinal.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, PodTemplateSpec, Volume,
};
use kube::ResourceExt as _;

use crate::shared::owner::controller_ref;
use crate::shared::pods::from_template;

/// Label of a pod with its revision's name.
pub(super) const REVISION: &str = "controller-revision-hash";
const NAME: &str = "statefulset.kubernetes.io/pod-name";
const INDEX: &str = "apps.kubernetes.io/pod-index";

/// Name of the set that a pod of this name belongs to.
pub(super) fn parent(pod: &Pod) -> Option<String> {
    let name = pod.name_any();
    let (parent, ordinal) = name.rsplit_once('-')?;
    ordinal
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| parent.to_owned())
}

/// The pod's place in its set.
pub(super) fn ordinal(pod: &Pod) -> Option<i32> {
    pod.name_any().rsplit_once('-')?.1.parse().ok()
}

fn claim_name(template: &PersistentVolumeClaim, set: &StatefulSet, ordinal: i32) -> String {
    format!("{}-{}-{ordinal}", template.name_any(), set.name_any())
}

fn templates(set: &StatefulSet) -> impl Iterator<Item = &PersistentVolumeClaim> {
    set.spec
        .iter()
        .flat_map(|spec| spec.volume_claim_templates.iter().flatten())
}

/// The claims of a place, which outlive its pods.
pub(super) fn claims(set: &StatefulSet, ordinal: i32) -> Vec<PersistentVolumeClaim> {
    let labels = set
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.match_labels.clone())
        .unwrap_or_default();
    let claim = |template: &PersistentVolumeClaim| {
        let mut claim = template.clone();
        claim.metadata.name = Some(claim_name(template, set, ordinal));
        claim.metadata.namespace = set.namespace();
        claim.metadata.labels.get_or_insert_default().extend(labels.clone());
        claim.status = None;
        claim
    };
    templates(set).map(claim).collect()
}

/// True if a claim of this name belongs to a place of the set.
pub(super) fn has_claim(set: &StatefulSet, name: &str) -> bool {
    let place = name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse().ok());
    place.is_some_and(|place| templates(set).any(|template| claim_name(template, set, place) == name))
}

/// The pod of a place.
pub(super) fn pod(set: &StatefulSet, template: &PodTemplateSpec, ordinal: i32, revision: &str) -> Pod {
    let name = format!("{}-{ordinal}", set.name_any());
    let mut pod = from_template(
        template,
        &set.namespace().unwrap_or_default(),
        &set.name_any(),
        controller_ref(set),
    );
    pod.metadata.generate_name = None;
    pod.metadata.name = Some(name.clone());
    let labels = pod.labels_mut();
    labels.insert(REVISION.to_owned(), revision.to_owned());
    labels.insert(NAME.to_owned(), name.clone());
    labels.insert(INDEX.to_owned(), ordinal.to_string());
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(name);
    spec.subdomain = set
        .spec
        .as_ref()
        .and_then(|spec| spec.service_name.clone())
        .filter(|name| !name.is_empty());
    let mut volumes: Vec<Volume> = templates(set)
        .map(|template| Volume {
            name: template.name_any(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim_name(template, set, ordinal),
                ..Default::default()
            }),
            ..Volume::default()
        })
        .collect();
    let others = spec.volumes.take().unwrap_or_default();
    volumes.extend(
        others
            .into_iter()
            .filter(|volume| !templates(set).any(|template| template.name_any() == volume.name)),
    );
    spec.volumes = (!volumes.is_empty()).then_some(volumes);
    pod
}
