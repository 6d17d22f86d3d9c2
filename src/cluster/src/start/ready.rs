//! Waiting until the cluster is what `start` promises: the API answers, every node is ready, and so does DNS.

use serde_json::Value;

use super::{Keys, Start};
use crate::api::ApiClient;
use crate::profile::Profile;
use crate::progress::Step;
use crate::{ClusterError, wait};

/// Log lines that an error quotes.
const LOG_LINES: usize = 15;

impl Start<'_> {
    pub(super) async fn ready(&self, profile: &Profile, keys: &Keys, changed: bool) -> Result<(), ClusterError> {
        let api = ApiClient::new(
            &profile.server(),
            &keys.authority.pem().cert,
            &keys.admin.cert,
            &keys.admin.key,
        )?;
        self.begin(Step::Api);
        self.wait(profile, "the API server", || async {
            api.text("/readyz").await.map(drop)
        })
        .await?;
        self.done(Step::Api, changed);
        self.begin(Step::NodesReady);
        self.wait(profile, "a node", || async {
            all_ready(profile, &api.json("/api/v1/nodes").await?)
        })
        .await?;
        self.done(Step::NodesReady, changed);
        self.begin(Step::Dns);
        self.wait(profile, "the cluster's DNS", || self.dns(profile)).await?;
        self.done(Step::Dns, changed);
        Ok(())
    }

    async fn wait<T, F>(&self, profile: &Profile, what: &str, look: impl FnMut() -> F) -> Result<T, ClusterError>
    where
        F: Future<Output = Result<T, String>>,
    {
        match wait::until(self.options.patience, look).await {
            Ok(found) => Ok(found),
            Err(seen) => Err(ClusterError::NotReady {
                what: what.to_owned(),
                seconds: self.options.patience.as_secs(),
                seen,
                log: self.engine.log_tail(&profile.nodes[0].name, LOG_LINES).await,
            }),
        }
    }

    /// Asks through the service's address, from the control plane's network: as a pod would.
    async fn dns(&self, profile: &Profile) -> Result<(), String> {
        let node = profile.nodes.first().ok_or("no node")?;
        let (server, seconds) = (
            profile.dns_ip().to_string(),
            self.options.patience.as_secs().to_string(),
        );
        let name = format!("kubernetes.default.svc.{}", profile.dns_domain);
        let command = ["/usr/bin/rkube", "node", "dns-check", &server, &name, &seconds];
        let output = self
            .engine
            .exec(&node.name, &command)
            .await
            .map_err(|error| error.to_string())?;
        match output.code {
            0 => Ok(()),
            _ => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }
}

fn all_ready(profile: &Profile, nodes: &Value) -> Result<(), String> {
    let items = nodes["items"].as_array().ok_or("the answer is no list of nodes")?;
    for node in &profile.nodes {
        let Some(found) = items.iter().find(|item| item["metadata"]["name"] == node.name.as_str()) else {
            return Err(format!("node {} has not registered", node.name));
        };
        let conditions = found["status"]["conditions"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        if ready.is_none_or(|condition| condition["status"] != "True") {
            let why = ready
                .and_then(|condition| condition["message"].as_str())
                .unwrap_or("no condition yet");
            return Err(format!("node {}: {why}", node.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::Profile;

    #[test]
    fn every_node_of_the_profile_must_be_ready() {
        let subnet = "192.168.49.0/24".parse().unwrap();
        let pods = "10.244.0.0/16".parse().unwrap();
        let text = json!({
            "name": "demo", "version": "0", "image": "i", "subnet": subnet, "apiPort": 1, "apiHost": "127.0.0.1",
            "clusterCidr": pods, "serviceCidr": "10.96.0.0/16", "dnsDomain": "cluster.local", "kubeconfig": "/c",
            "nodes": [Profile::node("demo", 0, subnet, pods), Profile::node("demo", 1, subnet, pods)],
        });
        let profile: Profile = serde_json::from_value(text).unwrap();
        let node = |name: &str, status: &str| {
            json!({ "metadata": { "name": name }, "status": { "conditions": [
                { "type": "Ready", "status": status, "message": "network missing" } ] } })
        };
        let one = json!({ "items": [node("demo", "True")] });
        assert!(
            all_ready(&profile, &one)
                .unwrap_err()
                .contains("demo-m02 has not registered")
        );
        let two = json!({ "items": [node("demo", "True"), node("demo-m02", "False")] });
        assert!(all_ready(&profile, &two).unwrap_err().contains("network missing"));
        all_ready(
            &profile,
            &json!({ "items": [node("demo", "True"), node("demo-m02", "True")] }),
        )
        .unwrap();
    }
}
