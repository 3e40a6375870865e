//! What a mirror does wrong while packages are fetched.

use tests::apt::{Mirror, Repository};
use tests::server::Behaviour;

use super::{assert_installed, assert_untouched, package_requests, updated};

#[test]
fn a_fault_of_a_package_is_made_good() {
    let faults = [
        Behaviour::status(503),
        Behaviour::status(429),
        Behaviour::status(500),
        Behaviour::ResetBeforeHeaders,
        Behaviour::Reset { after: 10_000 },
        Behaviour::Truncate { missing: 1 },
        Behaviour::ChunkedCut { after: 10_000 },
        Behaviour::MoreThanLength { extra: 7 },
    ];
    let Some((lab, main)) = updated() else { return };
    // Each fault has a package of its own; they come one by one, with one that is in order.
    for (number, fault) in faults.into_iter().enumerate() {
        let (bad, good) = (format!("lab-big{:02}", number + 1), format!("lab-many{:02}", number + 1));
        main.script(&Mirror::deb(&bad, "1.0"), [fault.clone(), Behaviour::Ok]);
        let done = lab.apt(&["install", &bad, &good]);
        assert_eq!(done.code, 0, "{fault:?}:\n{}", done.text());
        assert_installed(&lab, &bad, "1.0");
        assert_eq!(main.requests(&Mirror::deb(&good, "1.0")), 1, "{fault:?}");
        assert!((1..=2).contains(&main.requests(&Mirror::deb(&bad, "1.0"))), "{fault:?}");
    }
}

#[test]
fn a_cut_package_is_resumed() {
    let Some((lab, main)) = updated() else { return };
    let deb = Mirror::deb("lab-huge", "1.0");
    let size = main.content(&deb).len();
    main.script(&deb, [Behaviour::Close { after: size / 2 }, Behaviour::Ok]);
    let _ = lab.apt(&["install", "lab-huge"]).expect(0);
    assert_installed(&lab, "lab-huge", "1.0");
    let log = main.log();
    let again = log.of(&deb)[1].range_start().expect("the second request is for the rest");
    assert!(again >= size / 2 - (1 << 20), "from {again} of {size}");
    assert!(log.sent(&deb) <= size + (1 << 20), "{} sent for {size}", log.sent(&deb));
}

#[test]
fn a_silent_mirror_ends_in_time() {
    let Some((lab, main)) = updated() else { return };
    main.script(&Mirror::deb("lab-huge", "1.0"), [Behaviour::Stall { after: 100_000 }]);
    let _ = lab.apt(&["install", "lab-huge", "--timeout", "1s"]).expect(1);
    assert_untouched(&lab, "lab-huge");
    main.server().wait_for("the client's end", |log| log.open == 0);
}

#[test]
fn completed_files_are_never_fetched_again() {
    let Some((lab, main)) = updated() else { return };
    let (bad, good) = (Mirror::deb("lab-app", "1.0"), Mirror::deb("lab-dep", "1.0"));
    main.script(&bad, [Behaviour::status(503)]);
    let _ = lab.apt(&["install", "lab-app", "--retries", "2"]).expect(1);
    assert_untouched(&lab, "lab-app");
    assert_eq!((main.requests(&bad), main.requests(&good)), (2, 1));
    main.script(&bad, []);
    let _ = lab.apt(&["install", "lab-app"]).expect(0);
    assert_installed(&lab, "lab-app", "1.0");
    assert_eq!((main.requests(&bad), main.requests(&good)), (3, 1));
}

#[test]
fn an_old_index_is_updated() {
    let Some((lab, main)) = updated() else { return };
    main.serve(Repository::Later);
    let _ = lab.apt(&["install", "lab-app"]).expect(0);
    assert_installed(&lab, "lab-app", "2.0");
}

#[test]
fn a_404_that_stays_ends() {
    let Some((lab, main)) = updated() else { return };
    main.script(&Mirror::deb("lab-dep", "1.0"), [Behaviour::status(404)]);
    let _ = lab.apt(&["install", "lab-app"]).expect(1).says("lab-dep");
    // The first try and two rounds of update and again; what was whole is not fetched again.
    assert!((1..=3).contains(&main.requests(&Mirror::deb("lab-dep", "1.0"))), "{}", main.log());
    assert!(main.requests(Mirror::IN_RELEASE) <= 4, "{}", main.log());
    assert!(package_requests(&main) <= 4, "{}", main.log());
    assert_untouched(&lab, "lab-app");
}
