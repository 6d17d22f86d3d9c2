//! The page's files, built into the binary.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

macro_rules! page {
    ($($name:literal: $kind:expr),* $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("../page/", $name)))),*]
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What the page reads beside its scripts: the words of traces, which the command line has too.
const WORDS: (&str, &str, &str) = ("words.json", "application/json", traces::words::WORDS);

/// Name, media type and content.
const FILES: &[(&str, &str, &str)] = page![
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "actions.js": SCRIPT,
    "api.js": SCRIPT,
    "app.js": SCRIPT,
    "diff.js": SCRIPT,
    "dom.js": SCRIPT,
    "editor.js": SCRIPT,
    "kinds.js": SCRIPT,
    "logs.js": SCRIPT,
    "object.js": SCRIPT,
    "overview.js": SCRIPT,
    "related.js": SCRIPT,
    "table.js": SCRIPT,
    "terminal.js": SCRIPT,
    "text.js": SCRIPT,
    "trace.js": SCRIPT,
    "traces.js": SCRIPT,
    "usage.js": SCRIPT,
    "screen.js": SCRIPT,
    "selectors.js": SCRIPT,
];

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page; `None` if there is none of that path.
pub(crate) fn file(path: &str) -> Option<Response<Full<Bytes>>> {
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let mut files = FILES.iter().chain([&WORDS]);
    let (_, kind, text) = files.find(|(known, ..)| *known == name)?;
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, *kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // a newer rkube serves newer files under the same names
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served_and_asks_for_nothing_from_elsewhere() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(file(&format!("/{name}")).is_some(), "{name} is not served");
        }
        for (name, kind, text) in FILES {
            // a name that looks like an address: nobody asks for it
            let asked = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!asked.contains("http://") && !asked.contains("https://"), "{name}");
            assert!(
                *kind != SCRIPT || text.starts_with("// "),
                "{name} does not say what it is"
            );
            for part in text.split("from \"./").skip(1) {
                let imported = part.split('"').next().unwrap();
                assert!(file(imported).is_some(), "{name} imports {imported}");
                // all at once, and not one after the other as they are found
                let asked_for = format!("<link rel=\"modulepreload\" href=\"{imported}\">");
                assert!(
                    FILES[0].2.contains(&asked_for),
                    "{imported} is not asked for beforehand"
                );
            }
        }
        assert!(file("/../Cargo.toml").is_none());
    }

    #[test]
    fn nothing_in_the_page_is_inline() {
        let index = file("/").unwrap();
        assert!(
            index.headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'")
        );
        let text = FILES[0].2;
        assert!(!text.contains("<style") && !text.contains("onclick") && !text.contains("style="));
        assert_eq!(
            text.matches("<script").count(),
            text.matches("<script type=\"module\" src=").count()
        );
    }
}
