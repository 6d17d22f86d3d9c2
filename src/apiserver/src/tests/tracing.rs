//! Traces: who asks for one, what it tells, and to whom.

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::{Server, admin};
use crate::User;

const ID: &str = "0af7651916cd43dd8448eb211c80319c";

impl Server {
    /// A request that asks to be traced.
    async fn traced(&self, user: User, method: Method, path: &str, object: &Value) -> (StatusCode, Value) {
        let id: traces::Id = ID.parse().unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        for (name, value) in id.headers() {
            request = request.header(name, value);
        }
        let body = if object.is_null() {
            String::new()
        } else {
            object.to_string()
        };
        let response = self.raw(user, request.body(body).unwrap()).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn story(&self, user: User) -> (StatusCode, Value) {
        self.ask(user, Method::GET, &format!("/traces/{ID}"), "", "application/json")
            .await
    }

    /// Whom RBAC allows `rules`, everywhere.
    async fn allowed(&self, name: &str, rules: Value) -> User {
        let role = json!({"metadata": {"name": name}, "rules": rules});
        let binding = json!({"metadata": {"name": name}, "subjects": [{"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}});
        let path = "/apis/rbac.authorization.k8s.io/v1";
        assert_eq!(self.post(&format!("{path}/clusterroles"), &role).await.0, 201);
        assert_eq!(self.post(&format!("{path}/clusterrolebindings"), &binding).await.0, 201);
        User::authenticated(name, Vec::<String>::new())
    }
}

fn map(name: &str, owner: Option<&str>) -> Value {
    let mut map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"password": "hunter2"}});
    if let Some(uid) = owner {
        map["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": uid}]);
    }
    map
}

fn pod(replicas: &Value) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// `type` and what else matters of each entry.
fn lines(story: &Value) -> Vec<String> {
    let entries = story["entries"].as_array().unwrap();
    let line = |entry: &Value| {
        let what = &entry["what"];
        let text = |field: &str| what[field].as_str().unwrap_or_default().to_owned();
        let object = what["object"]["name"].as_str().unwrap_or_default();
        let words = [
            text("type"),
            text("name"),
            text("outcome"),
            text("verb"),
            object.to_owned(),
        ];
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    entries.iter().map(line).collect()
}

#[tokio::test]
async fn a_request_is_followed_to_what_is_owned_by_what_it_wrote() {
    let server = Server::start().await;
    let (code, first) = server.traced(admin(), Method::POST, MAPS, &map("first", None)).await;
    assert_eq!(code, 201, "{first}");
    let uid = first["metadata"]["uid"].as_str().unwrap();
    let (code, second) = server.post(MAPS, &map("second", Some(uid))).await;
    assert_eq!(code, 201, "{second}");
    server
        .post(MAPS, &map("third", second["metadata"]["uid"].as_str()))
        .await;
    server.post(MAPS, &map("foreign", None)).await;
    let (code, story) = server.story(admin()).await;
    assert_eq!(code, 200, "{story}");
    let expected = [
        "request create first",
        "phase authentication passed",
        "phase authorization passed",
        "phase defaults passed",
        "phase admission passed",
        "phase validation passed",
        "phase admission passed",
        "phase store passed",
        "write create second",
        "write create third",
    ];
    assert_eq!(lines(&story), expected, "{story:#}");
    assert_eq!(story["entries"][9]["depth"], 2);
    assert!(
        !story.to_string().contains("hunter2"),
        "contents of objects are nobody's business: {story}"
    );
}

#[tokio::test]
async fn defaults_and_wrong_fields_are_told_but_not_their_values() {
    let server = Server::start().await;
    server.traced(admin(), Method::POST, DEPLOYMENTS, &pod(&json!(2))).await;
    let (code, _) = server
        .traced(admin(), Method::POST, DEPLOYMENTS, &pod(&json!(-2)))
        .await;
    assert_eq!(code, 422);
    let (_, story) = server.story(admin()).await;
    let entries = story["entries"].as_array().unwrap();
    let defaults = entries
        .iter()
        .find(|entry| entry["what"]["name"] == "defaults")
        .unwrap();
    assert_eq!(defaults["what"]["outcome"], "changed");
    assert!(
        defaults["what"]["detail"].as_str().unwrap().parse::<u32>().unwrap() > 5,
        "{defaults}"
    );
    let invalid = entries.iter().find(|entry| entry["what"]["code"] == 422).unwrap();
    assert_eq!(invalid["what"]["reason"], "Invalid");
    assert_eq!(invalid["what"]["fields"], json!(["spec.replicas: FieldValueInvalid"]));
    assert_eq!(lines(&story).last().unwrap(), "phase validation refused");
}

#[tokio::test]
async fn a_refusal_tells_which_right_was_missing_and_a_permission_which_binding_gave_it() {
    let server = Server::start().await;
    let jane = server
        .allowed(
            "jane",
            json!([{"verbs": ["get", "create"], "apiGroups": [""], "resources": ["configmaps"]}]),
        )
        .await;
    server
        .traced(jane.clone(), Method::POST, MAPS, &map("hers", None))
        .await;
    let (code, _) = server.traced(jane, Method::POST, DEPLOYMENTS, &pod(&json!(1))).await;
    assert_eq!(code, 403);
    let (_, story) = server.story(admin()).await;
    let decisions: Vec<&Value> = story["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["what"])
        .collect();
    let decisions: Vec<&&Value> = decisions
        .iter()
        .filter(|what| what["name"] == "authorization")
        .collect();
    assert_eq!(
        decisions[0]["detail"],
        "RBAC: allowed by ClusterRoleBinding \"jane\" of ClusterRole \"jane\""
    );
    assert_eq!(decisions[1]["outcome"], "refused");
    let why = decisions[1]["detail"].as_str().unwrap();
    assert!(
        why.contains("cannot create resource \"deployments\" in API group \"apps\" in the namespace \"default\""),
        "{why}"
    );
}

#[tokio::test]
async fn a_reader_needs_the_right_to_traces_and_sees_only_objects_that_they_may_get() {
    let server = Server::start().await;
    server.traced(admin(), Method::POST, MAPS, &map("first", None)).await;
    let nobody = User::authenticated("nobody", Vec::<String>::new());
    assert_eq!(server.story(nobody).await.0, 403);
    let urls = json!({"verbs": ["get"], "nonResourceURLs": ["/traces", "/traces/*"]});
    let reader = server.allowed("reader", json!([urls.clone()])).await;
    let (code, story) = server.story(reader).await;
    assert_eq!(
        (code, story["entries"].as_array().map(Vec::len), &story["withheld"]),
        (StatusCode::OK, Some(0), &json!(1))
    );
    let maps = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]});
    let both = server.allowed("both", json!([urls, maps])).await;
    let (_, story) = server.story(both).await;
    assert_eq!(lines(&story)[0], "request create first");
}

#[tokio::test]
async fn whoever_presents_no_credential_and_whoever_does_not_ask_leaves_no_trace() {
    let server = Server::start().await;
    server.traced(User::anonymous(), Method::GET, MAPS, &Value::Null).await;
    server.post(MAPS, &map("plain", None)).await;
    let (_, list) = server.get("/traces").await;
    assert_eq!(list["traces"], json!([]));
    assert_eq!(server.story(admin()).await.0, 404);
    assert_eq!(server.get("/traces/zz").await.0, 400);
    server
        .traced(admin(), Method::DELETE, &format!("{MAPS}/plain"), &Value::Null)
        .await;
    let (_, list) = server.get("/traces").await;
    assert_eq!(list["traces"][0]["verb"], "delete");
    assert_eq!(list["traces"][0]["id"], ID);
}

#[tokio::test]
async fn the_list_names_no_object_that_its_reader_may_not_get() {
    let server = Server::start().await;
    assert_eq!(server.post(MAPS, &map("hidden", None)).await.0, 201);
    let path = format!("{MAPS}/hidden");
    assert_eq!(server.traced(admin(), Method::DELETE, &path, &Value::Null).await.0, 200);
    let paths = json!({"nonResourceURLs": ["/traces", "/traces/*"], "verbs": ["get"]});
    let maps = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]});
    let reader = server.allowed("reader", json!([paths])).await;
    let knower = server.allowed("knower", json!([paths, maps])).await;
    for (user, count) in [(reader, 0), (knower, 1), (admin(), 1)] {
        let (code, answer) = server.ask(user, Method::GET, "/traces", "", "application/json").await;
        assert_eq!(
            (code.as_u16(), answer["traces"].as_array().unwrap().len()),
            (200, count),
            "{answer}"
        );
    }
}
