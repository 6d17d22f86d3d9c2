//! Links in proxied pages: what a backend calls `/x` is found below its `proxy` path.
//!
//! Semantics: `k8s.io/apimachinery/pkg/util/proxy`, which rewrites absolute paths in HTML and in `Location`.

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyDataStream;

use crate::{Body, body};

/// A longer tag passes as it is.
const LONGEST_TAG: usize = 64 << 10;
/// Attributes whose value is one address.
const LINKS: &[&str] = &[
    "action",
    "background",
    "cite",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
];

/// Rewrites the response's links so that they start with `prefix`.
pub(super) fn response(response: Response<Body>, prefix: String) -> Response<Body> {
    let (mut parts, incoming) = response.into_parts();
    location(&mut parts.headers, &prefix);
    if !is_plain_html(&parts.headers) {
        return Response::from_parts(parts, incoming);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let start = (BodyDataStream::new(incoming), Some(Links::new(prefix)));
    let chunks = futures::stream::unfold(start, |(mut incoming, links)| async move {
        let mut links = links?;
        match incoming.next().await {
            Some(Ok(chunk)) => Some((Ok(links.feed(&chunk)), (incoming, Some(links)))),
            Some(Err(error)) => Some((Err(error), (incoming, None))),
            None => Some((Ok(links.rest()), (incoming, None))),
        }
    });
    Response::from_parts(parts, body::stream(chunks))
}

fn location(headers: &mut HeaderMap, prefix: &str) {
    let moved = headers
        .get(header::LOCATION)
        .and_then(|value| moved(value.to_str().ok()?, prefix));
    if let Some(value) = moved.and_then(|value| HeaderValue::from_str(&value).ok()) {
        headers.insert(header::LOCATION, value);
    }
}

fn is_plain_html(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media.is_some_and(|media| media.split(';').next().is_some_and(|media| media.trim() == "text/html"))
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// The address below the prefix, if it is a path of the same host that is not there already.
fn moved(link: &str, prefix: &str) -> Option<String> {
    let local = link.starts_with('/') && !link.starts_with("//") && !link.starts_with(prefix);
    local.then(|| format!("{prefix}{link}"))
}

/// Where in the text the rewriter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Text,
    Tag,
    /// In a value between these quotes.
    Quoted(u8),
}

/// Rewrites a page as it comes; holds back at most one tag.
struct Links {
    prefix: String,
    at: At,
    tag: Vec<u8>,
}

impl Links {
    fn new(prefix: String) -> Self {
        Self {
            prefix,
            at: At::Text,
            tag: Vec::new(),
        }
    }

    fn feed(&mut self, chunk: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(chunk.len() + 64);
        for &byte in chunk {
            match (self.at, byte) {
                (At::Text, b'<') => self.at = At::Tag,
                (At::Text, _) => {
                    out.push(byte);
                    continue;
                }
                (At::Tag, b'"' | b'\'') => self.at = At::Quoted(byte),
                (At::Quoted(quote), _) if quote == byte => self.at = At::Tag,
                _ => {}
            }
            self.tag.push(byte);
            let ended = self.at == At::Tag && byte == b'>';
            if ended || self.tag.len() > LONGEST_TAG {
                let tag = std::mem::take(&mut self.tag);
                out.extend(if ended { self.rewrite(&tag) } else { tag });
                self.at = At::Text;
            }
        }
        out.into()
    }

    /// What a page that ends within a tag leaves.
    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.tag).into()
    }

    fn rewrite(&self, tag: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(tag) else {
            return tag.to_vec();
        };
        let mut out = String::with_capacity(text.len() + self.prefix.len());
        let mut left = text;
        while let Some(equals) = left.find('=') {
            let (before, behind) = left.split_at(equals + 1);
            out.push_str(before);
            let name = before[..equals].trim_end();
            let name = name.rsplit(|c: char| c.is_whitespace() || c == '"' || c == '\'').next();
            let value = behind.trim_start();
            out.push_str(&behind[..behind.len() - value.len()]);
            let (quote, value) = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => (Some(quote), &value[1..]),
                _ => (None, value),
            };
            let end = value.find(|c: char| match quote {
                Some(quote) => c == quote,
                None => c.is_whitespace() || c == '>',
            });
            let (link, rest) = value.split_at(end.unwrap_or(value.len()));
            out.extend(quote);
            let is_link = name.is_some_and(|name| LINKS.iter().any(|known| known.eq_ignore_ascii_case(name)));
            match moved(link, &self.prefix).filter(|_| is_link) {
                Some(link) => out.push_str(&link),
                None => out.push_str(link),
            }
            left = rest;
            if let Some(quote) = quote
                && let Some(rest) = left.strip_prefix(quote)
            {
                out.push(quote);
                left = rest;
            }
        }
        out.push_str(left);
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(chunks: &[&str]) -> String {
        let mut links = Links::new("/p/proxy".to_owned());
        let mut out: Vec<u8> = chunks.iter().flat_map(|chunk| links.feed(chunk.as_bytes())).collect();
        out.extend(links.rest());
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn absolute_paths_in_links_move_below_the_prefix() {
        assert_eq!(
            rewritten(&[r#"a < b <a class="x" href="/one?q=1">/two</a><img src='/three'><form action=/four>"#]),
            r#"a < b <a class="x" href="/p/proxy/one?q=1">/two</a><img src='/p/proxy/three'><form action=/p/proxy/four>"#
        );
    }

    #[test]
    fn other_links_and_attributes_stay() {
        let page =
            r#"<a href="x" alt="/a"><a href="//cdn/x"><a href="https://h/"><a href="/p/proxy/done"><p title="a>b">"#;
        assert_eq!(rewritten(&[page]), page);
    }

    #[test]
    fn a_tag_may_come_in_pieces_and_a_page_may_end_within_one() {
        assert_eq!(
            rewritten(&["<a hr", "ef=\"/o", "ne\">x<b"]),
            "<a href=\"/p/proxy/one\">x<b"
        );
    }

    #[test]
    fn redirects_move_too() {
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, HeaderValue::from_static("/login"));
        location(&mut headers, "/p/proxy");
        assert_eq!(headers[header::LOCATION], "/p/proxy/login");
        headers.insert(header::LOCATION, HeaderValue::from_static("https://other/"));
        location(&mut headers, "/p/proxy");
        assert_eq!(headers[header::LOCATION], "https://other/");
    }
}
