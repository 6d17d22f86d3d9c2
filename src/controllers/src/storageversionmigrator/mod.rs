//! Writes the objects of a resource again, so that they are stored as they would be now.
//!
//! Runs where `storagemigration.k8s.io/v1beta1` is served. Of the migrations of one resource the oldest runs and the others
//! wait. Semantics: `k8s.io/kubernetes/pkg/controller/storageversionmigrator`.

mod migrate;
mod resource;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::storagemigration::v1beta1::StorageVersionMigration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::PostParams;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};

use crate::shared::error::Tolerate as _;
use crate::shared::optional::is_served;
use crate::shared::{Ctx, Error, Informer, Key, Queue, Result, work};
use migrate::Outcome;
use resource::{Found, Target};

const RUNNING: &str = "Running";
const SUCCEEDED: &str = "Succeeded";
const FAILED: &str = "Failed";
/// How long a resource may take to appear in discovery.
const PATIENCE: Duration = Duration::from_secs(60);

type Migrations = Informer<StorageVersionMigration>;

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    if !is_served::<StorageVersionMigration>(&ctx.client).await {
        return std::future::pending().await;
    }
    let migrations = Arc::new(Migrations::default());
    let queue = Queue::new();
    let (weak, weak_migrations) = (Arc::downgrade(&queue), Arc::downgrade(&migrations));
    migrations.on(move |old, new| {
        let (Some(queue), Some(migrations)) = (weak.upgrade(), weak_migrations.upgrade()) else {
            return false;
        };
        if let Some(new) = new {
            queue.add(Key::of(new.as_ref()));
        }
        // one that ends or goes makes room for the next
        if let Some(changed) = new.or(old).filter(|one| new.is_none() || is_done(one)) {
            let waiting = migrations.list().into_iter().filter(|one| of_same(one, changed));
            waiting.for_each(|one| queue.add(Key::of(one.as_ref())));
        }
        true
    });
    let migrate = async {
        migrations.synced().await;
        work("storageversionmigrator", &queue, 5, |key: Key| {
            let (client, migrations) = (ctx.client.clone(), migrations.clone());
            async move { sync(&client, &migrations, &key).await }
        })
        .await
    };
    let config = watcher::Config::default();
    tokio::try_join!(migrations.run(Api::all(ctx.client.clone()), config), migrate)?;
    Ok(())
}

/// Group and plural name of what is migrated.
fn of(migration: &StorageVersionMigration) -> (&str, &str) {
    let resource = migration.spec.as_ref().map(|spec| &spec.resource);
    resource.map_or(("", ""), |resource| (&resource.group, &resource.resource))
}

fn of_same(one: &StorageVersionMigration, other: &StorageVersionMigration) -> bool {
    one.uid() != other.uid() && of(one) == of(other)
}

fn is_true(migration: &StorageVersionMigration, ty: &str) -> bool {
    let status = migration.status.iter();
    let mut conditions = status.flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == ty && condition.status == "True")
}

fn is_done(migration: &StorageVersionMigration) -> bool {
    is_true(migration, SUCCEEDED) || is_true(migration, FAILED)
}

async fn sync(client: &Client, migrations: &Migrations, key: &Key) -> Result<()> {
    let Some(migration) = migrations.get(key) else {
        return Ok(());
    };
    if is_done(&migration) {
        if is_true(&migration, RUNNING) {
            let ended = ("False", "MigrationCompleted", "Migration completed");
            return tell(client, &migration, RUNNING, ended).await;
        }
        return Ok(());
    }
    let age = |one: &StorageVersionMigration| (one.creation_timestamp(), one.name_any());
    let all = migrations.list();
    let mut others = all.iter().filter(|one| of_same(one, &migration));
    if others.any(|other| is_true(other, RUNNING) || !is_done(other) && age(other) < age(&migration)) {
        return Ok(());
    }
    if !is_true(&migration, RUNNING) {
        // the change brings it here again
        let begun = ("True", "MigrationRunning", "The migration is running");
        return tell(client, &migration, RUNNING, begun).await;
    }
    let target = match resource::find(client, of(&migration)).await? {
        Found::Target(target) => target,
        Found::Nothing => {
            let created = migration
                .creation_timestamp()
                .map_or(Timestamp::UNIX_EPOCH, |time| time.0);
            if created + PATIENCE > Timestamp::now() {
                return Err(Error::Again("the resource is not in discovery yet".to_owned()));
            }
            return fail(client, &migration, "resource does not exist in discovery").await;
        }
        Found::Unfit(why) => return fail(client, &migration, &why).await,
    };
    let until = migration
        .status
        .as_ref()
        .and_then(|status| status.resource_version.clone());
    let Some(until) = until.filter(|version| !version.is_empty()) else {
        return note_version(client, &migration, &target).await;
    };
    match migrate::all(client, &target, &until).await? {
        Outcome::Done => {
            let succeeded = ("True", "StorageVersionMigrationSucceeded", "");
            tell(client, &migration, SUCCEEDED, succeeded).await
        }
        Outcome::Refused(why) => fail(client, &migration, &why).await,
    }
}

/// Notes up to which version of the store objects are to be written again; those written later are as they should be.
async fn note_version(client: &Client, migration: &StorageVersionMigration, target: &Target) -> Result<()> {
    let version = migrate::newest(client, target).await?;
    let mut migration = migration.clone();
    migration.status.get_or_insert_default().resource_version = Some(version);
    write(client, &migration).await
}

async fn fail(client: &Client, migration: &StorageVersionMigration, why: &str) -> Result<()> {
    let message = format!("migration encountered unhandled error: {why}");
    let failed = ("True", "StorageVersionMigrationFailed", message.as_str());
    tell(client, migration, FAILED, failed).await
}

/// Sets a condition: status, reason and message.
async fn tell(
    client: &Client,
    migration: &StorageVersionMigration,
    ty: &str,
    (status, reason, message): (&str, &str, &str),
) -> Result<()> {
    let mut migration = migration.clone();
    let condition = Condition {
        type_: ty.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: Time(Timestamp::now()),
        observed_generation: migration.metadata.generation,
    };
    let conditions = migration
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    conditions.retain(|old| old.type_ != ty);
    conditions.push(condition);
    write(client, &migration).await
}

async fn write(client: &Client, migration: &StorageVersionMigration) -> Result<()> {
    let api: Api<StorageVersionMigration> = Api::all(client.clone());
    let written = api
        .replace_status(&migration.name_any(), &PostParams::default(), migration)
        .await;
    written.unless_gone()?;
    Ok(())
}
