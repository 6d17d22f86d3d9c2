//! Who may approve and sign requests for certificates, and which subject nobody gets.
//!
//! Semantics: admission plugins CertificateApproval, CertificateSigning and CertificateSubjectRestriction.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer as _;

use super::Operation;
use crate::authz::Attributes;
use crate::object::{Object as _, text_at};
use crate::registry::Call;
use crate::{ApiError, user};

const API_CLIENT: &str = "kubernetes.io/kube-apiserver-client";

pub(super) async fn check(
    call: &Call<'_>,
    operation: Operation,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    let signer = text_at(object, "spec.signerName");
    match (operation, call.info.subresource.as_str(), old) {
        (Operation::Create, "", _) if signer == API_CLIENT && wants_masters(object) => {
            let why = format!("use of {API_CLIENT} signer with {} group is not allowed", user::MASTERS);
            Err(ApiError::forbidden(call.subject(), object.name(), why))
        }
        (Operation::Update, "approval", _) => permitted(call, object, &signer, "approve").await,
        (Operation::Update, "status", Some(old)) if signs(object, old) => {
            permitted(call, object, &signer, "sign").await
        }
        _ => Ok(()),
    }
}

/// A certificate or a failure to make one is new.
fn signs(object: &Value, old: &Value) -> bool {
    let failed = |object: &Value| {
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        let found = conditions.into_iter().flatten().find(|one| one["type"] == "Failed");
        found.cloned()
    };
    object.pointer("/status/certificate") != old.pointer("/status/certificate") || failed(object) != failed(old)
}

async fn permitted(call: &Call<'_>, object: &Value, signer: &str, verb: &str) -> Result<(), ApiError> {
    if call.user.is_in(user::MASTERS) {
        return Ok(());
    }
    let domain = signer.split_once('/').map_or(signer, |(domain, _)| domain);
    for name in [signer.to_owned(), format!("{domain}/*")] {
        let asked = Attributes {
            verb: verb.to_owned(),
            group: "certificates.k8s.io".to_owned(),
            resource: "signers".to_owned(),
            name,
            ..Attributes::default()
        };
        if matches!(
            call.api.rbac.decide(call.user, &asked).await?,
            crate::authz::Decision::Allow(_)
        ) {
            return Ok(());
        }
    }
    let why = format!("user not permitted to {verb} requests with signerName {signer:?}");
    Err(ApiError::forbidden(call.subject(), object.name(), why))
}

fn wants_masters(object: &Value) -> bool {
    let pem = STANDARD.decode(text_at(object, "spec.request")).unwrap_or_default();
    let Ok((_, block)) = parse_x509_pem(&pem) else {
        return false;
    };
    // what cannot be read is refused by validation
    X509CertificationRequest::from_der(&block.contents).is_ok_and(|(_, request)| {
        let subject = &request.certification_request_info.subject;
        let mut groups = subject.iter_organization();
        groups.any(|group| group.as_str().is_ok_and(|group| group == user::MASTERS))
    })
}
