//! Slices as they should be against slices as they are, with as few writes as possible.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, ResourceExt as _};

use super::endpoints::{address, endpoint, is_candidate, resolve_ports};
use super::{MANAGED_BY, MANAGER, SERVICE_NAME, service_selector};
use crate::shared::error::Tolerate as _;
use crate::shared::owner::controller_ref;
use crate::shared::{Ctx, Key, Result};

/// Endpoints in one slice at most.
const MOST: usize = 100;
const HEADLESS: &str = "service.kubernetes.io/headless";

pub(super) async fn sync(ctx: &Ctx, key: &Key) -> Result<()> {
    let owned = |slice: &Arc<EndpointSlice>| {
        let labels = slice.labels();
        labels.get(SERVICE_NAME) == Some(&key.name) && labels.get(MANAGED_BY).is_some_and(|by| by == MANAGER)
    };
    let existing: Vec<_> = ctx
        .endpoint_slices
        .in_namespace(&key.namespace)
        .into_iter()
        .filter(owned)
        .collect();
    let api: Api<EndpointSlice> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let service = ctx
        .services
        .get(key)
        .filter(|service| service.metadata.deletion_timestamp.is_none());
    let wanted = match service
        .as_deref()
        .and_then(|service| Some((service, service_selector(service)?)))
    {
        Some((service, selector)) => {
            let pods = ctx.pods.in_namespace(&key.namespace);
            let pods: Vec<_> = pods.into_iter().filter(|pod| selector.matches(pod.labels())).collect();
            wanted_slices(ctx, service, &pods)
        }
        // Gone, or no longer ours: the garbage collector is slower.
        None => Vec::new(),
    };
    reconcile(&api, existing, wanted).await
}

/// Turns the existing slices into the wanted ones.
pub(crate) async fn reconcile(
    api: &Api<EndpointSlice>,
    mut existing: Vec<Arc<EndpointSlice>>,
    wanted: Vec<EndpointSlice>,
) -> Result<()> {
    for slice in wanted {
        // The slice that shares most with the wanted one needs the smallest write.
        let best = existing
            .iter()
            .enumerate()
            .filter(|(_, old)| old.address_type == slice.address_type);
        let best = best.max_by_key(|(_, old)| (old.ports == slice.ports, common(old, &slice)));
        match best.map(|(at, _)| at) {
            Some(at) => {
                let old = existing.swap_remove(at);
                update(api, &old, slice).await?;
            }
            None => {
                api.create(&PostParams::default(), &slice).await?;
            }
        }
    }
    for slice in existing {
        api.delete(&slice.name_any(), &DeleteParams::default())
            .await
            .unless_gone()?;
    }
    Ok(())
}

fn common(old: &EndpointSlice, new: &EndpointSlice) -> usize {
    let has = |endpoint: &&Endpoint| {
        new.endpoints
            .iter()
            .flatten()
            .any(|other| other.addresses == endpoint.addresses)
    };
    old.endpoints.iter().flatten().filter(has).count()
}

async fn update(api: &Api<EndpointSlice>, old: &EndpointSlice, new: EndpointSlice) -> Result<()> {
    let mut sorted = old.endpoints.clone().unwrap_or_default();
    sort(&mut sorted);
    let same = Some(&sorted) == new.endpoints.as_ref()
        && old.ports.as_deref().unwrap_or_default() == new.ports.as_deref().unwrap_or_default()
        && old.metadata.labels == new.metadata.labels
        && old.metadata.owner_references == new.metadata.owner_references;
    if same {
        return Ok(());
    }
    let mut changed = old.clone();
    changed.metadata.labels = new.metadata.labels;
    changed.metadata.owner_references = new.metadata.owner_references;
    changed.endpoints = new.endpoints;
    changed.ports = new.ports;
    api.replace(&old.name_any(), &PostParams::default(), &changed).await?;
    Ok(())
}

fn sort(endpoints: &mut [Endpoint]) {
    endpoints.sort_by(|a, b| a.addresses.cmp(&b.addresses));
}

/// Pods with the same ports share slices; a service without pods has one empty slice.
pub(super) fn wanted_slices(ctx: &Ctx, service: &Service, pods: &[Arc<Pod>]) -> Vec<EndpointSlice> {
    let families = service
        .spec
        .as_ref()
        .and_then(|spec| spec.ip_families.clone())
        .unwrap_or_default();
    let families = if families.is_empty() {
        vec!["IPv4".to_owned()]
    } else {
        families
    };
    let mut out = Vec::new();
    for family in families {
        let mut groups: BTreeMap<String, (Vec<EndpointPort>, Vec<Endpoint>)> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| is_candidate(pod)) {
            let Some(address) = address(pod, family == "IPv6") else {
                continue;
            };
            let ports = resolve_ports(service, pod);
            let group = groups
                .entry(format!("{ports:?}"))
                .or_insert_with(|| (ports, Vec::new()));
            group.1.push(endpoint(ctx, service, pod, address));
        }
        let before = out.len();
        for (ports, mut endpoints) in groups.into_values() {
            sort(&mut endpoints);
            for chunk in endpoints.chunks(MOST) {
                out.push(slice(service, &family, Some(ports.clone()), chunk.to_vec()));
            }
        }
        if out.len() == before {
            out.push(slice(service, &family, None, Vec::new()));
        }
    }
    out
}

fn slice(service: &Service, family: &str, ports: Option<Vec<EndpointPort>>, endpoints: Vec<Endpoint>) -> EndpointSlice {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS);
    if service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None") {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels.insert(SERVICE_NAME.to_owned(), service.name_any());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    EndpointSlice {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", service.name_any())),
            namespace: service.namespace(),
            labels: Some(labels),
            owner_references: Some(vec![controller_ref(service)]),
            ..ObjectMeta::default()
        },
        address_type: family.to_owned(),
        endpoints: Some(endpoints),
        ports,
    }
}
