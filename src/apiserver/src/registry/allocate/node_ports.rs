//! Which node ports a service gets.

use std::collections::BTreeSet;

use rand::Rng as _;
use serde_json::{Value, json};

use super::{Allocators, Taken};
use crate::object::{Object as _, child};
use crate::{ApiError, Subject};

/// Upstream's default `--service-node-port-range`.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// Completes the node ports of a service that has some.
pub(super) fn take(
    from: &Allocators,
    service: &mut Value,
    old: Option<&Value>,
    taken: &mut Taken<'_>,
) -> Result<(), ApiError> {
    if service.pointer("/spec/allocateLoadBalancerNodePorts") == Some(&Value::Bool(false)) {
        return Ok(());
    }
    let held: BTreeSet<_> = old.into_iter().flat_map(of).collect();
    let name = service.name().to_owned();
    for (index, port) in service
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
        let wanted = port["nodePort"].as_u64().unwrap_or_default();
        let mut used = from.lock();
        if wanted == 0 {
            let same = |old: &&Value| old["port"] == port["port"] && old["protocol"] == port["protocol"];
            let before = old.and_then(|old| old.pointer("/spec/ports")).and_then(Value::as_array);
            let before = before
                .and_then(|ports| ports.iter().find(same))
                .and_then(|port| port["nodePort"].as_u64());
            let free = match before {
                Some(before) => Some(before as u16),
                None => candidates().find(|port| used.ports.insert((*port, protocol.clone()))),
            };
            let free = free.ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))?;
            if before.is_none() {
                taken.ports.push((free, protocol));
            }
            port["nodePort"] = free.into();
            continue;
        }
        let key = (wanted.min(u64::from(u16::MAX)) as u16, protocol);
        if held.contains(&key) || taken.ports.contains(&key) {
            continue;
        }
        let why = if !NODE_PORTS.contains(&key.0) {
            outside()
        } else if used.ports.insert(key.clone()) {
            taken.ports.push(key);
            continue;
        } else {
            "provided port is already allocated".to_owned()
        };
        let field = format!("spec.ports[{index}].nodePort");
        let message = format!("{field}: Invalid value: {wanted}: {why}");
        let cause = json!({"reason": "FieldValueInvalid", "field": field, "message": message});
        return Err(ApiError::invalid(
            Subject {
                group: "",
                resource: "Service",
            },
            &name,
            &message,
            vec![cause],
        ));
    }
    Ok(())
}

/// Whether load balancers ask the nodes which of them has endpoints of the service.
fn is_checked(service: &Value) -> bool {
    let is = |pointer: &str, value: &str| service.pointer(pointer).is_some_and(|found| found == value);
    is("/spec/type", "LoadBalancer") && is("/spec/externalTrafficPolicy", "Local")
}

fn health_port(service: &Value) -> Option<u16> {
    let port = service.pointer("/spec/healthCheckNodePort")?.as_u64()?;
    u16::try_from(port).ok().filter(|port| *port > 0)
}

/// Completes `healthCheckNodePort` of a service that is checked; one that is not any more loses it.
pub(super) fn take_health(
    from: &Allocators,
    service: &mut Value,
    old: Option<&Value>,
    taken: &mut Taken<'_>,
) -> Result<(), ApiError> {
    let before = old.filter(|old| is_checked(old)).and_then(health_port);
    let wanted = health_port(service);
    if !is_checked(service) {
        if before.is_some() && before == wanted {
            child(service, "spec").remove("healthCheckNodePort");
        }
        return Ok(());
    }
    let key = |port: u16| (port, "TCP".to_owned());
    let port = match (wanted, before) {
        (Some(wanted), Some(_)) => wanted,
        (None, Some(before)) => before,
        (Some(wanted), None) => {
            let is_free = NODE_PORTS.contains(&wanted) && from.lock().ports.insert(key(wanted));
            if !is_free {
                let why = if NODE_PORTS.contains(&wanted) {
                    "provided port is already allocated".to_owned()
                } else {
                    outside()
                };
                return Err(ApiError::internal(format!(
                    "failed to allocate requested HealthCheck NodePort {wanted}: {why}"
                )));
            }
            taken.ports.push(key(wanted));
            wanted
        }
        (None, None) => {
            let mut used = from.lock();
            let free = candidates().find(|port| used.ports.insert(key(*port)));
            let free =
                free.ok_or_else(|| ApiError::internal("failed to allocate a HealthCheck NodePort 0: range is full"))?;
            taken.ports.push(key(free));
            free
        }
    };
    child(service, "spec").insert("healthCheckNodePort".to_owned(), port.into());
    Ok(())
}

/// All ports, from a random one on.
fn candidates() -> impl Iterator<Item = u16> {
    let start = rand::rng().random_range(NODE_PORTS);
    (start..=*NODE_PORTS.end()).chain(*NODE_PORTS.start()..start)
}

fn outside() -> String {
    format!(
        "provided port is not in the valid range. The range of valid ports is {}-{}",
        NODE_PORTS.start(),
        NODE_PORTS.end()
    )
}

/// Takes the node ports out of a service that is not to have any.
pub(super) fn drop_all(service: &mut Value) {
    let ports = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        drop(port.as_object_mut().and_then(|port| port.remove("nodePort")));
    }
}

/// The service's node ports, that for health checks included.
pub(super) fn of(service: &Value) -> impl Iterator<Item = (u16, String)> {
    let ports = service
        .pointer("/spec/ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let health = health_port(service).filter(|_| is_checked(service));
    let ports = ports.filter_map(|port| {
        let number = u16::try_from(port["nodePort"].as_u64()?)
            .ok()
            .filter(|number| *number > 0)?;
        Some((number, port["protocol"].as_str().unwrap_or("TCP").to_owned()))
    });
    ports.chain(health.map(|port| (port, "TCP".to_owned())))
}
