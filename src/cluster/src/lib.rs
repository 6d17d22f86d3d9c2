//! A cluster seen from the host: its profile on disk, its containers and network in the engine, and what can be done with it.
//!
//! Prints nothing, reads no environment: the binary passes paths, addresses and receivers of progress.

mod api;
mod delete;
mod engine;
mod error;
pub mod kubeconfig;
mod pause;
mod profile;
mod progress;
mod start;
mod status;
mod stop;
mod subnet;
mod transfer;
mod wait;
mod yaml;

pub use delete::{all_clusters, delete};
pub use engine::{Chunk, Engine, EngineSettings, ExecOutput, ExecSession, NodeState};
pub use error::ClusterError;
pub use pause::{pause, unpause};
pub use profile::{Confinement, Profile, ProfileLock, ProfileNode, ProfileStore, check_name};
pub use progress::{Event, Progress, Step};
pub use start::{StartOptions, Started, start};
pub use status::{Kubeconfig, NodeStatus, State, exit_bits, status};
pub use stop::stop;
pub use transfer::{ImageSource, Loaded, list_images, load_image, scratch_file};
