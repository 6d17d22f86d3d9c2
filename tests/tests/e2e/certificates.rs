//! CertificateSigningRequests: an approved one becomes a user, a denied or dishonest one does not.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::{Cluster, Run as _, until};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "certificates::an_approved_request_makes_a_user",
        an_approved_request_makes_a_user,
    ),
    (
        "certificates::what_must_not_be_signed_is_not",
        what_must_not_be_signed_is_not,
    ),
];

const CLIENT: &str = "kube-apiserver-client";

/// Asks for a client certificate; gives the private key.
fn ask(cluster: &Cluster, object: &str, signer: &str, user: &str, group: &str) -> anyhow::Result<String> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    params.distinguished_name.push(DnType::OrganizationName, group);
    let request = params.serialize_request(&key)?.pem()?;
    let request = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": { "name": object },
        "spec": {
            "request": STANDARD.encode(request), "signerName": format!("kubernetes.io/{signer}"),
            "usages": ["client auth"], "expirationSeconds": 3600,
        },
    });
    cluster.kubectl_with(&["apply", "-f", "-"], &request.to_string())?;
    Ok(key.serialize_pem())
}

fn status(cluster: &Cluster, object: &str) -> anyhow::Result<Value> {
    Ok(cluster.get(&["csr", object])?["status"].take())
}

fn an_approved_request_makes_a_user(cluster: &Cluster) -> anyhow::Result<()> {
    let key = ask(cluster, "jane", CLIENT, "jane", "developers")?;
    let row = cluster.kubectl(&["get", "csr", "jane", "--no-headers"])?;
    ensure!(row.contains("Pending"), "{row}");
    cluster.kubectl(&["certificate", "approve", "jane"])?;
    let certificate = until("the certificate", 20, || {
        let status = status(cluster, "jane")?;
        let text = status["certificate"].as_str().with_context(|| status.to_string())?;
        Ok(STANDARD.decode(text)?)
    })?;
    let row = cluster.kubectl(&["get", "csr", "jane", "--no-headers"])?;
    ensure!(row.contains("Approved,Issued"), "{row}");
    let cert_file = cluster.sandbox.file("jane.crt", &String::from_utf8(certificate)?)?;
    let key_file = cluster.sandbox.file("jane.key", &key)?;
    let (cert, key) = (cert_file.to_string_lossy(), key_file.to_string_lossy());
    let as_jane = |args: &[&str]| {
        // a user of another name: the administrator's own certificate must not be sent
        let set = [
            "config",
            "set-credentials",
            "jane",
            "--client-certificate",
            &cert,
            "--client-key",
            &key,
        ];
        cluster.kubectl_command(&set).run()?.ok()?;
        let mut command = cluster.kubectl_command(&["--user", "jane"]);
        command.args(args).run()
    };
    let who = as_jane(&["auth", "whoami", "-o", "json"])?.ok()?;
    let who: Value = serde_json::from_str(&who)?;
    ensure!(who["status"]["userInfo"]["username"] == "jane", "{who}");
    ensure!(who.to_string().contains("developers"), "{who}");
    let denied = as_jane(&["get", "pods"])?.failed(1)?;
    ensure!(
        denied.contains("User \"jane\" cannot list resource \"pods\""),
        "{denied}"
    );
    cluster.kubectl(&[
        "create",
        "rolebinding",
        "developers",
        "--clusterrole=view",
        "--group=developers",
    ])?;
    until("jane to see pods", 10, || as_jane(&["get", "pods"])?.ok())?;
    cluster.kubectl(&["delete", "rolebinding", "developers"])?;
    cluster.kubectl(&["config", "delete-user", "jane"])?;
    cluster.kubectl(&["delete", "csr", "jane"])?;
    Ok(())
}

fn what_must_not_be_signed_is_not(cluster: &Cluster) -> anyhow::Result<()> {
    ask(cluster, "denied", CLIENT, "joe", "developers")?;
    cluster.kubectl(&["certificate", "deny", "denied"])?;
    let root = ask(cluster, "root", CLIENT, "joe", "system:masters");
    ensure!(
        root.is_err_and(|error| format!("{error:#}").contains("system:masters")),
        "anybody may become root"
    );
    // approved, but nothing that this signer signs
    ask(
        cluster,
        "false-kubelet",
        "kube-apiserver-client-kubelet",
        "joe",
        "system:nodes",
    )?;
    cluster.kubectl(&["certificate", "approve", "false-kubelet"])?;
    let failed = until("the refusal", 20, || {
        let status = status(cluster, "false-kubelet")?;
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let failed = conditions.into_iter().find(|one| one["type"] == "Failed");
        failed.with_context(|| status.to_string())
    })?;
    ensure!(
        failed["message"]
            .as_str()
            .is_some_and(|text| text.contains("system:node:")),
        "{failed}"
    );
    // decided after the other, so the other would have been signed by now
    for name in ["denied", "false-kubelet"] {
        let status = status(cluster, name)?;
        ensure!(status.get("certificate").is_none(), "{status}");
        cluster.kubectl(&["delete", "csr", name])?;
    }
    Ok(())
}
