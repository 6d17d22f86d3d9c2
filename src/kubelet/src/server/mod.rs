//! The kubelet's own HTTPS server: logs, exec, attach, port-forward, pods, health.

mod auth;
mod exec;
mod listen;
mod logs;
mod portforward;
mod portforward_channels;
mod routes;
mod runtime_stream;
mod websocket;

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};

use crate::context::Context;
use crate::manager::Manager;
use crate::stats::Stats;

pub(crate) use listen::serve;

/// What requests are answered from.
pub(crate) struct Server {
    pub(crate) context: Arc<Context>,
    pub(crate) manager: Manager,
    pub(crate) stats: Stats,
}

type Body = BoxBody<Bytes, std::io::Error>;

fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let body = Full::new(Bytes::from(text.into()))
        .map_err(|never| match never {})
        .boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    response
}

fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed()
}
