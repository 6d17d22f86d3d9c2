//! Finding rows.

use crate::generated::{kinds::KINDS, kinds::TYPES, resources::GROUPS, resources::RESOURCES};
use crate::{Group, Kind, Resource, Type};

/// Kinds of `meta.k8s.io/v1` that every group version accepts as its own, such as `v1` `Status`.
const META: (&str, &str) = ("meta.k8s.io", "v1");

/// The resource with this plural name.
pub fn resource(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|r| r.plural == plural && r.group == group && r.version == version)
}

/// The resource whose objects are of this kind.
pub fn resource_of_kind(group: &str, version: &str, kind: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|r| r.kind == kind && r.group == group && r.version == version)
}

/// The kind. Kinds of meta/v1 (`Status`, `DeleteOptions`, …) are found in every group version.
pub fn kind(group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
    let find = |group: &str, version: &str| {
        let found = KINDS.binary_search_by(|row| (row.group, row.version, row.kind).cmp(&(group, version, kind)));
        found.ok().map(|index| &KINDS[index])
    };
    find(group, version).or_else(|| find(META.0, META.1))
}

/// All resources, in discovery's order.
pub fn resources() -> &'static [Resource] {
    RESOURCES
}

/// All groups, in discovery's order, the core group first.
pub fn groups() -> &'static [Group] {
    GROUPS
}

/// One group.
pub fn group(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}

/// All kinds.
pub fn kinds() -> &'static [Kind] {
    KINDS
}

/// All types, sorted by name.
pub fn types() -> &'static [&'static Type] {
    TYPES
}

/// The type with this OpenAPI name.
pub fn ty(name: &str) -> Option<&'static Type> {
    TYPES
        .binary_search_by(|ty| ty.name.cmp(name))
        .ok()
        .map(|index| TYPES[index])
}
