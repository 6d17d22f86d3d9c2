//! Failures as users see them: a stable id, a layered exit code, the cause, and what to do next.
//!
//! Exit codes follow minikube's scheme: the tens are the layer (1 program, 2 resources, 3 host, 4 internet, 5 driver,
//! 6 provider, 7 network, 8 guest, 9 runtime, 10 control plane, 11 service), the units the kind (0 error, 1 conflict,
//! 2 timeout, 3 not running, 4 usage, 5 not found, 6 unsupported, 7 permission, 8 config, 9 unavailable).

use addons::AddonError;
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
    Mirrors,
    FreeDisk,
    Start,
    Delete,
    OtherKubeconfig,
    OtherProfile,
    OtherPort,
    OtherSubnet,
    Logs,
    InstallKubectl,
    ListAddons,
    ListProfiles,
    EnableAddon,
    Unpause,
}

/// Exit code for arguments that make no sense.
pub(crate) const USAGE: u8 = 14;
const NO_TRACE: &str = "K8S_TRACE_NOT_FOUND";
const ADDON_CONFLICT: &str = "SVC_ADDON_CONFLICT";

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

    /// What went wrong with several clusters, with the first one's id and exit code; nothing if nothing did.
    pub(crate) fn of_several(failures: Vec<(String, Self)>) -> Option<Self> {
        let messages: Vec<String> = failures
            .iter()
            .map(|(name, failure)| format!("{name}: {}", failure.message))
            .collect();
        let (_, first) = failures.into_iter().next()?;
        Some(Self {
            message: messages.join("\n"),
            // a hint says what to do about one cluster, and does not know which
            hint: None,
            ..first
        })
    }

    /// Something of the program itself.
    pub(crate) fn internal(message: &impl ToString) -> Self {
        Self::new("PROGRAM_ERROR", 10, message)
    }

    /// No kubectl to be had.
    pub(crate) fn kubectl(message: &impl ToString) -> Self {
        Self::new("HOST_KUBECTL", 35, message).hint(Hint::InstallKubectl)
    }

    /// The cluster's control plane is frozen.
    pub(crate) fn paused(name: &str) -> Self {
        Self::new("GUEST_PAUSED", 11, &format!("cluster {name:?} is paused")).hint(Hint::Unpause)
    }

    /// A profile that was to be chosen.
    pub(crate) fn no_profile(error: ClusterError) -> Self {
        Self::from(error).hint(Hint::ListProfiles)
    }

    /// An addon that would have to be enabled.
    pub(crate) fn addon_disabled(name: &str) -> Self {
        Self::new("SVC_ADDON_DISABLED", 113, &format!("addon {name} is not enabled")).hint(Hint::EnableAddon)
    }

    /// A service that cannot be reached.
    pub(crate) fn service(name: &str, error: &kube::Error) -> Self {
        Self::new("SVC_UNREACHABLE", 115, &format!("service {name}: {error}")).hint(Hint::Logs)
    }

    /// The API server does not tell a trace.
    pub(crate) fn trace(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 404 => Self::new(NO_TRACE, 105, &status.message),
            error => Self::new("K8S_TRACE", 100, error).hint(Hint::Logs),
        }
    }

    /// Neither the object is there nor anything that tells of it.
    pub(crate) fn no_object(object: &traces::Object) -> Self {
        let traces::Object {
            kind,
            resource,
            namespace,
            name,
            ..
        } = object;
        let (of, place) = match namespace.as_str() {
            "" => (name.clone(), String::new()),
            namespace => (format!("{namespace}/{name}"), format!(" -n {namespace}")),
        };
        let why = format!(
            "there is no {kind} {of}, and no trace or event tells of it; `rkube kubectl -- get {resource}{place}` lists those that are there"
        );
        Self::new("K8S_OBJECT_NOT_FOUND", 105, &why)
    }

    /// An addon's object is there and somebody else's.
    pub(crate) fn is_addon_conflict(&self) -> bool {
        self.id == ADDON_CONFLICT
    }

    /// There is no such trace.
    pub(crate) fn is_no_trace(&self) -> bool {
        self.id == NO_TRACE
    }

    /// No source has what was asked for.
    pub(crate) fn sources(message: &impl ToString) -> Self {
        Self::new("INET_REPOS_UNAVAILABLE", 49, message).hint(Hint::Mirrors)
    }

    /// Arguments that make no sense.
    pub(crate) fn usage(message: &impl ToString) -> Self {
        Self::new("USAGE", USAGE, message)
    }
}

impl From<ImagingError> for Failure {
    fn from(error: ImagingError) -> Self {
        match &error {
            ImagingError::Recipe { .. } => Self::new("RECIPE_INVALID", 18, &error),
            ImagingError::Sources { .. } => Self::new("INET_SOURCES_UNAVAILABLE", 49, &error).hint(Hint::OtherMirror),
            ImagingError::Registry(_) => Self::new("INET_REPOS_UNAVAILABLE", 49, &error).hint(Hint::Mirrors),
            ImagingError::Image { .. } => Self::new("INET_IMAGE", 40, &error),
            ImagingError::Malformed { .. } => Self::new("INET_SOURCE_MALFORMED", 40, &error).hint(Hint::OtherMirror),
            ImagingError::Bundle { .. } => Self::new("BUNDLE_INVALID", 38, &error),
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

impl From<AddonError> for Failure {
    fn from(error: AddonError) -> Self {
        use AddonError as E;
        let (id, code, hint) = match error {
            E::Unknown { .. } => ("SVC_ADDON_NOT_FOUND", 115, Some(Hint::ListAddons)),
            E::Malformed { .. } => ("SVC_ADDON_MALFORMED", 118, None),
            E::Setting { .. } => ("SVC_ADDON_SETTING", 114, None),
            E::Required(_) => ("SVC_ADDON_REQUIRED", 116, None),
            E::Needed { .. } => ("SVC_ADDON_NEEDED", 111, None),
            E::Taken { .. } => (ADDON_CONFLICT, 111, None),
            E::Object { .. } => ("SVC_ADDON_OBJECT", 110, Some(Hint::Logs)),
            E::NotReady { .. } => ("SVC_ADDON_NOT_READY", 112, None),
            E::Io(error) => return ImagingError::Io(error).into(),
        };
        Self {
            id,
            code,
            message: error.to_string(),
            hint,
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
            E::Cores { .. } => ("RSRC_INSUFFICIENT_CORES", 29, None),
            E::Memory { .. } => ("RSRC_INSUFFICIENT_REQ_MEMORY", 23, None),
            E::Setting { .. } => ("USAGE", USAGE, None),
            E::Unknown { .. } => ("GUEST_PROFILE_NOT_FOUND", 85, Some(Hint::Start)),
            E::NotRunning { .. } | E::NodesNotRunning { .. } => ("GUEST_NOT_RUNNING", 83, Some(Hint::Start)),
            E::UnknownNode { .. } => ("GUEST_NODE_NOT_FOUND", 85, None),
            E::Busy { .. } => ("HOST_PROFILE_BUSY", 31, None),
            E::BrokenProfile { .. } => ("HOST_PROFILE_BROKEN", 38, Some(Hint::Delete)),
            E::BrokenKubeconfig { .. } => ("HOST_KUBECONFIG_BROKEN", 38, Some(Hint::OtherKubeconfig)),
            E::NameTaken { .. } | E::ClusterTaken { .. } => ("DRV_NAME_TAKEN", 51, Some(Hint::OtherProfile)),
            E::PortTaken { .. } => ("IF_PORT_TAKEN", 71, Some(Hint::OtherPort)),
            E::Subnet { .. } => ("IF_SUBNET", 71, Some(Hint::OtherSubnet)),
            E::NotReady { .. } => ("GUEST_NOT_READY", 82, Some(Hint::Logs)),
            E::InNode { .. } => ("GUEST_COMMAND", 80, Some(Hint::Logs)),
            E::Image { .. } => ("GUEST_IMAGE", 80, None),
            E::NoSource { .. } => ("INET_REPOS_UNAVAILABLE", 49, Some(Hint::OtherMirror)),
            E::Interrupted => ("INTERRUPTED", 2, None),
            E::Credentials(_) => ("HOST_CREDENTIALS", 38, Some(Hint::Delete)),
            E::Mirrors(_) => ("MIRRORS_INVALID", 18, None),
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
