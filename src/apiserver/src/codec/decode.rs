//! Request bodies as objects: JSON, YAML or protobuf, with the field validation that the client asked for.

use http::{HeaderMap, header};
use machinery::decode::{DecodeError, Decoded};
use machinery::protobuf;
use schema::{Resource, Type};
use serde_json::Value;

use crate::{ApiError, RequestInfo};

const SUPPORTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// An object of the resource, defaulted, with warnings for the client.
pub(crate) fn decode(
    headers: &HeaderMap,
    bytes: &[u8],
    info: &RequestInfo,
    resource: &Resource,
) -> Result<(Value, Vec<String>), ApiError> {
    let ty = resource.ty;
    let (kind, version) = (resource.kind, resource.version);
    let unhandled = |reason: &str| format!("{kind} in version {version:?} cannot be handled as a {kind}: {reason}");
    let decoded = read(headers, bytes, ty).map_err(|refusal| match refusal {
        Refusal::Decode(error @ DecodeError::Syntax(_)) => ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {error} ({})",
            summary(bytes)
        )),
        Refusal::Decode(error) => ApiError::bad_request(unhandled(&error.to_string())),
        Refusal::Other(error) => error,
    })?;
    let wanted = (resource.api_version(), resource.kind);
    checked(decoded, info, ty, Some((&wanted.0, wanted.1)), unhandled)
}

/// The beginning of a body, for an error about it.
fn summary(bytes: &[u8]) -> String {
    const LENGTH: usize = 30;
    let head = &bytes[..bytes.len().min(LENGTH)];
    let text = match bytes.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(head).into_owned(),
        Some(_) => head.escape_ascii().to_string(),
    };
    if bytes.len() > LENGTH { text + " ..." } else { text }
}

/// Why a body is no object of the type.
enum Refusal {
    Decode(DecodeError),
    Other(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Decode(error) => refused(error),
            Refusal::Other(error) => error,
        }
    }
}

/// An object that is not stored (options, reviews, bindings), of whatever group version the client used.
pub(crate) fn decode_options(headers: &HeaderMap, bytes: &[u8], kind: &str) -> Result<Value, ApiError> {
    let (group, version) = match kind {
        "Eviction" => ("policy", "v1"),
        "Scale" => ("autoscaling", "v1"),
        "TokenRequest" | "TokenReview" | "SelfSubjectReview" => ("authentication.k8s.io", "v1"),
        kind if kind.ends_with("Review") => ("authorization.k8s.io", "v1"),
        _ => ("", "v1"),
    };
    let row =
        schema::kind(group, version, kind).ok_or_else(|| ApiError::internal(format!("{kind} is not in the table")))?;
    Ok(read(headers, bytes, row.ty)?.value)
}

/// YAML or JSON without a type.
pub(crate) fn parse_yaml(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes).or_else(|_| {
        yaml::from_slice(bytes).map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))
    })
}

/// A parsed object (a patch's outcome, an applied configuration) against its type.
pub(crate) fn check_fields(
    object: Value,
    info: &RequestInfo,
    resource: &Resource,
) -> Result<(Value, Vec<String>), ApiError> {
    let ty = resource.ty;
    let decoded = machinery::decode::convert(object, ty).map_err(refused)?;
    let wanted = (resource.api_version(), resource.kind);
    checked(decoded, info, ty, Some((&wanted.0, wanted.1)), str::to_owned)
}

/// Warnings about an applied configuration, which itself stays as the client wrote it: what it does not say it does
/// not own.
pub(crate) fn check_applied(applied: &Value, info: &RequestInfo, resource: &Resource) -> Result<Vec<String>, ApiError> {
    check_fields(applied.clone(), info, resource).map(|(_, warnings)| warnings)
}

fn read(headers: &HeaderMap, bytes: &[u8], ty: &'static Type) -> Result<Decoded, Refusal> {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/json");
    match media.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" | "*/*" => {
            if bytes.iter().all(u8::is_ascii_whitespace) {
                return Err(ApiError::bad_request("the request body is empty, expected an object").into());
            }
            Ok(machinery::decode::decode(bytes, ty)?)
        }
        "application/yaml" => {
            let value: Value = yaml::from_slice(bytes)
                .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))?;
            Ok(machinery::decode::convert(value, ty)?)
        }
        protobuf::MEDIA_TYPE => {
            let value = protobuf::decode_as(bytes, ty).map_err(|error| ApiError::bad_request(error.to_string()))?;
            Ok(machinery::decode::convert(value, ty)?)
        }
        _ => Err(ApiError::unsupported_media_type(SUPPORTED).into()),
    }
}

fn refused(error: DecodeError) -> ApiError {
    ApiError::bad_request(error.to_string())
}

fn checked(
    decoded: Decoded,
    info: &RequestInfo,
    ty: &'static Type,
    wanted: Option<(&str, &str)>,
    unhandled: impl Fn(&str) -> String,
) -> Result<(Value, Vec<String>), ApiError> {
    let strict = decoded.strict_error();
    let Decoded { mut value, problems } = decoded;
    if let Some((api_version, kind)) = wanted {
        for (field, wanted) in [("apiVersion", api_version), ("kind", kind)] {
            let given = value.get(field).and_then(Value::as_str).unwrap_or_default();
            if given.is_empty() {
                value[field] = wanted.into();
            } else if given != wanted {
                return Err(ApiError::bad_request(format!(
                    "the {} in the data ({given}) does not match the expected {} ({wanted})",
                    if field == "kind" { "kind" } else { "API version" },
                    if field == "kind" { "kind" } else { "API version" },
                )));
            }
        }
    }
    let warnings = match (info.param("fieldValidation").unwrap_or("Warn"), strict) {
        ("Strict", Some(message)) => return Err(ApiError::bad_request(unhandled(&message))),
        ("Warn" | "", Some(_)) => problems,
        ("Strict" | "Warn" | "Ignore" | "", _) => Vec::new(),
        (other, _) => {
            return Err(ApiError::unprocessable(format!(
                "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Invalid value: \"{other}\": must be one of \"Ignore\", \"Warn\", \"Strict\""
            )));
        }
    };
    super::validate::default(&mut value, ty);
    Ok((value, warnings))
}
