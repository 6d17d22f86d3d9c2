//! The checks of one APIService, from what objects say to a question to the server itself.

use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::ResourceExt as _;

use crate::shared::{Ctx, Error, Key, Result};

const DEADLINE: Duration = Duration::from_secs(5);

/// What the condition shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) available: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Verdict {
    pub(super) fn available(reason: &'static str, message: &str) -> Self {
        Self {
            available: true,
            reason,
            message: message.to_owned(),
        }
    }

    fn unavailable(reason: &'static str, message: String) -> Self {
        Self {
            available: false,
            reason,
            message,
        }
    }

    /// A server that does not answer is asked again soon; everything else changes with an object.
    pub(super) fn retry(&self) -> Result<()> {
        if self.reason == "FailedDiscoveryCheck" {
            return Err(Error::Again(self.message.clone()));
        }
        Ok(())
    }
}

pub(super) async fn check(ctx: &Ctx, object: &APIService) -> Verdict {
    let Some((spec, reference)) = object
        .spec
        .as_ref()
        .and_then(|spec| Some((spec, spec.service.as_ref()?)))
    else {
        return Verdict::available("Local", "Local APIServices are always available");
    };
    let namespace = reference.namespace.clone().unwrap_or_default();
    let name = reference.name.clone().unwrap_or_default();
    let port = reference.port.unwrap_or(443);
    let Some(service) = ctx.services.get(&Key::new(&namespace, &name)) else {
        return Verdict::unavailable(
            "ServiceNotFound",
            format!("service/{name} in {namespace:?} is not present"),
        );
    };
    let slices: Vec<_> = ctx
        .endpoint_slices
        .in_namespace(&namespace)
        .into_iter()
        .filter(|slice| slice.labels().get("kubernetes.io/service-name") == Some(&name))
        .collect();
    if let Some(verdict) = behind(&service, port, slices.iter().map(AsRef::as_ref)) {
        return verdict;
    }
    let path = format!(
        "/apis/{}/{}",
        spec.group.as_deref().unwrap_or_default(),
        spec.version.as_deref().unwrap_or_default()
    );
    match ask(ctx, &path).await {
        Ok(()) => Verdict::available("Passed", "all checks passed"),
        Err(why) => Verdict::unavailable(
            "FailedDiscoveryCheck",
            format!("failing or missing response from https://{name}.{namespace}.svc:{port}{path}: {why}"),
        ),
    }
}

/// What is wrong with the service and its endpoints.
fn behind<'a>(
    service: &Service,
    port: i32,
    slices: impl Iterator<Item = &'a EndpointSlice> + Clone,
) -> Option<Verdict> {
    let (name, namespace) = (service.name_any(), service.namespace().unwrap_or_default());
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref().is_some_and(|kind| kind != "ClusterIP") {
        return None;
    }
    let ports = spec.ports.iter().flatten();
    let Some(port_name) = ports
        .into_iter()
        .find(|own| own.port == port)
        .map(|own| own.name.clone().unwrap_or_default())
    else {
        return Some(Verdict::unavailable(
            "ServicePortError",
            format!("service/{name} in {namespace:?} is not listening on port {port}"),
        ));
    };
    if slices.clone().next().is_none() {
        return Some(Verdict::unavailable(
            "EndpointsNotFound",
            format!("cannot find endpointslices for service/{name} in {namespace:?}"),
        ));
    }
    let serves = |slice: &EndpointSlice| {
        let ready = |ready: Option<bool>| ready.unwrap_or(true);
        let mut endpoints = slice.endpoints.iter().flatten();
        let any = endpoints.any(|endpoint| ready(endpoint.conditions.as_ref().and_then(|conditions| conditions.ready)));
        let mut ports = slice.ports.iter().flatten();
        any && ports.any(|own| own.name.as_deref().unwrap_or_default() == port_name && own.port.is_some())
    };
    let mut slices = slices;
    if slices.any(serves) {
        return None;
    }
    Some(Verdict::unavailable(
        "MissingEndpoints",
        format!("endpointslices for service/{name} in {namespace:?} have no addresses with port name {port_name:?}"),
    ))
}

/// Asks the server for its discovery, in the name that the API server lets through whatever the condition says.
async fn ask(ctx: &Ctx, path: &str) -> Result<(), String> {
    let request = Request::get(path)
        .header("accept", "application/json")
        .header("impersonate-user", "system:kube-aggregator")
        .header("impersonate-group", "system:masters")
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    match tokio::time::timeout(DEADLINE, ctx.client.request_text(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(kube::Error::Api(status))) if status.code == 503 && !status.message.is_empty() => {
            Err(status.message.clone())
        }
        Ok(Err(kube::Error::Api(status))) => Err(format!("bad status {}", status.code)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("timed out".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reason(service: Value, slices: &[Value]) -> Option<&'static str> {
        let mut service: Service = serde_json::from_value(json!({"spec": service})).expect("service");
        service.metadata.name = Some("s".to_owned());
        let slices: Vec<EndpointSlice> = slices
            .iter()
            .map(|slice| serde_json::from_value(slice.clone()).expect("slice"))
            .collect();
        behind(&service, 443, slices.iter()).map(|verdict| verdict.reason)
    }

    #[test]
    fn each_gap_between_service_and_pods_has_its_reason() {
        let service = json!({"type": "ClusterIP", "ports": [{"port": 443, "name": "https"}]});
        let slice = |ready: bool, port: &str| {
            json!({"metadata": {"name": "x"}, "addressType": "IPv4",
                "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
                "ports": [{"name": port, "port": 8443}]})
        };
        assert_eq!(reason(json!({"ports": [{"port": 80}]}), &[]), Some("ServicePortError"));
        assert_eq!(reason(service.clone(), &[]), Some("EndpointsNotFound"));
        assert_eq!(
            reason(service.clone(), &[slice(false, "https")]),
            Some("MissingEndpoints")
        );
        assert_eq!(
            reason(service.clone(), &[slice(true, "http")]),
            Some("MissingEndpoints")
        );
        assert_eq!(reason(service, &[slice(false, "https"), slice(true, "https")]), None);
        assert_eq!(reason(json!({"type": "ExternalName"}), &[]), None);
    }
}
