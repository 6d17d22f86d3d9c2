//! Why something about a cluster failed.

use std::fmt::Write as _;
use std::path::PathBuf;

/// A failure on the host's side.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No engine answered.
    #[error("no container engine answers:{}", quote(.answers))]
    NoEngine {
        /// Address and what it did.
        answers: Vec<(String, String)>,
    },
    /// The engine refused a request.
    #[error("the container engine could not {what}: {reason}")]
    Engine {
        /// What was asked of it.
        what: &'static str,
        /// Its own words.
        reason: String,
    },
    /// A name that cannot be a cluster's.
    #[error("{name:?} is no good name for a cluster: it {reason}")]
    Name {
        /// The name.
        name: String,
        /// The rule.
        reason: &'static str,
    },
    /// A setting of a component that it does not have, or not so.
    #[error("--extra-config {setting}: {reason}")]
    Setting {
        /// As it was given.
        setting: String,
        /// What is wrong, and what there is.
        reason: String,
    },
    /// A limit of processors that a node could not live with, or that is none.
    #[error("--cpus {wanted}: {reason}")]
    Cores {
        /// How many.
        wanted: String,
        /// What there must be, or is.
        reason: String,
    },
    /// The same of memory.
    #[error("--memory {wanted}: {reason}")]
    Memory {
        /// How much.
        wanted: String,
        /// What there must be, or is.
        reason: String,
    },
    /// There is no cluster of that name.
    #[error("there is no cluster {name:?}")]
    Unknown {
        /// Profile.
        name: String,
    },
    /// The cluster does not run.
    #[error("cluster {name:?} is not running")]
    NotRunning {
        /// Profile.
        name: String,
    },
    /// Some of the cluster's nodes do not run, and what was asked is for all of them.
    #[error("these nodes of cluster {cluster:?} are not running: {}", .nodes.join(", "))]
    NodesNotRunning {
        /// Profile.
        cluster: String,
        /// The nodes that do not run.
        nodes: Vec<String>,
    },
    /// There is no node of that name.
    #[error("cluster {cluster:?} has no node {name:?}; it has {}", .known.join(", "))]
    UnknownNode {
        /// Profile.
        cluster: String,
        /// Node.
        name: String,
        /// Its nodes.
        known: Vec<String>,
    },
    /// Another command works on the cluster.
    #[error("another rkube command is working on cluster {name:?}")]
    Busy {
        /// Profile.
        name: String,
    },
    /// The profile's file is damaged.
    #[error("the profile {path} is damaged: {reason}")]
    BrokenProfile {
        /// File.
        path: String,
        /// Parser's words.
        reason: String,
    },
    /// The kubeconfig cannot be read.
    #[error("the kubeconfig {path} cannot be read, and was left as it is: {reason}")]
    BrokenKubeconfig {
        /// File.
        path: String,
        /// Parser's words.
        reason: String,
    },
    /// A container or network of the wanted name belongs to something else.
    #[error("a {what} named {name:?} exists that does not belong to this cluster")]
    NameTaken {
        /// `container` or `network`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The engine has a cluster of that name, of which there is no profile here.
    #[error(
        "a cluster named {name:?} exists already, made by another user or with another RKUBE_HOME ({} knows nothing of it); \
         if nobody needs it, `rkube delete --profile {name}` takes it away with everything in it",
        root.display()
    )]
    ClusterTaken {
        /// The name.
        name: String,
        /// Where the profiles are that were looked through.
        root: PathBuf,
    },
    /// The port is in use.
    #[error("port {port} of this machine is in use by another program")]
    PortTaken {
        /// Port on 127.0.0.1.
        port: u16,
    },
    /// The addresses are in use.
    #[error("no addresses for the cluster's network: {reason}")]
    Subnet {
        /// What was in the way.
        reason: String,
    },
    /// Something did not become as it should in time.
    #[error("{what} is not ready after {seconds} s; last seen: {seen}{}", log_of(.log))]
    NotReady {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What was last seen.
        seen: String,
        /// Last lines of the node's log.
        log: String,
    },
    /// A program in the node failed.
    #[error("{what} failed in node {node}: {reason}")]
    InNode {
        /// What was tried.
        what: &'static str,
        /// Node.
        node: String,
        /// Its words.
        reason: String,
    },
    /// An image that cannot be loaded.
    #[error("image {reference}: {reason}")]
    Image {
        /// Reference or file.
        reference: String,
        /// What is wrong.
        reason: String,
    },
    /// An image that is nowhere to be had.
    #[error("image {reference}: no source has it:{}", quote(.answers))]
    NoSource {
        /// Full reference.
        reference: String,
        /// Source and its answer, in the order asked.
        answers: Vec<(String, String)>,
    },
    /// The user interrupted the command.
    #[error("interrupted")]
    Interrupted,
    /// Certificates or keys on disk are unusable.
    #[error("the cluster's credentials are unusable: {0}")]
    Credentials(String),
    /// Certificates could not be made.
    #[error(transparent)]
    Pki(#[from] pki::PkiError),
    /// The image could not be composed.
    #[error(transparent)]
    Imaging(#[from] imaging::ImagingError),
    /// What is said about mirrors makes no sense.
    #[error(transparent)]
    Mirrors(#[from] mirrors::DocumentError),
    /// A file on the host.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn quote(answers: &[(String, String)]) -> String {
    let mut text = String::new();
    for (address, answer) in answers {
        let _ = write!(text, "\n  {address}: {answer}");
    }
    text
}

fn log_of(log: &str) -> String {
    if log.is_empty() {
        return String::new();
    }
    let mut text = "\nlast lines of the node's log:".to_owned();
    for line in log.lines() {
        let _ = write!(text, "\n  | {line}");
    }
    text
}
