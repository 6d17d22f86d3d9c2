//! Which sources an image has, and in which order.

use super::*;

fn table(text: &str) -> Table {
    let table = Table::new(&Document::parse("test", text).unwrap()).unwrap();
    // as a node gets it
    serde_json::from_slice(&serde_json::to_vec(&table).unwrap()).unwrap()
}

fn shown(table: &Table, registry: &str, repository: &str) -> Vec<String> {
    let sources = table.sources(registry, repository);
    sources.iter().map(ToString::to_string).collect()
}

#[test]
fn without_settings_the_registry_itself_is_asked() {
    let table = Table::default();
    assert_eq!(
        shown(&table, "docker.io", "library/nginx"),
        ["https://registry-1.docker.io/library/nginx"]
    );
    assert_eq!(shown(&table, "my.example:5000", "a/b"), ["https://my.example:5000/a/b"]);
    assert_eq!(
        shown(&table, "localhost:5000", "a"),
        ["http://localhost:5000/a", "https://localhost:5000/a"]
    );
}

#[test]
fn mirrors_come_first_unless_told_otherwise() {
    let text = "mirrors: {docker.io: {endpoint: [https://a, https://b/ns]}}";
    assert_eq!(
        shown(&table(text), "docker.io", "library/nginx"),
        [
            "https://a/library/nginx",
            "https://b/ns/library/nginx",
            "https://registry-1.docker.io/library/nginx"
        ]
    );
    let first = shown(&table(&format!("upstream: first\n{text}")), "docker.io", "x");
    assert_eq!(first[0], "https://registry-1.docker.io/x");
    let never = shown(&table(&format!("upstream: never\n{text}")), "docker.io", "x");
    assert_eq!(never, ["https://a/x", "https://b/ns/x"]);
    let own = "upstream: first\nmirrors: {docker.io: {endpoint: [https://a], upstream: last}}";
    assert_eq!(shown(&table(own), "docker.io", "x")[0], "https://a/x");
}

#[test]
fn an_image_repository_serves_every_registry_with_and_without_the_path() {
    let table = table("image_repository: [mirror.example/ns]");
    assert_eq!(
        shown(&table, "registry.k8s.io", "sig-storage/csi-attacher"),
        [
            "https://mirror.example/ns/sig-storage/csi-attacher",
            "https://mirror.example/ns/csi-attacher",
            "https://registry.k8s.io/sig-storage/csi-attacher"
        ]
    );
    // both names are one and the same for an image without folders
    assert_eq!(shown(&table, "registry.k8s.io", "pause").len(), 2);
}

#[test]
fn a_country_adds_its_mirrors_behind_the_users_own() {
    let table = table("country: cn\nmirrors: {\"*\": {endpoint: [http://all]}}");
    let sources = shown(&table, "registry.k8s.io", "sig-storage/csi-attacher");
    assert_eq!(sources[0], "http://all/sig-storage/csi-attacher");
    assert!(
        sources
            .iter()
            .any(|source| source.ends_with("google_containers/csi-attacher")),
        "{sources:?}"
    );
    assert_eq!(
        sources.last().unwrap(),
        "https://registry.k8s.io/sig-storage/csi-attacher"
    );
    assert_eq!(
        shown(&table, "else.example", "a"),
        ["http://all/a", "https://else.example/a"]
    );
    let auto = Table::new(&Document::parse("test", "country: auto").unwrap()).unwrap();
    assert_eq!(shown(&auto, "quay.io", "a")[0], "https://quay.io/a");
    let unknown = Table::new(&Document::parse("test", "country: xx").unwrap()).unwrap_err();
    assert!(unknown.to_string().contains("known are cn, and auto"), "{unknown}");
}

#[test]
fn insecure_registries_are_not_checked_and_may_be_plain() {
    let table =
        table("insecure: [reg.example:5000, 10.1.0.0/16]\nmirrors: {docker.io: {endpoint: ['https://10.1.2.3:5000']}}");
    let own = table.sources("reg.example:5000", "a");
    assert_eq!(own[0].to_string(), "https://reg.example:5000/a");
    assert_eq!(own[1].to_string(), "http://reg.example:5000/a");
    assert!(own[0].host.tls.insecure_skip_verify);
    assert!(table.sources("docker.io", "a")[0].host.tls.insecure_skip_verify);
    assert!(!table.sources("docker.io", "a")[1].host.tls.insecure_skip_verify);
}

#[test]
fn credentials_are_found_by_host_and_by_registry() {
    let table = table(
        "configs: {docker.io: {auth: {username: me}}, 'a:5000': {auth: {username: you}}}\nmirrors: {docker.io: {endpoint: ['http://a:5000']}}",
    );
    let users: Vec<_> = table
        .sources("docker.io", "x")
        .into_iter()
        .map(|source| source.host.auth.username)
        .collect();
    assert_eq!(users, ["you", "me"]);
}

#[test]
fn files_are_read_and_checked_when_the_table_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, text: &str| {
        fs_err::write(folder.path().join(name), text).unwrap();
        let text = format!("configs: {{a: {{tls: {{ca_file: {name}}}}}}}");
        let document = Document::parse("test", &text).unwrap().relative_to(folder.path());
        Table::new(&document)
    };
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
    let table = make("ca.pem", pem).unwrap();
    assert_eq!(table.sources("a", "x")[0].host.tls.ca_file, pem);
    assert!(make("no.pem", "text").unwrap_err().to_string().contains("no.pem"));
    // those of a folder are trusted beside each host's own
    let refused = authorities(folder.path());
    assert!(refused.unwrap_err().to_string().contains("no.pem"));
    fs_err::remove_file(folder.path().join("no.pem")).unwrap();
    fs_err::write(folder.path().join("other.crt"), "-----BEGIN CERTIFICATE-----\ny\n").unwrap();
    fs_err::write(folder.path().join("notes.txt"), "z").unwrap();
    let table = table.trusting(authorities(folder.path()).unwrap());
    let trusted = |registry: &str| table.sources(registry, "x")[0].host.tls.ca_file.clone();
    assert!(
        trusted("a").starts_with(pem) && trusted("a").contains("\ny\n"),
        "{}",
        trusted("a")
    );
    assert!(
        trusted("b").contains("\nx\n") && !trusted("b").contains('z'),
        "{}",
        trusted("b")
    );
    assert_eq!(authorities(&folder.path().join("none")).unwrap(), "");
    let rule = Document::parse("test", "mirrors: {a: {rewrite: {'(': b}}}").unwrap();
    assert!(matches!(Table::new(&rule), Err(DocumentError::Rewrite { .. })));
}
