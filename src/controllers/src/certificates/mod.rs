//! CertificateSigningRequests: those that were approved are signed, kubelets' own are approved, old ones are removed.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/certificates`.

mod cleaner;
mod signers;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use pki::{Authority, Pem, Request};

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Error, Key, Queue, Result, work};
use signers::{Signer, life};

/// Runs the controllers.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let authority = match (&ctx.config.root_ca, &ctx.config.ca_key) {
        (cert, Some(key)) => Authority::load(Pem {
            cert: cert.clone(),
            key: key.clone(),
        })
        .map_err(|error| Error::Again(error.to_string()))?,
        // nothing to sign with: approving would be a promise that nobody keeps
        _ => return std::future::pending().await,
    };
    let authority = Arc::new(authority);
    let queue = Queue::new();
    ctx.signing_requests.feed(&queue);
    ctx.signing_requests.synced().await;
    work("certificates", &queue, 1, |key: Key| {
        let (ctx, queue, authority) = (ctx.clone(), queue.clone(), authority.clone());
        async move {
            let Some(request) = ctx.signing_requests.get(&key) else {
                return Ok(());
            };
            let api: Api<CertificateSigningRequest> = Api::all(ctx.client.clone());
            if let Some(left) = cleaner::left(&request, Timestamp::now()) {
                if left.is_zero() {
                    api.delete(&key.name, &kube::api::DeleteParams::default())
                        .await
                        .unless_gone()?;
                    return Ok(());
                }
                queue.add_after(key, left);
            }
            sync(&ctx, &api, &authority, &request).await
        }
    })
    .await
}

fn condition<'a>(
    request: &'a CertificateSigningRequest,
    type_: &str,
) -> Option<&'a CertificateSigningRequestCondition> {
    let conditions = request
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().find(|condition| condition.type_ == type_)
}

fn certificate(request: &CertificateSigningRequest) -> Option<&ByteString> {
    let certificate = request.status.as_ref().and_then(|status| status.certificate.as_ref());
    certificate.filter(|bytes| !bytes.0.is_empty())
}

async fn sync(
    ctx: &Ctx,
    api: &Api<CertificateSigningRequest>,
    authority: &Authority,
    request: &CertificateSigningRequest,
) -> Result<()> {
    let Some(signer) = Signer::of(&request.spec.signer_name) else {
        return Ok(());
    };
    if condition(request, "Denied").is_some()
        || condition(request, "Failed").is_some()
        || certificate(request).is_some()
    {
        return Ok(());
    }
    if condition(request, "Approved").is_none() {
        return approve(ctx, api, signer, request).await;
    }
    let pem = String::from_utf8_lossy(&request.spec.request.0).into_owned();
    let asked = Request::parse(&pem).map_err(|error| error.to_string());
    let usages = request.spec.usages.as_deref().unwrap_or_default();
    let signed = asked
        .and_then(|asked| signer.check(&asked, request).map(|()| asked))
        .and_then(|asked| {
            let life = life(request.spec.expiration_seconds);
            authority
                .sign(asked, usages, SystemTime::now(), life)
                .map_err(|error| error.to_string())
        });
    let mut new = request.clone();
    let status = new.status.get_or_insert_with(CertificateSigningRequestStatus::default);
    match signed {
        Ok(certificate) => status.certificate = Some(ByteString(certificate.into_bytes())),
        Err(message) => {
            let failed = made("Failed", "SignerValidationFailure", message);
            status.conditions.get_or_insert_default().push(failed);
        }
    }
    api.replace_status(&request.name_any(), &PostParams::default(), &new)
        .await
        .unless_gone()?;
    Ok(())
}

fn made(type_: &str, reason: &str, message: String) -> CertificateSigningRequestCondition {
    let now = Time(Timestamp::now());
    CertificateSigningRequestCondition {
        type_: type_.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(now.clone()),
        last_transition_time: Some(now),
    }
}

/// A kubelet's client certificate needs nobody's word if the one who asks may have it.
async fn approve(
    ctx: &Ctx,
    api: &Api<CertificateSigningRequest>,
    signer: Signer,
    request: &CertificateSigningRequest,
) -> Result<()> {
    let pem = String::from_utf8_lossy(&request.spec.request.0).into_owned();
    let Ok(asked) = Request::parse(&pem) else { return Ok(()) };
    if signer != Signer::KubeletClient || signer.check(&asked, request).is_err() {
        return Ok(());
    }
    let own = request.spec.username.as_deref() == Some(asked.common_name().as_str());
    let rights: &[(&str, &str)] = if own {
        &[
            ("selfnodeclient", "self kubelet client"),
            ("nodeclient", "kubelet client"),
        ]
    } else {
        &[("nodeclient", "kubelet client")]
    };
    for (subresource, what) in rights {
        if allowed(ctx, request, subresource).await? {
            let message = format!("Auto approving {what} certificate after SubjectAccessReview.");
            let mut new = request.clone();
            let status = new.status.get_or_insert_with(CertificateSigningRequestStatus::default);
            let approved = made("Approved", "AutoApproved", message);
            status.conditions.get_or_insert_default().push(approved);
            let written: std::result::Result<CertificateSigningRequest, _> = api
                .replace_subresource("approval", &request.name_any(), &PostParams::default(), &new)
                .await;
            written.unless_gone()?;
            return Ok(());
        }
    }
    Ok(())
}

async fn allowed(ctx: &Ctx, request: &CertificateSigningRequest, subresource: &str) -> Result<bool> {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: request.spec.username.clone(),
            uid: request.spec.uid.clone(),
            groups: request.spec.groups.clone(),
            extra: request.spec.extra.clone(),
            resource_attributes: Some(ResourceAttributes {
                group: Some("certificates.k8s.io".to_owned()),
                resource: Some("certificatesigningrequests".to_owned()),
                subresource: Some(subresource.to_owned()),
                verb: Some("create".to_owned()),
                version: Some("*".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(ctx.client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
