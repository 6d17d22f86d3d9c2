//! Grammar and matching.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::json;

use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn selects(selector: &str, pairs: &[(&str, &str)]) -> bool {
    LabelSelector::parse(selector)
        .unwrap_or_else(|error| panic!("{selector}: {error}"))
        .matches(&labels(pairs))
}

#[test]
fn matching() {
    let both = [("x", "y"), ("z", "w")];
    for yes in [
        "",
        "x=y",
        "x==y,z=w",
        "x!=z",
        "x in (a,y)",
        "x notin (a)",
        "x",
        "!q",
        "q!=1",
        "q notin (a)",
    ] {
        assert!(selects(yes, &both), "{yes}");
    }
    for no in ["x=z", "x!=y", "!x", "q", "x in ()", "x notin (y)", "q in (a)"] {
        assert!(!selects(no, &both), "{no}");
    }
    assert!(selects("n>1,n<3", &[("n", "2")]) && !selects("n>2", &[("n", "2")]) && !selects("n>2", &[("n", "a")]));
    assert!(selects("in in (in,notin),notin", &[("in", "notin"), ("notin", "")]));
    assert!(selects("x=,y in (,a)", &[("x", ""), ("y", "")]));
}

#[test]
fn malformed_selectors_say_why() {
    for (text, message) in [
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("x in a", "unable to parse requirement: found 'a' expected: '('"),
        (
            "x ! y",
            "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt",
        ),
        (
            "x>a",
            "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ] {
        assert_eq!(
            LabelSelector::parse(text).map_err(|error| error.to_string()),
            Err(message.to_owned()),
            "{text}"
        );
    }
    let error = LabelSelector::parse("-a=b").expect_err("bad key").to_string();
    assert!(
        error.starts_with("unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist"),
        "{error}"
    );
}

#[test]
fn text_round_trips() {
    for text in [
        "a=b",
        "a==b",
        "a!=b",
        "!a",
        "a",
        "a in (b,c)",
        "a notin (b)",
        "a>1",
        "a<2,b=c",
    ] {
        assert_eq!(
            LabelSelector::parse(text).map(|selector| selector.to_string()),
            Ok(text.to_owned())
        );
    }
}

#[test]
fn objects() {
    let selector =
        json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]});
    let selector = LabelSelector::from_object(&selector).expect("selector");
    assert!(selector.matches(&json!({"a": "b", "c": "d"})) && !selector.matches(&json!({"a": "b"})));
    assert!(LabelSelector::from_object(&json!(null)).expect("nothing").is_nothing());
    assert!(
        LabelSelector::from_object(&json!({}))
            .expect("everything")
            .is_everything()
    );
    let odd = json!({"matchExpressions": [{"key": "c", "operator": "Near"}]});
    let error = LabelSelector::from_object(&odd).expect_err("operator").to_string();
    assert_eq!(error, "\"Near\" is not a valid label selector operator");
}

#[test]
fn fields() {
    let selector = FieldSelector::parse("metadata.name=a\\,b,status.phase!=Running").expect("selector");
    assert_eq!(selector.exact("metadata.name"), Some("a,b"));
    let lookup =
        |phase: &'static str| move |field: &str| Cow::Borrowed(if field == "metadata.name" { "a,b" } else { phase });
    assert!(selector.matches(lookup("Pending")) && !selector.matches(lookup("Running")));
    assert_eq!(selector.to_string(), "metadata.name=a\\,b,status.phase!=Running");
    let error = FieldSelector::parse("name").expect_err("no operator").to_string();
    assert_eq!(error, "invalid selector: 'name'; can't understand 'name'");
    assert!(FieldSelector::parse("a=b=c").is_err() && FieldSelector::parse("a=\\x").is_err());
}
