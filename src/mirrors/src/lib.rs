//! Where images come from: ordered sources per registry, and a client that asks them and quotes every answer.
//!
//! [`Document`] is what users write (`mirrors.yaml`, k3s's `registries.yaml`), [`Table`] what a node is given: whole, with
//! certificates and credentials inside. Nodes pull by it (`node::registry`), the host downloads and probes by it.

mod builtin;
mod client;
mod document;
mod error;
mod reference;
mod source;
mod table;

pub use builtin::{countries, registry_at};
pub use client::{Answer, Client, Credentials, FetchError, Kind, Manifest, PATIENCE, Probe, in_order, is_index};
pub use document::{Auth, Document, HostConfig, Mirror, Tls, Upstream};
pub use error::{DocumentError, SourcesError};
pub use reference::{Reference, digits};
pub use source::{Source, host_at};
pub use table::{Table, authorities};
