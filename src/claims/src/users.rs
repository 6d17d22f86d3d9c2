//! The claims that a pod uses.

use k8s_openapi::api::core::v1::{PodSpec, Volume};

/// A claim that a pod uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimUse {
    /// The claim's name, in the pod's namespace.
    pub name: String,
    /// Made from a template in the pod, by a controller, a moment after the pod.
    pub ephemeral: bool,
    /// The pod does not write.
    pub read_only: bool,
}

/// The claim behind a volume of the pod of that name.
pub fn claim_of(pod: &str, volume: &Volume) -> Option<ClaimUse> {
    match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(source), _) => Some(ClaimUse {
            name: source.claim_name.clone(),
            ephemeral: false,
            read_only: source.read_only.unwrap_or_default(),
        }),
        (None, Some(_)) => Some(ClaimUse {
            name: format!("{pod}-{}", volume.name),
            ephemeral: true,
            read_only: false,
        }),
        _ => None,
    }
}

/// The claims that the pod of that name uses.
pub fn claims_of(pod: &str, spec: &PodSpec) -> Vec<ClaimUse> {
    let volumes = spec.volumes.iter().flatten();
    volumes.filter_map(|volume| claim_of(pod, volume)).collect()
}
