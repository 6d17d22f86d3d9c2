//! EndpointSlices, Ingresses, NetworkPolicies.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::cursor::{At, Check, IMMUTABLE};
use super::meta;
use crate::field::FieldError;
use crate::names;

pub(super) fn endpoint_slice(check: &mut Check<'_>) {
    let family = check.root().child("addressType");
    check.one_of(&family, &["FQDN", "IPv4", "IPv6"], true);
    let endpoints = check.root().child("endpoints");
    let count = endpoints.items().count();
    if count > 1000 {
        check.add(FieldError::too_many(&endpoints.path, count, 1000));
    }
    for endpoint in endpoints.items() {
        let addresses = endpoint.child("addresses");
        if !addresses.has_any() {
            check.required(&addresses, "must contain at least 1 address");
        }
        for address in addresses.items() {
            match (family.str(), address.str().parse::<IpAddr>()) {
                ("IPv4", Ok(IpAddr::V4(_))) | ("IPv6", Ok(IpAddr::V6(_))) => {}
                ("IPv4", _) => check.invalid(&address, "must be a valid IPv4 address"),
                ("IPv6", _) => check.invalid(&address, "must be a valid IPv6 address"),
                _ => check.all_invalid(&address, names::dns1123_subdomain(address.str())),
            }
        }
    }
    for port in check.root().child("ports").items() {
        check.one_of(&port.child("protocol"), &["SCTP", "TCP", "UDP"], true);
        let name = port.child("name");
        if name.has_any() {
            check.all_invalid(&name, names::dns1123_label(name.str()));
        }
    }
}

pub(super) fn ingress(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let default = spec.child("defaultBackend");
    if !spec.child("rules").has_any() && !default.is_set() {
        check.add(FieldError::invalid(
            &spec.path,
            Value::Array(Vec::new()),
            "either `defaultBackend` or `rules` must be specified",
        ));
    }
    if default.is_set() {
        backend(check, &default);
    }
    for rule in spec.child("rules").items() {
        let host = rule.child("host");
        if host.has_any() {
            if host.str().parse::<IpAddr>().is_ok() {
                check.invalid(&host, "must be a DNS name, not an IP address");
            } else if host.str().contains('*') {
                check.all_invalid(&host, names::wildcard_dns1123_subdomain(host.str()));
            } else {
                check.all_invalid(&host, names::dns1123_subdomain(host.str()));
            }
        }
        let http = rule.child("http");
        let paths = http.child("paths");
        if http.is_set() && !paths.has_any() {
            check.required(&paths, "");
        }
        for path in paths.items() {
            let ty = path.child("pathType");
            match ty.str() {
                "" => check.required(&ty, "pathType must be specified"),
                "Exact" | "Prefix" if !path.child("path").str().starts_with('/') => {
                    check.invalid(&path.child("path"), "must be an absolute path");
                }
                "Exact" | "Prefix" | "ImplementationSpecific" => {}
                _ => check.one_of(&ty, &["Exact", "ImplementationSpecific", "Prefix"], true),
            }
            backend(check, &path.child("backend"));
        }
    }
}

fn backend(check: &mut Check<'_>, backend: &At<'_>) {
    let (service, resource) = (backend.child("service"), backend.child("resource"));
    match (service.is_set(), resource.is_set()) {
        (true, true) => {
            check.add(FieldError::invalid(
                &backend.path,
                "",
                "cannot set both resource and service backends",
            ));
        }
        (false, false) => check.required(backend, "an ingress backend is required"),
        (false, true) => {}
        (true, false) => {
            check.name(&service.child("name"), names::dns1035_label);
            let port = service.child("port");
            let (name, number) = (port.child("name"), port.child("number"));
            if name.has_any() && number.int().is_some_and(|number| number != 0) {
                check.add(FieldError::invalid(
                    &backend.path,
                    "",
                    "cannot set both port name & port number",
                ));
            } else if name.has_any() {
                check.all_invalid(&name, names::port_name(name.str()));
            } else if number.int().is_some_and(|number| number != 0) {
                check.all_invalid(&number, names::port_number(number.int().unwrap_or_default()));
            } else {
                check.required(backend, "port name or number is required");
            }
        }
    }
}

pub(super) fn network_policy(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    meta::selector(check, &spec.child("podSelector"));
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.child(rules).items() {
            for port in rule.child("ports").items() {
                check.one_of(&port.child("protocol"), &["SCTP", "TCP", "UDP"], false);
                let (number, end) = (port.child("port"), port.child("endPort"));
                if number.is_set() {
                    check.port(&number);
                }
                if end.is_set() && !number.is_set() {
                    check.required(&number, "must be specified when `endPort` is specified");
                } else if end.is_set() && number.value.is_string() {
                    check.invalid(&end, "may not be specified when `port` is non-numeric");
                } else if end.int() < number.int() && end.is_set() {
                    check.invalid(&end, "must be greater than or equal to `port`");
                }
            }
            for peer in rule.child(peers).items() {
                self::peer(check, &peer);
            }
        }
    }
    for ty in spec.child("policyTypes").items() {
        check.one_of(&ty, &["Egress", "Ingress"], true);
    }
}

fn peer(check: &mut Check<'_>, peer: &At<'_>) {
    let (pods, namespaces, block) = (
        peer.child("podSelector"),
        peer.child("namespaceSelector"),
        peer.child("ipBlock"),
    );
    if !pods.is_set() && !namespaces.is_set() && !block.is_set() {
        check.required(peer, "must specify a peer");
    } else if block.is_set() && (pods.is_set() || namespaces.is_set()) {
        check.forbidden(peer, "may not specify both ipBlock and another peer");
    }
    meta::selector(check, &pods);
    meta::selector(check, &namespaces);
    if block.is_set() {
        let cidr = block.child("cidr");
        if !cidr.has_any() {
            check.required(&cidr, "");
        } else if !is_cidr(cidr.str()) {
            check.invalid(&cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        }
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let Ok(length) = length.parse::<u8>() else { return false };
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => length <= 32,
        Ok(IpAddr::V6(_)) => length <= 128,
        Err(_) => false,
    }
}

pub(super) fn service_range(check: &mut Check<'_>) {
    let cidrs = check.root().child("spec").child("cidrs");
    match cidrs.items().count() {
        0 => return check.required(&cidrs, "at least one CIDR required"),
        1 | 2 => {}
        _ => return check.invalid(&cidrs, "may only hold up to 2 values"),
    }
    let mut families = Vec::new();
    for cidr in cidrs.items() {
        match cidr.str().parse::<IpNet>() {
            Ok(net) if net.trunc() == net && net.to_string() == cidr.str() => families.push(net.addr().is_ipv4()),
            Ok(net) => {
                let canonical = net.trunc();
                check.invalid(&cidr, format!("must be in canonical form (\"{canonical}\")"));
            }
            Err(_) => check.invalid(&cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
        }
    }
    if matches!(families[..], [first, second] if first == second) {
        let detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        check.invalid(&cidrs, detail);
    }
}

/// A range may only be joined by one of the other family.
pub(super) fn update_service_range(check: &mut Check<'_>, old: &Value) {
    let cidrs = check.root().child("spec").child("cidrs");
    let before = old
        .pointer("/spec/cidrs")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let count = cidrs.items().count();
    if count != before.len() && (before.len(), count) != (1, 2) {
        return check.invalid(&cidrs, IMMUTABLE);
    }
    for (cidr, before) in cidrs.items().zip(before) {
        if cidr.value != before {
            check.invalid(&cidr, IMMUTABLE);
        }
    }
}

pub(super) fn ip_address(check: &mut Check<'_>) {
    let parent = check.root().child("spec").child("parentRef");
    if !parent.is_set() {
        return check.required(&parent, "");
    }
    let group = parent.child("group");
    if group.has_any() {
        check.all_invalid(&group, names::dns1123_subdomain(group.str()));
    }
    for field in ["resource", "name"] {
        if !parent.child(field).has_any() {
            check.required(&parent.child(field), "");
        }
    }
    for field in ["resource", "name", "namespace"] {
        let part = parent.child(field);
        check.all_invalid(&part, names::path_segment(part.str()));
    }
}
