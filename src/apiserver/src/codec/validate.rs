//! Defaults and validation, and how their findings are reported.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use machinery::field::{FieldError, Path, aggregate};
use machinery::validation;
use schema::Type;
use serde_json::{Value, json};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer as _;

use crate::ApiError;
use crate::object::Object as _;
use crate::registry::Call;

pub(crate) fn default(object: &mut Value, ty: &'static Type) {
    machinery::defaults::apply(object, ty);
}

/// Refuses an invalid object with everything that is wrong with it.
pub(crate) fn validate(call: &Call<'_>, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let resource = call.resource;
    let subresource = call.info.subresource.as_str();
    // these change one name or list each, which their handlers see to; the rules for updates of the whole forbid it
    if call.info.resource == "bindings" || ["binding", "finalize"].contains(&subresource) {
        return Ok(());
    }
    let (group, kind) = (resource.group, resource.kind);
    let errors = match old {
        None => {
            let mut errors = validation::validate_create(group, kind, resource.namespaced, object);
            if kind == "CertificateSigningRequest" {
                errors.extend(certificate_request(object));
            }
            errors
        }
        Some(old) => validation::validate_update(group, kind, subresource, object, old),
    };
    if errors.is_empty() {
        return Ok(());
    }
    let cause = |error: &FieldError| json!({"reason": error.kind.reason(), "message": error.body(), "field": error.path.to_string()});
    let causes = errors.iter().map(cause).collect();
    Err(ApiError::invalid(
        call.kind(),
        object.name(),
        &aggregate(&errors),
        causes,
    ))
}

/// The name that a request for a certificate asks for.
pub(crate) fn common_name(object: &Value) -> Result<String, String> {
    let request = object.pointer("/spec/request").and_then(Value::as_str);
    let pem = STANDARD.decode(request.unwrap_or_default()).unwrap_or_default();
    let block = parse_x509_pem(&pem).map_err(|error| error.to_string())?.1;
    let (_, parsed) = X509CertificationRequest::from_der(&block.contents).map_err(|error| error.to_string())?;
    let mut names = parsed.certification_request_info.subject.iter_common_name();
    match (names.next().and_then(|name| name.as_str().ok()), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        _ => Err("it has not one common name".to_owned()),
    }
}

/// A request for a certificate has to be one, and signed with the key that it is for.
fn certificate_request(object: &Value) -> Option<FieldError> {
    let request = object.pointer("/spec/request")?.as_str()?;
    let wrong = |why: String| Some(FieldError::invalid(&Path::new("spec").child("request"), request, why));
    let pem = STANDARD.decode(request).unwrap_or_default();
    let block = match parse_x509_pem(&pem) {
        Ok((_, block)) if block.label == "CERTIFICATE REQUEST" => block,
        _ => return wrong("PEM block type must be CERTIFICATE REQUEST".to_owned()),
    };
    match X509CertificationRequest::from_der(&block.contents) {
        Err(error) => wrong(error.to_string()),
        Ok((_, parsed)) => match parsed.verify_signature() {
            Err(error) => wrong(error.to_string()),
            Ok(()) => None,
        },
    }
}
