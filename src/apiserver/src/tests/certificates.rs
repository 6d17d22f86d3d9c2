//! The way of a request for a certificate: made, approved, signed, each by whoever may.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Server;
use crate::User;

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

fn request(name: &str, organization: &str) -> Value {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "jane");
    params
        .distinguished_name
        .push(rcgen::DnType::OrganizationName, organization);
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {"request": STANDARD.encode(pem), "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}})
}

#[tokio::test]
async fn only_sound_requests_are_taken() {
    let server = Server::start().await;
    let (status, made) = server.post(REQUESTS, &request("good", "developers")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["spec"]["username"], "kubernetes-admin");
    let (status, refused) = server.post(REQUESTS, &request("masters", "system:masters")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    let mut broken = request("broken", "developers");
    let pem = STANDARD.decode(broken["spec"]["request"].as_str().unwrap()).unwrap();
    let mut pem = String::from_utf8(pem).unwrap();
    // one letter of the key or of the signature
    let middle = pem.len() / 2;
    let other = if &pem[middle..=middle] == "A" { "B" } else { "A" };
    pem.replace_range(middle..=middle, other);
    broken["spec"]["request"] = STANDARD.encode(pem).into();
    let (status, refused) = server.post(REQUESTS, &broken).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    broken["spec"]["request"] = STANDARD.encode("nonsense").into();
    let (_, refused) = server.post(REQUESTS, &broken).await;
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("PEM block type must be CERTIFICATE REQUEST"),
        "{message}"
    );
}

#[tokio::test]
async fn approving_takes_a_right_to_the_signer() {
    let server = Server::start().await;
    let (_, made) = server.post(REQUESTS, &request("r", "developers")).await;
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "approver"},
        "rules": [{"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/approval"], "verbs": ["update"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"},
        "subjects": [{"kind": "User", "name": "amy"}], "roleRef": {"kind": "ClusterRole", "name": "approver"}});
    server
        .post("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
        .await;
    server
        .post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding)
        .await;
    let mut approved = made.clone();
    approved["status"]["conditions"] = json!([{"type": "Approved", "status": "True", "reason": "Trusted"}]);
    let path = format!("{REQUESTS}/r/approval");
    let body = approved.to_string();
    let put = || {
        let amy = User::authenticated("amy", Vec::<String>::new());
        server.ask(amy, Method::PUT, &path, &body, "application/json")
    };
    let (status, refused) = put().await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("user not permitted to approve requests with signerName")
    );
    let mut role = role.clone();
    let signers = json!({"apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": ["kubernetes.io/*"], "verbs": ["approve"]});
    role["rules"].as_array_mut().unwrap().push(signers);
    let admin = super::admin();
    let path_of_role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/approver";
    server
        .ask(admin, Method::PUT, path_of_role, &role.to_string(), "application/json")
        .await;
    let (status, done) = put().await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let condition = &done["status"]["conditions"][0];
    assert_eq!(condition["reason"], "Trusted");
    assert!(
        condition["lastTransitionTime"].is_string() && condition["lastUpdateTime"].is_string(),
        "{condition}"
    );
}
