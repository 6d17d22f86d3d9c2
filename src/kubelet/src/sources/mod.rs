//! Where pods and what they refer to come from: the API and the manifest folder.

pub(crate) mod manifests;
pub(crate) mod mirror;
pub(crate) mod objects;
