//! Image references and pulls with the pod's credentials.

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine as _;
use cri::v1;
use k8s_openapi::api::core::v1::{Pod, Secret};
use mirrors::Reference;
use serde::Deserialize;

use crate::context::Context;
use crate::pod::mailbox::Mailbox;

/// The full form of a reference as the runtime stores it: `nginx` is `docker.io/library/nginx:latest`. What is no reference is
/// left for the runtime to refuse.
pub(crate) fn normalize(reference: &str) -> String {
    Reference::parse(reference).map_or_else(|| reference.to_owned(), |reference| reference.to_string())
}

/// Pulls `reference` with each credential of the pod that fits, then without; the error quotes every answer.
pub(crate) async fn pull(
    context: &Context,
    pod: &Pod,
    mailbox: &Mailbox,
    reference: &str,
    sandbox: v1::PodSandboxConfig,
) -> Result<String, String> {
    let mut candidates: Vec<Option<v1::AuthConfig>> = credentials(context, pod, mailbox, reference)
        .await
        .into_iter()
        .map(Some)
        .collect();
    if candidates.is_empty() {
        candidates.push(None);
    }
    let mut errors = Vec::new();
    for auth in candidates {
        let began = Instant::now();
        match Box::pin(context.runtime.pull(reference, auth, sandbox.clone())).await {
            Ok(image) => return Ok(image),
            Err(error) => {
                let known = context.options.pull_report.failure(reference, began);
                errors.push(known.unwrap_or_else(|| error.to_string()));
            }
        }
    }
    Err(errors.join("; "))
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DockerAuth {
    username: String,
    password: String,
    auth: String,
    identitytoken: String,
}

async fn credentials(context: &Context, pod: &Pod, mailbox: &Mailbox, reference: &str) -> Vec<v1::AuthConfig> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let names = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.image_pull_secrets.as_ref())
        .into_iter()
        .flatten();
    let mut found = Vec::new();
    for name in names {
        // A secret that is missing is no reason not to try: the image may be public.
        let Ok(Some(secret)) = context.secrets.get(namespace, &name.name, mailbox).await else {
            continue;
        };
        found.extend(of_secret(&secret, reference));
    }
    found
}

fn of_secret(secret: &Secret, reference: &str) -> Vec<v1::AuthConfig> {
    let data = secret.data.clone().unwrap_or_default();
    let auths = if let Some(text) = data.get(".dockerconfigjson") {
        serde_json::from_slice::<DockerConfig>(&text.0)
            .map(|config| config.auths)
            .unwrap_or_default()
    } else if let Some(text) = data.get(".dockercfg") {
        serde_json::from_slice(&text.0).unwrap_or_default()
    } else {
        BTreeMap::new()
    };
    let matching = auths.into_iter().filter(|(server, _)| fits(server, reference));
    matching.map(|(_, auth)| to_cri(auth)).collect()
}

/// True if credentials for `server` are meant for the registry of `reference`.
fn fits(server: &str, reference: &str) -> bool {
    let bare = server
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let bare = bare.trim_end_matches("/v1").trim_end_matches("/v2");
    let bare = if bare == "index.docker.io" { "docker.io" } else { bare };
    reference
        .strip_prefix(bare)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
}

fn to_cri(auth: DockerAuth) -> v1::AuthConfig {
    let mut result = v1::AuthConfig {
        username: auth.username,
        password: auth.password,
        identity_token: auth.identitytoken,
        ..Default::default()
    };
    if result.username.is_empty()
        && let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(auth.auth.trim())
        && let Some((user, password)) = String::from_utf8_lossy(&bytes).split_once(':')
    {
        user.clone_into(&mut result.username);
        password.trim_end_matches('\0').clone_into(&mut result.password);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_references_get_registry_library_and_tag() {
        for (short, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("me/app:1", "docker.io/me/app:1"),
            ("quay.io/me/app", "quay.io/me/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("nginx@sha256:ab", "nginx@sha256:ab"),
        ] {
            assert_eq!(normalize(short), full);
        }
    }

    #[test]
    fn credentials_fit_their_registry_only() {
        assert!(fits("https://index.docker.io/v1/", "docker.io/library/nginx:1"));
        assert!(fits("quay.io", "quay.io/a/b:1"));
        assert!(!fits("quay.io", "quay.io.evil/a:1"));
    }
}
