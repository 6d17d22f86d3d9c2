//! Group versions that another server answers for, as `APIService` objects say.
//!
//! A request for one of them is passed on after authentication and authorization, with its user's name in headers and a
//! client certificate that vouches for them. Semantics: `k8s.io/kube-aggregator`.

mod discovery;
mod fetch;
mod identity;
mod openapi;
mod pass;
mod register;
mod remote;

pub(crate) use discovery::{Listed, groups, remote_versions};
pub(crate) use openapi::{remote_document, remote_parts, remote_paths};
pub(crate) use pass::pass;
pub(crate) use register::{local_services, priority};
pub(crate) use remote::{Aggregator, Remote};
