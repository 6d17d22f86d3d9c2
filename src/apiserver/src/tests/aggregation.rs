//! An extension server behind the aggregation layer, over real TLS on the loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::{Server, admin};
use crate::User;
use crate::server::tls;

/// What the extension server answers for `/apis` and below, and what it says of a request to anything else.
fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let header = |name: &str| -> Vec<String> {
        let values = request.headers().get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    let (status, document) = match path {
        "/apis/fruit.example.com/v1" => (
            200,
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "fruit.example.com/v1", "resources": [
                {"name": "apples", "singularName": "apple", "namespaced": true, "kind": "Apple", "verbs": ["get", "list"]}]}),
        ),
        "/openapi/v3" => (
            200,
            json!({"paths": {"apis/fruit.example.com/v1": {"serverRelativeURL": "/openapi/v3/apis/fruit.example.com/v1?hash=1"},
                "version": {"serverRelativeURL": "/openapi/v3/version?hash=1"}}}),
        ),
        "/openapi/v3/apis/fruit.example.com/v1?hash=1" => (200, json!({"openapi": "3.0.0"})),
        "/openapi/v2" => (
            200,
            json!({"swagger": "2.0",
                "paths": {"/apis/fruit.example.com/v1/apples": {"get": {"responses": {"200": {"description": "OK",
                    "schema": {"$ref": "#/definitions/com.example.Apple"}}}}}, "/version/": {"get": {}}},
                "definitions": {
                    "com.example.Apple": {"type": "object", "description": "round", "properties": {"metadata": {
                        "$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}}},
                    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "description": "another"}}}),
        ),
        "/apis/fruit.example.com/v1/namespaces/default/apples/moved" => (302, Value::Null),
        path if path.starts_with("/apis/fruit.example.com/v1/") => (
            200,
            json!({"path": path, "user": header("x-remote-user"), "groups": header("x-remote-group"),
                "authorization": header("authorization")}),
        ),
        _ => (404, json!({"kind": "Status", "code": 404})),
    };
    let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}

/// Serves with a certificate for `name`, to clients of the front proxy's authority alone. Gives the port, the certificate and
/// the number of connections so far.
async fn extension(server: &Server, name: &str) -> (u16, String, Arc<AtomicUsize>) {
    let own = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let pem = own.cert.pem();
    let roots = tls::roots(&server.api.config.front_proxy_ca).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let config = rustls::ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            tls::certificates(pem.as_bytes()).unwrap(),
            tls::private_key(own.signing_key.serialize_pem().as_bytes()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    drop(tasks::spawn("extension", async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let Ok(stream) = acceptor.accept(socket).await else {
                continue;
            };
            let service =
                hyper::service::service_fn(
                    |request| async move { Ok::<_, std::convert::Infallible>(answer(&request)) },
                );
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(tasks::spawn(
                "extension-connection",
                async move { drop(connection.await) },
            ));
        }
    }));
    (port, pem, connections)
}

const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";

/// Registers `fruit.example.com/v1` at a service that leads to the loopback.
async fn register(server: &Server, port: u16, pem: &str) {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ext"},
        "spec": {"type": "ExternalName", "externalName": "localhost"}});
    let (status, made) = server.post("/api/v1/namespaces/default/services", &service).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let object = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.fruit.example.com"},
        "spec": {"group": "fruit.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
            "caBundle": base64::engine::general_purpose::STANDARD.encode(pem),
            "service": {"namespace": "default", "name": "ext", "port": port}}});
    let (status, made) = server.post(SERVICES, &object).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
}

async fn say_available(server: &Server, status: &str) {
    let patch = json!({"status": {"conditions": [{"type": "Available", "status": status, "reason": "Passed",
        "message": "as the test says", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    let path = format!("{SERVICES}/v1.fruit.example.com/status");
    let (code, answer) = server.patch(&path, "application/merge-patch+json", &patch).await;
    assert_eq!(code, StatusCode::OK, "{answer}");
}

const APPLES: &str = "/apis/fruit.example.com/v1/namespaces/default/apples";

#[tokio::test]
async fn an_available_server_is_told_who_asks() {
    let server = Server::start().await;
    let (port, pem, _) = extension(&server, "ext.default.svc").await;
    register(&server, port, &pem).await;
    let (status, refused) = server.get(APPLES).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
    say_available(&server, "True").await;
    let request = Request::get(format!("{APPLES}?limit=5&watch=true"))
        .header("authorization", "Bearer secret")
        .header("x-remote-user", "somebody-else")
        .body(String::new())
        .unwrap();
    let response = server.raw(admin(), request).await;
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let said: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(said["path"], format!("{APPLES}?limit=5&watch=true"));
    assert_eq!(said["user"], json!(["kubernetes-admin"]));
    assert_eq!(said["groups"], json!(["system:masters", "system:authenticated"]));
    assert_eq!(said["authorization"], json!([]));
    say_available(&server, "False").await;
    let (status, refused) = server.get(APPLES).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("as the test says"), "{message}");
}

#[tokio::test]
async fn who_may_not_ask_is_not_passed_on() {
    let server = Server::start().await;
    let (port, pem, _) = extension(&server, "ext.default.svc").await;
    register(&server, port, &pem).await;
    say_available(&server, "True").await;
    let jane = User::authenticated("jane", Vec::<String>::new());
    let (status, refused) = server.ask(jane, Method::GET, APPLES, "", "").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    let (status, refused) = server.get(&format!("{APPLES}/moved")).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{refused}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Server::start().await;
    let (port, pem, _) = extension(&server, "other.default.svc").await;
    register(&server, port, &pem).await;
    say_available(&server, "True").await;
    let (status, refused) = server.get(APPLES).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("certificate"), "{message}");
}

#[tokio::test]
async fn discovery_and_openapi_show_the_group() {
    let server = Server::start().await;
    let (port, pem, _) = extension(&server, "ext.default.svc").await;
    register(&server, port, &pem).await;
    let aggregated = async || {
        let request = Request::get("/apis")
            .header(
                "accept",
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            )
            .body(String::new());
        let response = server.raw(admin(), request.unwrap()).await;
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let list: Value = serde_json::from_slice(&bytes).unwrap();
        list["items"].as_array().unwrap().last().unwrap().clone()
    };
    let stale = aggregated().await;
    assert_eq!(stale["metadata"]["name"], "fruit.example.com", "{stale}");
    assert_eq!(stale["versions"][0]["freshness"], "Stale");
    say_available(&server, "True").await;
    let fresh = aggregated().await;
    assert_eq!(fresh["versions"][0]["freshness"], "Current");
    assert_eq!(fresh["versions"][0]["resources"][0]["resource"], "apples", "{fresh}");
    let (_, groups) = server.get("/apis").await;
    assert_eq!(groups["groups"][0]["name"], "apiregistration.k8s.io");
    let last = groups["groups"].as_array().unwrap().last().unwrap();
    assert_eq!(last["preferredVersion"]["groupVersion"], "fruit.example.com/v1");
    let (_, group) = server.get("/apis/fruit.example.com").await;
    assert_eq!(group["kind"], "APIGroup");
    let (_, resources) = server.get("/apis/fruit.example.com/v1").await;
    assert_eq!(resources["resources"][0]["name"], "apples");
    let (_, index) = server.get("/openapi/v3").await;
    let entry = &index["paths"]["apis/fruit.example.com/v1"]["serverRelativeURL"];
    assert_eq!(entry, "/openapi/v3/apis/fruit.example.com/v1?hash=1");
    assert!(
        index["paths"]
            .get("version")
            .is_none_or(|entry| entry != "/openapi/v3/version?hash=1")
    );
    let (_, document) = server.get(entry.as_str().unwrap()).await;
    assert_eq!(document["openapi"], "3.0.0");
    server.delete(&format!("{SERVICES}/v1.fruit.example.com")).await;
    let (status, _) = server.get("/apis/fruit.example.com").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_document_of_version_2_has_what_the_server_adds_while_it_is_there() {
    let server = Server::start().await;
    let (_, before) = server.get("/openapi/v2").await;
    assert!(before["definitions"].get("com.example.Apple").is_none());
    let (port, pem, _) = extension(&server, "ext.default.svc").await;
    register(&server, port, &pem).await;
    say_available(&server, "True").await;
    let (_, with) = server.get("/openapi/v2").await;
    let path = &with["paths"]["/apis/fruit.example.com/v1/apples"];
    assert!(path["get"]["responses"]["200"].is_object(), "{path}");
    assert!(with["paths"].get("/version/").is_none(), "that is this server's own");
    assert_eq!(with["definitions"]["com.example.Apple"]["description"], "round");
    let name = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    assert_eq!(with["definitions"][name], before["definitions"][name]);
    server.delete(&format!("{SERVICES}/v1.fruit.example.com")).await;
    let (_, after) = server.get("/openapi/v2").await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start().await;
    let (port, pem, connections) = extension(&server, "ext.default.svc").await;
    register(&server, port, &pem).await;
    say_available(&server, "True").await;
    // an answer may still be on its way back to the pool when the next request is sent
    let mut last = 0;
    for _ in 0..200 {
        let before = connections.load(Ordering::SeqCst);
        let (status, answer) = server.get(APPLES).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        last = connections.load(Ordering::SeqCst);
        if before > 0 && last == before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("every request made a connection; {last} by now");
}

#[tokio::test]
async fn groups_that_are_not_stable_are_shown_where_asked_for() {
    const CANDIDATES: &str = "/apis/coordination.k8s.io/v1beta1/leasecandidates";
    let server = Server::start().await;
    let (status, _) = server.get(CANDIDATES).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = server.get("/apis/coordination.k8s.io/v1beta1").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, index) = server.get("/openapi/v3").await;
    assert!(index["paths"].get("apis/storagemigration.k8s.io/v1beta1").is_none());
    let served = schema::Served::parse("api/beta=true,batch/v1=false").unwrap();
    let server = Server::serving(served).await;
    let (status, list) = server.get(CANDIDATES).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    let (_, group) = server.get("/apis/coordination.k8s.io").await;
    assert_eq!(group["preferredVersion"]["version"], "v1", "{group}");
    assert_eq!(group["versions"][1]["version"], "v1beta1", "{group}");
    let (_, index) = server.get("/openapi/v3").await;
    assert!(index["paths"]["apis/storagemigration.k8s.io/v1beta1"].is_object());
    let (status, service) = server.get(&format!("{SERVICES}/v1beta1.coordination.k8s.io")).await;
    assert_eq!(status, StatusCode::OK, "{service}");
    for gone in ["/apis/batch/v1/jobs", "/apis/batch", "/apis/internal.apiserver.k8s.io"] {
        let (status, _) = server.get(gone).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{gone}");
    }
}

#[tokio::test]
async fn own_groups_are_registered_and_extensions_know_whom_to_believe() {
    let server = Server::start().await;
    let (_, apps) = server.get(&format!("{SERVICES}/v1.apps")).await;
    assert_eq!(apps["spec"]["groupPriorityMinimum"], 17800, "{apps}");
    assert_eq!(
        apps["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"],
        "onstart"
    );
    let (_, core) = server.get(&format!("{SERVICES}/v1.")).await;
    assert_eq!(core["spec"]["version"], "v1", "{core}");
    let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    let (_, map) = server.get(path).await;
    assert!(
        map["data"]["requestheader-client-ca-file"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE"),
        "{map}"
    );
    let reader = User::authenticated("system:kube-scheduler", Vec::<String>::new());
    let (status, _) = server.ask(reader, Method::GET, path, "", "").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn an_api_service_is_checked_when_it_comes() {
    let server = Server::start().await;
    let object = |name: &str, spec: Value| {
        let mut object = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": {
            "group": "a.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}});
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        object
    };
    for (name, spec, said) in [
        ("v2.a.example.com", json!({}), "must be `spec.version+\".\"+spec.group`"),
        (
            "v1.a.example.com",
            json!({"groupPriorityMinimum": 0}),
            "must be positive and less than 20000",
        ),
        (
            "v1.a.example.com",
            json!({"insecureSkipTLSVerify": true}),
            "local APIServices may not have insecureSkipTLSVerify",
        ),
        (
            "v1.a.example.com",
            json!({"insecureSkipTLSVerify": true, "caBundle": "YQ==", "service": {"name": "a", "namespace": "b"}}),
            "may not be true if caBundle is present",
        ),
    ] {
        let (status, refused) = server.post(SERVICES, &object(name, spec)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert!(refused["message"].as_str().unwrap().contains(said), "{refused}");
    }
}
