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
    /// Picks the acceptable form with the highest q, the first among equals.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut best: Option<(f32, Self)> = None;
        let mut asked = false;
        for range in ranges(headers) {
            asked = true;
            if let Some((q, form)) = Self::parse(range)
                && q > 0.0
                && best.is_none_or(|(most, _)| q > most)
            {
                best = Some((q, form));
            }
        }
        match best {
            Some((_, form)) => form,
            None => Self {
                refused: asked,
                ..Self::default()
            },
        }
    }

    fn parse(range: &str) -> Option<(f32, Self)> {
        let mut parts = range.split(';').map(str::trim);
        let mut form = Self::default();
        match parts.next()? {
            "application/json" | "*/*" | "application/*" => {}
            "application/yaml" => form.media = Media::Yaml,
            "application/vnd.kubernetes.protobuf" => form.media = Media::Protobuf,
            _ => return None,
        }
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
            ("Table", "meta.k8s.io", "v1") if form.media != Media::Protobuf => form.view = View::Table,
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => form.view = View::Metadata,
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") if form.media == Media::Json => {
                form.discovery = true;
            }
            _ => return None,
        }
        Some((q, form))
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
