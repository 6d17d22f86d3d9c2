//! `/openapi/v2` as old and new clients ask for it.

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use machinery::protobuf::wire::Reader;
use serde_json::Value;

use super::{Server, admin};
use crate::Body;

const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

async fn get(server: &Server, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().uri("/openapi/v2");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.raw(admin(), request.body(String::new()).unwrap()).await
}

#[tokio::test]
async fn each_client_gets_the_form_it_prefers() {
    let server = Server::start().await;
    for (accept, media) in [
        (None, "application/json"),
        (Some("*/*"), "application/json"),
        (
            Some(PROTOBUF),
            "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
        ),
        (
            Some(&*format!("application/json;q=0.5, {PROTOBUF};q=0.9")),
            "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
        ),
        (Some(&*format!("{PROTOBUF};q=0, */*;q=0.1")), "application/json"),
    ] {
        let response = get(
            &server,
            &accept.map(|accept| ("accept", accept)).into_iter().collect::<Vec<_>>(),
        )
        .await;
        assert_eq!(response.status(), StatusCode::OK, "{accept:?}");
        assert_eq!(response.headers()["content-type"], media, "{accept:?}");
        assert_eq!(response.headers()["vary"], "Accept, Accept-Encoding");
    }
    let refused = get(&server, &[("accept", "text/html")]).await;
    assert_eq!(refused.status(), StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_known_document_is_not_sent_again() {
    let server = Server::start().await;
    let first = get(&server, &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(first.headers()["content-encoding"], "gzip");
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let again = get(&server, &[("if-none-match", &etag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.into_body().collect().await.unwrap().to_bytes().is_empty());
    let other = get(&server, &[("if-none-match", "\"0\"")]).await;
    let body = other.into_body().collect().await.unwrap().to_bytes();
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["swagger"], "2.0");
}

#[tokio::test]
async fn the_protobuf_has_every_definition_of_the_json() {
    let server = Server::start().await;
    let json = get(&server, &[]).await.into_body().collect().await.unwrap().to_bytes();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let body = get(&server, &[("accept", PROTOBUF)]).await;
    let body = body.into_body().collect().await.unwrap().to_bytes();
    let mut document = Reader::new(&body);
    let mut counts = [0; 17];
    while let Some((number, _)) = document.field().unwrap() {
        counts[number as usize] += 1;
    }
    assert_eq!(counts[8], json["paths"].as_object().unwrap().len());
    assert_eq!(counts[9], json["definitions"].as_object().unwrap().len());
}
