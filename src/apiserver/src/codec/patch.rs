//! The three patch types that are not server-side apply.

use http::StatusCode;
use machinery::patch::{self, PatchError};
use schema::Type;
use serde_json::Value;

use crate::ApiError;

const SUPPORTED: &str = "application/json-patch+json, application/merge-patch+json, \
                         application/strategic-merge-patch+json, application/apply-patch+yaml";

/// A patch of a known media type, parsed once and applied as often as it takes.
pub(crate) enum Patch<'a> {
    Json(&'a [u8]),
    Merge(Value),
    Strategic(Value),
}

impl<'a> Patch<'a> {
    pub(crate) fn parse(media: &str, bytes: &'a [u8]) -> Result<Self, ApiError> {
        let document = || {
            let value: Value = serde_json::from_slice(bytes)
                .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
            if value.is_object() {
                Ok(value)
            } else {
                Err(ApiError::bad_request("error decoding patch: expected an object"))
            }
        };
        match media {
            "application/json-patch+json" => Ok(Self::Json(bytes)),
            "application/merge-patch+json" => Ok(Self::Merge(document()?)),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic(document()?)),
            _ => Err(ApiError::unsupported_media_type(SUPPORTED)),
        }
    }

    pub(crate) fn apply(&self, live: &Value, ty: &'static Type) -> Result<Value, ApiError> {
        match self {
            Self::Json(body) => patch::json_patch(live.clone(), body).map_err(refused),
            Self::Merge(document) => {
                let mut patched = live.clone();
                patch::merge_patch(&mut patched, document);
                Ok(patched)
            }
            Self::Strategic(document) => {
                patch::strategic_merge_patch(live.clone(), document.clone(), ty).map_err(refused)
            }
        }
    }

    /// True if the patch itself pins a version, which makes it fail rather than try again.
    pub(crate) fn pins_version(&self) -> bool {
        match self {
            Self::Json(body) => serde_json::from_slice::<Value>(body).is_ok_and(|operations| {
                operations
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|operation| operation["path"] == "/metadata/resourceVersion")
            }),
            Self::Merge(document) | Self::Strategic(document) => {
                document.pointer("/metadata/resourceVersion").is_some()
            }
        }
    }
}

fn refused(error: PatchError) -> ApiError {
    match error {
        PatchError::BadRequest(message) => ApiError::bad_request(message),
        PatchError::TooLarge(message) => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message),
        PatchError::Unprocessable(message) => ApiError::unprocessable(message),
        PatchError::Internal(message) => ApiError::internal(message),
    }
}
