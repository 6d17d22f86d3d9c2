//! Subresources and resources that are not stored: scale, binding, eviction, tokens, reviews.

mod binding;
mod eviction;
mod reviews;
mod scale;
mod token;

use http::{Request, Response};
use schema::Resource;

pub(crate) use binding::binding;
pub(crate) use eviction::eviction;
pub(crate) use scale::scale;
pub(crate) use token::token;

use crate::registry::Call;
use crate::respond::View;
use crate::{ApiError, Body};

/// True for resources whose objects are answers, not state.
pub(crate) fn is_virtual(resource: &Resource) -> bool {
    matches!(resource.group, "authentication.k8s.io" | "authorization.k8s.io")
        || matches!(
            (resource.group, resource.plural),
            ("", "bindings" | "componentstatuses")
        )
}

pub(crate) async fn virtual_resource(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    // answers have no metadata that a table or a partial object could show
    if call.resource.plural != "componentstatuses" && call.negotiated.view != View::Whole {
        return Err(ApiError::not_acceptable());
    }
    match (call.resource.plural, call.info.verb) {
        ("bindings", "create") => binding(call, request).await,
        ("componentstatuses", "list" | "get") => reviews::component_statuses(&call),
        (_, "create") => reviews::review(call, request).await,
        _ => Err(ApiError::method_not_allowed()),
    }
}
