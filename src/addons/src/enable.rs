//! Enabling and disabling: the record says beforehand what may come and goes last, so that whatever breaks off between
//! leaves nothing behind that the next command does not know of.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use kube::Client;

use crate::apply::Applier;
use crate::catalogue::Addon;
use crate::choice::Choice;
use crate::error::AddonError;
use crate::manifests::{Values, digest};
use crate::record::{self, Record, Reference, State};

/// Applies an addon and takes away what an older version of it had more; whatever the record says, since objects may have been
/// deleted or changed by hand. False if the record says that the cluster has it just so already.
pub fn enable<'a>(
    client: &'a Client,
    addon: &'a Addon,
    values: &'a Values,
    choice: &'a Choice,
) -> BoxFuture<'a, Result<bool, AddonError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(async move {
        let objects = addon.objects(values, choice)?;
        let known = record::read(client, &addon.info.name).await?;
        let same = known
            .as_ref()
            .is_some_and(|known| known.state == State::Enabled && known.digest == digest(&objects));
        bring(client, addon, &objects, known).await?;
        Ok(!same)
    })
}

/// Applies an addon that a cluster has by itself. Leaves out one that was disabled.
pub fn apply<'a>(client: &'a Client, addon: &'a Addon, values: &'a Values) -> BoxFuture<'a, Result<(), AddonError>> {
    Box::pin(async move {
        let known = record::read(client, &addon.info.name).await?;
        if !addon.info.required && known.as_ref().is_some_and(|known| known.state == State::Disabled) {
            return Ok(());
        }
        let objects = addon.objects(values, &Choice::default())?;
        bring(client, addon, &objects, known).await
    })
}

async fn bring(
    client: &Client,
    addon: &Addon,
    objects: &[serde_json::Value],
    known: Option<Record>,
) -> Result<(), AddonError> {
    let name = &addon.info.name;
    let mut applier = Applier::new(client, name);
    if !addon.info.required {
        // what no cluster can be without is a cluster's own, whoever wrote it last
        applier.check(objects).await?;
    }
    let wanted: Vec<Reference> = objects.iter().map(Reference::of).collect();
    let before = known.as_ref().map(|known| known.objects.clone()).unwrap_or_default();
    let surplus: Vec<Reference> = before
        .into_iter()
        .filter(|old| !wanted.iter().any(|new| new.is(old)))
        .collect();
    let digest = digest(objects);
    let done = Record {
        state: State::Enabled,
        version: addon.info.version.clone(),
        digest,
        objects: wanted.clone(),
    };
    if known.as_ref() != Some(&done) {
        let under_way = Record {
            digest: String::new(),
            objects: surplus.iter().chain(&wanted).cloned().collect(),
            ..done.clone()
        };
        record::write(client, name, &under_way).await?;
    }
    for object in objects {
        applier.apply(object).await?;
    }
    for reference in surplus.iter().rev() {
        applier.remove(reference).await?;
    }
    if known.as_ref() != Some(&done) {
        record::write(client, name, &done).await?;
    }
    Ok(())
}

/// Takes away all that an addon has put into the cluster. False if there was nothing. Whether others need it is the caller's to
/// ask: who takes away several has an order for it.
pub fn disable<'a>(client: &'a Client, addon: &'a Addon) -> BoxFuture<'a, Result<bool, AddonError>> {
    Box::pin(async move {
        let name = &addon.info.name;
        let known = record::read(client, name).await?;
        let mut applier = Applier::new(client, name);
        for reference in known.iter().flat_map(|known| &known.objects).rev() {
            applier.remove(reference).await?;
        }
        if addon.info.default {
            // a start must not bring it back
            let gone = Record {
                state: State::Disabled,
                version: addon.info.version.clone(),
                digest: String::new(),
                objects: Vec::new(),
            };
            record::write(client, name, &gone).await?;
        } else {
            record::forget(client, name).await?;
        }
        Ok(known.is_some_and(|known| known.state == State::Enabled))
    })
}

/// What the cluster has of each addon that it has a record of.
pub fn states(client: &Client) -> BoxFuture<'_, Result<BTreeMap<String, State>, AddonError>> {
    Box::pin(async move {
        let records = record::all(client).await?;
        Ok(records.into_iter().map(|(name, record)| (name, record.state)).collect())
    })
}
