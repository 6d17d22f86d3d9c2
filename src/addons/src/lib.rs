//! The catalogue of addons, and how they are enabled and disabled through the Kubernetes API.
//!
//! An addon is a folder: `addon.yaml` says what it is, the manifests beside it what it puts into a cluster. Enabling
//! applies the objects server-side and keeps a record of them in the cluster, so that disabling, or a newer version,
//! takes away exactly what was applied. Knows no home folder and prints nothing.

mod apply;
mod catalogue;
mod choice;
mod enable;
mod error;
mod info;
mod manifests;
mod owner;
mod ready;
mod record;
mod trouble;

pub use catalogue::{Addon, Catalogue};
pub use choice::Choice;
pub use enable::{apply, disable, enable, states};
pub use error::{AddonError, Trouble};
pub use info::{Image, Info, Kind, Open, Setting, Target, Text};
pub use manifests::{Values, cluster_values};
pub use ready::wait;
pub use record::State;
