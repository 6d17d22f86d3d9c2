//! Autoscaling by metrics of somebody else's: an extension server behind an APIService serves them.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::{Cluster, until};

const CUSTOM: &str = "/apis/custom.metrics.k8s.io/v1beta2";
const EXTERNAL: &str = "/apis/external.metrics.k8s.io/v1beta1";

/// Discovery, one metric of a service, and one of nothing in the cluster.
fn answer(path: &str) -> Value {
    let list =
        |group: &str| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": []});
    let object = format!("{CUSTOM}/namespaces/default/services/web/requests");
    match path.split('?').next().unwrap_or_default() {
        CUSTOM => list("custom.metrics.k8s.io/v1beta2"),
        EXTERNAL => list("external.metrics.k8s.io/v1beta1"),
        path if path == object => json!({"items": [{"value": "50", "timestamp": "2026-01-01T00:00:00Z"}]}),
        path if path == format!("{EXTERNAL}/namespaces/default/queue") => {
            json!({"items": [{"value": "20"}, {"value": "9500m"}]})
        }
        _ => json!({"kind": "Status", "code": 404}),
    }
}

/// Serves on the loopback. Gives the port and the certificate.
async fn serve() -> (u16, String) {
    let own = rcgen::generate_simple_self_signed(vec!["metrics.default.svc".to_owned()]).expect("certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("TLS");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("port");
    let port = listener.local_addr().expect("address").port();
    drop(tasks::spawn("metrics", async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(socket).await else {
                continue;
            };
            let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
                let path = request.uri().path_and_query().map_or("", |path| path.as_str());
                let body = Full::new(Bytes::from(answer(path).to_string()));
                let response = Response::builder()
                    .header("content-type", "application/json")
                    .body(body);
                Ok::<_, std::convert::Infallible>(response.expect("response"))
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(tasks::spawn(
                "metrics-connection",
                async move { drop(connection.await) },
            ));
        }
    }));
    (port, own.cert.pem())
}

async fn register(cluster: &Cluster, group: &str, version: &str, port: u16, pem: &str) {
    let object: APIService = serde_json::from_value(json!({
        "metadata": {"name": format!("{version}.{group}")},
        "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
            "caBundle": base64::engine::general_purpose::STANDARD.encode(pem),
            "service": {"namespace": "default", "name": "metrics", "port": port}}}))
    .expect("object");
    let services: Api<APIService> = Api::all(cluster.client.clone());
    services
        .create(&PostParams::default(), &object)
        .await
        .expect("registered");
    until(&services, "the server to be available", |all| {
        let own = all.into_iter().find(|one| one.metadata.name == object.metadata.name)?;
        let conditions = own.status?.conditions?;
        conditions
            .iter()
            .any(|one| one.type_ == "Available" && one.status == "True")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn replicas_follow_metrics_that_an_extension_server_has() {
    let cluster = Cluster::start().await;
    let (port, pem) = serve().await;
    let _: Service = cluster
        .create(json!({"metadata": {"name": "metrics"}, "spec": {"type": "ExternalName", "externalName": "localhost"}}))
        .await;
    register(&cluster, "custom.metrics.k8s.io", "v1beta2", port, &pem).await;
    register(&cluster, "external.metrics.k8s.io", "v1beta1", port, &pem).await;
    let _: Deployment = cluster
        .create(json!({"metadata": {"name": "web"}, "spec": {"replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}}}))
        .await;
    cluster.roll_out("web").await;
    // 50 requests, ten each: five; 29.5 messages, ten each: three
    let average = json!({"type": "AverageValue", "averageValue": "10"});
    let described = json!({"apiVersion": "v1", "kind": "Service", "name": "web"});
    let _: HorizontalPodAutoscaler = cluster
        .create(
            json!({"metadata": {"name": "web"}, "spec": {"minReplicas": 1, "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 9, "periodSeconds": 15}]}},
            "metrics": [
                {"type": "External", "external": {"metric": {"name": "queue"}, "target": average}},
                {"type": "Object", "object": {"metric": {"name": "requests"}, "describedObject": described,
                    "target": average}},
            ]}}),
        )
        .await;
    cluster
        .until("five replicas", |all: Vec<Deployment>| {
            let wanted = all.first()?.spec.as_ref()?.replicas;
            (wanted == Some(5)).then_some(())
        })
        .await;
    let values = cluster
        .until("what was measured", |all: Vec<HorizontalPodAutoscaler>| {
            all.into_iter()
                .next()?
                .status?
                .current_metrics
                .filter(|metrics| metrics.len() == 2)
        })
        .await;
    let external = values[0]
        .external
        .as_ref()
        .and_then(|one| one.current.average_value.clone());
    let object = values[1]
        .object
        .as_ref()
        .and_then(|one| one.current.average_value.clone());
    assert_eq!(external.map(|value| value.0).as_deref(), Some("29500m"), "of one pod");
    assert_eq!(object.map(|value| value.0).as_deref(), Some("50"), "of one pod");
}
