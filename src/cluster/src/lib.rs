//! A cluster seen from the host: its profile on disk, its containers and network in the engine, and what can be done with it.
//!
//! Prints nothing, reads no environment: the binary passes paths, addresses and receivers of progress.

mod api;
mod delete;
mod engine;
mod error;
pub mod kubeconfig;
mod mirrors;
mod pause;
mod profile;
mod progress;
mod provide;
mod start;
mod status;
mod stop;
mod subnet;
mod transfer;
mod wait;

pub use delete::{all_clusters, delete};
pub use engine::{Chunk, Driver, Engine, EngineSettings, ExecOutput, ExecSession, NodeState};
pub use error::ClusterError;
pub use mirrors::{mirror_table, own_mirrors, probe_in_node, tell_mirrors, write_addon_mirrors, write_own_mirrors};
pub use pause::{is_paused, pause, unpause};
pub use profile::{Confinement, Limits, Profile, ProfileLock, ProfileNode, ProfileStore, check_name};
pub use progress::{Event, Progress, Step};
pub use provide::{Need, Origin, Provider};
pub use start::{
    Admin, NODE_REPOSITORY, Proxies, Rehearsal, StartOptions, Started, admin, node_version, rehearse, start,
};
pub use status::{Kubeconfig, NodeStatus, State, exit_bits, overall, status};
pub use stop::stop;
pub use transfer::{ImageSource, Loaded, images_of, list_images, load_image, scratch_file};
