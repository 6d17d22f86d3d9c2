//! Rights that one right must not bring along: acting as others, creating by changing, tokens beyond their object's life.

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::{Server, admin};
use crate::User;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn jane() -> User {
    User::authenticated("jane", Vec::<String>::new())
}

impl Server {
    /// Gives jane a role with these rules everywhere.
    async fn let_jane(&self, rules: Value) {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "jane"}, "rules": rules});
        let (status, answer) = self.post(&format!("{RBAC}/clusterroles"), &role).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "jane"},
            "subjects": [{"kind": "User", "name": "jane"}], "roleRef": {"kind": "ClusterRole", "name": "jane"}});
        let (status, answer) = self.post(&format!("{RBAC}/clusterrolebindings"), &binding).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }

    async fn jane(&self, method: Method, path: &str, body: &Value, media: &str) -> (u16, Value) {
        let (status, answer) = self.ask(jane(), method, path, &body.to_string(), media).await;
        (status.as_u16(), answer)
    }
}

#[tokio::test]
async fn a_uid_is_impersonated_by_leave_only() {
    let server = Server::start().await;
    server
        .let_jane(json!([{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}]))
        .await;
    let ask = async |uid: &str| {
        let mut request = Request::get("/version").header("impersonate-user", "john");
        if !uid.is_empty() {
            request = request.header("impersonate-uid", uid);
        }
        server
            .raw(jane(), request.body(String::new()).unwrap())
            .await
            .status()
            .as_u16()
    };
    assert_eq!((ask("").await, ask("u").await), (200, 403));
    let request = Request::get("/version").header("impersonate-uid", "u");
    let response = server.raw(admin(), request.body(String::new()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_name_that_is_not_ascii_is_a_name() {
    let server = Server::start().await;
    for (bytes, answer) in [
        ("jürgen".as_bytes(), StatusCode::FORBIDDEN),
        (b"\xfc", StatusCode::BAD_REQUEST),
    ] {
        let name = http::HeaderValue::from_bytes(bytes).unwrap();
        let request = Request::get("/api/v1/secrets").header("impersonate-user", name);
        let response = server.raw(admin(), request.body(String::new()).unwrap()).await;
        assert_eq!(response.status(), answer);
    }
}

#[tokio::test]
async fn who_may_change_may_not_create_by_changing() {
    let server = Server::start().await;
    let all = ["update", "patch"];
    server
        .let_jane(json!([
            {"apiGroups": [""], "resources": ["configmaps", "services"], "verbs": all},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": all},
        ]))
        .await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}});
    let path = "/api/v1/namespaces/default/configmaps/m?fieldManager=jane";
    let apply = "application/apply-patch+yaml";
    let (status, refused) = server.jane(Method::PATCH, path, &map, apply).await;
    assert_eq!(status, 403, "{refused}");
    assert_eq!(
        refused["message"],
        "configmaps \"m\" is forbidden: User \"jane\" cannot create resource \"configmaps\" in API group \"\" in the namespace \"default\""
    );
    server.post("/api/v1/namespaces/default/configmaps", &map).await;
    assert_eq!(server.jane(Method::PATCH, path, &map, apply).await.0, 200);
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}});
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let (status, refused) = server.jane(Method::PUT, path, &lease, "application/json").await;
    assert_eq!(status, 403, "{refused}");
    assert_eq!(server.put(path, &lease).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn reading_is_no_leave_to_run_something() {
    let server = Server::start().await.with_default_account().await;
    let resources = ["pods/exec", "pods/attach", "pods/portforward", "pods/log"];
    server
        .let_jane(json!([{"apiGroups": [""], "resources": resources, "verbs": ["get"]}]))
        .await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    server.post("/api/v1/namespaces/default/pods", &pod).await;
    for (what, expected) in [("exec", true), ("attach", true), ("portforward", true), ("log", false)] {
        let path = format!("/api/v1/namespaces/default/pods/p/{what}");
        let (status, answer) = server.jane(Method::GET, &path, &Value::Null, "").await;
        assert_eq!(status == 403, expected, "{what}: {answer}");
    }
}

#[tokio::test]
async fn roles_that_gather_rules_are_for_those_who_hold_all() {
    let server = Server::start().await;
    let verbs = ["create", "update", "patch", "get"];
    server
        .let_jane(json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": verbs}]))
        .await;
    let gathering = |name: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"any": "thing"}}]}})
    };
    let path = format!("{RBAC}/clusterroles");
    let (status, refused) = server
        .jane(Method::POST, &path, &gathering("own"), "application/json")
        .await;
    assert_eq!(status, 403, "{refused}");
    server.post(&path, &gathering("theirs")).await;
    let merge = "application/merge-patch+json";
    for patch in [
        json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"other": "thing"}}]}}),
        json!({"aggregationRule": null}),
        json!({"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}}),
    ] {
        let (status, answer) = server
            .jane(Method::PATCH, &format!("{path}/theirs"), &patch, merge)
            .await;
        assert_eq!(status, 403, "{patch}: {answer}");
    }
    // a label adds what the role holds to what others have
    let label = json!({"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}});
    let (status, answer) = server
        .jane(Method::PATCH, &format!("{path}/system:auth-delegator"), &label, merge)
        .await;
    assert_eq!(status, 403, "{answer}");
    let finalizers = json!({"metadata": {"finalizers": ["example.com/f"]}});
    let (status, answer) = server
        .jane(Method::PATCH, &format!("{path}/theirs"), &finalizers, merge)
        .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn bind_and_escalate_give_what_they_are_for() {
    let server = Server::start().await;
    let rbac = "rbac.authorization.k8s.io";
    server
        .let_jane(json!([
            {"apiGroups": [rbac], "resources": ["clusterroles", "clusterrolebindings"], "verbs": ["create"]},
            {"apiGroups": [rbac], "resources": ["clusterroles"], "resourceNames": ["view", "own"], "verbs": ["bind", "escalate"]},
        ]))
        .await;
    let bind = async |role: &str| {
        let binding = json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": format!("b-{role}")},
            "subjects": [{"kind": "User", "name": "jane"}], "roleRef": {"kind": "ClusterRole", "name": role}});
        let path = format!("{RBAC}/clusterrolebindings");
        server.jane(Method::POST, &path, &binding, "application/json").await.0
    };
    assert_eq!((bind("view").await, bind("edit").await), (201, 403));
    let write = async |name: &str| {
        let role = json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]});
        let path = format!("{RBAC}/clusterroles");
        server.jane(Method::POST, &path, &role, "application/json").await.0
    };
    assert_eq!((write("own").await, write("other").await), (201, 403));
}

#[tokio::test]
async fn rights_taken_while_rbac_was_behind_are_taken() {
    let server = Server::start().await;
    server
        .let_jane(json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]))
        .await;
    let list = async || {
        let path = "/api/v1/namespaces/default/configmaps";
        server.jane(Method::GET, path, &Value::Null, "").await.0
    };
    assert_eq!(list().await, 200);
    // admins' requests do not ask RBAC, so nobody reads its watches meanwhile
    server.delete(&format!("{RBAC}/clusterrolebindings/jane")).await;
    for number in 0..3 {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": format!("r{number}")}});
        server.post(&format!("{RBAC}/clusterroles"), &role).await;
    }
    server.api.store.compact(server.api.store.revision());
    assert_eq!(list().await, 403);
}

#[tokio::test]
async fn a_token_ends_with_what_it_is_bound_to() {
    let server = Server::start().await.with_default_account().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "p"}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "p"}});
    let (pods, secrets) = ("/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/secrets");
    for (path, object) in [(pods, pod), (secrets, secret), ("/api/v1/nodes", node)] {
        assert_eq!(server.post(path, &object).await.0, StatusCode::CREATED);
        let spec = json!({"boundObjectRef": {"apiVersion": "v1", "kind": object["kind"], "name": "p"}});
        let account = "/api/v1/namespaces/default/serviceaccounts/default/token";
        let (status, issued) = server.post(account, &json!({"spec": spec})).await;
        assert_eq!(status, StatusCode::CREATED, "{issued}");
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": issued["status"]["token"]}});
        let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
        let (_, before) = server.post(reviews, &review).await;
        assert_eq!(before["status"]["authenticated"], true, "{before}");
        let id = &before["status"]["user"]["extra"]["authentication.kubernetes.io/credential-id"][0];
        assert!(
            id.as_str().is_some_and(|id| id.starts_with("JTI=") && id.len() > 30),
            "{id}"
        );
        server.delete(&format!("{path}/p")).await;
        let (_, after) = server.post(reviews, &review).await;
        assert_eq!(after["status"]["authenticated"], false, "{path}: {after}");
        server.post(path, &object).await;
        let (_, again) = server.post(reviews, &review).await;
        assert_eq!(again["status"]["authenticated"], false, "{path}: {again}");
    }
}

#[tokio::test]
async fn a_review_names_the_audiences_that_the_token_is_for() {
    let server = Server::start().await.with_default_account().await;
    let account = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let (_, issued) = server
        .post(account, &json!({"spec": {"audiences": ["vault", "bank"]}}))
        .await;
    let review = async |audiences: &[&str]| {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": issued["status"]["token"], "audiences": audiences}});
        let (_, answer) = server
            .post("/apis/authentication.k8s.io/v1/tokenreviews", &review)
            .await;
        answer["status"].clone()
    };
    let shared = review(&["shop", "vault"]).await;
    assert_eq!(
        (&shared["authenticated"], &shared["audiences"]),
        (&json!(true), &json!(["vault"]))
    );
    assert_eq!(review(&["shop"]).await["authenticated"], false);
    assert_eq!(review(&[]).await["authenticated"], false);
}
