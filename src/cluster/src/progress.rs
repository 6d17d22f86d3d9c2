//! What happens while a command works on a cluster.

use std::sync::Arc;

/// The steps of a start, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Looking for the node image, composing it if needed.
    Image,
    /// Making the network.
    Network,
    /// Issuing certificates.
    Certificates,
    /// Making and starting the nodes' containers.
    Nodes,
    /// Writing the kubeconfig.
    Kubeconfig,
    /// Waiting for the API to answer.
    Api,
    /// Waiting for all nodes to be ready.
    NodesReady,
    /// Waiting for DNS to answer through its service address.
    Dns,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A step began.
    Begin(Step),
    /// A step is done; false if there was nothing to do.
    Done(Step, bool),
    /// What was made is being taken away again.
    RollingBack,
    /// Something could not be taken away, and why.
    Left(String),
    /// A proxy, by its address, that nodes cannot reach and are not told of.
    ProxyLeftOut(String),
    /// The composer's word.
    Imaging(imaging::Event),
}

/// Receives events; called from any thread.
pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;
