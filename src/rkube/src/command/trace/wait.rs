//! Reading a story until nothing more happens in it.

use std::time::Duration;

use kube::Client;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use traces::{Id, Story};

use crate::failure::Failure;

const PAUSE: Duration = Duration::from_millis(200);
/// A story in which nothing has happened for this long, and whose pods have settled, is over.
const REST: Duration = Duration::from_secs(1);
/// A cluster that answers slowly works slowly: then the rest takes as many answers' time.
const REST_IN_ANSWERS: u32 = 20;
/// One answer takes no longer: kubelets get two seconds.
const ANSWER: Duration = Duration::from_secs(10);

/// What was seen last.
pub(super) struct Seen {
    /// None if no request came by.
    pub(super) story: Option<Story>,
    /// Nothing more is to be expected.
    pub(super) at_rest: bool,
}

pub(super) async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Failure> {
    let request = http::Request::get(path).body(Vec::new());
    ask(client, request.map_err(|error| Failure::internal(&error))?).await
}

pub(super) async fn ask<T: DeserializeOwned>(client: &Client, request: http::Request<Vec<u8>>) -> Result<T, Failure> {
    let path = request.uri().path().to_owned();
    let answer = tokio::time::timeout(ANSWER, client.request(request)).await;
    let answer = answer.map_err(|_| Failure::internal(&format!("{path}: no answer within {} s", ANSWER.as_secs())))?;
    answer.map_err(|error| Failure::trace(&error))
}

pub(super) async fn fetch(client: &Client, id: &Id) -> Result<Story, Failure> {
    get(client, &format!("/traces/{id}")).await
}

pub(super) async fn until_at_rest(client: &Client, id: &Id, patience: Duration) -> Result<Seen, Failure> {
    let end = Instant::now() + patience;
    let (mut last, mut news): (Option<Story>, Instant) = (None, Instant::now());
    loop {
        let asked = Instant::now();
        match fetch(client, id).await {
            Ok(story) => {
                let rest = REST.max(asked.elapsed() * REST_IN_ANSWERS);
                let changed = last
                    .as_ref()
                    .is_none_or(|last| last.entries.len() != story.entries.len());
                if changed {
                    news = Instant::now();
                }
                let settled = story.pods.iter().all(|pod| pod.settled);
                last = Some(story);
                if settled && news.elapsed() >= rest {
                    return Ok(Seen {
                        story: last,
                        at_rest: true,
                    });
                }
            }
            Err(failure) if failure.is_no_trace() => {
                return Ok(Seen {
                    story: None,
                    at_rest: true,
                });
            }
            Err(failure) => return Err(failure),
        }
        if Instant::now() + PAUSE > end {
            return Ok(Seen {
                story: last,
                at_rest: false,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
