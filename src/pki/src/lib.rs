//! Certificates of a cluster: its authority, the leaves of every node, service-account keys, and when to renew.
//!
//! Pure: takes names and a time, gives PEM text. Where files live and who writes them is the caller's affair.

mod authority;
mod error;
pub mod names;
mod renewal;
mod sets;
mod unverified;

pub use authority::{Authority, LeafRequest, Pem, Usage};
pub use error::PkiError;
pub use renewal::{Validity, due, validity};
pub use sets::{ControlPlane, Node, PemFile, admin, control_plane, service_account_keys, worker};
pub use unverified::unverified;
