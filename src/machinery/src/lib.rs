//! Pure functions on Kubernetes objects: selectors, quantities, patches, server-side apply, protobuf, tables.
//!
//! Objects are `serde_json::Value`s; what their fields mean comes from the schema table. Nothing here does I/O.

pub mod decode;
pub mod defaults;
pub mod duration;
pub mod exposition;
pub mod field;
pub mod names;
pub mod patch;
pub mod protobuf;
pub mod quantity;
pub mod quota;
pub mod resources;
pub mod selector;
pub mod ssa;
pub mod table;
pub mod validation;
