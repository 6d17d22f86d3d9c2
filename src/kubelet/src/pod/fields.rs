//! The downward API: a pod's own fields and resources as text.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, ResourceFieldSelector};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::quantity::{milli, units};

/// A reference that points nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldError {
    #[error("unsupported fieldPath: {0}")]
    Field(String),
    #[error("unsupported container resource : {0}")]
    Resource(String),
    #[error("container {0} not found")]
    Container(String),
}

/// What a pod's own object does not say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) host_ips: Vec<String>,
    pub(crate) pod_ips: Vec<String>,
    pub(crate) node_name: String,
    /// Stand in for limits that are not set.
    pub(crate) allocatable: BTreeMap<String, Quantity>,
}

/// The value of a `fieldRef`.
pub(crate) fn field(pod: &Pod, path: &str, facts: &Facts) -> Result<String, FieldError> {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref();
    let value = match path {
        "metadata.name" => meta.name.clone(),
        "metadata.namespace" => meta.namespace.clone(),
        "metadata.uid" => meta.uid.clone(),
        "metadata.labels" => Some(lines(meta.labels.as_ref())),
        "metadata.annotations" => Some(lines(meta.annotations.as_ref())),
        "spec.nodeName" => Some(facts.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.hostIP" => facts.host_ips.first().cloned(),
        "status.hostIPs" => Some(facts.host_ips.join(",")),
        "status.podIP" => facts.pod_ips.first().cloned(),
        "status.podIPs" => Some(facts.pod_ips.join(",")),
        _ => Some(subscript(pod, path).ok_or_else(|| FieldError::Field(path.to_owned()))?),
    };
    Ok(value.unwrap_or_default())
}

/// `metadata.labels['key']` and `metadata.annotations['key']`.
fn subscript(pod: &Pod, path: &str) -> Option<String> {
    let (field, rest) = path.split_once("['")?;
    let key = rest.strip_suffix("']")?;
    let map = match field {
        "metadata.labels" => pod.metadata.labels.as_ref(),
        "metadata.annotations" => pod.metadata.annotations.as_ref(),
        _ => return None,
    };
    Some(map.and_then(|map| map.get(key)).cloned().unwrap_or_default())
}

fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let lines: Vec<String> = map
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    lines.join("\n")
}

/// The value of a `resourceFieldRef`; `own` is the container it appears in, where there is one.
pub(crate) fn resource(
    pod: &Pod,
    own: Option<&str>,
    selector: &ResourceFieldSelector,
    facts: &Facts,
) -> Result<String, FieldError> {
    let named = selector.container_name.as_deref().filter(|name| !name.is_empty());
    let name = named.or(own).unwrap_or_default();
    let container = pod.spec.as_ref().and_then(|spec| {
        spec.containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
            .find(|container| container.name == name)
    });
    let container = container.ok_or_else(|| FieldError::Container(name.to_owned()))?;
    let (kind, resource) = selector
        .resource
        .split_once('.')
        .ok_or_else(|| FieldError::Resource(selector.resource.clone()))?;
    let amount =
        amount(container, kind, resource, facts).ok_or_else(|| FieldError::Resource(selector.resource.clone()))?;
    let is_cpu = resource == "cpu";
    let divisor = selector
        .divisor
        .clone()
        .filter(|divisor| divisor.0 != "0")
        .unwrap_or(Quantity("1".to_owned()));
    let (value, divisor) = if is_cpu {
        (milli(&amount), milli(&divisor))
    } else {
        (units(&amount), units(&divisor))
    };
    Ok((value + divisor - 1)
        .checked_div(divisor)
        .unwrap_or_default()
        .to_string())
}

fn amount(container: &Container, kind: &str, resource: &str, facts: &Facts) -> Option<Quantity> {
    let resources = container.resources.as_ref();
    let zero = || Quantity("0".to_owned());
    match kind {
        "limits" => {
            let set = resources
                .and_then(|resources| resources.limits.as_ref())
                .and_then(|limits| limits.get(resource));
            Some(
                set.or_else(|| facts.allocatable.get(resource))
                    .cloned()
                    .unwrap_or_else(zero),
            )
        }
        "requests" => {
            let set = resources
                .and_then(|resources| resources.requests.as_ref())
                .and_then(|all| all.get(resource));
            Some(set.cloned().unwrap_or_else(zero))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p", "labels": { "b": "2", "a": "x\"y" } },
            "spec": { "containers": [{ "name": "c", "resources": { "limits": { "cpu": "1500m" } } }] }
        }))
        .unwrap()
    }

    #[test]
    fn maps_are_sorted_and_quoted() {
        let text = field(&pod(), "metadata.labels", &Facts::default()).unwrap();
        assert_eq!(text, "a=\"x\\\"y\"\nb=\"2\"");
        assert_eq!(field(&pod(), "metadata.labels['b']", &Facts::default()).unwrap(), "2");
    }

    #[test]
    fn cpu_rounds_up_to_whole_divisors() {
        let selector = |divisor: &str| ResourceFieldSelector {
            resource: "limits.cpu".into(),
            divisor: Some(Quantity(divisor.into())),
            ..Default::default()
        };
        assert_eq!(
            resource(&pod(), Some("c"), &selector("0"), &Facts::default()).unwrap(),
            "2"
        );
        assert_eq!(
            resource(&pod(), Some("c"), &selector("1m"), &Facts::default()).unwrap(),
            "1500"
        );
    }

    #[test]
    fn unset_limits_read_as_what_the_node_has() {
        let selector = ResourceFieldSelector {
            resource: "limits.memory".into(),
            ..Default::default()
        };
        let allocatable = BTreeMap::from([("memory".to_owned(), Quantity("1Ki".into()))]);
        let facts = Facts {
            allocatable,
            ..Facts::default()
        };
        assert_eq!(resource(&pod(), Some("c"), &selector, &facts).unwrap(), "1024");
    }
}
