//! The kubelet: one actor per pod over the Container Runtime Interface.
//!
//! Driven by events of the runtime and by a watch on the node's own pods. Ending it stops no pod; beginning again, it
//! finds what runs by labels and leaves it alone.

mod admission;
mod context;
mod csi;
mod events;
mod files;
mod images;
mod logs;
mod manager;
mod node;
mod options;
mod pod;
mod probes;
mod quantity;
mod run;
mod runtime;
mod server;
mod sources;
mod spdy;
mod stats;
mod status;
mod volumes;

pub use options::{Isolated, Options, OwnVolumes, PullReport};
pub use run::{KubeletError, run};
