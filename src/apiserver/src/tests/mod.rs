//! The whole server in one process: requests in, responses and store contents out.

mod access;
mod aggregation;
mod certificates;
mod documents;
mod eviction;
mod health;
mod impersonation;
mod lessons;
mod nodes;
mod objects;
mod policy;
mod tracing;
mod watching;
mod writing;

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use store::{Disk, Embedded};

use crate::authn::Peer;
use crate::{Api, Config, User, body, user};

/// A server on an empty store.
struct Server {
    api: Arc<Api>,
}

fn key() -> (Vec<u8>, Vec<u8>) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    (key.serialize_pem().into_bytes(), key.public_key_pem().into_bytes())
}

impl Server {
    async fn start() -> Self {
        Self::serving(schema::Served::default()).await
    }

    async fn serving(served: schema::Served) -> Self {
        let store = Embedded::start(Disk::in_memory().unwrap()).unwrap();
        Self::on(Arc::new(store), served).await
    }

    async fn on(store: Arc<dyn store::Store>, served: schema::Served) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (cert, cert_key) = (
            certificate.cert.pem().into_bytes(),
            certificate.signing_key.serialize_pem().into_bytes(),
        );
        let (private, public) = key();
        let config = Config {
            ca: cert.clone(),
            certificate: cert.clone(),
            key: cert_key.clone(),
            kubelet_client_certificate: cert.clone(),
            kubelet_client_key: cert_key.clone(),
            front_proxy_ca: cert.clone(),
            front_proxy_client_certificate: cert,
            front_proxy_client_key: cert_key,
            service_account_key: private,
            service_account_public_key: public,
            issuer: "https://kubernetes.default.svc.cluster.local".to_owned(),
            service_cidr: "10.96.0.0/16".parse().unwrap(),
            advertise: "192.0.2.1".parse().unwrap(),
            port: 6443,
            version: "v1.36.2+rkube.test".to_owned(),
            served,
        };
        Self {
            api: Api::start(config, store).await.unwrap(),
        }
    }

    async fn raw(&self, user: User, request: Request<String>) -> http::Response<crate::Body> {
        let peer = Arc::new(Peer { user: Some(user) });
        Arc::clone(&self.api).handle(peer, request.map(body::full)).await
    }

    async fn ask(&self, user: User, method: Method, path: &str, content: &str, media: &str) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media);
        let response = self.raw(user, request.body(content.to_owned()).unwrap()).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()),
        )
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(admin(), Method::GET, path, "", "application/json").await
    }

    async fn post(&self, path: &str, object: &Value) -> (StatusCode, Value) {
        self.ask(admin(), Method::POST, path, &object.to_string(), "application/json")
            .await
    }

    async fn put(&self, path: &str, object: &Value) -> (StatusCode, Value) {
        self.ask(admin(), Method::PUT, path, &object.to_string(), "application/json")
            .await
    }

    async fn patch(&self, path: &str, media: &str, patch: &Value) -> (StatusCode, Value) {
        self.ask(admin(), Method::PATCH, path, &patch.to_string(), media).await
    }

    async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.ask(admin(), Method::DELETE, path, "", "application/json").await
    }

    /// The account that pods need; the controller that makes it does not run here.
    async fn with_default_account(self) -> Self {
        let account =
            serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        assert_eq!(
            self.post("/api/v1/namespaces/default/serviceaccounts", &account)
                .await
                .0,
            StatusCode::CREATED
        );
        self
    }
}

fn admin() -> User {
    User::authenticated("kubernetes-admin", [user::MASTERS])
}
