//! Fetching the indexes: each repository for itself.

use tests::apt::{AptLab, Mirror, Repository};
use tests::server::Behaviour;

use super::machine;

/// Main, healthy, and somebody else's.
fn two() -> Option<(AptLab, Mirror, Mirror)> {
    let (lab, main) = machine()?;
    let third = Mirror::start(&lab, Repository::Third);
    lab.sources(&[&main, &third]);
    Some((lab, main, third))
}

/// apt knows of a package in its lists.
fn knows(lab: &AptLab, package: &str) -> bool {
    lab.run(&["apt-cache", "show", package]).code == 0
}

#[test]
fn an_update_of_all_is_done() {
    let Some((lab, main, third)) = two() else { return };
    let _ = lab.apt(&["update"]).expect(0);
    assert!(knows(&lab, "lab-leaf") && knows(&lab, "lab-third"));
    assert_eq!((main.requests(Mirror::IN_RELEASE), third.requests(Mirror::IN_RELEASE)), (1, 1));
    lab.wait_until_quiet();
}

#[test]
fn an_update_names_who_failed() {
    let Some((lab, main, third)) = two() else { return };
    third.script_all(&Behaviour::status(503));
    let failed = lab.apt(&["update", "--retries", "1"]).expect(1).says("third.example.com");
    let blames =
        |line: &&str| line.contains(main.host()) && (line.contains("error") || line.contains("fail"));
    assert_eq!(failed.stderr.lines().find(blames), None);
    assert!(knows(&lab, "lab-leaf"), "what is good was fetched");
}

#[test]
fn a_refusing_repository_is_tried_again_and_named() {
    let Some((lab, main)) = machine() else { return };
    let refusing = Mirror::refusing(&lab, "refusing");
    lab.sources(&[&main, &refusing]);
    let failed = lab.apt(&["update", "--retries", "2"]).expect(1);
    let _ = failed.says("refusing.example.com").says("Attempt 1 failed").says("refused");
    assert!(knows(&lab, "lab-leaf"));
}

#[test]
fn a_busy_repository_is_asked_again_by_us_alone() {
    for code in [503, 429] {
        let Some((lab, _main, third)) = two() else { return };
        third.script(Mirror::IN_RELEASE, [Behaviour::status(code), Behaviour::Ok]);
        let _ = lab.apt(&["update"]).expect(0);
        assert!(knows(&lab, "lab-third"));
        assert_eq!(third.requests(Mirror::IN_RELEASE), 2, "{code}");
        third.script(Mirror::IN_RELEASE, [Behaviour::status(code)]);
        let _ = lab.apt(&["update", "--retries", "2"]).expect(1).says("third.example.com");
        assert_eq!(third.requests(Mirror::IN_RELEASE), 4, "{code}: two attempts are two requests");
    }
}

#[test]
fn a_reset_update_is_tried_again() {
    let Some((lab, _main, third)) = two() else { return };
    third.script(
        Mirror::IN_RELEASE,
        [Behaviour::ResetBeforeHeaders, Behaviour::ResetBeforeHeaders, Behaviour::Ok],
    );
    third.script(&Mirror::index_path(), [Behaviour::Reset { after: 100 }, Behaviour::Ok]);
    let _ = lab.apt(&["update", "--retries", "6"]).expect(0);
    assert!(knows(&lab, "lab-third"));
}

#[test]
fn a_lost_name_is_named() {
    let Some((lab, main, third)) = two() else { return };
    lab.write("/etc/hosts", format!("127.0.0.1 {}\n", main.host()));
    let _ = lab.apt(&["update", "--retries", "2"]).expect(1).says("third.example.com");
    assert_eq!(third.all_requests(), 0);
    assert!(knows(&lab, "lab-leaf"));
}

#[test]
fn a_corrupt_index_is_fetched_again() {
    for fault in [Behaviour::WrongByte { at: 7 }, Behaviour::Truncate { missing: 9 }] {
        let Some((lab, _main, third)) = two() else { return };
        third.script(&Mirror::index_path(), [fault, Behaviour::Ok]);
        let _ = lab.apt(&["update"]).expect(0);
        assert!(knows(&lab, "lab-third"));
    }
}

#[test]
fn an_index_that_stays_corrupt_is_an_end() {
    let Some((lab, _main, third)) = two() else { return };
    third.script(&Mirror::index_path(), [Behaviour::WrongByte { at: 7 }]);
    let failed = lab.apt(&["update", "--retries", "9"]).says("third.example.com");
    // `update` is 1 if any repository failed; where nothing else is wrong, 6 says more.
    assert!([1, 6].contains(&failed.code), "{failed:?}");
    assert!((2..=4).contains(&third.requests(&Mirror::index_path())), "{}", third.log());
    assert!(!knows(&lab, "lab-third"));
}

#[test]
fn what_does_not_get_better_is_asked_once() {
    for repository in [Repository::Stranger, Repository::Expired, Repository::Unsigned] {
        let Some((lab, main)) = machine() else { return };
        let bad = Mirror::start(&lab, repository);
        lab.sources(&[&main, &bad]);
        let _ = lab.apt(&["update"]).expect(1).says(bad.host());
        assert_eq!(bad.requests(Mirror::IN_RELEASE), 1, "{repository:?}");
        assert!(knows(&lab, "lab-leaf"));
    }
    for code in [401, 403, 404] {
        let Some((lab, _main, third)) = two() else { return };
        third.script_all(&Behaviour::status(code));
        let _ = lab.apt(&["update"]).expect(1).says("third.example.com");
        assert_eq!(third.requests(Mirror::IN_RELEASE), 1, "{code}");
    }
}

#[test]
fn a_missing_index_is_asked_for_once() {
    let Some((lab, _main, third)) = two() else { return };
    third.script(&Mirror::index_path(), [Behaviour::status(404)]);
    let _ = lab.apt(&["update"]).expect(1).says("third.example.com");
    assert_eq!(third.requests(&Mirror::index_path()), 1);
}

#[test]
fn a_captive_portal_is_told() {
    let Some((lab, _main, third)) = two() else { return };
    let page = "<html>log in to the network</html>".to_owned();
    third.script_all(&Behaviour::Status { code: 200, body: page });
    let failed = lab.apt(&["update"]).says("third.example.com");
    assert!([1, 6].contains(&failed.code), "{failed:?}");
    assert!(third.requests(Mirror::IN_RELEASE) <= 4, "{}", third.log());
}

#[test]
fn a_repository_from_the_future_means_the_clock() {
    let Some((lab, _main)) = machine() else { return };
    let early = Mirror::start(&lab, Repository::Early);
    lab.sources(&[&early]);
    let failed = lab.apt(&["update"]).says("clock");
    assert!([1, 7].contains(&failed.code), "{failed:?}");
    assert_eq!(early.requests(Mirror::IN_RELEASE), 1);
}

#[test]
fn a_silent_repository_ends_in_time() {
    let Some((lab, _main, third)) = two() else { return };
    third.script(Mirror::IN_RELEASE, [Behaviour::StallBeforeHeaders]);
    let _ = lab.apt(&["update", "--timeout", "1s"]).expect(1);
    lab.wait_until_quiet();
    third.server().wait_for("the client's end", |log| log.open == 0);
}

#[test]
fn two_ports_of_one_name_end_in_time() {
    let Some((lab, main)) = machine() else { return };
    let refusing = Mirror::refusing(&lab, "main");
    lab.sources(&[&main, &refusing]);
    let _ = lab.apt(&["update", "--timeout", "2s", "--retries", "1"]).expect(1);
    lab.wait_until_quiet();
}

#[test]
fn a_redirect_loop_ends_in_time() {
    let Some((lab, _main, third)) = two() else { return };
    third.script(Mirror::IN_RELEASE, [Behaviour::RedirectLoop]);
    let _ = lab.apt(&["update", "--timeout", "2s", "--retries", "1"]).expect(1);
    lab.wait_until_quiet();
}

/// Fails until the circuit of the third is open: its log does not grow any more.
fn open_the_circuit(lab: &AptLab, third: &Mirror) {
    third.script_all(&Behaviour::status(503));
    for _ in 0..20 {
        let before = third.all_requests();
        let failed = lab.apt(&["update", "--retries", "1"]);
        assert!([1, 4].contains(&failed.code), "{failed:?}");
        if third.all_requests() == before {
            return;
        }
    }
    panic!("twenty failures open no circuit");
}

#[test]
fn each_repository_has_its_circuit() {
    let Some((lab, main, third)) = two() else { return };
    open_the_circuit(&lab, &third);
    let before = main.requests(Mirror::IN_RELEASE);
    let _ = lab.apt(&["update"]).expect(1).says("third.example.com").says("circuit");
    assert_eq!(main.requests(Mirror::IN_RELEASE), before + 1, "the healthy one is asked as ever");
}

#[test]
fn an_open_circuit_asks_nobody() {
    let Some((lab, _main, third)) = two() else { return };
    lab.sources(&[&third]);
    open_the_circuit(&lab, &third);
    let before = third.all_requests();
    let _ = lab.apt(&["update"]).expect(4).says("circuit");
    assert_eq!(third.all_requests(), before);
}

#[test]
fn an_open_circuit_leaves_the_others() {
    let Some((lab, _main, third)) = two() else { return };
    open_the_circuit(&lab, &third);
    let before = third.all_requests();
    let _ = lab.apt(&["install", "lab-app"]).expect(0);
    super::assert_installed(&lab, "lab-app", "1.0");
    assert_eq!(third.all_requests(), before);
}

#[test]
fn malformed_sources_end_at_once() {
    let Some((lab, main, _third)) = two() else { return };
    lab.write("/etc/apt/sources.list.d/zz.list", "deb this-is-no-source\n");
    let failed = lab.apt(&["update"]).says("zz.list");
    assert!([1, 7].contains(&failed.code), "{failed:?}");
    assert_eq!(main.all_requests(), 0);
}

#[test]
fn an_update_in_json() {
    let Some((lab, _main, third)) = two() else { return };
    let done = lab.apt(&["update", "--json"]).expect(0);
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(tests::schema::check(&report), "apt.update");
    third.script_all(&Behaviour::status(404));
    let failed = lab.apt(&["update", "--json"]).expect(1);
    let out = [&failed.stdout, &failed.stderr].map(|text| serde_json::from_str::<serde_json::Value>(text));
    assert_eq!(tests::schema::check(out[0].as_ref().unwrap()), "apt.update");
    let told = out.iter().flatten().map(ToString::to_string).collect::<String>();
    assert!(told.contains("third.example.com") && told.contains("main.example.com"), "{failed:?}");
}
