//! The metrics APIs, whoever serves them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use http::Request;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
use kube::Client;
use serde_json::Value;

use super::calculate::Metric;
use super::groups::milli;
use crate::shared::Error;

const DEADLINE: Duration = Duration::from_secs(30);
/// Of a custom metric that does not say.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// Why there are no metrics.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum SourceError {
    #[error("unable to fetch metrics from {api} metrics API: {why}")]
    Fetch { api: &'static str, why: String },
    #[error("no metrics returned from {api} metrics API")]
    None { api: &'static str },
}

/// Asks for metrics.
pub(super) struct Source<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
}

impl Source<'_> {
    async fn get(&self, api: &'static str, path: &str) -> Result<Value, SourceError> {
        let failed = |why: String| SourceError::Fetch { api, why };
        let request = Request::get(path)
            .header("accept", "application/json")
            .body(Vec::new())
            .map_err(|error| failed(error.to_string()))?;
        match tokio::time::timeout(DEADLINE, self.client.request::<Value>(request)).await {
            Ok(answer) => answer.map_err(|error| failed(Error::from(error).to_string())),
            Err(_) => Err(failed("no answer in time".to_owned())),
        }
    }

    /// Use of a resource by pods, or by one container of each.
    pub(super) async fn resource(
        &self,
        resource: &str,
        container: &str,
        selector: &str,
    ) -> Result<BTreeMap<String, Metric>, SourceError> {
        let path = format!(
            "/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods?labelSelector={}",
            self.namespace,
            escape(selector)
        );
        let items = items(self.get("resource", &path).await?, "resource")?;
        Ok(items
            .iter()
            .filter_map(|item| of_pod(item, resource, container))
            .collect())
    }

    /// The version of the API that the server prefers.
    async fn custom_version(&self) -> Result<String, SourceError> {
        let group = self.get("custom", "/apis/custom.metrics.k8s.io").await?;
        let version = &group["preferredVersion"]["version"];
        Ok(version.as_str().unwrap_or("v1beta2").to_owned())
    }

    /// A custom metric of each pod.
    pub(super) async fn of_pods(
        &self,
        metric: &str,
        selector: &str,
        metric_selector: &str,
    ) -> Result<BTreeMap<String, Metric>, SourceError> {
        let path = format!(
            "/apis/custom.metrics.k8s.io/{}/namespaces/{}/pods/*/{metric}?labelSelector={}&metricLabelSelector={}",
            self.custom_version().await?,
            self.namespace,
            escape(selector),
            escape(metric_selector)
        );
        let items = items(self.get("custom", &path).await?, "custom")?;
        let metrics = items.iter().filter_map(|item| {
            let seconds = item["windowSeconds"].as_i64().or_else(|| item["window"].as_i64());
            let metric = Metric {
                at: timestamp(item),
                window: seconds.map_or(WINDOW, SignedDuration::from_secs),
                value: milli(item["value"].as_str()?),
            };
            Some((item["describedObject"]["name"].as_str()?.to_owned(), metric))
        });
        Ok(metrics.collect())
    }

    /// A custom metric of one object.
    pub(super) async fn of_object(
        &self,
        metric: &str,
        object: &CrossVersionObjectReference,
        resource: &str,
        metric_selector: &str,
    ) -> Result<i64, SourceError> {
        let version = self.custom_version().await?;
        let namespace = self.namespace;
        let of = if resource == "namespaces" {
            format!("namespaces/{namespace}/metrics/{metric}")
        } else {
            format!("namespaces/{namespace}/{resource}/{}/{metric}", object.name)
        };
        let selector = escape(metric_selector);
        let path = format!("/apis/custom.metrics.k8s.io/{version}/{of}?metricLabelSelector={selector}");
        let items = items(self.get("custom", &path).await?, "custom")?;
        let value = items.first().and_then(|item| item["value"].as_str());
        value.map(milli).ok_or(SourceError::None { api: "custom" })
    }

    /// All values of an external metric together.
    pub(super) async fn external(&self, metric: &str, selector: &str) -> Result<i64, SourceError> {
        let path = format!(
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{metric}?labelSelector={}",
            self.namespace,
            escape(selector)
        );
        let items = items(self.get("external", &path).await?, "external")?;
        let values = items.iter().filter_map(|item| item["value"].as_str()).map(milli);
        Ok(values.fold(0, i64::saturating_add))
    }
}

fn items(mut list: Value, api: &'static str) -> Result<Vec<Value>, SourceError> {
    match list["items"].take() {
        Value::Array(items) if !items.is_empty() => Ok(items),
        _ => Err(SourceError::None { api }),
    }
}

fn of_pod(item: &Value, resource: &str, container: &str) -> Option<(String, Metric)> {
    let containers = item["containers"].as_array()?;
    let usage = |one: &Value| Some(milli(one["usage"][resource].as_str()?));
    let value = if container.is_empty() {
        if containers.is_empty() {
            return None;
        }
        containers.iter().map(usage).sum::<Option<i64>>()?
    } else {
        usage(containers.iter().find(|one| one["name"] == container)?)?
    };
    let window = item["window"]
        .as_str()
        .and_then(|text| text.parse::<SignedDuration>().ok());
    let metric = Metric {
        at: timestamp(item),
        window: window.unwrap_or_default(),
        value,
    };
    Some((item["metadata"]["name"].as_str()?.to_owned(), metric))
}

fn timestamp(item: &Value) -> Timestamp {
    let text = item["timestamp"].as_str().unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// Percent-encodes all but the unreserved characters.
fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // writing to a text cannot fail
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
