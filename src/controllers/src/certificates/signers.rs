//! The signers of `kubernetes.io`: what each of them signs. Subjects that nobody gets are admission's affair.

use std::time::Duration;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use pki::Request;

/// Who asks for no other time gets a year.
const LONGEST: Duration = Duration::from_hours(24 * 365);
const SHORTEST: Duration = Duration::from_secs(600);

/// One signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    Client,
    KubeletClient,
    KubeletServing,
    Legacy,
}

impl Signer {
    /// `None` for signers that others are.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "kubernetes.io/kube-apiserver-client" => Self::Client,
            "kubernetes.io/kube-apiserver-client-kubelet" => Self::KubeletClient,
            "kubernetes.io/kubelet-serving" => Self::KubeletServing,
            "kubernetes.io/legacy-unknown" => Self::Legacy,
            _ => return None,
        })
    }

    /// Usages that must be asked for, and those that may be.
    fn usages(self) -> Option<(&'static [&'static str], &'static [&'static str])> {
        match self {
            Self::Client | Self::KubeletClient => Some((
                &["client auth"],
                &["client auth", "digital signature", "key encipherment"],
            )),
            Self::KubeletServing => Some((
                &["server auth"],
                &["server auth", "digital signature", "key encipherment"],
            )),
            Self::Legacy => None,
        }
    }

    /// Why it does not sign this, in upstream's words.
    pub(super) fn check(self, asked: &Request, request: &CertificateSigningRequest) -> Result<(), String> {
        let usages = request.spec.usages.as_deref().unwrap_or_default();
        if let Some((needed, allowed)) = self.usages() {
            let missing = needed.iter().any(|usage| !usages.iter().any(|own| own == usage));
            if missing || usages.iter().any(|usage| !allowed.contains(&usage.as_str())) {
                return Err(format!("usages did not match {needed:?}"));
            }
        }
        let refuse = |why: &str| Err(why.to_owned());
        match self {
            Self::Client | Self::Legacy => Ok(()),
            Self::KubeletClient | Self::KubeletServing => {
                if asked.organizations() != ["system:nodes"] {
                    return refuse("subject organization is not system:nodes");
                }
                if !asked.common_name().starts_with("system:node:") {
                    return refuse("subject common name does not begin with system:node:");
                }
                if asked.has_other_names() {
                    return refuse("email and URI subjectAltNames are not allowed");
                }
                match (self, asked.names_hosts()) {
                    (Self::KubeletServing, false) => refuse("DNS or IP subjectAltName is required"),
                    (Self::KubeletClient, true) => refuse("DNS and IP subjectAltNames are not allowed"),
                    (Self::KubeletServing, true)
                        if request.spec.username.as_deref() != Some(asked.common_name().as_str()) =>
                    {
                        refuse("subject common name is not the name of the user who asks")
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// How long a certificate is valid.
pub(super) fn life(seconds: Option<i32>) -> Duration {
    let asked = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    asked.map_or(LONGEST, |seconds| Duration::from_secs(seconds).clamp(SHORTEST, LONGEST))
}
