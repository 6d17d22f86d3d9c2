//! Who owns whom. Pure: changes in, things to do out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{Resource, Task};
use crate::shared::Key;

pub(super) const FOREGROUND: &str = "foregroundDeletion";
pub(super) const ORPHAN: &str = "orphan";

/// One object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub resource: Arc<Resource>,
    pub key: Key,
    pub owners: Vec<OwnerReference>,
    deleting: bool,
    finalizers: Vec<String>,
}

impl Object {
    pub(super) fn new(resource: &Arc<Resource>, meta: &ObjectMeta) -> Self {
        Self {
            resource: resource.clone(),
            key: Key::new(
                meta.namespace.clone().unwrap_or_default(),
                meta.name.clone().unwrap_or_default(),
            ),
            owners: meta.owner_references.clone().unwrap_or_default(),
            deleting: meta.deletion_timestamp.is_some(),
            finalizers: meta.finalizers.clone().unwrap_or_default(),
        }
    }

    fn has(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|name| name == finalizer)
    }

    /// Waits for its dependents to go first.
    pub(super) fn waits_for_dependents(&self) -> bool {
        self.deleting && self.has(FOREGROUND)
    }

    fn orphans(&self) -> bool {
        self.deleting && self.has(ORPHAN)
    }
}

/// All objects by uid.
#[derive(Debug, Default)]
pub(super) struct Graph {
    objects: HashMap<String, Object>,
    dependents: HashMap<String, HashSet<String>>,
}

impl Graph {
    pub(super) fn get(&self, uid: &str) -> Option<&Object> {
        self.objects.get(uid)
    }

    /// Objects that name `uid` as an owner.
    pub(super) fn dependents(&self, uid: &str) -> Vec<(String, Object)> {
        let uids = self.dependents.get(uid).into_iter().flatten();
        uids.filter_map(|uid| Some((uid.clone(), self.objects.get(uid)?.clone())))
            .collect()
    }

    /// Those of them that the owner must wait for.
    pub(super) fn blocking(&self, uid: &str) -> Vec<(String, Object)> {
        let blocks = |object: &Object| {
            object
                .owners
                .iter()
                .any(|owner| owner.uid == uid && owner.block_owner_deletion == Some(true))
        };
        self.dependents(uid)
            .into_iter()
            .filter(|(_, object)| blocks(object))
            .collect()
    }

    /// An object came or changed.
    pub(super) fn put(&mut self, uid: &str, object: Object) -> Vec<Task> {
        let mut tasks = Vec::new();
        let before = self.objects.get(uid);
        let was = |check: fn(&Object) -> bool| before.is_some_and(check);
        if object.orphans() && !was(Object::orphans) {
            tasks.push(Task::Orphan(uid.to_owned()));
        }
        if object.waits_for_dependents() && !was(Object::waits_for_dependents) {
            tasks.push(Task::Attempt(uid.to_owned()));
            tasks.extend(self.dependents(uid).into_iter().map(|(uid, _)| Task::Attempt(uid)));
        }
        let gone: Vec<String> = before
            .iter()
            .flat_map(|before| &before.owners)
            .filter(|old| {
                !object
                    .owners
                    .iter()
                    .any(|new| new.uid == old.uid && new.block_owner_deletion == old.block_owner_deletion)
            })
            .map(|owner| owner.uid.clone())
            .collect();
        let doubtful = object.owners.iter().any(|owner| {
            self.objects
                .get(&owner.uid)
                .is_none_or(|owner| owner.waits_for_dependents())
        });
        if doubtful {
            tasks.push(Task::Attempt(uid.to_owned()));
        }
        for owner in gone {
            if self.objects.get(&owner).is_some_and(Object::waits_for_dependents) {
                tasks.push(Task::Attempt(owner.clone()));
            }
            self.unlink(&owner, uid);
        }
        for owner in &object.owners {
            self.dependents
                .entry(owner.uid.clone())
                .or_default()
                .insert(uid.to_owned());
        }
        self.objects.insert(uid.to_owned(), object);
        tasks
    }

    /// An object is gone.
    pub(super) fn remove(&mut self, uid: &str) -> Vec<Task> {
        let Some(object) = self.objects.remove(uid) else {
            return Vec::new();
        };
        let mut tasks: Vec<Task> = self
            .dependents(uid)
            .into_iter()
            .map(|(uid, _)| Task::Attempt(uid))
            .collect();
        for owner in &object.owners {
            self.unlink(&owner.uid, uid);
            if self.objects.get(&owner.uid).is_some_and(Object::waits_for_dependents) {
                tasks.push(Task::Attempt(owner.uid.clone()));
            }
        }
        tasks
    }

    /// Uids of all objects of a resource.
    pub(super) fn of_resource(&self, resource: &Arc<Resource>) -> Vec<String> {
        let of = self.objects.iter().filter(|(_, object)| object.resource == *resource);
        of.map(|(uid, _)| uid.clone()).collect()
    }

    fn unlink(&mut self, owner: &str, dependent: &str) {
        if let Some(dependents) = self.dependents.get_mut(owner) {
            dependents.remove(dependent);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }
}
