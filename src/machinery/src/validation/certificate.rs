//! Requests for certificates: what they ask for, and who may set which part of their status.
//!
//! Semantics: `k8s.io/kubernetes/pkg/apis/certificates/validation`. Whether the request itself is sound PKCS #10 is for
//! the API server to say, which has the means to read it.

use serde_json::Value;

use super::cursor::{At, Check};
use crate::field::FieldError;
use crate::names;

const USAGES: &[&str] = &[
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
const SHORTEST: i64 = 600;
/// Conditions that are there or not, but never `False`.
const FINAL: [&str; 3] = ["Approved", "Denied", "Failed"];

/// Who changes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// Labels and annotations.
    Main,
    /// The subresource `approval`.
    Approver,
    /// The subresource `status`.
    Signer,
}

pub(super) fn request(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    if !spec.child("request").has_any() {
        check.required(&spec.child("request"), "");
    }
    let usages = spec.child("usages");
    if !usages.has_any() {
        check.required(&usages, "");
    }
    let mut seen: Vec<&str> = Vec::new();
    for usage in usages.items() {
        check.one_of(&usage, USAGES, true);
        if seen.contains(&usage.str()) {
            check.add(FieldError::duplicate(&usage.path, usage.value.clone()));
        }
        seen.push(usage.str());
    }
    signer_name(check, &spec.child("signerName"));
    let expiration = spec.child("expirationSeconds");
    if expiration.int().is_some_and(|seconds| seconds < SHORTEST) {
        check.invalid(
            &expiration,
            "may not specify a duration less than 600 seconds (10 minutes)",
        );
    }
}

/// `domain/path`, the domain of at least two labels.
fn signer_name(check: &mut Check<'_>, at: &At<'_>) {
    if !at.has_any() {
        return check.required(at, "");
    }
    if at.str() == LEGACY_SIGNER {
        return check.invalid(at, "the legacy signerName is not allowed via this API version");
    }
    let segments: Vec<&str> = at.str().split('/').collect();
    let &[domain, path] = segments.as_slice() else {
        return check.invalid(
            at,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        );
    };
    let mut wrong = |value: &str, detail: String| check.add(FieldError::invalid(&at.path, value, detail));
    for (value, rule) in [
        (domain, names::dns1123_label as fn(&str) -> Vec<String>),
        (path, names::dns1123_subdomain),
    ] {
        let mut labels = value.split('.').map(|label| (label, rule(label)));
        if let Some((label, errors)) = labels.find(|(_, errors)| !errors.is_empty()) {
            for error in errors {
                wrong(value, format!("validating label {label:?}: {error}"));
            }
        }
    }
    if !domain.contains('.') {
        wrong(
            domain,
            "should be a domain with at least two segments separated by dots".to_owned(),
        );
    }
}

pub(super) fn update(check: &mut Check<'_>, old: &Value, writer: Writer) {
    let conditions = check.root().child("status").child("conditions");
    shape(check, &conditions);
    for name in FINAL {
        let of = |list: &Value| -> Vec<Value> {
            let all = list.as_array().into_iter().flatten();
            all.filter(|condition| condition["type"] == name).cloned().collect()
        };
        let (before, after) = (of(&old["status"]["conditions"]), of(conditions.value));
        let change = match after.len().cmp(&before.len()) {
            std::cmp::Ordering::Less => "remove",
            _ if writer == Writer::Approver || name == "Failed" => continue,
            std::cmp::Ordering::Greater => "add",
            std::cmp::Ordering::Equal if before != after => "modify",
            std::cmp::Ordering::Equal => continue,
        };
        let what = format!("updates may not {change} a condition of type {name:?}");
        check.forbidden(&conditions, &what);
    }
    let certificate = check.root().child("status").child("certificate");
    let before = &old["status"]["certificate"];
    if certificate.value != before {
        if writer != Writer::Signer {
            check.forbidden(&certificate, "updates may not set certificate content");
        } else if !before.is_null() {
            check.forbidden(&certificate, "updates may not modify existing certificate content");
        }
    }
}

/// What each condition must have, and which exclude one another.
fn shape(check: &mut Check<'_>, conditions: &At<'_>) {
    let mut seen: Vec<&str> = Vec::new();
    for condition in conditions.items() {
        let kind = condition.child("type");
        if !kind.has_any() {
            check.required(&kind, "");
        }
        let allowed: &[&str] = if FINAL.contains(&kind.str()) {
            &["True"]
        } else {
            &["False", "True", "Unknown"]
        };
        check.one_of(&condition.child("status"), allowed, true);
        let other = match kind.str() {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "",
        };
        if !other.is_empty() && seen.contains(&other) {
            let detail = "Approved and Denied conditions are mutually exclusive";
            check.add(FieldError::invalid(&conditions.path, kind.str(), detail));
        }
        if seen.contains(&kind.str()) {
            check.add(FieldError::duplicate(&kind.path, kind.value.clone()));
        }
        seen.push(kind.str());
    }
}
