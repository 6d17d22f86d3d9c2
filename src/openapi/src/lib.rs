//! OpenAPI documents of the built-in kinds: shapes from the schema table, descriptions from the k8s-openapi crate.
//!
//! Documents are made when they are asked for: clients keep them by the hash in their address.

mod descriptions;
mod paths;
mod schemas;
mod v3;

#[cfg(test)]
mod tests;

pub use v3::{document, index};
