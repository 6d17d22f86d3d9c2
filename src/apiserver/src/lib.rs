//! The Kubernetes API over HTTP: one URL grammar, one pipeline, generic over resources.
//!
//! A request is read ([`RequestInfo`]), its user found (`authn`) and allowed (`authz`), its objects admitted
//! (`admission`) and stored (`registry`). What a resource is comes from the `schema` table; what can be said of
//! objects in general from `machinery`. Components of this process use [`Api::client`], everybody else TLS.

mod admission;
mod aggregation;
mod api;
mod authn;
mod authz;
mod body;
mod bootstrap;
mod codec;
mod config;
mod convert;
mod discovery;
mod documents;
mod error;
mod health;
mod object;
mod references;
mod registry;
mod request;
mod respond;
mod routes;
mod server;
mod storage;
mod streams;
mod subresources;
mod trace;
mod user;

#[cfg(test)]
mod tests;

pub use api::{Api, StartError};
pub use body::{Body, BodyError};
pub use config::Config;
pub use error::{ApiError, Subject};
pub use request::RequestInfo;
pub use user::User;
