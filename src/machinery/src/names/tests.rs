//! Upstream's words and edge cases.

use super::*;

#[test]
fn labels_and_subdomains() {
    for good in ["a", "a1", "a--1", "0", &"a".repeat(63)] {
        assert!(dns1123_label(good).is_empty(), "{good}");
    }
    for bad in ["", "A", "-", "a-", "-a", "a_b", " ", &"a".repeat(64)] {
        assert_eq!(dns1123_label(bad).len(), 1, "{bad}");
    }
    assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
    assert_eq!(
        dns1123_label("A"),
        [
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        ]
    );
    assert!(dns1123_subdomain("a.b-c.1").is_empty());
    assert!(!dns1123_subdomain("a..b").is_empty());
    assert!(!dns1035_label("1a").is_empty());
}

#[test]
fn label_keys_and_values() {
    for good in ["simple", "now-with-dashes", "1-starts.with", "example.com/Upper_1"] {
        assert!(label_key(good).is_empty(), "{good}");
    }
    assert_eq!(label_key("/a"), ["prefix part must be non-empty"]);
    assert_eq!(label_key("a/b/c").len(), 1);
    assert_eq!(label_key("a/").len(), 2);
    assert!(label_value("").is_empty());
    assert!(!label_value("-a").is_empty());
    assert_eq!(label_value(&"a".repeat(64)), ["must be no more than 63 bytes"]);
}

#[test]
fn small_formats() {
    assert!(percent("50%").is_empty() && !percent("50").is_empty() && !percent("%").is_empty());
    assert!(port_name("http-1").is_empty());
    assert_eq!(port_name("1--1").len(), 2);
    assert_eq!(port_number(0), ["must be between 1 and 65535, inclusive"]);
    assert_eq!(config_map_key("..a"), ["must not start with '..'"]);
    assert_eq!(path_segment("a/b"), ["may not contain '/'"]);
    assert!(!relaxed_env_var_name("A=B").is_empty() && relaxed_env_var_name("1 b").is_empty());
}
