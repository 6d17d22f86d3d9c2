//! Certificates of a cluster: its authority, the leaves of every node, service-account keys, and when to renew.
//!
//! Pure: takes names and a time, gives PEM text. Where files live and who writes them is the caller's affair.

mod authority;
mod error;
pub mod names;
mod renewal;
mod request;
mod sets;
mod subject;
mod unverified;

pub use authority::{Authority, LeafRequest, Pem, Usage};
pub use error::PkiError;
pub use renewal::{Validity, due, validity};
pub use request::Request;
pub use sets::{ControlPlane, Node, PemFile, admin, control_plane, front_proxy, service_account_keys, worker};
pub use unverified::{unverified, unverified_builder};
