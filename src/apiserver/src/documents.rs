//! `/openapi/…`. Documents are made when first asked for: a node whose clients never ask spends no memory on them.

use std::io::{self, Read as _, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use openapi::Others;
use schema::Served;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::respond::{self, ranges};
use crate::{Api, ApiError, Body, Config, RequestInfo, aggregation};

/// As clients ask for it; Go's own parser of media types refuses the `@`, so answers have [`PROTOBUF`].
const PROTOBUF_ASKED: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The forms of the version 2 document as they were last made.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    json: Kept,
    protobuf: Kept,
}

/// What other servers had to add, and the document made of it.
type Kept = Mutex<Option<(Vec<Arc<Value>>, Arc<Compressed>)>>;

/// A document as it is kept: a tenth of its size.
#[derive(Debug)]
struct Compressed {
    gzip: Bytes,
    etag: HeaderValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Protobuf,
}

impl Form {
    /// The acceptable form with the highest q, the first among equals.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut best = None;
        let mut asked = false;
        for range in ranges(headers) {
            asked = true;
            let mut parts = range.split(';').map(str::trim);
            let form = match parts.next() {
                Some("application/json" | "application/*" | "*/*") => Self::Json,
                Some(PROTOBUF_ASKED | PROTOBUF) => Self::Protobuf,
                _ => continue,
            };
            let q = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
            let q: f32 = q.parse().unwrap_or_default();
            if q > 0.0 && best.is_none_or(|(most, _)| q > most) {
                best = Some((q, form));
            }
        }
        if asked {
            best.map(|(_, form)| form)
        } else {
            Some(Self::Json)
        }
    }
}

impl Documents {
    async fn get(&self, form: Form, config: &Config, parts: Vec<Arc<Value>>) -> Result<Arc<Compressed>, ApiError> {
        let kept = match form {
            Form::Json => &self.json,
            Form::Protobuf => &self.protobuf,
        };
        // who comes second waits for what the first one makes
        let mut kept = kept.lock().await;
        if let Some((known, document)) = &*kept
            && *known == parts
        {
            return Ok(Arc::clone(document));
        }
        let mut others = Others::default();
        parts.iter().for_each(|part| others.add(part));
        let (served, version) = (config.served.clone(), config.version.clone());
        let work = tokio::task::spawn_blocking(move || compress(form, &served, &others, &version));
        let document = work.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
        let document = Arc::new(document);
        *kept = Some((parts, Arc::clone(&document)));
        Ok(document)
    }
}

fn compress(form: Form, served: &Served, others: &Others, version: &str) -> io::Result<Compressed> {
    let mut out = io::BufWriter::new(GzEncoder::new(Vec::new(), Compression::best()));
    match form {
        Form::Json => openapi::write_json(served, others, version, &mut out)?,
        Form::Protobuf => openapi::write_protobuf(served, others, version, &mut out)?,
    }
    out.flush()?;
    let gzip = out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    let etag = hex(&Sha256::digest(&gzip));
    Ok(Compressed {
        gzip: gzip.into(),
        etag: HeaderValue::from_str(&format!("\"{etag}\"")).map_err(io::Error::other)?,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a text cannot fail
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// Answers below `/openapi`.
pub(crate) async fn answer(
    api: &Api,
    info: &RequestInfo,
    headers: &HeaderMap,
    rest: &[&str],
) -> Result<Response<Body>, ApiError> {
    match rest {
        ["v2"] => v2(api, headers).await,
        ["v3"] => {
            let stamp = format!("{} {:?}", api.config.version, api.config.served);
            let stamp = hex(&Sha256::digest(stamp));
            let mut index = openapi::index(&api.config.served, stamp.get(..16).unwrap_or(&stamp));
            for (path, entry) in aggregation::remote_paths(api).await? {
                index["paths"][path] = entry;
            }
            Ok(respond::json(&index))
        }
        ["v3", path @ ..] => {
            if let ["apis", group, version] = path
                && let Some(remote) = api.aggregator.of_group_version(group, version).await?
            {
                let query = info.param("hash").map(|hash| format!("?hash={hash}"));
                let url = format!("{}{}", info.path, query.unwrap_or_default());
                return aggregation::remote_document(api, &remote, &url).await;
            }
            let document = openapi::document(&api.config.served, &path.join("/"), &api.config.version)
                .ok_or_else(ApiError::no_such_path)?;
            let mut response = respond::json(&document);
            // clients keep a document by the hash in its address, so one with a hash never changes
            if info.param("hash").is_some() {
                let forever = HeaderValue::from_static("public, immutable");
                response.headers_mut().insert(header::CACHE_CONTROL, forever);
            }
            Ok(response)
        }
        _ => Err(ApiError::no_such_path()),
    }
}

async fn v2(api: &Api, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let form = Form::of(headers).ok_or_else(ApiError::not_acceptable)?;
    let parts = aggregation::remote_parts(api).await?;
    let document = api.documents.get(form, &api.config, parts).await?;
    let media = match form {
        Form::Json => "application/json",
        Form::Protobuf => PROTOBUF,
    };
    let listed = |name: HeaderName, wanted: &str| {
        let values = headers
            .get_all(name)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        let mut values = values.flat_map(|value| value.split(','));
        values.any(|value| {
            let value = value.trim();
            let value = value.strip_prefix("W/").unwrap_or(value);
            value == "*" || value.split(';').next() == Some(wanted)
        })
    };
    let known = listed(header::IF_NONE_MATCH, document.etag.to_str().unwrap_or_default());
    let mut response = if known {
        let mut response = respond::raw(StatusCode::NOT_MODIFIED, media, Bytes::new());
        response.headers_mut().remove(header::CONTENT_TYPE);
        response
    } else if listed(header::ACCEPT_ENCODING, "gzip") {
        let mut response = respond::raw(StatusCode::OK, media, document.gzip.clone());
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        response
    } else {
        let mut plain = Vec::new();
        GzDecoder::new(&document.gzip[..])
            .read_to_end(&mut plain)
            .map_err(ApiError::internal)?;
        respond::raw(StatusCode::OK, media, plain)
    };
    let out = response.headers_mut();
    out.insert(header::ETAG, document.etag.clone());
    out.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    Ok(response)
}
