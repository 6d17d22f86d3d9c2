//! The controller against the real API server.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::*;
use crate::tests::{Cluster, until};

async fn start(cluster: &Cluster, name: &str, group: &str, resource: &str) -> Api<StorageVersionMigration> {
    let api: Api<StorageVersionMigration> = Api::all(cluster.client.clone());
    let object = json!({"metadata": {"name": name}, "spec": {"resource": {"group": group, "resource": resource}}});
    let object = serde_json::from_value(object).expect("object");
    api.create(&PostParams::default(), &object).await.expect("created");
    api
}

/// Waits until the migration has ended and says so, and gives the condition of its end.
async fn end(api: &Api<StorageVersionMigration>, name: &str) -> (StorageVersionMigration, Condition) {
    until(api, &format!("the end of {name}"), |all| {
        let migration = all.into_iter().find(|one| one.name_any() == name)?;
        let conditions = migration.status.as_ref()?.conditions.clone()?;
        let ended = conditions.iter().find(|one| one.type_ != RUNNING)?.clone();
        let stopped = conditions
            .iter()
            .any(|one| one.type_ == RUNNING && one.status == "False");
        stopped.then_some((migration, ended))
    })
    .await
}

#[tokio::test]
async fn objects_are_written_again_and_stay_as_they_are() {
    let cluster = Cluster::start().await;
    let map: ConfigMap = cluster
        .create(json!({"metadata": {"name": "map"}, "data": {"a": "b"}}))
        .await;
    let api = start(&cluster, "maps", "", "configmaps").await;
    let (migration, ended) = end(&api, "maps").await;
    assert_eq!(ended.type_, SUCCEEDED, "{ended:?}");
    let version = migration
        .status
        .and_then(|status| status.resource_version)
        .expect("version");
    let number = |version: &str| version.parse::<u64>().expect("number");
    assert!(number(&version) >= number(&map.resource_version().expect("version")));
    let now = cluster.api::<ConfigMap>().get("map").await.expect("map");
    assert_eq!((&now.data, now.uid()), (&map.data, map.uid()));
    assert_eq!(now.metadata.managed_fields, map.metadata.managed_fields);
}

#[tokio::test]
async fn of_two_migrations_of_a_resource_the_older_goes_first() {
    let cluster = Cluster::start().await;
    let api = start(&cluster, "a", "apps", "deployments").await;
    start(&cluster, "b", "apps", "deployments").await;
    let (first, _) = end(&api, "a").await;
    let (second, ended) = end(&api, "b").await;
    assert_eq!(ended.type_, SUCCEEDED, "{ended:?}");
    let version = |one: StorageVersionMigration| {
        let version = one.status.and_then(|status| status.resource_version);
        version.expect("version").parse::<u64>().expect("number")
    };
    assert!(version(first) <= version(second));
}

#[tokio::test]
async fn what_cannot_be_written_again_fails() {
    let cluster = Cluster::start().await;
    let api = start(&cluster, "reviews", "authorization.k8s.io", "subjectaccessreviews").await;
    let (_, ended) = end(&api, "reviews").await;
    assert_eq!(ended.type_, FAILED, "{ended:?}");
    assert!(
        ended.message.contains("does not support discovery operations"),
        "{ended:?}"
    );
    // its outcome is final
    let mut migration = api.get("reviews").await.expect("migration");
    let conditions = migration
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    conditions.retain(|one| one.type_ != FAILED);
    let refused = api.replace_status("reviews", &PostParams::default(), &migration).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("cannot be set to false once it is true"), "{error}");
}

#[tokio::test]
async fn what_is_migrated_must_be_named_and_stays() {
    let cluster = Cluster::start().await;
    let api: Api<StorageVersionMigration> = Api::all(cluster.client.clone());
    let create = async |resource: Value| {
        let object = json!({"metadata": {"name": "one"}, "spec": {"resource": resource}});
        let object: StorageVersionMigration = serde_json::from_value(object).expect("object");
        api.create(&PostParams::default(), &object).await
    };
    let error = create(json!({"group": "", "resource": ""})).await.expect_err("refused");
    assert!(error.to_string().contains("resource is required to be set"), "{error}");
    let error = create(json!({"group": "a b", "resource": "Pods"}))
        .await
        .expect_err("refused");
    let error = error.to_string();
    assert!(
        error.contains("spec.resource.group") && error.contains("spec.resource.resource"),
        "{error}"
    );
    create(json!({"group": "batch", "resource": "jobs"}))
        .await
        .expect("created");
    let patch = json!({"spec": {"resource": {"resource": "cronjobs"}}});
    let refused = api
        .patch(
            "one",
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(patch),
        )
        .await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("field is immutable"), "{error}");
}
