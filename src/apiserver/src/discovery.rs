//! Discovery (aggregated and legacy), version and OpenID endpoints.

use http::{Response, StatusCode};
use schema::{Resource, Served};
use serde_json::{Value, json};

use crate::aggregation::{self, Listed};
use crate::respond::{self, Negotiated};
use crate::{Api, ApiError, Body};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/`: the paths there are.
pub(crate) async fn paths(api: &Api) -> Result<Response<Body>, ApiError> {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in aggregation::groups(api).await? {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|one| format!("/apis/{group}/{}", one.version)));
    }
    for other in [
        "/healthz",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/openid/v1/jwks",
        "/readyz",
        "/version",
    ] {
        paths.push(other.to_owned());
    }
    Ok(respond::json(&json!({"paths": paths})))
}

pub(crate) fn version(api: &Api) -> Response<Body> {
    let version = &api.config.version;
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    respond::json(&json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": minor,
        "gitVersion": version, "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": format!("linux/{}", architecture()),
    }))
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `/api…` and `/apis…` down to a group version.
pub(crate) async fn answer(api: &Api, negotiated: Negotiated, segments: &[&str]) -> Result<Response<Body>, ApiError> {
    match segments {
        ["api"] if negotiated.discovery => Ok(aggregated(vec![core_group(api)])),
        ["apis"] if negotiated.discovery => Ok(aggregated(named_groups(api).await?)),
        ["api"] => {
            let address = format!("{}:{}", api.config.advertise, api.config.port);
            let cidrs = json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]);
            respond::plain(
                negotiated,
                StatusCode::OK,
                &json!({"kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"], "serverAddressByClientCIDRs": cidrs}),
            )
        }
        ["apis"] => {
            let groups = aggregation::groups(api).await?;
            let groups: Vec<Value> = groups
                .iter()
                .map(|(name, versions)| legacy_group(name, versions))
                .collect();
            respond::plain(
                negotiated,
                StatusCode::OK,
                &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
            )
        }
        ["api", version] => resources(api, negotiated, "", version),
        ["apis", group] => {
            let groups = aggregation::groups(api).await?;
            let (name, versions) = groups
                .iter()
                .find(|(name, _)| name == group)
                .ok_or_else(ApiError::no_such_path)?;
            let mut object = legacy_group(name, versions);
            object["kind"] = "APIGroup".into();
            object["apiVersion"] = "v1".into();
            respond::plain(negotiated, StatusCode::OK, &object)
        }
        ["apis", group, version] => resources(api, negotiated, group, version),
        _ => Err(ApiError::no_such_path()),
    }
}

fn of_version<'a>(
    served: &'a Served,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'static Resource> + 'a {
    served
        .resources()
        .filter(move |resource| resource.group == group && resource.version == version)
}

fn legacy_group(name: &str, versions: &[Listed]) -> Value {
    let version = |one: &Listed| json!({"groupVersion": format!("{name}/{}", one.version), "version": one.version});
    json!({
        "name": name,
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(version),
    })
}

fn resources(api: &Api, negotiated: Negotiated, group: &str, version: &str) -> Result<Response<Body>, ApiError> {
    let mut rows = Vec::new();
    for resource in of_version(&api.config.served, group, version) {
        let mut row = json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": resource.verbs, "storageVersionHash": resource.hash,
        });
        for (field, list) in [
            ("shortNames", resource.short_names),
            ("categories", resource.categories),
        ] {
            if !list.is_empty() {
                row[field] = list.into();
            }
        }
        rows.push(row);
        for sub in resource.subresources {
            let mut row = json!({
                "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
                "namespaced": resource.namespaced, "kind": sub.kind, "verbs": sub.verbs,
            });
            if (sub.group, sub.version) != (group, version) {
                row["group"] = sub.group.into();
                row["version"] = sub.version.into();
            }
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": rows});
    respond::plain(negotiated, StatusCode::OK, &list)
}

fn core_group(api: &Api) -> Value {
    json!({"metadata": {"creationTimestamp": null}, "versions": [local_version(api, "", "v1")]})
}

/// `APIGroupDiscovery` of all groups but the core's, those of other servers included.
async fn named_groups(api: &Api) -> Result<Vec<Value>, ApiError> {
    let remote = aggregation::remote_versions(api).await?;
    let groups = aggregation::groups(api).await?.into_iter().map(|(name, versions)| {
        let versions: Vec<Value> = versions
            .iter()
            .filter_map(|one| {
                if !one.is_remote {
                    return Some(local_version(api, &name, &one.version));
                }
                let of_group = remote.iter().filter(|(group, _)| *group == name);
                let mut versions = of_group.map(|(_, version)| version);
                versions.find(|version| version["version"] == one.version).cloned()
            })
            .collect();
        json!({"metadata": {"name": name, "creationTimestamp": null}, "versions": versions})
    });
    Ok(groups.collect())
}

fn local_version(api: &Api, group: &str, version: &str) -> Value {
    let resources: Vec<Value> = of_version(&api.config.served, group, version)
        .map(aggregated_resource)
        .collect();
    json!({"version": version, "freshness": "Current", "resources": resources})
}

/// `APIGroupDiscoveryList`.
fn aggregated(items: Vec<Value>) -> Response<Body> {
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    let mut response = respond::raw(StatusCode::OK, AGGREGATED, list.to_string());
    response
        .headers_mut()
        .insert(http::header::VARY, http::HeaderValue::from_static("Accept"));
    response
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let subresources: Vec<Value> = resource
        .subresources
        .iter()
        .map(|sub| json!({"subresource": sub.name, "responseKind": kind(sub.group, sub.version, sub.kind), "verbs": sub.verbs}))
        .collect();
    let mut row = json!({
        "resource": resource.plural, "responseKind": kind(resource.group, resource.version, resource.kind),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": resource.verbs,
    });
    for (field, list) in [
        ("shortNames", resource.short_names),
        ("categories", resource.categories),
    ] {
        if !list.is_empty() {
            row[field] = list.into();
        }
    }
    if !subresources.is_empty() {
        row["subresources"] = subresources.into();
    }
    row
}

/// `/.well-known/openid-configuration`, for verifiers of service-account tokens.
pub(crate) fn openid(api: &Api) -> Response<Body> {
    respond::json(&json!({
        "issuer": api.issuer.name,
        "jwks_uri": format!("https://{}:{}/openid/v1/jwks", api.config.advertise, api.config.port),
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

/// `/openid/v1/jwks`: the public key in JSON.
pub(crate) fn jwks(api: &Api) -> Result<Response<Body>, ApiError> {
    use base64::Engine as _;
    use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};
    use sha2::Digest as _;
    let der = SubjectPublicKeyInfoDer::from_pem_slice(api.issuer.public_pem()).map_err(ApiError::internal)?;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    // an uncompressed P-256 point ends the key: 4, x, y
    let point = der
        .len()
        .checked_sub(64)
        .and_then(|start| der.get(start..))
        .ok_or_else(|| ApiError::internal("short key"))?;
    let (x, y) = point.split_at(32);
    let key = json!({
        "use": "sig", "kty": "EC", "crv": "P-256", "alg": "ES256",
        "kid": encode(&sha2::Sha256::digest(&der)), "x": encode(x), "y": encode(y),
    });
    Ok(respond::raw(
        StatusCode::OK,
        "application/jwk-set+json",
        json!({"keys": [key]}).to_string(),
    ))
}
