//! `kube::Client` without a socket: requests go straight into the pipeline as a given user.

use std::sync::Arc;

use http::{Request, Response};
use tower::service_fn;

use crate::authn::Peer;
use crate::{Api, Body, User, body};

pub(crate) fn client(api: Arc<Api>, user: User) -> kube::Client {
    let peer = Arc::new(Peer { user: Some(user) });
    let service = service_fn(move |request: Request<kube::client::Body>| {
        let (api, peer) = (Arc::clone(&api), Arc::clone(&peer));
        async move {
            let response: Response<Body> = api.handle(peer, request.map(body::boxed)).await;
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    kube::Client::new(service, "default")
}
