//! Many logs in one answer. A browser keeps six connections to a host, so following twenty containers takes one that carries
//! them all: `POST /follow` names the logs, each line of the answer is `INDEX TEXT`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use serde::Deserialize;
use tasks::Group;
use tokio::sync::mpsc;

use crate::proxy::{Body, Proxy, failed};

/// Logs in one answer.
const MOST: usize = 100;
/// Bytes of the list of logs.
const LIST: usize = 64 << 10;
/// Lines that wait for a slow reader; then its logs wait too.
const WAITING: usize = 256;
/// A line is cut here.
const LINE: usize = 64 << 10;
/// How long the list may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
struct List {
    paths: Vec<String>,
}

/// A pod's log and nothing else.
fn is_log(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts.as_slice(), ["", "api", "v1", "namespaces", namespace, "pods", pod, "log"]
        if !matches!(*namespace, "" | "." | "..") && !matches!(*pod, "" | "." | ".."))
}

/// Answers with the lines of all logs that the request names, with the request's own credentials.
pub(crate) async fn follow(proxy: &Proxy, request: Request<Incoming>) -> Response<Body> {
    let credentials = request.headers().get(header::AUTHORIZATION).cloned();
    let body = Limited::new(request.into_body(), LIST).collect();
    let list = match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(body)) => serde_json::from_slice::<List>(&body.to_bytes()),
        Ok(Err(_)) => return failed(StatusCode::PAYLOAD_TOO_LARGE, "the list of logs is too long"),
        Err(_) => return failed(StatusCode::REQUEST_TIMEOUT, "the list of logs did not come"),
    };
    let paths = match list {
        Ok(list) if list.paths.len() <= MOST && list.paths.iter().all(|path| is_log(path)) => list.paths,
        Ok(_) => return failed(StatusCode::BAD_REQUEST, "expected at most 100 paths of pods' logs"),
        Err(error) => return failed(StatusCode::BAD_REQUEST, &format!("the list of logs: {error}")),
    };
    let (send, receive) = mpsc::channel(WAITING);
    // the logs end with their reader
    let group = Group::below(proxy.group().token());
    for (index, path) in paths.into_iter().enumerate() {
        let (proxy, credentials, send) = (proxy.clone(), credentials.clone(), send.clone());
        group.spawn("log", async move {
            let gone = send.clone();
            tokio::select! {
                () = gone.closed() => {}
                () = carry(&proxy, index, &path, credentials, &send) => {}
            }
        });
    }
    let frames = stream::unfold(receive, |mut receive| async move {
        let line: Bytes = receive.recv().await?;
        Some((Ok(Frame::data(line)), receive))
    });
    let body: Body = StreamBody::new(frames).boxed_unsync();
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// One log, line by line; what went wrong is its last line.
async fn carry(proxy: &Proxy, index: usize, path: &str, credentials: Option<HeaderValue>, send: &mpsc::Sender<Bytes>) {
    let answer = match proxy.get(path, credentials).await {
        Ok(answer) => answer,
        Err(why) => return drop(send.send(format!("{index} [{why}]\n").into()).await),
    };
    let good = answer.status().is_success();
    let mut chunks = answer.into_body().into_data_stream();
    let mut rest = BytesMut::new();
    while let Some(Ok(chunk)) = chunks.next().await {
        rest.extend_from_slice(&chunk);
        if !good {
            continue;
        }
        while let Some(end) = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .or_else(|| (rest.len() > LINE).then_some(LINE))
        {
            let line = rest.split_to(end + 1);
            if send.send(numbered(index, &line)).await.is_err() {
                return;
            }
        }
    }
    if !good {
        let said: serde_json::Value = serde_json::from_slice(&rest).unwrap_or_default();
        let why = said["message"].as_str().unwrap_or("no log");
        let _ = send.send(format!("{index} [{why}]\n").into()).await;
    } else if !rest.is_empty() {
        let _ = send.send(numbered(index, &rest)).await;
    }
}

fn numbered(index: usize, line: &[u8]) -> Bytes {
    let mut whole = BytesMut::from(format!("{index} ").as_bytes());
    whole.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        whole.extend_from_slice(b"\n");
    }
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pods_logs_are_followed() {
        for (path, log) in [
            ("/api/v1/namespaces/a/pods/b/log?follow=true&container=c", true),
            ("/api/v1/namespaces/a/pods/b/exec", false),
            ("/api/v1/namespaces/a/pods/b/log/../exec", false),
            ("/api/v1/namespaces/../pods/b/log", false),
            ("/api/v1/namespaces/a/secrets/b", false),
            ("//example.com/api/v1/namespaces/a/pods/b/log", false),
        ] {
            assert_eq!(is_log(path), log, "{path}");
        }
    }

    #[test]
    fn every_line_says_whose_it_is_and_ends() {
        assert_eq!(numbered(3, b"a b\n"), "3 a b\n");
        assert_eq!(numbered(12, b"cut"), "12 cut\n");
    }
}
