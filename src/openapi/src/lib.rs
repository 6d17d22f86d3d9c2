//! OpenAPI documents of the built-in kinds: shapes from the schema table, descriptions from the k8s-openapi crate.
//!
//! Documents are made when they are asked for: clients keep v3's by the hash in their address, and v2's by its ETag.
//! `dialect` is all that sets v2 and v3 apart; the table is read in one way for both.

mod descriptions;
mod dialect;
mod gnostic;
mod others;
mod parameters;
mod paths;
mod schemas;
mod v2;
mod v3;

#[cfg(test)]
mod tests;

pub use others::{Others, part};
pub use v2::{write_json, write_protobuf};
pub use v3::{document, index};
