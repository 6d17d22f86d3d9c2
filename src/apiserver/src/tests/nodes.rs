//! What a kubelet may do, and what it may not even though it has the credentials of a node.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Server;
use crate::User;

const PODS: &str = "/api/v1/namespaces/default/pods";
const MERGE: &str = "application/merge-patch+json";

fn kubelet(node: &str) -> User {
    User::authenticated(format!("system:node:{node}"), ["system:nodes"])
}

impl Server {
    async fn made(&self, path: &str, object: Value) -> Value {
        let (status, answer) = self.post(path, &object).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer
    }

    async fn as_kubelet(&self, method: Method, path: &str, body: &Value, media: &str) -> (u16, String) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, answer) = self.ask(kubelet("n1"), method, path, &body, media).await;
        let message = answer["message"].as_str().unwrap_or_default();
        (status.as_u16(), message.to_owned())
    }

    async fn kubelet_gets(&self, path: &str) -> u16 {
        self.as_kubelet(Method::GET, path, &Value::Null, "").await.0
    }

    async fn with_node(self) -> (Self, String) {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1",
            "labels": {"node-restriction.kubernetes.io/fips": "true"}}});
        let made = self.made("/api/v1/nodes", node).await;
        let uid = made["metadata"]["uid"].as_str().unwrap().to_owned();
        (self, uid)
    }
}

fn pod(name: &str, node: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}})
}

fn mirror(name: &str, uid: &str) -> Value {
    let mut mirror = pod(name, "n1");
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "h"});
    mirror["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid, "controller": true}]);
    mirror
}

#[tokio::test]
async fn mirrors_are_owned_by_their_node_and_read_nothing() {
    let (server, uid) = Server::start().await.with_default_account().await.with_node().await;
    let post = async |object: &Value| server.as_kubelet(Method::POST, PODS, object, "application/json").await;
    assert_eq!(post(&mirror("good", &uid)).await.0, 201);
    let changed = |pointer: &str, value: Value| {
        let mut mirror = mirror("bad", &uid);
        *mirror.pointer_mut(pointer).unwrap() = value;
        mirror
    };
    let mut orphan = mirror("bad", &uid);
    orphan["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    let owner = "/metadata/ownerReferences/0";
    let volume = |source: Value| {
        let mut mirror = mirror("bad", &uid);
        mirror["spec"]["volumes"] = json!([{"name": "v"}]);
        let fields = source.as_object().unwrap().clone();
        mirror["spec"]["volumes"][0].as_object_mut().unwrap().extend(fields);
        mirror
    };
    let mut env = mirror("bad", &uid);
    env["spec"]["containers"][0]["envFrom"] = json!([{"secretRef": {"name": "s"}}]);
    let mut account = mirror("bad", &uid);
    account["spec"]["serviceAccountName"] = "default".into();
    for refused in [
        pod("bad", "n1"),
        orphan,
        changed("/spec/nodeName", "n2".into()),
        changed(&format!("{owner}/uid"), "other".into()),
        changed(&format!("{owner}/name"), "n2".into()),
        changed(&format!("{owner}/controller"), false.into()),
        env,
        account,
        volume(json!({"secret": {"secretName": "s"}})),
        volume(json!({"configMap": {"name": "s"}})),
        volume(json!({"persistentVolumeClaim": {"claimName": "s"}})),
        volume(json!({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}})),
        volume(json!({"projected": {"sources": [{"downwardAPI": {}, "serviceAccountToken": {"path": "t"}}]}})),
        volume(json!({"csi": {"driver": "d"}})),
    ] {
        let (status, message) = post(&refused).await;
        assert_eq!(status, 403, "{message}: {refused}");
    }
    assert_eq!(post(&volume(json!({"emptyDir": {}}))).await.0, 201);
}

#[tokio::test]
async fn a_kubelet_spends_no_budget_of_pods_elsewhere() {
    let (server, _) = Server::start().await.with_default_account().await.with_node().await;
    let mut other = pod("other", "n2");
    other["metadata"]["labels"] = json!({"a": "b"});
    server.made(PODS, other).await;
    let running = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    server.patch(&format!("{PODS}/other/status"), MERGE, &running).await;
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
    server.made(budgets, budget).await;
    let status = json!({"status": {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 0,
        "expectedPods": 1}});
    server.patch(&format!("{budgets}/b/status"), MERGE, &status).await;
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "other"}});
    let path = format!("{PODS}/other/eviction");
    let (status, message) = server
        .as_kubelet(Method::POST, &path, &eviction, "application/json")
        .await;
    assert_eq!(status, 403, "{message}");
    assert_eq!(
        server.get(&format!("{budgets}/b")).await.1["status"]["disruptionsAllowed"],
        1
    );
}

#[tokio::test]
async fn a_mirror_gives_its_node_no_secrets_whoever_made_it() {
    let (server, uid) = Server::start().await.with_default_account().await.with_node().await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    server.made("/api/v1/namespaces/default/secrets", secret).await;
    let path = "/api/v1/namespaces/default/configmaps";
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}});
    server.made(path, map).await;
    let mut with_secret = mirror("m", &uid);
    with_secret["spec"]["volumes"] = json!([{"name": "v", "secret": {"secretName": "s"}}]);
    let (status, refused) = server.post(PODS, &with_secret).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(
        refused["message"],
        "pods \"m\" is forbidden: a mirror pod may not reference secrets"
    );
    let mut with_map = mirror("m", &uid);
    with_map["spec"]["volumes"] = json!([{"name": "v", "configMap": {"name": "s"}}]);
    server.made(PODS, with_map).await;
    assert_eq!(server.kubelet_gets(&format!("{path}/s")).await, 403);
}

#[tokio::test]
async fn a_kubelet_reads_its_own_node_and_pods_only() {
    let (server, _) = Server::start().await.with_default_account().await.with_node().await;
    server.made(PODS, pod("mine", "n1")).await;
    server.made(PODS, pod("other", "n2")).await;
    for (path, expected) in [
        ("/api/v1/nodes/n1", 200),
        ("/api/v1/nodes?fieldSelector=metadata.name%3Dn1", 200),
        ("/api/v1/nodes/n2", 403),
        ("/api/v1/nodes", 403),
        ("/api/v1/nodes?fieldSelector=metadata.name!%3Dn1", 403),
        ("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", 200),
        ("/api/v1/namespaces/default/pods/mine", 200),
        ("/api/v1/namespaces/default/pods/other", 403),
        ("/api/v1/namespaces/default/pods/missing", 403),
        ("/api/v1/pods", 403),
        ("/api/v1/pods?fieldSelector=spec.nodeName%3Dn2", 403),
        ("/api/v1/pods?fieldSelector=spec.nodeName!%3Dn1", 403),
        (
            "/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dmine",
            200,
        ),
        (
            "/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dother",
            403,
        ),
    ] {
        assert_eq!(server.kubelet_gets(path).await, expected, "{path}");
    }
    let review = |selector: Value| {
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
            "user": "system:node:n1", "groups": ["system:nodes"],
            "resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": selector}}})
    };
    for (selector, allowed) in [
        (Value::Null, false),
        (json!({"rawSelector": "spec.nodeName=n1"}), true),
        (
            json!({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}]}),
            true,
        ),
        (
            json!({"requirements": [{"key": "spec.nodeName", "operator": "NotIn", "values": ["n1"]}]}),
            false,
        ),
    ] {
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let (_, answer) = server.post(path, &review(selector.clone())).await;
        assert_eq!(answer["status"]["allowed"], allowed, "{selector}");
    }
}

#[tokio::test]
async fn volumes_and_attachments_are_read_where_they_are_used() {
    let (server, _) = Server::start().await.with_default_account().await.with_node().await;
    let volume = |name: &str, claim: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"},
            "claimRef": {"namespace": "default", "name": claim}}})
    };
    server.made("/api/v1/persistentvolumes", volume("used", "c")).await;
    server.made("/api/v1/persistentvolumes", volume("other", "d")).await;
    let mut user = pod("p", "n1");
    user["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
    server.made(PODS, user).await;
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let attachments = "/apis/storage.k8s.io/v1/volumeattachments";
    for node in ["n1", "n2"] {
        let attachment = json!({"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": node},
            "spec": {"attacher": "d", "nodeName": node, "source": {"persistentVolumeName": "used"}}});
        server.made(attachments, attachment).await;
    }
    for (path, expected) in [
        ("/api/v1/persistentvolumes/used".to_owned(), 200),
        ("/api/v1/persistentvolumes/other".to_owned(), 403),
        ("/api/v1/persistentvolumes".to_owned(), 403),
        // as the kubelet watches the claims of its pods
        (format!("{claims}?fieldSelector=metadata.name%3Dc"), 200),
        (format!("{claims}?fieldSelector=metadata.name%3Dd"), 403),
        (claims.to_owned(), 403),
        (format!("{attachments}/n1"), 200),
        (format!("{attachments}/n2"), 403),
    ] {
        assert_eq!(server.kubelet_gets(&path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_node_does_not_give_itself_workloads() {
    let (server, _) = Server::start().await.with_node().await;
    let patch = async |patch: Value| {
        server
            .as_kubelet(Method::PATCH, "/api/v1/nodes/n1", &patch, MERGE)
            .await
    };
    let labels = |labels: Value| json!({"metadata": {"labels": labels}});
    for refused in [
        labels(json!({"node-restriction.kubernetes.io/fips": null})),
        labels(json!({"node-role.kubernetes.io/control-plane": ""})),
        json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}),
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u"}]}}),
    ] {
        let (status, message) = patch(refused.clone()).await;
        assert_eq!(status, 403, "{refused}: {message}");
    }
    let (status, message) = patch(labels(
        json!({"topology.kubernetes.io/zone": "z", "example.com/a": "b"}),
    ))
    .await;
    assert_eq!(status, 200, "{message}");
}

#[tokio::test]
async fn statuses_are_written_without_what_is_no_status() {
    let (server, _) = Server::start().await.with_default_account().await.with_node().await;
    let mut used = pod("p", "n1");
    used["metadata"]["labels"] = json!({"app": "a"});
    used["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
    server.made(PODS, used).await;
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    server.made(claims, claim).await;
    let (pod, claim) = (format!("{PODS}/p/status"), format!("{claims}/c/status"));
    for (path, patch, expected) in [
        (&pod, json!({"metadata": {"labels": {"app": "b"}}}), 403),
        (&pod, json!({"status": {"message": "x"}}), 200),
        (&claim, json!({"status": {"phase": "Bound"}}), 403),
        (&claim, json!({"metadata": {"annotations": {"a": "b"}}}), 403),
        (&claim, json!({"status": {"capacity": {"storage": "2Gi"}}}), 200),
    ] {
        let (status, message) = server.as_kubelet(Method::PATCH, path, &patch, MERGE).await;
        assert_eq!(status, expected, "{path} {patch}: {message}");
    }
}

#[tokio::test]
async fn what_is_named_like_a_node_is_made_by_that_node() {
    let (server, _) = Server::start().await.with_node().await;
    let path = "/apis/storage.k8s.io/v1/csinodes";
    let csi = |name: &str| json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": name}, "spec": {"drivers": []}});
    let post = async |name: &str| {
        server
            .as_kubelet(Method::POST, path, &csi(name), "application/json")
            .await
            .0
    };
    assert_eq!((post("n2").await, post("n1").await), (403, 201));
    let mut params = rcgen::CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "system:node:n2");
    let key = rcgen::KeyPair::generate().unwrap();
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    let request = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, request);
    let object = json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "r"},
        "spec": {"signerName": "kubernetes.io/kubelet-serving", "request": request, "usages": ["server auth"]}});
    let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let (status, message) = server.as_kubelet(Method::POST, path, &object, "application/json").await;
    assert_eq!(status, 403);
    assert!(
        message.contains("can only create a node CSR with CN=system:node:n1"),
        "{message}"
    );
}

#[tokio::test]
async fn a_kubelet_has_tokens_of_its_pods_alone() {
    let (server, _) = Server::start().await.with_default_account().await.with_node().await;
    let mut audience = pod("mine", "n1");
    audience["spec"]["volumes"] = json!([{"name": "t", "projected": {"sources": [
        {"serviceAccountToken": {"path": "t", "audience": "vault"}}]}}]);
    let uid = |pod: &Value| pod["metadata"]["uid"].clone();
    let mine = uid(&server.made(PODS, audience).await);
    let other = uid(&server.made(PODS, pod("other", "n2")).await);
    let ask = async |spec: Value| {
        let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
        server.as_kubelet(Method::POST, path, &body, "application/json").await
    };
    let bound = |name: &str, uid: &Value| json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid});
    for (spec, expected) in [
        (json!({}), 403),
        (json!({"boundObjectRef": bound("mine", &"".into())}), 403),
        (json!({"boundObjectRef": bound("mine", &other)}), 403),
        (json!({"boundObjectRef": bound("other", &other)}), 403),
        (
            json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Node", "name": "n1"}}),
            403,
        ),
        (
            json!({"boundObjectRef": bound("mine", &mine), "audiences": ["bank"]}),
            403,
        ),
        (
            json!({"boundObjectRef": bound("mine", &mine), "audiences": ["vault", "bank"]}),
            403,
        ),
        (
            json!({"boundObjectRef": bound("mine", &mine), "audiences": ["vault"]}),
            201,
        ),
        (json!({"boundObjectRef": bound("mine", &mine)}), 201),
    ] {
        let (status, message) = ask(spec.clone()).await;
        assert_eq!(status, expected, "{spec}: {message}");
    }
}
