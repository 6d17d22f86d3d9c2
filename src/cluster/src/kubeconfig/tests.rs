//! What stays, what changes and what comes back.

use super::*;

const FOREIGN: &str = "\
apiVersion: v1
kind: Config
current-context: work
clusters:
- name: work
  cluster: {server: https://work, proxy-url: http://proxy}
users: null
contexts:
- name: work
  context: {cluster: work, user: me}
preferences: {colors: true}
";

fn access() -> Access<'static> {
    Access {
        name: "rkube",
        server: "https://127.0.0.1:4000".to_owned(),
        ca: "CA",
        cert: "CERT",
        key: "KEY",
    }
}

fn file(text: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kube/config");
    if let Some(text) = text {
        fs_err::create_dir_all(folder.path().join("kube")).unwrap();
        fs_err::write(&path, text).unwrap();
    }
    (folder, path)
}

#[test]
fn others_entries_survive_and_the_current_context_comes_back() {
    let (_folder, path) = file(Some(FOREIGN));
    assert_eq!(merge(&path, &access(), false).unwrap().as_deref(), Some("work"));
    assert_eq!(merge(&path, &access(), false).unwrap(), None);
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(
        text.contains("current-context: rkube") && text.contains("proxy-url") && text.contains("colors"),
        "{text}"
    );
    assert_eq!(server(&path, "rkube").as_deref(), Some("https://127.0.0.1:4000"));
    remove(&path, "rkube", Some("work")).unwrap();
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(
        text.contains("current-context: work") && !text.contains("rkube"),
        "{text}"
    );
}

#[test]
fn a_file_is_made_readable_for_its_owner_alone_and_a_gone_context_is_not_restored() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = file(None);
    assert_eq!(merge(&path, &access(), false).unwrap(), None);
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    remove(&path, "rkube", Some("gone")).unwrap();
    assert!(fs_err::read_to_string(&path).unwrap().contains("current-context: ''"));
    assert!(!path.with_extension("lock").exists());
}

#[test]
fn a_namespace_that_the_user_set_stays() {
    let (_folder, path) = file(None);
    merge(&path, &access(), false).unwrap();
    let text = fs_err::read_to_string(&path)
        .unwrap()
        .replace("    user: rkube\n", "    user: rkube\n    namespace: mine\n");
    fs_err::write(&path, text).unwrap();
    merge(&path, &access(), false).unwrap();
    assert!(fs_err::read_to_string(&path).unwrap().contains("namespace: mine"));
}

#[test]
fn a_context_that_is_there_is_chosen() {
    let (_folder, path) = file(Some(FOREIGN));
    assert!(!choose(&path, "rkube").unwrap());
    merge(&path, &access(), true).unwrap();
    assert_eq!(current(&path).as_deref(), Some("work"));
    assert!(choose(&path, "rkube").unwrap());
    assert_eq!(current(&path).as_deref(), Some("rkube"));
    assert!(!choose(&path.with_file_name("none"), "rkube").unwrap());
}

#[test]
fn a_broken_file_is_named_and_left_alone() {
    let (_folder, path) = file(Some("clusters: [oops"));
    let error = merge(&path, &access(), false).unwrap_err().to_string();
    assert!(error.contains("kube/config"), "{error}");
    assert_eq!(fs_err::read_to_string(&path).unwrap(), "clusters: [oops");
}

#[test]
fn the_first_file_of_the_variable_is_meant() {
    let home = Path::new("/home/me");
    assert_eq!(path(Some(":/a:/b"), home), PathBuf::from("/a"));
    assert_eq!(path(None, home), PathBuf::from("/home/me/.kube/config"));
}
