//! An update with several repositories: who failed, and whether it is worth another try.

use vps_ops::apt::{Repository, RepositoryState, Said, repositories};

use crate::captured::Captured;

fn known(places: &[&str]) -> Vec<Repository> {
    let stanza = |place: &&str| {
        let (uri, release) = place.split_once(' ').unwrap();
        format!("Repo-URI: {uri}/\nRelease: {release}\nComponent: main\nTarget-Of: deb\n\n")
    };
    Repository::parse(&places.iter().map(stanza).collect::<String>())
}

fn states(said: &Said, places: &[&str]) -> Vec<String> {
    let state = |result: vps_ops::apt::RepositoryResult| match result.state {
        RepositoryState::Transient(fault) => format!("transient: {fault}"),
        RepositoryState::Permanent(fault) => format!("permanent: {fault}"),
        other => format!("{other:?}"),
    };
    repositories(said, &known(places)).into_iter().map(state).collect()
}

const MAIN: &str = "http://repo.test:8080/main stable";

#[test]
fn the_good_one_stays_good_beside_a_bad_one() {
    for (name, place, says) in [
        (
            "update_nopubkey_beside_good",
            "http://repo.test:8080/third stable",
            "permanent: the repository http://repo.test:8080/third stable is signed with the key 286D4562284449CC, which is not installed",
        ),
        (
            "update_third_404_beside_good",
            "http://repo.test:8080/gone stable",
            "permanent: the repository http://repo.test:8080/gone stable has no Release file",
        ),
        (
            "update_third_dns_beside_good",
            "http://nx.invalid/main stable",
            "transient: the name server did not answer (http://nx.invalid/main/dists/stable/InRelease)",
        ),
        (
            "update_third_refused_beside_good",
            "http://third.test:8099/main stable",
            "transient: the connection was refused (http://third.test:8099/main/dists/stable/InRelease)",
        ),
        (
            "update_third_stall_beside_good",
            "http://third.test:8080/third stable",
            "transient: the connection broke (http://third.test:8080/third/dists/stable/InRelease)",
        ),
    ] {
        assert_eq!(states(&Captured::read(name).said, &[MAIN, place]), ["Fresh", says], "{name}");
        // The failure is told even if nobody knew of that repository.
        assert_eq!(states(&Captured::read(name).said, &[MAIN]), ["Fresh", says], "{name}");
    }
}

#[test]
fn each_recorded_failure_is_the_one_repositorys() {
    for (name, transient) in [
        ("update_401", false),
        ("update_404_inrelease", false),
        ("update_404_packages", false),
        ("update_429", true),
        ("update_503_packages", true),
        ("update_captive_portal", true),
        ("update_corrupt_packages", true),
        ("update_refused_old_index", true),
        ("update_reset_mid_packages", true),
        ("update_truncate_packages", true),
        ("update_disk_full", false),
    ] {
        let results = repositories(&Captured::read(name).said, &known(&[MAIN]));
        assert_eq!(results.len(), 1, "{name}: {results:?}");
        assert_eq!(
            matches!(results[0].state, RepositoryState::Transient(_)),
            transient,
            "{name}: {results:?}"
        );
        assert!(results[0].state.fault().is_some(), "{name}");
    }
}

#[test]
fn nothing_is_fresh_that_was_not_fetched() {
    assert_eq!(states(&Captured::read("ok_update").said, &[MAIN]), ["Fresh"]);
    assert_eq!(states(&Captured::read("ok_update_hit").said, &[MAIN]), ["Fresh"]);
    for name in ["update_lists_lock_held", "update_sources_malformed", "update_not_root"] {
        assert_eq!(states(&Captured::read(name).said, &[MAIN]), ["Unseen"], "{name}");
    }
}

#[test]
fn one_mirrors_releases_are_told_apart() {
    let said = Said::new(
        b"Hit:1 http://example.com/debian bookworm InRelease\n\
          Hit:2 http://example.com/debian-security bookworm-security InRelease\n\
          Err:3 http://example.com/debian bookworm-updates InRelease\n  503  Service Unavailable\n\
          Err:4 http://example.com/flat ./ InRelease\n  Could not resolve 'example.com'\n",
        b"W: Failed to fetch http://example.com/debian/dists/bookworm-updates/InRelease  503  Service Unavailable\n\
          W: Failed to fetch http://example.com/flat/./InRelease  Could not resolve 'example.com'\n\
          W: Some index files failed to download. They have been ignored, or old ones used instead.\n",
    );
    let found = states(
        &said,
        &[
            "http://example.com/debian bookworm",
            "http://example.com/debian bookworm-updates",
            "http://example.com/debian-security bookworm-security",
            "http://example.com/flat ./",
            "http://example.com/debian-security bookworm",
        ],
    );
    assert_eq!(
        found,
        [
            "Fresh",
            "transient: the server answered 503 Service Unavailable (http://example.com/debian/dists/bookworm-updates/InRelease)",
            "Fresh",
            "transient: there is no such host (http://example.com/flat/./InRelease)",
            "Unseen",
        ]
    );
}

#[test]
fn several_that_expired_at_once_are_the_clocks_fault() {
    let expired = |path| {
        format!(
            "E: Release file for http://example.com/{path}/dists/stable/InRelease is expired (invalid since 1d). Updates\n"
        )
    };
    let said = Said::new(b"", (expired("a") + &expired("b")).as_bytes());
    let status = Default::default();
    let ended = vps_ops::process::Ended::Code(100);
    let fault = vps_ops::apt::fault(vps_ops::apt::Step::Update, ended, &said, &status).unwrap();
    assert!(fault.to_string().contains("clock"), "{fault}");
}
