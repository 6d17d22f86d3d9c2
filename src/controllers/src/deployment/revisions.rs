//! Which set is the new one, its creation, and the annotations that `kubectl rollout` reads.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::{Rollout, numbers, status};
use crate::shared::error::code;
use crate::shared::hash::template_hash;
use crate::shared::owner::{controller_of, controller_ref};
use crate::shared::{Error, Result};

pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const ROLLBACK: &str = "deprecated.deployment.rollback.to";
const HASH: &str = "pod-template-hash";
const LONGEST_HISTORY: usize = 2000;

/// The set with the deployment's template, and the others.
pub(super) fn split(deployment: &Deployment, mut sets: Vec<ReplicaSet>) -> (Option<ReplicaSet>, Vec<ReplicaSet>) {
    sets.sort_by_key(|set| (set.metadata.creation_timestamp.clone(), set.name_any()));
    let template = deployment.spec.as_ref().map(|spec| without_hash(&spec.template));
    let same = |set: &ReplicaSet| {
        let own = set
            .spec
            .as_ref()
            .and_then(|spec| spec.template.as_ref())
            .map(without_hash);
        own.is_some() && own == template
    };
    let new = sets.iter().position(same).map(|at| sets.remove(at));
    (new, sets)
}

fn without_hash(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
        labels.remove(HASH);
    }
    template
}

/// The revision noted on an object; 0 if none.
pub(super) fn revision(meta: &ObjectMeta) -> i64 {
    let text = meta
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(REVISION));
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Whether the deployment's annotation is its own business and not its sets'.
fn is_own(name: &str) -> bool {
    matches!(name, LAST_APPLIED | REVISION | HISTORY | DESIRED | MAX | ROLLBACK)
}

/// Annotations of the new set; `existing` if it is there already.
pub(super) fn annotate(
    deployment: &Deployment,
    annotations: &mut BTreeMap<String, String>,
    newest: i64,
    existing: bool,
) -> bool {
    let before = annotations.clone();
    for (name, value) in deployment
        .metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(name, _)| !is_own(name))
    {
        annotations.insert(name.clone(), value.clone());
    }
    let old = annotations.get(REVISION).cloned();
    let Ok(old_number) = old.as_deref().unwrap_or("0").parse::<i64>() else {
        return *annotations != before;
    };
    if old_number < newest {
        annotations.insert(REVISION.to_owned(), newest.to_string());
        if let Some(old) = old {
            let history = annotations.get(HISTORY).cloned().unwrap_or_default();
            let mut revisions: Vec<&str> = history.split(',').filter(|part| !part.is_empty()).collect();
            revisions.push(&old);
            while revisions.join(",").len() > LONGEST_HISTORY && revisions.len() > 1 {
                revisions.remove(0);
            }
            annotations.insert(HISTORY.to_owned(), revisions.join(","));
        }
    }
    if !existing {
        set_sizes(deployment, annotations);
    }
    *annotations != before
}

/// The sizes that proportional scaling starts from.
pub(super) fn set_sizes(deployment: &Deployment, annotations: &mut BTreeMap<String, String>) {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    annotations.insert(DESIRED.to_owned(), wanted.to_string());
    annotations.insert(MAX.to_owned(), (wanted + numbers::max_surge(deployment)).to_string());
}

impl Rollout<'_> {
    /// Brings the new set's revision up to date, or makes the new set if `create`.
    pub(super) async fn ensure_new(&mut self, create: bool) -> Result<()> {
        let newest = self
            .old
            .iter()
            .map(|set| revision(&set.metadata))
            .max()
            .unwrap_or_default()
            + 1;
        if let Some(new) = &self.new {
            let mut changed = new.clone();
            let mut annotations = changed.metadata.annotations.take().unwrap_or_default();
            let differs = annotate(&self.deployment, &mut annotations, newest, true);
            changed.metadata.annotations = Some(annotations);
            let min_ready = self.spec().min_ready_seconds;
            let slow = changed.spec.as_ref().and_then(|spec| spec.min_ready_seconds) != min_ready;
            if differs || slow {
                if let Some(spec) = &mut changed.spec {
                    spec.min_ready_seconds = min_ready;
                }
                let api = self.sets_api();
                self.new = Some(
                    api.replace(&changed.name_any(), &PostParams::default(), &changed)
                        .await?,
                );
            }
            let (name, number) = match &self.new {
                Some(new) => (new.name_any(), revision(&new.metadata)),
                None => return Ok(()),
            };
            if status::has_deadline(&self.deployment) && status::get(&self.deployment, "Progressing").is_none() {
                let message = format!("Found new replica set {name:?}");
                self.set_progressing("True", "FoundNewReplicaSet", message);
            }
            return self.note_revision(number).await;
        }
        if create { self.create(newest).await } else { Ok(()) }
    }

    async fn create(&mut self, newest: i64) -> Result<()> {
        let set = self.build(newest)?;
        let (name, size) = (set.name_any(), numbers::replicas(&set));
        match self.sets_api().create(&PostParams::default(), &set).await {
            Ok(made) => {
                if size > 0 {
                    let note = format!("Scaled up replica set {name} from 0 to {size}");
                    self.events.normal(&self.deployment, "ScalingReplicaSet", note).await;
                }
                if status::has_deadline(&self.deployment) {
                    self.set_progressing(
                        "True",
                        "NewReplicaSetCreated",
                        format!("Created new replica set {name:?}"),
                    );
                }
                self.new = Some(made);
                self.note_revision(newest).await
            }
            Err(error) if code(&error) == 409 => self.settle_collision(&name, &set, error).await,
            Err(error) if crate::replicaset::is_terminating_namespace(&error) => Err(error.into()),
            Err(error) => {
                let message = format!("Failed to create new replica set {name:?}: {error}");
                if status::has_deadline(&self.deployment) {
                    self.set_progressing("False", "ReplicaSetCreateError", message.clone());
                }
                self.events
                    .warning(&self.deployment, "ReplicaSetCreateError", message)
                    .await;
                Err(error.into())
            }
        }
    }

    /// A set of this name is there: our own, not seen yet, or of another template that hashes alike.
    async fn settle_collision(&mut self, name: &str, set: &ReplicaSet, error: kube::Error) -> Result<()> {
        let found = self.sets_api().get(name).await?;
        let uid = self.deployment.uid().unwrap_or_default();
        let ours = controller_of(&found.metadata).is_some_and(|owner| owner.uid == uid);
        let template = |set: &ReplicaSet| {
            set.spec
                .as_ref()
                .and_then(|spec| spec.template.as_ref())
                .map(without_hash)
        };
        if ours && template(&found) == template(set) {
            self.new = Some(found);
            return Ok(());
        }
        let collisions = &mut self.deployment.status.get_or_insert_default().collision_count;
        *collisions = Some(collisions.unwrap_or_default() + 1);
        Err(Error::from(error))
    }

    fn build(&self, newest: i64) -> Result<ReplicaSet> {
        let spec = self.spec();
        let collisions = self
            .deployment
            .status
            .as_ref()
            .and_then(|status| status.collision_count);
        let hash = template_hash(&spec.template, collisions)?;
        let mut template = spec.template;
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert(HASH.to_owned(), hash.clone());
        let labels = labels.clone();
        let mut selector = spec.selector;
        selector
            .match_labels
            .get_or_insert_default()
            .insert(HASH.to_owned(), hash.clone());
        let mut annotations = BTreeMap::new();
        annotate(&self.deployment, &mut annotations, newest, false);
        let all = self.old.iter().map(numbers::replicas).sum();
        let mut name = self.deployment.name_any();
        name.truncate(253 - 1 - hash.len());
        Ok(ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{name}-{hash}")),
                namespace: self.deployment.namespace(),
                labels: Some(labels),
                annotations: Some(annotations),
                owner_references: Some(vec![controller_ref(&self.deployment)]),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(numbers::new_set_size(&self.deployment, all, 0)),
                min_ready_seconds: spec.min_ready_seconds,
                selector,
                template: Some(template),
            }),
            status: None,
        })
    }

    /// The deployment carries the revision of its new set.
    async fn note_revision(&mut self, number: i64) -> Result<()> {
        if revision(&self.deployment.metadata) == number {
            return Ok(());
        }
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), &self.namespace());
        let patch = json!({"metadata": {"annotations": {REVISION: number.to_string()}}});
        let patched = api
            .patch(
                &self.deployment.name_any(),
                &PatchParams::default(),
                &Patch::Merge(patch),
            )
            .await?;
        self.deployment.metadata = patched.metadata;
        Ok(())
    }
}
