//! From Endpoints to the slices that mirror them.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointSubset, Endpoints};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use kube::ResourceExt as _;
use kube::api::ObjectMeta;

use super::MANAGER;
use crate::endpointslice::{MANAGED_BY, SERVICE_NAME};
use crate::shared::owner::controller_ref;

/// Addresses of one subset that are mirrored at most.
const MOST: usize = 1000;
/// Belongs to the Endpoints alone.
const LAST_CHANGE: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One slice per subset and address family.
pub(super) fn of(endpoints: &Endpoints) -> Vec<EndpointSlice> {
    let subsets = endpoints.subsets.iter().flatten();
    subsets
        .flat_map(|subset| {
            ["IPv4", "IPv6"]
                .into_iter()
                .filter_map(move |family| slice(endpoints, subset, family))
        })
        .collect()
}

fn slice(endpoints: &Endpoints, subset: &EndpointSubset, family: &str) -> Option<EndpointSlice> {
    let of_family = |address: &&EndpointAddress| {
        address
            .ip
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_ipv6() == (family == "IPv6"))
    };
    let ready = subset.addresses.iter().flatten().map(|address| (address, true));
    let not_ready = subset
        .not_ready_addresses
        .iter()
        .flatten()
        .map(|address| (address, false));
    let mut mirrored: Vec<Endpoint> = ready
        .chain(not_ready)
        .filter(|(address, _)| of_family(address))
        .take(MOST)
        .map(|(address, ready)| endpoint(address, ready))
        .collect();
    if mirrored.is_empty() {
        return None;
    }
    mirrored.sort_by(|a, b| a.addresses.cmp(&b.addresses));
    let ports = subset.ports.iter().flatten().map(|port| EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        port: Some(port.port),
        protocol: port.protocol.clone(),
        app_protocol: port.app_protocol.clone(),
    });
    let mut labels = endpoints.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), endpoints.name_any());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    let mut annotations = endpoints.metadata.annotations.clone().unwrap_or_default();
    annotations.retain(|key, _| key != LAST_CHANGE && key != LAST_APPLIED);
    Some(EndpointSlice {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", endpoints.name_any())),
            namespace: endpoints.namespace(),
            labels: Some(labels),
            annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
            owner_references: Some(vec![controller_ref(endpoints)]),
            ..ObjectMeta::default()
        },
        address_type: family.to_owned(),
        endpoints: Some(mirrored),
        ports: Some(ports.collect()),
    })
}

fn endpoint(address: &EndpointAddress, ready: bool) -> Endpoint {
    Endpoint {
        addresses: vec![address.ip.clone()],
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            ..EndpointConditions::default()
        }),
        hostname: address.hostname.clone(),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Endpoint::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_subset_and_family_has_a_slice() {
        let endpoints: Endpoints = serde_json::from_value(json!({
            "metadata": {"name": "e", "namespace": "n", "uid": "u", "labels": {"a": "b"},
                "annotations": {LAST_CHANGE: "t", "kept": "yes"}},
            "subsets": [
                {"addresses": [{"ip": "10.1.2.4"}, {"ip": "fd00::1"}], "notReadyAddresses": [{"ip": "10.1.2.3"}],
                    "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
                {"addresses": []},
            ],
        }))
        .expect("endpoints");
        let slices = of(&endpoints);
        assert_eq!(
            slices
                .iter()
                .map(|slice| slice.address_type.as_str())
                .collect::<Vec<_>>(),
            ["IPv4", "IPv6"]
        );
        let first = &slices[0];
        let ready: Vec<_> = first
            .endpoints
            .iter()
            .flatten()
            .map(|endpoint| {
                (
                    endpoint.addresses[0].as_str(),
                    endpoint.conditions.as_ref().and_then(|c| c.ready),
                )
            })
            .collect();
        assert_eq!(ready, [("10.1.2.3", Some(false)), ("10.1.2.4", Some(true))]);
        assert_eq!(first.labels()[SERVICE_NAME], "e");
        assert_eq!(first.labels()[MANAGED_BY], MANAGER);
        assert_eq!(first.labels()["a"], "b");
        assert_eq!(first.annotations().keys().collect::<Vec<_>>(), ["kept"]);
        assert_eq!(first.owner_references()[0].kind, "Endpoints");
    }
}
