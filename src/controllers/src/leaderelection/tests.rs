//! Decisions, and the controller against the real API server; the tests are the candidates.

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::tests::Cluster;

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000_000).expect("time")
}

fn after(seconds: i64) -> MicroTime {
    MicroTime(now() + SignedDuration::from_secs(seconds))
}

/// A candidate that said `renewed` seconds from now that it is there, and was asked `pinged` seconds from now.
fn candidate(name: &str, emulation: &str, binary: &str, renewed: i64, pinged: Option<i64>) -> Arc<LeaseCandidate> {
    let object = json!({"metadata": {"name": name, "namespace": "n"}, "spec": {"leaseName": "l",
        "emulationVersion": emulation, "binaryVersion": binary, "strategy": "OldestEmulationVersion",
        "renewTime": after(renewed), "pingTime": pinged.map(after)}});
    Arc::new(serde_json::from_value(object).expect("candidate"))
}

fn lease(holder: &str, renewed: i64) -> Lease {
    let spec = json!({"holderIdentity": holder, "leaseDurationSeconds": 5, "renewTime": after(renewed)});
    serde_json::from_value(json!({"metadata": {"name": "l", "namespace": "n"}, "spec": spec})).expect("lease")
}

fn said(step: &Step) -> String {
    match step {
        Step::Rest => "rest".to_owned(),
        Step::Wait(why) => format!("wait: {why}"),
        Step::Ask(all) => all.iter().map(|one| one.name_any()).collect::<Vec<_>>().join(","),
        Step::Elect { strategy, holder } => format!("{strategy}={}", holder.as_deref().unwrap_or("-")),
    }
}

fn step(lease: Option<&Lease>, candidates: &[Arc<LeaseCandidate>]) -> String {
    said(&elect::step(lease, candidates, now()))
}

#[test]
fn the_oldest_emulated_version_is_elected_among_those_who_are_there() {
    let (new, old) = (
        candidate("new", "1.36.0", "1.36.0", -1, None),
        candidate("old", "1.35.0", "1.36.0", -1, None),
    );
    assert_eq!(step(None, &[new.clone(), old.clone()]), "OldestEmulationVersion=old");
    // a number, not a text
    let ten = candidate("ten", "1.9.0", "1.36.0", -1, None);
    assert_eq!(step(None, &[old.clone(), ten]), "OldestEmulationVersion=ten");
    let binary = candidate("binary", "1.35.0", "1.35.0", -1, None);
    assert_eq!(step(None, &[old.clone(), binary]), "OldestEmulationVersion=binary");
    assert_eq!(step(Some(&lease("old", -1)), &[new.clone(), old.clone()]), "rest");
    assert_eq!(
        step(Some(&lease("new", -1)), &[new.clone(), old.clone()]),
        "OldestEmulationVersion=old"
    );
    assert_eq!(step(Some(&lease("old", -9)), &[new, old]), "OldestEmulationVersion=old");
}

#[test]
fn who_has_not_been_heard_of_lately_is_asked_first() {
    let (fresh, quiet) = (
        candidate("fresh", "1.36.0", "1.36.0", -1, None),
        candidate("quiet", "1.35.0", "1.35.0", -60, None),
    );
    assert_eq!(step(None, &[fresh.clone(), quiet]), "quiet");
    let asked = candidate("asked", "1.35.0", "1.35.0", -60, Some(-2));
    assert_eq!(
        step(None, &[fresh.clone(), asked]),
        "wait: candidates still have time to answer"
    );
    let mute = candidate("mute", "1.35.0", "1.35.0", -60, Some(-6));
    assert_eq!(step(None, &[fresh, mute.clone()]), "OldestEmulationVersion=fresh");
    assert_eq!(step(None, &[mute]), "wait: no candidate has answered");
    let answered = candidate("answered", "1.35.0", "1.35.0", -60, Some(-61));
    assert_eq!(step(None, &[answered]), "answered", "it is asked again");
}

#[test]
fn candidates_are_asked_before_they_are_taken_for_gone() {
    let lazy = candidate("lazy", "1.36.0", "1.36.0", -16 * 60, None);
    assert_eq!(step(Some(&lease("lazy", -1)), std::slice::from_ref(&lazy)), "lazy");
    assert!(!elect::is_expired(&lazy, now()));
    assert!(elect::is_expired(
        &candidate("gone", "1.36.0", "1.36.0", -31 * 60, None),
        now()
    ));
}

#[test]
fn candidates_of_one_version_must_agree_on_the_strategy() {
    let with = |name: &str, binary: &str, strategy: &str| {
        let mut one = candidate(name, "1.35.0", binary, -1, None).as_ref().clone();
        one.spec.strategy = strategy.to_owned();
        Arc::new(one)
    };
    let (a, b) = (
        with("a", "1.36.0", "OldestEmulationVersion"),
        with("b", "1.36.0", "example.com/other"),
    );
    assert!(step(None, &[a.clone(), b.clone()]).starts_with("wait: candidates of the same binary version"));
    let newer = with("newer", "1.37.0", "example.com/other");
    assert_eq!(step(None, &[a, newer]), "example.com/other=-", "somebody else decides");
}

#[test]
fn a_holder_is_asked_to_let_go_and_a_lease_of_nobody_is_given() {
    let elect = |mut lease: Lease| {
        let spec = lease.spec.get_or_insert_default();
        elect::hand_over(spec, "s", Some("b".to_owned()), 5, now());
        (spec.holder_identity.clone(), spec.preferred_holder.clone())
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(elect(lease("a", -1)), (some("a"), some("b")));
    assert_eq!(elect(lease("a", -6)), (some("b"), None), "it has run out");
    assert_eq!(elect(lease("", -1)), (some("b"), None));
    assert_eq!(elect(lease("b", -1)), (some("b"), None));
}

#[tokio::test]
async fn the_elected_holds_the_lease_and_gives_way_to_a_better_one() {
    let cluster = Cluster::start().await;
    let add = async |name: &str, emulation: &str| {
        let now = MicroTime(Timestamp::now());
        let _: LeaseCandidate = cluster
            .create(
                json!({"metadata": {"name": name}, "spec": {"leaseName": "work", "emulationVersion": emulation,
                "binaryVersion": "1.36.0", "strategy": "OldestEmulationVersion", "renewTime": now}}),
            )
            .await;
    };
    // what candidates do: answer when they are asked, and the holder renews its lease
    let answer = async || {
        let api = cluster.api::<LeaseCandidate>();
        for mut one in api.list(&kube::api::ListParams::default()).await.expect("list").items {
            if elect::is_asked(&one) {
                one.spec.renew_time = Some(MicroTime(Timestamp::now()));
                drop(api.replace(&one.name_any(), &PostParams::default(), &one).await);
            }
        }
        let leases = cluster.api::<Lease>();
        if let Some(mut lease) = leases.get_opt("work").await.expect("lease") {
            lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
            drop(leases.replace("work", &PostParams::default(), &lease).await);
        }
    };
    add("newer", "1.36.0").await;
    let mut first = None;
    for _ in 0..1200 {
        // on a slow machine it is asked already
        answer().await;
        let lease = cluster.api::<Lease>().get_opt("work").await.expect("lease");
        first = lease.and_then(|lease| lease.spec?.holder_identity);
        if first.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(first.as_deref(), Some("newer"));
    add("older", "1.35.0").await;
    let mut last = None;
    for _ in 0..1200 {
        answer().await;
        last = cluster.api::<Lease>().get("work").await.expect("lease").spec;
        if last.as_ref().and_then(|spec| spec.preferred_holder.as_deref()) == Some("older") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody asks the holder to let go; last seen: {last:?}");
}

#[tokio::test]
async fn a_candidate_must_say_what_it_is() {
    let cluster = Cluster::start().await;
    let api = cluster.api::<LeaseCandidate>();
    let refused = async |spec: serde_json::Value| {
        let object = serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": spec})).expect("object");
        api.create(&PostParams::default(), &object)
            .await
            .expect_err("refused")
            .to_string()
    };
    let error = refused(json!({"leaseName": "", "binaryVersion": "1.36", "strategy": "Newest"})).await;
    for wrong in [
        "spec.leaseName",
        "must be a valid semantic version",
        "Unsupported value: \"Newest\"",
    ] {
        assert!(error.contains(wrong), "{wrong}: {error}");
    }
    let error = refused(
        json!({"leaseName": "l", "binaryVersion": "1.35.0", "emulationVersion": "1.36.0",
        "strategy": "OldestEmulationVersion"}),
    )
    .await;
    assert!(
        error.contains("must be greater than or equal to `emulationVersion`"),
        "{error}"
    );
}
