//! Debian archives: control files, versions, dependencies, signed releases, and apt's configuration of the host.

mod apt;
mod archive;
mod control;
mod index;
mod keyring;
mod relation;
mod release;
mod resolve;
mod version;

pub(crate) use apt::HostApt;
pub(crate) use archive::{Archive, open};
pub(crate) use index::{Index, Package};
pub(crate) use keyring::Keyring;
pub(crate) use resolve::resolve;
