//! Failures as users see them: a stable id, a layered exit code, the cause, and what to do next.
//!
//! Exit codes follow minikube's scheme: the tens are the layer (1 program, 2 resources, 3 host, 4 internet, 5 driver,
//! 6 provider, 7 network, 8 guest, 9 runtime, 10 control plane, 11 service), the units the kind (0 error, 1 conflict,
//! 2 timeout, 3 not running, 4 usage, 5 not found, 6 unsupported, 7 permission, 8 config, 9 unavailable).

use cluster::ClusterError;
use imaging::ImagingError;

/// A command that did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Stable across versions and languages.
    pub(crate) id: &'static str,
    /// Exit code.
    pub(crate) code: u8,
    /// Cause and evidence.
    pub(crate) message: String,
    /// Next command to type.
    pub(crate) hint: Option<Hint>,
}

/// What to do next; texts are in `ui`'s message tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    StartEngine,
    OtherMirror,
    FreeDisk,
    Start,
    Delete,
    OtherKubeconfig,
    OtherProfile,
    OtherPort,
    OtherSubnet,
    Logs,
    InstallKubectl,
}

impl Failure {
    fn new(id: &'static str, code: u8, message: &impl ToString) -> Self {
        Self {
            id,
            code,
            message: message.to_string(),
            hint: None,
        }
    }

    fn hint(self, hint: Hint) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    /// Something of the program itself.
    pub(crate) fn internal(message: &impl ToString) -> Self {
        Self::new("PROGRAM_ERROR", 10, message)
    }

    /// No kubectl to be had.
    pub(crate) fn kubectl(message: &impl ToString) -> Self {
        Self::new("HOST_KUBECTL", 35, message).hint(Hint::InstallKubectl)
    }

    /// Arguments that make no sense.
    pub(crate) fn usage(message: &impl ToString) -> Self {
        Self::new("USAGE", 14, message)
    }
}

impl From<ImagingError> for Failure {
    fn from(error: ImagingError) -> Self {
        match &error {
            ImagingError::Recipe { .. } => Self::new("RECIPE_INVALID", 18, &error),
            ImagingError::Sources { .. } => Self::new("INET_SOURCES_UNAVAILABLE", 49, &error).hint(Hint::OtherMirror),
            ImagingError::Malformed { .. } => Self::new("INET_SOURCE_MALFORMED", 40, &error).hint(Hint::OtherMirror),
            ImagingError::Unresolved { .. } => Self::new("RECIPE_UNRESOLVED", 15, &error),
            ImagingError::Io(cause) if cause.kind() == std::io::ErrorKind::StorageFull => {
                Self::new("RSRC_DISK_FULL", 26, &error).hint(Hint::FreeDisk)
            }
            ImagingError::Io(_) => Self::new("HOST_FILE", 30, &error),
            ImagingError::Locked(_) => Self::new("HOST_CACHE_LOCKED", 31, &error),
            ImagingError::Worker(_) => Self::internal(&error),
        }
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        use ClusterError as E;
        let (id, code, hint) = match error {
            E::Imaging(error) => return error.into(),
            E::Io(error) => return ImagingError::Io(error).into(),
            E::NoEngine { .. } => ("DRV_NOT_RUNNING", 53, Some(Hint::StartEngine)),
            E::Engine { .. } => ("DRV_REQUEST_FAILED", 50, None),
            E::Name { .. } => ("PROFILE_NAME", 14, None),
            E::Setting { .. } => ("USAGE", 14, None),
            E::Unknown { .. } => ("GUEST_PROFILE_NOT_FOUND", 85, Some(Hint::Start)),
            E::NotRunning { .. } => ("GUEST_NOT_RUNNING", 83, Some(Hint::Start)),
            E::UnknownNode { .. } => ("GUEST_NODE_NOT_FOUND", 85, None),
            E::Busy { .. } => ("HOST_PROFILE_BUSY", 31, None),
            E::BrokenProfile { .. } => ("HOST_PROFILE_BROKEN", 38, Some(Hint::Delete)),
            E::BrokenKubeconfig { .. } => ("HOST_KUBECONFIG_BROKEN", 38, Some(Hint::OtherKubeconfig)),
            E::NameTaken { .. } => ("DRV_NAME_TAKEN", 51, Some(Hint::OtherProfile)),
            E::PortTaken { .. } => ("IF_PORT_TAKEN", 71, Some(Hint::OtherPort)),
            E::Subnet { .. } => ("IF_SUBNET", 71, Some(Hint::OtherSubnet)),
            E::NotReady { .. } => ("GUEST_NOT_READY", 82, Some(Hint::Logs)),
            E::InNode { .. } => ("GUEST_COMMAND", 80, Some(Hint::Logs)),
            E::Image { .. } => ("GUEST_IMAGE", 80, None),
            E::Interrupted => ("INTERRUPTED", 2, None),
            E::Credentials(_) => ("HOST_CREDENTIALS", 38, Some(Hint::Delete)),
            E::Pki(_) => ("HOST_CERTIFICATES", 30, Some(Hint::Delete)),
        };
        Self {
            id,
            code,
            message: error.to_string(),
            hint,
        }
    }
}
