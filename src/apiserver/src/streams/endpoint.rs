//! From a service to the address of one pod behind it.

use std::net::IpAddr;

use serde_json::Value;

use crate::object::{Object as _, text_at};
use crate::{Api, ApiError, storage};

/// A ready endpoint of the service's first port that `is_meant`.
pub(crate) async fn of_service(
    api: &Api,
    service: &Value,
    is_meant: impl Fn(&Value) -> bool,
) -> Result<(IpAddr, u16), ApiError> {
    let name = service.name();
    let none = || ApiError::unavailable(format!("no endpoints available for service \"{name}\""));
    let ports = service.pointer("/spec/ports").and_then(Value::as_array);
    let wanted = ports
        .and_then(|ports| ports.iter().find(|port| is_meant(port)))
        .ok_or_else(none)?;
    let wanted = text_at(wanted, "name");
    let prefix = format!(
        "{}{}/",
        storage::collection("discovery.k8s.io", "endpointslices"),
        service.namespace()
    );
    let query = store::RangeQuery::all(&prefix);
    for entry in &api.store.range(query).await?.entries {
        let of_service = storage::Header::of(entry)
            .labels()
            .any(|label| label == ("kubernetes.io/service-name", name));
        if !of_service {
            continue;
        }
        if let Some(found) = ready(&storage::parse(entry)?, &wanted) {
            return Ok(found);
        }
    }
    Err(none())
}

/// Any of the slice's ready endpoints: requests spread over all of them.
fn ready(slice: &Value, port_name: &str) -> Option<(IpAddr, u16)> {
    let ports = slice["ports"].as_array()?;
    let port = ports.iter().find(|port| text_at(port, "name") == port_name)?["port"].as_u64()?;
    let endpoints = slice["endpoints"].as_array()?.iter();
    let ready: Vec<IpAddr> = endpoints
        .filter(|endpoint| endpoint["conditions"]["ready"] != false)
        .filter_map(|endpoint| endpoint["addresses"][0].as_str()?.parse().ok())
        .collect();
    let chosen = rand::random_range(0..ready.len().max(1));
    Some((*ready.get(chosen)?, u16::try_from(port).ok()?))
}
