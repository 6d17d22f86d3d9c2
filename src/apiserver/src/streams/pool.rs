//! Connections that are used again: a TLS handshake costs more than most requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response, Uri, header};
use http_body::Body as _;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::forward::{self, Target};
use crate::{ApiError, Body, body};

/// As long as Go's client keeps an idle connection.
const IDLE: Duration = Duration::from_secs(90);
/// More idle connections are not kept; the oldest goes.
const MOST: usize = 32;

struct Idle {
    target: Target,
    sender: SendRequest<Body>,
    since: Instant,
}

/// Idle connections, the longest idle one first.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<Idle>>);

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pool").field(&self.lock().len()).finish()
    }
}

impl Pool {
    /// Answers with what the target answers, over a connection that is there already if one is.
    pub(crate) async fn send(
        self: &Arc<Self>,
        target: Target,
        request: Request<Body>,
        uri: Uri,
    ) -> Result<Response<Body>, ApiError> {
        // an upgraded connection is nobody else's any more
        if request.headers().contains_key(header::UPGRADE) {
            return forward::send(target, request, uri).await;
        }
        let mut onward = forward::onward(request, uri, &target)?;
        while let Some(mut sender) = self.take(&target) {
            let again = repeatable(&onward);
            match sender.try_send_request(onward).await {
                Ok(response) => return Ok(self.answer(target, sender, response)),
                // the other side may have closed it a moment ago
                Err(mut error) => match error.take_message().or(again) {
                    Some(unsent) => onward = unsent,
                    None => return Err(forward::unreachable(&error.into_error())),
                },
            }
        }
        let mut sender = forward::connect(&target).await?;
        let sent = sender.send_request(onward).await;
        let response = sent.map_err(|error| forward::unreachable(&error))?;
        Ok(self.answer(target, sender, response))
    }

    fn answer(
        self: &Arc<Self>,
        target: Target,
        mut sender: SendRequest<Body>,
        response: Response<hyper::body::Incoming>,
    ) -> Response<Body> {
        let pool = Arc::clone(self);
        drop(tasks::spawn("pool-return", async move {
            // once the answer has been read to its end; never if it was not
            if sender.ready().await.is_ok() {
                pool.put(target, sender);
            }
        }));
        response.map(body::boxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, target: &Target) -> Option<SendRequest<Body>> {
        let mut idle = self.lock();
        clean(&mut idle);
        let index = idle.iter().rposition(|one| one.target.is_same(target))?;
        Some(idle.remove(index).sender)
    }

    fn put(self: &Arc<Self>, target: Target, sender: SendRequest<Body>) {
        let mut idle = self.lock();
        clean(&mut idle);
        let was_empty = idle.is_empty();
        if idle.len() == MOST {
            idle.remove(0);
        }
        let since = Instant::now();
        idle.push(Idle { target, sender, since });
        drop(idle);
        if was_empty {
            let pool = Arc::downgrade(self);
            drop(tasks::spawn("pool-idle", async move {
                loop {
                    tokio::time::sleep(IDLE).await;
                    let Some(pool) = pool.upgrade() else { return };
                    let mut idle = pool.lock();
                    clean(&mut idle);
                    if idle.is_empty() {
                        return;
                    }
                }
            }));
        }
    }
}

fn clean(idle: &mut Vec<Idle>) {
    idle.retain(|one| !one.sender.is_closed() && one.since.elapsed() < IDLE);
}

/// The same request once more, if it may be sent twice and has no body.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    (safe && request.body().is_end_stream()).then(|| {
        let mut copy = Request::new(body::full(""));
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        copy
    })
}
