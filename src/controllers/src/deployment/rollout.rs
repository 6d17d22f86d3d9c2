//! The two strategies.

use std::collections::HashSet;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::ResourceExt as _;

use super::{Rollout, numbers, status};
use crate::shared::owner::controller_of;
use crate::shared::{Ctx, Result, pods};

impl Rollout<'_> {
    /// New pods come as old ones go, within the bounds of surge and unavailability.
    pub(super) async fn rolling(&mut self) -> Result<()> {
        self.ensure_new(true).await?;
        let moved = self.grow_new().await? || self.shrink_old().await?;
        if !moved && status::is_complete(&self.deployment, &self.before) {
            self.clean_up().await?;
        }
        self.rollout_status(Timestamp::now());
        Ok(())
    }

    async fn grow_new(&mut self) -> Result<bool> {
        let all = self.sets().map(numbers::replicas).sum();
        let Some(new) = self.new.clone() else { return Ok(false) };
        let (wanted, size) = (self.replicas(), numbers::replicas(&new));
        let target = if size > wanted {
            wanted
        } else {
            numbers::new_set_size(&self.deployment, all, size)
        };
        if size == wanted || size == target {
            return Ok(false);
        }
        self.new = Some(self.scale_set(new, target).await?);
        Ok(true)
    }

    async fn shrink_old(&mut self) -> Result<bool> {
        if self.old.iter().map(numbers::replicas).sum::<i32>() == 0 {
            return Ok(false);
        }
        let all: i32 = self.sets().map(numbers::replicas).sum();
        let least = self.replicas() - numbers::max_unavailable(&self.deployment);
        let new_unavailable = self
            .new
            .as_ref()
            .map_or(0, |new| numbers::replicas(new) - numbers::available(new));
        let most = all - least - new_unavailable;
        if most <= 0 {
            return Ok(false);
        }
        let unhealthy = self.drop_unhealthy(most).await?;
        let healthy = self.drop_healthy(least).await?;
        Ok(unhealthy + healthy > 0)
    }

    /// Pods of old sets that do nothing for availability go first.
    async fn drop_unhealthy(&mut self, most: i32) -> Result<i32> {
        let mut dropped = 0;
        for i in 0..self.old.len() {
            let set = &self.old[i];
            let (size, available) = (numbers::replicas(set), numbers::available(set));
            let count = (most - dropped).min(size - available);
            if dropped >= most || size == 0 || count <= 0 {
                continue;
            }
            self.old[i] = self.scale_set(set.clone(), size - count).await?;
            dropped += count;
        }
        Ok(dropped)
    }

    async fn drop_healthy(&mut self, least: i32) -> Result<i32> {
        let available: i32 = self.sets().map(numbers::available).sum();
        let surplus = available - least;
        let mut dropped = 0;
        for i in 0..self.old.len() {
            let set = &self.old[i];
            let size = numbers::replicas(set);
            if dropped >= surplus || size == 0 {
                continue;
            }
            let count = size.min(surplus - dropped);
            self.old[i] = self.scale_set(set.clone(), size - count).await?;
            dropped += count;
        }
        Ok(dropped)
    }

    /// All old pods go before the first new one comes.
    pub(super) async fn recreate(&mut self, ctx: &Ctx) -> Result<()> {
        self.ensure_new(false).await?;
        let mut scaled = false;
        for i in 0..self.old.len() {
            if numbers::replicas(&self.old[i]) > 0 {
                self.old[i] = self.scale_set(self.old[i].clone(), 0).await?;
                scaled = true;
            }
        }
        if scaled || self.old_pods_run(ctx) {
            self.rollout_status(Timestamp::now());
            return Ok(());
        }
        if self.new.is_none() {
            self.ensure_new(true).await?;
        }
        if let Some(new) = self.new.clone().filter(|new| numbers::replicas(new) != self.replicas()) {
            self.new = Some(self.scale_set(new, self.replicas()).await?);
        }
        if status::is_complete(&self.deployment, &self.before) {
            self.clean_up().await?;
        }
        self.rollout_status(Timestamp::now());
        Ok(())
    }

    fn old_pods_run(&self, ctx: &Ctx) -> bool {
        let old: HashSet<String> = self.old.iter().filter_map(ReplicaSet::uid).collect();
        ctx.pods.in_namespace(&self.namespace()).iter().any(|pod| {
            let owned = controller_of(&pod.metadata).is_some_and(|owner| old.contains(&owner.uid));
            owned && !pods::is_finished(pod)
        })
    }
}
