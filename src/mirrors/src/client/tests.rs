//! Sources that lack, lie, break off, want a login and say that it is too much.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode as Code, header};
use axum::response::{IntoResponse as _, Response as Reply};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{Document, Reference};

const LAYER: &[u8] = b"0123456789";
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// A registry whose answers are the test's; gives its address and what it was asked.
async fn registry(answer: impl Fn(&str, &HeaderMap) -> Reply + Clone + Send + Sync + 'static) -> (String, Seen) {
    let seen = Seen::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let note = seen.clone();
    let app = Router::new().fallback(move |request: Request| {
        let path = request.uri().to_string();
        let reply = answer(&path, request.headers());
        note.lock().unwrap().push((path, request.headers().clone()));
        std::future::ready(reply)
    });
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    drop(tokio::spawn(async move { axum::serve(listener, app).await }));
    (address, seen)
}

/// A registry that has the layer and the manifest.
fn whole(path: &str, headers: &HeaderMap) -> Reply {
    if path.contains("/manifests/") {
        return MANIFEST.into_response();
    }
    let from = headers.get(RANGE).and_then(|range| range.to_str().ok());
    match from.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()) {
        Some(from) => (Code::PARTIAL_CONTENT, &LAYER[from..]).into_response(),
        None => LAYER.into_response(),
    }
}

/// A client that knows these addresses as mirrors of `reg.example`, and the last one as the registry itself.
fn client(mirrors: &[&str]) -> Client {
    let endpoints: Vec<String> = mirrors.iter().map(|address| format!("http://{address}")).collect();
    let document = Document {
        upstream: Some(crate::Upstream::Never),
        mirrors: BTreeMap::from([(
            "reg.example".to_owned(),
            crate::Mirror {
                endpoint: endpoints,
                ..Default::default()
            },
        )]),
        ..Document::default()
    };
    Client::new(Table::new(&document).unwrap())
}

fn image() -> Reference {
    Reference::parse("reg.example/a/b:1").unwrap()
}

async fn fetch(client: &Client) -> Result<Vec<u8>, String> {
    let file = tokio::fs::File::from_std(tempfile::tempfile().unwrap());
    let wanted = ("reg.example", "a/b", digest(LAYER));
    let fetched = client.blob((wanted.0, wanted.1, &wanted.2), None, file, &|_| ()).await;
    let (mut file, size) = fetched.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut file, &mut bytes)
        .await
        .unwrap();
    assert_eq!(size, bytes.len() as u64);
    Ok(bytes)
}

#[tokio::test]
async fn what_the_first_lacks_the_second_gives() {
    let missing = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    let (first, _) = registry(move |_, _| (Code::NOT_FOUND, missing).into_response()).await;
    let (second, _) = registry(whole).await;
    let client_of_both = client(&[&first, &second]);
    let manifest = client_of_both.manifest(&image(), None).await.unwrap();
    assert_eq!(
        (manifest.digest.as_str(), manifest.source),
        (&*digest(MANIFEST.as_bytes()), format!("http://{second}/a/b"))
    );
    assert_eq!(fetch(&client_of_both).await.unwrap(), LAYER);
    let error = client(&[&first]).manifest(&image(), None).await.unwrap_err();
    assert!(error.missing());
    assert_eq!(
        error.line(),
        format!("cannot get reg.example/a/b:1 from any source: http://{first}/a/b: 404 Not Found: manifest unknown")
    );
}

#[tokio::test]
async fn a_corrupt_layer_is_not_taken() {
    let (liar, _) = registry(|_, _| "9876543210".into_response()).await;
    let (second, _) = registry(whole).await;
    assert_eq!(fetch(&client(&[&liar, &second])).await.unwrap(), LAYER);
    let error = fetch(&client(&[&liar])).await.unwrap_err();
    assert!(
        error.contains(&digest(b"9876543210")) && error.contains("instead"),
        "{error}"
    );
    let by_digest = image().at(&digest(MANIFEST.as_bytes()));
    let error = client(&[&liar]).manifest(&by_digest, None).await.unwrap_err();
    assert_eq!(error.answers[0].1.kind, Kind::Corrupt);
    let (page, _) = registry(|_, _| "<html>please log in</html>".into_response()).await;
    let error = client(&[&page]).manifest(&image(), None).await.unwrap_err();
    assert!(error.to_string().contains("no manifest"), "{error}");
}

#[tokio::test]
async fn a_broken_download_goes_on_at_the_next_source() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let breaks = listener.local_addr().unwrap().to_string();
    let (second, seen) = registry(whole).await;
    let asking = client(&[&breaks, &second]);
    let (fetched, ()) = tokio::join!(fetch(&asking), breaks_off(listener, &LAYER[..4]));
    assert_eq!(fetched.unwrap(), LAYER);
    let seen = seen.lock().unwrap();
    // on a slow machine the second was asked before, to keep the first company
    assert_eq!(seen.last().unwrap().1[RANGE], "bytes=4-");
}

/// Gives its one caller the beginning of something and breaks off.
async fn breaks_off(listener: tokio::net::TcpListener, beginning: &[u8]) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = [0; 4096];
    assert_ne!(stream.read(&mut request).await.unwrap(), 0);
    let answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", beginning].concat();
    stream.write_all(&answer).await.unwrap();
}

#[tokio::test]
async fn a_source_is_not_blamed_for_what_another_had_begun() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let liar = listener.local_addr().unwrap().to_string();
    let (second, seen) = registry(whole).await;
    let asking = client(&[&liar, &second]);
    let (fetched, ()) = tokio::join!(fetch(&asking), breaks_off(listener, b"9876"));
    assert_eq!(fetched.unwrap(), LAYER);
    let seen = seen.lock().unwrap();
    let ranges: Vec<bool> = seen.iter().map(|(_, headers)| headers.contains_key(RANGE)).collect();
    assert_eq!(
        ranges[ranges.len() - 2..],
        [true, false],
        "from where the first broke off, then all of it"
    );
}

#[tokio::test]
async fn a_source_that_trickles_gives_all_of_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = listener.local_addr().unwrap().to_string();
    let trickle = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
        stream.write_all(head).await.unwrap();
        for byte in LAYER {
            // longer in all than a source has until its first byte
            tokio::time::sleep(PATIENCE / 8).await;
            stream.write_all(&[*byte]).await.unwrap();
        }
    };
    let asking = client(&[&slow, "127.0.0.1:1"]);
    let (fetched, ()) = tokio::join!(fetch(&asking), trickle);
    assert_eq!(fetched.unwrap(), LAYER);
}

#[tokio::test]
async fn a_token_is_bought_once_and_a_basic_login_is_sent_when_asked_for() {
    let bearer = |path: &str, headers: &HeaderMap| {
        if path.starts_with("/token") {
            assert!(path.contains("scope=repository%3Aa%2Fb%3Apull"), "{path}");
            return "{\"token\":\"abc\"}".into_response();
        }
        if headers.get(AUTHORIZATION).is_some_and(|value| value == "Bearer abc") {
            return whole(path, headers);
        }
        let host = headers[header::HOST].to_str().unwrap();
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"x\"");
        (Code::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
    };
    let (address, seen) = registry(bearer).await;
    let asking = client(&[&address]);
    asking.manifest(&image(), None).await.unwrap();
    assert_eq!(fetch(&asking).await.unwrap(), LAYER);
    let tokens = seen
        .lock()
        .unwrap()
        .iter()
        .filter(|(path, _)| path.starts_with("/token"))
        .count();
    assert_eq!(tokens, 1);

    let (address, seen) = registry(|path, headers| match headers.get(AUTHORIZATION) {
        Some(value) if value == "Basic bWU6c2VjcmV0" => whole(path, headers),
        _ => (Code::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=x")]).into_response(),
    })
    .await;
    let pods = Credentials::of_header("Basic bWU6c2VjcmV0").unwrap();
    // a mirror does not get what is meant for the registry
    let error = client(&[&address]).manifest(&image(), Some(&pods)).await.unwrap_err();
    assert!(error.denied() && error.to_string().contains("wants a login"), "{error}");
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .all(|(_, headers)| !headers.contains_key(AUTHORIZATION))
    );
    let own = Client::new(Table::default());
    let itself = Reference::parse(&format!("{address}/a/b:1")).unwrap();
    own.manifest(&itself, Some(&pods)).await.unwrap();
}

#[tokio::test]
async fn every_answer_is_quoted() {
    let (limited, _) = registry(|_, _| (Code::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "60")]).into_response()).await;
    let error = client(&[&limited, "127.0.0.1:1"])
        .manifest(&image(), None)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!(
            "http://{limited}/a/b: 429 Too Many Requests, retry after 60 s"
        )),
        "{text}"
    );
    assert!(
        text.contains("http://127.0.0.1:1/a/b: ") && text.contains("onnection refused"),
        "{text}"
    );
    assert_eq!(error.answers[0].1.kind, Kind::Limited);
    let probes = client(&[&limited, "127.0.0.1:1"]).probe(&image()).await;
    assert_eq!(probes.len(), 2);
    assert!(probes.iter().all(|probe| probe.answer.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_silent_source_is_asked_last_for_a_while() {
    let asking = client(&["127.0.0.1:1", "127.0.0.1:2"]);
    let order = || {
        let sources = asking.sources("reg.example", "a");
        sources
            .into_iter()
            .map(|(source, patience)| (source.origin, patience))
            .collect::<Vec<_>>()
    };
    let [first, second] = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(str::to_owned);
    assert_eq!(order(), [(first.clone(), PATIENCE), (second.clone(), LAST_PATIENCE)]);
    asking.down.note(&first);
    assert_eq!(order(), [(second.clone(), LAST_PATIENCE), (first.clone(), PATIENCE)]);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(order()[0].0, first);
}
