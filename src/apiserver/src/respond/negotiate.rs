//! What the client accepts: an encoding and a view of the object.

use bytes::Bytes;
use http::{HeaderMap, header};
use machinery::table::IncludeObject;
use serde_json::Value;

use crate::{ApiError, RequestInfo};

/// Wire encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Media {
    #[default]
    Json,
    Yaml,
    Protobuf,
}

/// Views of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum View {
    /// The object itself.
    #[default]
    Whole,
    /// `meta.k8s.io/v1` Table.
    Table,
    /// `meta.k8s.io/v1` PartialObjectMetadata(List).
    Metadata,
}

/// What a response has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Negotiated {
    pub(crate) media: Media,
    pub(crate) view: View,
    /// Aggregated discovery, version 2.
    pub(crate) discovery: bool,
    /// What rows of tables carry of their objects.
    pub(crate) include: IncludeObject,
    /// Nothing that the client accepts can be produced.
    pub(crate) refused: bool,
}

/// What the client accepts, parameters and all, in its order.
pub(crate) fn ranges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::ACCEPT).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let ranges = texts.flat_map(|text| text.split(',').map(str::trim));
    ranges.filter(|range| !range.is_empty())
}

impl Negotiated {
    /// Picks the acceptable form with the highest q: named ones before those that only a wildcard allows, then the first.
    /// Forms with a q of zero are none that a wildcard may stand for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let read: Vec<Range> = ranges(headers).filter_map(Range::parse).collect();
        let denied = |media: Media| {
            read.iter()
                .any(|range| range.is_denied() && range.named == Some(media) && range.form.is_plain())
        };
        let mut best: Option<((f32, bool), Self)> = None;
        for range in read.iter().filter(|range| !range.is_denied()) {
            let mut form = range.form;
            match range.named.or_else(|| MEDIA.into_iter().find(|media| !denied(*media))) {
                Some(media) => form.media = media,
                None => continue,
            }
            let rank = (range.q, range.named.is_some());
            if form.exists() && best.is_none_or(|(most, _)| rank > most) {
                best = Some((rank, form));
            }
        }
        match best {
            Some((_, form)) => form,
            None => Self {
                refused: ranges(headers).next().is_some(),
                ..Self::default()
            },
        }
    }

    /// The object itself.
    fn is_plain(&self) -> bool {
        self.view == View::Whole && !self.discovery
    }

    /// Whether the view can be had in this encoding.
    fn exists(&self) -> bool {
        match self.media {
            Media::Json => true,
            Media::Yaml => !self.discovery,
            Media::Protobuf => !self.discovery && self.view != View::Table,
        }
    }

    /// With the query's `includeObject`.
    pub(crate) fn including(mut self, info: &RequestInfo) -> Result<Self, ApiError> {
        let asked = info.param("includeObject").unwrap_or_default();
        self.include = IncludeObject::parse(asked)
            .ok_or_else(|| ApiError::bad_request(format!("unrecognized includeObject value: \"{asked}\"")))?;
        Ok(self)
    }

    /// Refuses requests whose answer nobody could read.
    pub(crate) fn acceptable(self) -> Result<Self, ApiError> {
        if self.refused {
            Err(ApiError::not_acceptable())
        } else {
            Ok(self)
        }
    }
}

/// Encodings in the order in which they are taken if the client does not care.
const MEDIA: [Media; 3] = [Media::Json, Media::Yaml, Media::Protobuf];

/// One part of an `Accept` header.
struct Range {
    q: f32,
    /// None for wildcards.
    named: Option<Media>,
    form: Negotiated,
}

impl Range {
    /// `None` if nothing here has that form.
    fn parse(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let named = match parts.next()? {
            "application/json" => Some(Media::Json),
            "application/yaml" => Some(Media::Yaml),
            "application/vnd.kubernetes.protobuf" => Some(Media::Protobuf),
            "*/*" | "application/*" => None,
            _ => return None,
        };
        let mut form = Negotiated::default();
        let (mut q, mut view, mut group, mut version) = (1.0, "", "", "");
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key {
                "q" => q = value.parse().ok()?,
                "as" => view = value,
                "g" => group = value,
                "v" => version = value,
                "stream" if value != "watch" => return None,
                _ => {}
            }
        }
        match (view, group, version) {
            ("", ..) => {}
            ("Table", "meta.k8s.io", "v1") => form.view = View::Table,
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => form.view = View::Metadata,
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => form.discovery = true,
            _ => return None,
        }
        Some(Self { q, named, form })
    }

    /// Not wanted: a q of zero, or of no number at all.
    fn is_denied(&self) -> bool {
        self.q.is_nan() || self.q <= 0.0
    }
}

/// The content type and bytes of an object.
pub(crate) fn encode(media: Media, object: &Value) -> Result<(&'static str, Bytes), ApiError> {
    match media {
        Media::Json => Ok(("application/json", Bytes::from(object.to_string()))),
        Media::Yaml => Ok(("application/yaml", Bytes::from(crate::codec::to_yaml(object)?))),
        Media::Protobuf => Ok((
            "application/vnd.kubernetes.protobuf",
            crate::codec::to_protobuf(object)?,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_one_that_the_client_wants_most() {
        const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
        const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
        let rows: &[(&str, Option<(Media, View)>)] = &[
            ("", Some((Media::Json, View::Whole))),
            ("*/*", Some((Media::Json, View::Whole))),
            (&format!("{TABLE}, application/json"), Some((Media::Json, View::Table))),
            (
                &format!("{PROTOBUF};as=Table;v=v1;g=meta.k8s.io, {TABLE}"),
                Some((Media::Json, View::Table)),
            ),
            (
                &format!("{PROTOBUF}, application/json"),
                Some((Media::Protobuf, View::Whole)),
            ),
            (
                &format!("{PROTOBUF};q=0.3, application/yaml;q=0.8"),
                Some((Media::Yaml, View::Whole)),
            ),
            // a wildcard stands behind what is named
            (&format!("*/*, {PROTOBUF}"), Some((Media::Protobuf, View::Whole))),
            (&format!("*/*, {PROTOBUF};q=0.9"), Some((Media::Json, View::Whole))),
            // what is denied is not what a wildcard means
            ("application/json;q=0, */*", Some((Media::Yaml, View::Whole))),
            (
                "application/*, application/json;q=0.0, application/yaml;q=0",
                Some((Media::Protobuf, View::Whole)),
            ),
            (
                &format!("application/json;q=0, application/yaml;q=0, {PROTOBUF};q=0, */*"),
                None,
            ),
            (&format!("{TABLE};q=0, */*"), Some((Media::Json, View::Whole))),
            ("application/json;q=0", None),
            ("*/*;q=0", None),
            ("application/json;q=nan", None),
            ("text/html", None),
            ("text/html, */*;q=0.1", Some((Media::Json, View::Whole))),
            ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", None),
        ];
        for (accept, expected) in rows {
            let mut headers = HeaderMap::new();
            if !accept.is_empty() {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            let found = Negotiated::of(&headers);
            let found = (!found.refused).then_some((found.media, found.view));
            assert_eq!(found, *expected, "{accept}");
        }
    }
}
