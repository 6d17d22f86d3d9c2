//! Which address a service gets, and the IPAddress that says so, written and removed together with the service.
//!
//! Semantics: `k8s.io/kubernetes/pkg/registry/core/service/ipallocator`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use rand::Rng as _;
use serde_json::{Value, json};
use store::{Expect, Op, RangeQuery, Store, Write};

use super::{Allocators, Taken};
use crate::object::{Object as _, child, text_at};
use crate::registry::{new_uid, now};
use crate::{ApiError, Subject, storage};

const GROUP: &str = "networking.k8s.io";
const MANAGER: &str = "ipallocator.k8s.io";

/// Completes the service's addresses.
pub(super) async fn take(
    from: &Allocators,
    store: &dyn Store,
    service: &mut Value,
    old: Option<&Value>,
    taken: &mut Taken<'_>,
) -> Result<(), ApiError> {
    families(from, service, old)?;
    let held = old.map(|old| text_at(old, "spec.clusterIP")).unwrap_or_default();
    let mut wanted = text_at(service, "spec.clusterIP");
    if wanted.is_empty() {
        wanted.clone_from(&held);
    }
    let address = if wanted == "None" || (!wanted.is_empty() && wanted == held) {
        wanted
    } else {
        let ranges = ranges(from, store).await?;
        let address = if wanted.is_empty() {
            any(from, store, &ranges)
                .await?
                .ok_or_else(|| ApiError::internal("failed to allocate a serviceIP: range is full"))?
        } else {
            let fixed = fixed(from, store, &ranges, &wanted).await?;
            fixed.map_err(|why| refusal(service, &wanted, &why))?
        };
        taken.addresses.push(address);
        taken.writes.push(reservation(address, service)?);
        address.to_string()
    };
    let spec = child(service, "spec");
    spec.insert("clusterIPs".to_owned(), json!([address]));
    spec.insert("clusterIP".to_owned(), address.into());
    let family = family(from.cidr.addr());
    spec.entry("ipFamilies").or_insert_with(|| json!([family]));
    spec.entry("ipFamilyPolicy").or_insert_with(|| "SingleStack".into());
    Ok(())
}

/// Removes the IPAddresses that a service held.
pub(super) async fn give_back(store: &dyn Store, service: &Value) -> Result<Vec<Write>, ApiError> {
    let mut writes = Vec::new();
    for address in super::addresses(service) {
        let Some(entry) = store.get(&key(address)).await? else {
            continue;
        };
        let last = storage::parse(&entry)?;
        if parent(&last) == (service.namespace(), service.name()) {
            writes.push(Write {
                key: entry.key.to_string(),
                expect: Expect::At(entry.mod_revision),
                op: Op::Delete(storage::payload(GROUP, "ipaddresses", &last)?),
            });
        }
    }
    Ok(writes)
}

/// Services of another family than the cluster's have no addresses, nor those that must have both. Without a selector and
/// addresses, a service may be of any.
fn families(from: &Allocators, service: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let spec = &service["spec"];
    // what a service had before there was this rule, it keeps until somebody changes it
    let is_kept = |field: &str| old.is_some_and(|old| old["spec"][field] == spec[field]);
    let selects = spec["selector"].as_object().is_some_and(|labels| !labels.is_empty());
    if spec["clusterIP"] == "None" && !selects {
        return Ok(());
    }
    if spec["ipFamilyPolicy"] == "RequireDualStack" && !is_kept("ipFamilyPolicy") {
        let why = "Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services";
        return Err(invalid(service, "spec.ipFamilyPolicy", why));
    }
    if is_kept("ipFamilies") {
        return Ok(());
    }
    let own = family(from.cidr.addr());
    let mut asked = spec["ipFamilies"].as_array().into_iter().flatten().enumerate();
    match asked.find(|(_, asked)| **asked != own) {
        Some((index, asked)) => {
            let why = format!("Invalid value: {asked}: not configured on this cluster");
            Err(invalid(service, &format!("spec.ipFamilies[{index}]"), &why))
        }
        None => Ok(()),
    }
}

fn refusal(service: &Value, wanted: &str, why: &str) -> ApiError {
    invalid(
        service,
        "spec.clusterIPs",
        &format!("Invalid value: [\"{wanted}\"]: {why}"),
    )
}

fn invalid(service: &Value, field: &str, why: &str) -> ApiError {
    let message = format!("{field}: {why}");
    let subject = Subject {
        group: "",
        resource: "Service",
    };
    let cause = json!({"reason": "FieldValueInvalid", "field": field, "message": message});
    ApiError::invalid(subject, service.name(), &message, vec![cause])
}

/// The ranges of ServiceCIDRs that are ready and not being deleted, the cluster's first one before the others.
async fn ranges(from: &Allocators, store: &dyn Store) -> Result<Vec<IpNet>, ApiError> {
    let prefix = storage::collection(GROUP, "servicecidrs");
    let query = RangeQuery::all(&prefix);
    let entries = store.range(query).await?.entries;
    let mut ranges = Vec::new();
    for entry in &entries {
        let object = storage::parse(entry)?;
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        if !object.is_deleting() && conditions.is_some_and(|list| list.iter().any(is_ready)) {
            let cidrs = object.pointer("/spec/cidrs").and_then(Value::as_array);
            ranges.extend(
                cidrs
                    .into_iter()
                    .flatten()
                    .filter_map(|cidr| cidr.as_str()?.parse::<IpNet>().ok()),
            );
        }
    }
    ranges.retain(|range: &IpNet| range.addr().is_ipv4() == from.cidr.addr().is_ipv4());
    ranges.sort_by_key(|range| *range != from.cidr);
    Ok(ranges)
}

/// The address that was asked for, or why it cannot be had.
async fn fixed(
    from: &Allocators,
    store: &dyn Store,
    ranges: &[IpNet],
    wanted: &str,
) -> Result<Result<IpAddr, String>, ApiError> {
    let Ok(address) = wanted.parse::<IpAddr>() else {
        return Ok(Err(
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()
        ));
    };
    if !ranges.iter().any(|range| range.contains(&address)) {
        let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        return Ok(Err(format!(
            "failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. \
             The range of valid IPs is {}",
            ranges.join(", ")
        )));
    }
    if !reserve(from, store, address).await? {
        return Ok(Err(format!(
            "failed to allocate IP {wanted}: provided IP is already allocated"
        )));
    }
    Ok(Ok(address))
}

/// A random free address.
async fn any(from: &Allocators, store: &dyn Store, ranges: &[IpNet]) -> Result<Option<IpAddr>, ApiError> {
    for range in ranges {
        for address in candidates(range) {
            if reserve(from, store, address).await? {
                return Ok(Some(address));
            }
        }
    }
    Ok(None)
}

/// Addresses of a range from a random one of its upper part on; the lower part, for fixed ones, comes last.
fn candidates(range: &IpNet) -> Box<dyn Iterator<Item = IpAddr> + Send> {
    let IpNet::V4(net) = range else {
        return Box::new(range.hosts());
    };
    let host_bits = 32 - u32::from(net.prefix_len());
    let last = (1_u64 << host_bits).saturating_sub(1) as u32;
    if last < 2 {
        return Box::new(std::iter::empty());
    }
    let reserved = match last / 16 {
        0 => 1,
        sixteenth => sixteenth.clamp(16, 256).min(last / 2),
    };
    let base = u32::from(net.network());
    let start = rand::rng().random_range(reserved..last);
    let offsets = (start..last).chain(reserved..start).chain(1..reserved);
    Box::new(offsets.map(move |offset| IpAddr::V4(Ipv4Addr::from(base + offset))))
}

/// Takes the address, unless a service or an IPAddress has it.
async fn reserve(from: &Allocators, store: &dyn Store, address: IpAddr) -> Result<bool, ApiError> {
    if !from.lock().addresses.insert(address) {
        return Ok(false);
    }
    match store.get(&key(address)).await {
        Ok(None) => Ok(true),
        other => {
            from.lock().addresses.remove(&address);
            other?;
            Ok(false)
        }
    }
}

fn key(address: IpAddr) -> String {
    format!("{}{address}", storage::collection(GROUP, "ipaddresses"))
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Namespace and name of the service that an IPAddress is for.
fn parent(object: &Value) -> (&str, &str) {
    let text = |field| object.pointer(field).and_then(Value::as_str).unwrap_or_default();
    (text("/spec/parentRef/namespace"), text("/spec/parentRef/name"))
}

/// The write of the service's IPAddress.
fn reservation(address: IpAddr, service: &Value) -> Result<Write, ApiError> {
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {
            "name": address.to_string(),
            "uid": new_uid(),
            "creationTimestamp": now(),
            "labels": {
                "ipaddress.kubernetes.io/ip-family": family(address),
                "ipaddress.kubernetes.io/managed-by": MANAGER,
            },
        },
        "spec": {"parentRef": {
            "resource": "services", "namespace": service.namespace(), "name": service.name(),
        }},
    });
    Ok(Write {
        key: key(address),
        expect: Expect::Absent,
        op: Op::Put(storage::payload(GROUP, "ipaddresses", &object)?),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_host_of_a_range_is_a_candidate_once_and_nothing_else() {
        for (range, hosts) in [
            ("10.0.0.0/24", 254),
            ("10.0.0.0/28", 14),
            ("10.0.0.0/30", 2),
            ("10.0.0.4/32", 0),
        ] {
            let range: IpNet = range.parse().expect("range");
            let all: Vec<IpAddr> = candidates(&range).collect();
            let distinct: BTreeSet<IpAddr> = all.iter().copied().collect();
            assert_eq!((all.len(), distinct.len()), (hosts, hosts), "{range}");
            assert!(distinct.iter().all(|address| range.contains(address)), "{range}");
        }
    }

    #[test]
    fn the_lower_part_of_a_range_is_for_fixed_addresses() {
        let range: IpNet = "10.0.0.0/16".parse().expect("range");
        let first = candidates(&range).next().expect("a candidate");
        assert!(first >= "10.0.1.0".parse::<IpAddr>().expect("address"), "{first}");
    }
}
