//! Objects that every cluster has: namespaces, priority classes, RBAC roles, the `kubernetes` service.

mod components;
mod controllers;
mod rbac;

use std::sync::Arc;

use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::object::Object as _;
use crate::registry::{Call, Part, create_object, now, update_object};
use crate::respond::Negotiated;
use crate::{Api, ApiError, Config, RequestInfo, User, aggregation, storage, user};

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Makes what is missing; touches nothing that is there, but for the endpoints of the API itself and rights that it lacks.
pub(crate) async fn ensure(api: &Arc<Api>) -> Result<(), ApiError> {
    try_join_all(
        NAMESPACES
            .iter()
            .map(|name| create(api, "", "v1", "namespaces", object("v1", "Namespace", "", name))),
    )
    .await?;
    let classes = [
        ("system-node-critical", 2_000_001_000_i64),
        ("system-cluster-critical", 2_000_000_000),
    ];
    let classes = classes.map(|(name, value)| {
        let mut class = object("scheduling.k8s.io/v1", "PriorityClass", "", name);
        class["value"] = value.into();
        class["preemptionPolicy"] = "PreemptLowerPriority".into();
        class
    });
    try_join_all(
        classes
            .into_iter()
            .map(|class| create(api, "scheduling.k8s.io", "v1", "priorityclasses", class)),
    )
    .await?;
    try_join_all(
        rbac::objects()
            .into_iter()
            .map(|(plural, object)| grant(api, plural, object)),
    )
    .await?;
    let (roles, bindings) = rbac::extension_reader();
    create(api, "rbac.authorization.k8s.io", "v1", "roles", roles).await?;
    create(api, "rbac.authorization.k8s.io", "v1", "rolebindings", bindings).await?;
    put(api, "", "v1", "configmaps", extension_authentication(&api.config)).await?;
    try_join_all(
        aggregation::local_services(&api.config.served)
            .into_iter()
            .map(|service| create(api, "apiregistration.k8s.io", "v1", "apiservices", service)),
    )
    .await?;
    service_range(api).await?;
    kubernetes_service(api).await
}

/// What extension API servers must know to believe requests that come by way of this one, and clients' certificates.
fn extension_authentication(config: &Config) -> Value {
    let mut map = object("v1", "ConfigMap", "kube-system", "extension-apiserver-authentication");
    map["data"] = json!({
        "client-ca-file": String::from_utf8_lossy(&config.ca),
        "requestheader-client-ca-file": String::from_utf8_lossy(&config.front_proxy_ca),
        "requestheader-allowed-names": "[\"front-proxy-client\"]",
        "requestheader-username-headers": "[\"X-Remote-User\"]",
        "requestheader-uid-headers": "[\"X-Remote-Uid\"]",
        "requestheader-group-headers": "[\"X-Remote-Group\"]",
        "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
    });
    map
}

/// The ServiceCIDR `kubernetes`: the range that services get their addresses from.
async fn service_range(api: &Arc<Api>) -> Result<(), ApiError> {
    let row = ("networking.k8s.io", "v1", "servicecidrs");
    let mut range = object("networking.k8s.io/v1", "ServiceCIDR", "", "kubernetes");
    range["spec"] = json!({"cidrs": [api.allocators.range().to_string()]});
    create(api, row.0, row.1, row.2, range.clone()).await?;
    with_call(api, row, &range, "update", async |call| {
        let ready = |live: &Value| {
            let mut wanted = live.clone();
            if wanted.pointer("/status/conditions/0").is_none() {
                wanted["status"] = json!({"conditions": [{"type": "Ready", "status": "True", "reason": "",
                    "message": "Kubernetes default Service CIDR is ready", "lastTransitionTime": now()}]});
            }
            Ok(wanted)
        };
        update_object(call, Part::Status, ready).await.map(drop)
    })
    .await
}

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

/// `default/kubernetes`, its Endpoints and its EndpointSlice.
async fn kubernetes_service(api: &Arc<Api>) -> Result<(), ApiError> {
    let address = api
        .allocators
        .first()
        .ok_or_else(|| ApiError::internal("the service range is empty"))?;
    let labels = json!({"component": "apiserver", "provider": "kubernetes"});
    let mut service = object("v1", "Service", "default", "kubernetes");
    service["metadata"]["labels"] = labels;
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    service["spec"] = json!({
        "type": "ClusterIP", "clusterIP": address.to_string(), "clusterIPs": [address.to_string()],
        "ipFamilies": [family], "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
        "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": api.config.port}],
    });
    create(api, "", "v1", "services", service).await?;
    let own = api.config.advertise.to_string();
    let mut endpoints = object("v1", "Endpoints", "default", "kubernetes");
    endpoints["metadata"]["labels"] = json!({"endpointslice.kubernetes.io/skip-mirror": "true"});
    endpoints["subsets"] =
        json!([{"addresses": [{"ip": own}], "ports": [{"name": "https", "port": api.config.port, "protocol": "TCP"}]}]);
    put(api, "", "v1", "endpoints", endpoints).await?;
    let mut slice = object("discovery.k8s.io/v1", "EndpointSlice", "default", "kubernetes");
    slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": "kubernetes"});
    slice["addressType"] = family.into();
    slice["endpoints"] = json!([{"addresses": [own], "conditions": {"ready": true}}]);
    slice["ports"] = json!([{"name": "https", "port": api.config.port, "protocol": "TCP"}]);
    put(api, "discovery.k8s.io", "v1", "endpointslices", slice).await
}

/// Runs `work` as the server itself on a resource.
async fn with_call<T>(
    api: &Arc<Api>,
    (group, version, plural): (&str, &str, &str),
    object: &Value,
    verb: &'static str,
    work: impl AsyncFnOnce(Call<'_>) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let resource = schema::resource(group, version, plural)
        .ok_or_else(|| ApiError::internal(format!("{plural} is not in the table")))?;
    let named = if verb == "update" {
        object.name().to_owned()
    } else {
        String::new()
    };
    let info = RequestInfo {
        is_resource: true,
        verb,
        group: group.to_owned(),
        version: version.to_owned(),
        namespace: object.namespace().to_owned(),
        resource: plural.to_owned(),
        name: named,
        ..RequestInfo::default()
    };
    let user = User::authenticated("system:apiserver", [user::MASTERS]);
    let call = Call {
        api,
        user: &user,
        info: &info,
        resource,
        negotiated: Negotiated::default(),
        manager: "kube-apiserver",
        span: None,
        applying: false,
    };
    work(call).await
}

async fn create(api: &Arc<Api>, group: &str, version: &str, plural: &str, object: Value) -> Result<(), ApiError> {
    let made = with_call(api, (group, version, plural), &object, "create", async |call| {
        if api
            .store
            .get(&storage::key(call.resource, object.namespace(), object.name()))
            .await?
            .is_some()
        {
            return Ok(());
        }
        create_object(call, object.clone()).await.map(drop)
    });
    match made.await {
        Err(error) if error.reason == "AlreadyExists" => Ok(()),
        other => other,
    }
}

/// Creates a role or binding, or adds what it lacks: a newer version may grant more.
async fn grant(api: &Arc<Api>, plural: &str, object: Value) -> Result<(), ApiError> {
    let row = ("rbac.authorization.k8s.io", "v1", plural);
    let Some(live) = api.peek(row.0, plural, object.namespace(), object.name()).await? else {
        return create(api, row.0, row.1, plural, object).await;
    };
    if rbac::completed(&live, &object).is_none() {
        return Ok(());
    }
    with_call(api, row, &object, "update", async |call| {
        let wanted = |live: &Value| Ok(rbac::completed(live, &object).unwrap_or_else(|| live.clone()));
        update_object(call, Part::Main, wanted).await.map(drop)
    })
    .await
}

/// Creates the object or brings everything but its metadata up to date.
async fn put(api: &Arc<Api>, group: &str, version: &str, plural: &str, object: Value) -> Result<(), ApiError> {
    create(api, group, version, plural, object.clone()).await?;
    with_call(api, (group, version, plural), &object, "update", async |call| {
        let wanted = |live: &Value| {
            let mut wanted = object.clone();
            wanted["metadata"] = live["metadata"].clone();
            Ok(wanted)
        };
        update_object(call, Part::Main, wanted).await.map(drop)
    })
    .await
}
