//! Who may do what.

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::{Server, admin};
use crate::User;

#[tokio::test]
async fn anonymous_users_see_health_and_version_only() {
    let server = Server::start().await;
    for (path, expected) in [
        ("/readyz", 200),
        ("/version", 200),
        ("/api/v1/pods", 403),
        ("/apis", 403),
    ] {
        let (status, answer) = server.ask(User::anonymous(), Method::GET, path, "", "").await;
        assert_eq!(status.as_u16(), expected, "{path}: {answer}");
    }
    let request = Request::get("/api/v1/pods")
        .header("authorization", "Bearer nonsense")
        .body(String::new())
        .unwrap();
    let peer = std::sync::Arc::new(crate::authn::Peer::default());
    let response = std::sync::Arc::clone(&server.api)
        .handle(peer, request.map(crate::body::full))
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_role_binding_takes_effect_at_once() {
    let server = Server::start().await;
    let jane = || User::authenticated("jane", Vec::<String>::new());
    let path = "/api/v1/namespaces/default/configmaps";
    let (status, refused) = server.ask(jane(), Method::GET, path, "", "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(
        refused["message"],
        "configmaps is forbidden: User \"jane\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"default\""
    );
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"},
        "subjects": [{"kind": "User", "name": "jane"}], "roleRef": {"kind": "ClusterRole", "name": "view"}});
    let (status, made) = server
        .post(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
            &binding,
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(server.ask(jane(), Method::GET, path, "", "").await.0, StatusCode::OK);
    assert_eq!(
        server
            .ask(jane(), Method::GET, "/api/v1/namespaces/kube-system/configmaps", "", "")
            .await
            .0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn nobody_grants_what_they_do_not_hold() {
    let server = Server::start().await;
    let role = |name: &str, resource: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": [resource, "clusterroles"], "verbs": ["get", "create"]}]})
    };
    server
        .post(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            &role("maker", "pods"),
        )
        .await;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "maker"},
        "subjects": [{"kind": "User", "name": "jane"}], "roleRef": {"kind": "ClusterRole", "name": "maker"}});
    server
        .post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding)
        .await;
    let jane = || User::authenticated("jane", Vec::<String>::new());
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let (status, _) = server
        .ask(
            jane(),
            Method::POST,
            path,
            &role("same", "pods").to_string(),
            "application/json",
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, refused) = server
        .ask(
            jane(),
            Method::POST,
            path,
            &role("more", "secrets").to_string(),
            "application/json",
        )
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
}

#[tokio::test]
async fn a_token_is_its_service_account_and_ends_with_it() {
    let server = Server::start().await.with_default_account().await;
    let path = "/api/v1/namespaces/default/serviceaccounts/default";
    let (status, issued) = server.post(&format!("{path}/token"), &json!({"spec": {}})).await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    let token = issued["status"]["token"].as_str().unwrap();
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let (_, reviewed) = server.post(reviews, &review).await;
    assert_eq!(
        reviewed["status"]["user"]["username"], "system:serviceaccount:default:default",
        "{reviewed}"
    );
    server.delete(path).await;
    let (_, reviewed) = server.post(reviews, &review).await;
    assert_eq!(reviewed["status"]["authenticated"], false);
}

#[tokio::test]
async fn a_kubelet_reads_only_the_secrets_of_its_pods() {
    let server = Server::start().await.with_default_account().await;
    let secret = |name: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
    for name in ["used", "other"] {
        server.post("/api/v1/namespaces/default/secrets", &secret(name)).await;
    }
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n1",
        "containers": [{"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "used"}}]}]}});
    server.post("/api/v1/namespaces/default/pods", &pod).await;
    let node = |name: &str| User::authenticated(format!("system:node:{name}"), ["system:nodes"]);
    let get = async |user: User, name: &str| {
        server
            .ask(
                user,
                Method::GET,
                &format!("/api/v1/namespaces/default/secrets/{name}"),
                "",
                "",
            )
            .await
            .0
            .as_u16()
    };
    assert_eq!(get(node("n1"), "used").await, 200);
    assert_eq!(get(node("n1"), "other").await, 403);
    assert_eq!(get(node("n2"), "used").await, 403);
    let other = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n2"}}).to_string();
    assert_eq!(
        server
            .ask(node("n1"), Method::POST, "/api/v1/nodes", &other, "application/json")
            .await
            .0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        server
            .ask(node("n2"), Method::POST, "/api/v1/nodes", &other, "application/json")
            .await
            .0,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_kubelet_reads_what_the_volumes_of_its_pods_are_mounted_with() {
    let server = Server::start().await.with_default_account().await;
    let make = async |path: &str, object: Value| {
        let (status, answer) = server.post(path, &object).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    };
    for name in ["mount", "attach", "inline"] {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
        make("/api/v1/namespaces/kube-system/secrets", secret.clone()).await;
        make("/api/v1/namespaces/default/secrets", secret).await;
    }
    let reference = |name: &str| json!({"name": name, "namespace": "kube-system"});
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": {
        "claimRef": {"namespace": "default", "name": "p-data"},
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": {"driver": "d", "volumeHandle": "h",
            "nodeStageSecretRef": reference("mount"), "controllerPublishSecretRef": reference("attach")}}});
    make("/api/v1/persistentvolumes", volume).await;
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "p-data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "volumeName": "disk", "resources": {"requests": {"storage": "1Gi"}}}});
    make("/api/v1/namespaces/default/persistentvolumeclaims", claim.clone()).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n1",
        "containers": [{"name": "c", "image": "i"}], "volumes": [
            {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": claim["spec"]}}},
            {"name": "inline", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "inline"}}}]}});
    make("/api/v1/namespaces/default/pods", pod).await;
    let get = async |node: &str, path: &str| {
        let user = User::authenticated(format!("system:node:{node}"), ["system:nodes"]);
        let path = format!("/api/v1/namespaces/{path}");
        server.ask(user, Method::GET, &path, "", "").await.0.as_u16()
    };
    assert_eq!(get("n1", "default/persistentvolumeclaims/p-data").await, 200);
    assert_eq!(get("n1", "kube-system/secrets/mount").await, 200);
    assert_eq!(get("n1", "default/secrets/inline").await, 200);
    // the attacher's, of another namespace, of another node
    assert_eq!(get("n1", "kube-system/secrets/attach").await, 403);
    assert_eq!(get("n1", "default/secrets/mount").await, 403);
    assert_eq!(get("n1", "kube-system/secrets/inline").await, 403);
    assert_eq!(get("n2", "kube-system/secrets/mount").await, 403);
    let size = json!({"status": {"capacity": {"storage": "2Gi"}}}).to_string();
    let patch = async |node: &str| {
        let user = User::authenticated(format!("system:node:{node}"), ["system:nodes"]);
        let path = "/api/v1/namespaces/default/persistentvolumeclaims/p-data/status";
        let kind = "application/merge-patch+json";
        server.ask(user, Method::PATCH, path, &size, kind).await.0.as_u16()
    };
    assert_eq!((patch("n1").await, patch("n2").await), (200, 403));
}

#[tokio::test]
async fn acting_as_somebody_else_needs_the_right_to() {
    let server = Server::start().await;
    let request = |path: &str| {
        Request::get(path)
            .header("impersonate-user", "jane")
            .body(String::new())
            .unwrap()
    };
    let response = server.raw(admin(), request("/api/v1/pods")).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let john = User::authenticated("john", Vec::<String>::new());
    let response = server.raw(john, request("/version")).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}
