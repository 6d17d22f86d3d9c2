//! Scaling sets, and spreading a change of the deployment's size over several.

use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::ResourceExt as _;
use kube::api::PostParams;

use super::{Rollout, numbers, revisions};
use crate::shared::Result;

fn annotation(set: &ReplicaSet, name: &str) -> Option<i32> {
    let text = set.metadata.annotations.as_ref()?.get(name)?;
    text.parse().ok().filter(|number| *number >= 0)
}

impl Rollout<'_> {
    /// Whether the deployment's size changed since its sets were scaled last.
    pub(super) fn is_scaling(&self) -> bool {
        let active = self.sets().filter(|set| numbers::replicas(set) > 0);
        let wanted = self.replicas();
        active
            .filter_map(|set| annotation(set, revisions::DESIRED))
            .any(|desired| desired != wanted)
    }

    /// Adjusts sizes without rolling anything out.
    pub(super) async fn sync_scale(&mut self, paused: bool) -> Result<()> {
        self.ensure_new(false).await?;
        Box::pin(self.scale()).await?;
        if paused {
            self.clean_up().await?;
        }
        self.status_only(jiff::Timestamp::now());
        Ok(())
    }

    async fn scale(&mut self) -> Result<()> {
        let wanted = self.replicas();
        if let Some(only) = self.active_or_latest() {
            if numbers::replicas(&only) != wanted {
                let scaled = self.scale_set(only, wanted).await?;
                self.put(scaled);
            }
            return Ok(());
        }
        if self.is_saturated() {
            for i in 0..self.old.len() {
                if numbers::replicas(&self.old[i]) > 0 {
                    self.old[i] = self.scale_set(self.old[i].clone(), 0).await?;
                }
            }
            return Ok(());
        }
        let strategy = self.spec().strategy.and_then(|strategy| strategy.type_);
        if strategy.as_deref() == Some("Recreate") {
            return Ok(());
        }
        self.scale_in_proportion().await
    }

    async fn scale_in_proportion(&mut self) -> Result<()> {
        let wanted = self.replicas();
        let mut active: Vec<ReplicaSet> = self.sets().filter(|set| numbers::replicas(set) > 0).cloned().collect();
        let all: i32 = active.iter().map(numbers::replicas).sum();
        let allowed = if wanted > 0 {
            wanted + numbers::max_surge(&self.deployment)
        } else {
            0
        };
        let to_add = allowed - all;
        // The largest first; among equals the newer grows and the older shrinks first.
        active.sort_by(|a, b| {
            let age = a.metadata.creation_timestamp.cmp(&b.metadata.creation_timestamp);
            let age = if to_add > 0 { age.reverse() } else { age };
            numbers::replicas(b).cmp(&numbers::replicas(a)).then(age)
        });
        let mut added = 0;
        let mut sizes = Vec::new();
        for set in &active {
            let size = numbers::replicas(set);
            let before = annotation(set, revisions::MAX)
                .filter(|most| *most > 0)
                .unwrap_or(self.before_replicas());
            let share = numbers::proportion(size, before, &self.deployment, to_add, added);
            added += share;
            sizes.push(size + share);
        }
        if let (Some(first), true) = (sizes.first_mut(), to_add != 0) {
            *first = (*first + to_add - added).max(0);
        }
        for (set, size) in active.into_iter().zip(sizes) {
            let scaled = self.scale_set(set, size).await?;
            self.put(scaled);
        }
        Ok(())
    }

    fn before_replicas(&self) -> i32 {
        self.before.replicas.unwrap_or_default()
    }

    /// The only set with pods wanted; if there is none, the new one or the latest.
    fn active_or_latest(&self) -> Option<ReplicaSet> {
        let mut active = self.sets().filter(|set| numbers::replicas(set) > 0);
        match (active.next(), active.next()) {
            (Some(only), None) => Some(only.clone()),
            (Some(_), Some(_)) => None,
            (None, _) => self.new.clone().or_else(|| self.old.last().cloned()),
        }
    }

    fn is_saturated(&self) -> bool {
        let wanted = self.replicas();
        self.new.as_ref().is_some_and(|new| {
            annotation(new, revisions::DESIRED) == Some(wanted)
                && numbers::replicas(new) == wanted
                && numbers::available(new) == wanted
        })
    }

    fn put(&mut self, set: ReplicaSet) {
        let name = set.name_any();
        let mut all = self.old.iter_mut().chain(&mut self.new);
        if let Some(place) = all.find(|place| place.name_any() == name) {
            *place = set;
        }
    }

    /// Writes the set's size and the sizes it was derived from, if either changes.
    pub(super) async fn scale_set(&self, set: ReplicaSet, size: i32) -> Result<ReplicaSet> {
        let before = numbers::replicas(&set);
        let mut changed = set.clone();
        let mut annotations = changed.metadata.annotations.take().unwrap_or_default();
        revisions::set_sizes(&self.deployment, &mut annotations);
        changed.metadata.annotations = Some(annotations);
        if let Some(spec) = &mut changed.spec {
            spec.replicas = Some(size);
        }
        if changed == set {
            return Ok(set);
        }
        let changed = self
            .sets_api()
            .replace(&set.name_any(), &PostParams::default(), &changed)
            .await?;
        if before != size {
            let way = if before < size { "up" } else { "down" };
            let note = format!("Scaled {way} replica set {} from {before} to {size}", set.name_any());
            self.events.normal(&self.deployment, "ScalingReplicaSet", note).await;
        }
        Ok(changed)
    }
}
