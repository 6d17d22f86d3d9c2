//! `serviceaccounts/token`: short-lived tokens, bound to a pod if the caller says so.

use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::authn::{Bound, Claims, Private};
use crate::object::{Object as _, text_at};
use crate::registry::{Call, stamp};
use crate::{ApiError, Body, admission, body, codec, respond};

const SHORTEST: i64 = 10 * 60;
const LONGEST: i64 = 1 << 32;
const DEFAULT: i64 = 3600;

pub(crate) async fn token(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let mut review = codec::decode_options(&parts.headers, &bytes, "TokenRequest")?;
    let name = &call.info.name;
    let account = call.object(name).await?;
    admission::node_token(&call, &review).await?;
    let seconds = review
        .pointer("/spec/expirationSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(DEFAULT);
    let refuse = |field: &str, why: String| {
        let message = format!("{field}: Invalid value: {why}");
        let cause = json!({"reason": "FieldValueInvalid", "field": field, "message": message});
        Err(ApiError::invalid(
            crate::Subject {
                group: "authentication.k8s.io",
                resource: "TokenRequest",
            },
            "",
            &message,
            vec![cause],
        ))
    };
    if seconds < SHORTEST {
        return refuse(
            "spec.expirationSeconds",
            format!("{seconds}: may not specify a duration less than 10 minutes"),
        );
    }
    if seconds > LONGEST {
        return refuse(
            "spec.expirationSeconds",
            format!("{seconds}: may not specify a duration larger than 2^32 seconds"),
        );
    }
    let asked: Vec<String> = review
        .pointer("/spec/audiences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    let audiences = if asked.is_empty() {
        vec![call.api.issuer.name.clone()]
    } else {
        asked
    };
    let namespace = call.namespace().to_owned();
    let (pod, node, secret) = bound(&call, &review, name).await?;
    let now = Timestamp::now();
    let expires = now + SignedDuration::from_secs(seconds);
    let claims = Claims {
        aud: audiences.clone(),
        exp: expires.as_second(),
        iat: now.as_second(),
        nbf: now.as_second(),
        iss: call.api.issuer.name.clone(),
        jti: uuid::Uuid::new_v4().to_string(),
        sub: format!("system:serviceaccount:{namespace}:{name}"),
        private: Private {
            namespace,
            serviceaccount: Bound {
                name: name.clone(),
                uid: account.uid().to_owned(),
            },
            pod,
            secret,
            node,
        },
    };
    let signed = call.api.issuer.sign(&claims)?;
    review["kind"] = "TokenRequest".into();
    review["apiVersion"] = "authentication.k8s.io/v1".into();
    review["metadata"] = json!({"name": name, "namespace": call.namespace(), "creationTimestamp": stamp(now)});
    review["spec"]["audiences"] = audiences.into();
    review["spec"]["expirationSeconds"] = seconds.into();
    review["status"] = json!({"token": signed, "expirationTimestamp": stamp(expires)});
    respond::plain(call.negotiated, StatusCode::CREATED, &review)
}

type Bindings = (Option<Bound>, Option<Bound>, Option<Bound>);

/// The pod (with its node) or secret or node that the token is bound to, checked against what exists.
async fn bound(call: &Call<'_>, review: &Value, account: &str) -> Result<Bindings, ApiError> {
    let reference = &review["spec"]["boundObjectRef"];
    if reference.is_null() {
        return Ok((None, None, None));
    }
    let (kind, name, uid) = (
        text_at(reference, "kind"),
        text_at(reference, "name"),
        text_at(reference, "uid"),
    );
    let (plural, namespace) = match kind.as_str() {
        "Pod" => ("pods", call.namespace()),
        "Secret" => ("secrets", call.namespace()),
        "Node" => ("nodes", ""),
        _ => {
            return Err(ApiError::bad_request(format!(
                "cannot bind token for serviceaccount {account:?} to object type {kind:?}"
            )));
        }
    };
    let subject = crate::Subject {
        group: "",
        resource: plural,
    };
    let object = call
        .api
        .peek("", plural, namespace, &name)
        .await?
        .ok_or_else(|| ApiError::not_found(subject, &name))?;
    if !uid.is_empty() && uid != object.uid() {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(subject, &name, why));
    }
    let own = Bound {
        name,
        uid: object.uid().to_owned(),
    };
    match plural {
        "secrets" => Ok((None, None, Some(own))),
        "nodes" => Ok((None, Some(own), None)),
        _ => {
            if text_at(&object, "spec.serviceAccountName") != account {
                return Err(ApiError::bad_request(format!(
                    "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
                )));
            }
            let node = text_at(&object, "spec.nodeName");
            let node = call.api.peek("", "nodes", "", &node).await?.map(|object| Bound {
                uid: object.uid().to_owned(),
                name: node,
            });
            Ok((Some(own), node, None))
        }
    }
}
