//! All 139 runs of apt-get 2.6.1, each with the fault it is: a table written by hand, one test for each
//! sort of fault.

use std::collections::BTreeSet;

use vps_ops::apt::{AptHint, Fault, Step};
use vps_ops::{Advise, Class, Classify, Failure, Kind, Verdict};

use crate::captured::{Captured, names};

/// What a run is expected to be: the fault in words, and its row of the table.
struct Expected {
    step: Step,
    says: &'static str,
    row: (Class, Verdict, Kind),
    runs: &'static [&'static str],
}

const fn run(
    step: Step,
    row: (Class, Verdict, Kind),
    says: &'static str,
    runs: &'static [&'static str],
) -> Expected {
    Expected { step, says, row, runs }
}

const LOCAL: (Class, Verdict, Kind) = (Class::Local, Verdict::Neutral, Kind::Local);
const BUSY: (Class, Verdict, Kind) =
    (Class::Busy { poll: std::time::Duration::from_secs(1) }, Verdict::Neutral, Kind::Local);
const FAILED: (Class, Verdict, Kind) = (Class::Permanent, Verdict::Neutral, Kind::Failed);
const ANSWERED: (Class, Verdict, Kind) = (Class::Permanent, Verdict::Success, Kind::Failed);
const NOT_SENT: (Class, Verdict, Kind) = (Class::NotSent, Verdict::Failure, Kind::Failed);
const OFFLINE: (Class, Verdict, Kind) = (Class::NotSent, Verdict::Neutral, Kind::Offline);
const BROKEN: (Class, Verdict, Kind) = (Class::Transient, Verdict::Failure, Kind::Failed);
const SILENT: (Class, Verdict, Kind) = (Class::Transient, Verdict::Failure, Kind::Timeout);
const SLOW_DOWN: (Class, Verdict, Kind) =
    (Class::Throttled { at_least: None }, Verdict::Failure, Kind::Failed);
const WRONG_FILE: (Class, Verdict, Kind) = (Class::Transient, Verdict::Neutral, Kind::Integrity);

const SUCCEEDED: &[(Step, &[&str])] = &[
    (Step::Repair, &["after_KILL_dpkg_configure_a", "fix_broken"]),
    (
        Step::Install,
        &[
            "apt_install_frontend_lock_released",
            "install_503_once",
            "install_conffile_confold",
            "install_corrupt_cached_deb",
            "install_frontend_lock_released",
            "install_reset_mid_once",
            "install_resume_partial",
            "ok_install",
            "ok_install_already",
            "ok_install_nopty",
            "ok_install_qq",
            "ok_no_download_cached",
            "ok_no_download_one_corrupt",
            "reader_dies_statusfd_pty0",
            "reader_dies_statusfd_pty1",
            "reader_dies_stdout_pty0",
            "reader_dies_stdout_pty1",
            "signal_HUP_dpkg_aptget",
            "signal_HUP_dpkg_aptget_nopty",
            "signal_INT_dpkg_aptget",
            "signal_INT_dpkg_aptget_nopty",
        ],
    ),
    (Step::Fetch, &["ok_download_only"]),
    (
        Step::Plan,
        &["ok_print_uris", "ok_print_uris_cached", "ok_print_uris_forcehash", "ok_print_uris_qq", "simulate"],
    ),
    (
        Step::Update,
        &[
            "ok_update",
            "ok_update_hit",
            "ok_update_print_uris",
            "update_503_once",
            "update_dpkg_interrupted",
            "update_frontend_lock_held",
            "update_unsigned_trusted",
        ],
    ),
];

const DPKG_CUT: &[Expected] = &[
    run(
        Step::Install,
        LOCAL,
        "an earlier run of dpkg was cut before it was done",
        &[
            "after_KILL_dpkg_install",
            "after_KILL_dpkg_install_same",
            "after_KILL_unpack_install",
            "install_dpkg_interrupted",
        ],
    ),
    run(
        Step::Plan,
        LOCAL,
        "what is installed lacks packages it needs: lab-app : Depends: lab-dep but it is not going to be installed",
        &["install_unmet_installed_fix_broken"],
    ),
    run(
        Step::Install,
        LOCAL,
        "dpkg ended in the middle of its work, as when it is killed or memory runs out",
        &["signal_KILL_dpkg_child", "signal_TERM_dpkg_child"],
    ),
];

const DPKG_FAILED: &[Expected] = &[
    run(
        Step::Repair,
        FAILED,
        "dpkg failed with `lab-fail`: installed lab-fail package post-installation script subprocess returned error exit status 7 (it printed: lab-fail: postinst fails on purpose)",
        &["dpkg_configure_a_after_interrupt"],
    ),
    run(
        Step::Install,
        FAILED,
        "dpkg failed with `lab-fail`: installed lab-fail package post-installation script subprocess returned error exit status 7 (it printed: lab-fail: postinst fails on purpose)",
        &["install_after_postinst_failed", "install_postinst_fails"],
    ),
    run(
        Step::Install,
        FAILED,
        "dpkg failed with `lab-ask`: installed lab-ask package post-installation script subprocess returned error exit status 9 (it printed: /var/lib/dpkg/info/lab-ask.postinst: 3: cannot open /dev/tty: No such device or address; no terminal)",
        &["install_ask_nopty"],
    ),
    run(
        Step::Install,
        FAILED,
        "dpkg failed with `lab-conf`: end of file on stdin at conffile prompt",
        &["install_conffile_prompt"],
    ),
];

const LOCKED: &[Expected] = &[
    run(
        Step::Fetch,
        BUSY,
        "`/var/cache/apt/archives/lock` is held by python3 (process 10600)",
        &["install_archives_lock_held"],
    ),
    run(
        Step::Install,
        BUSY,
        "`/var/lib/dpkg/lock` is held by python3 (process 12517)",
        &["install_dpkg_lock_held"],
    ),
    run(
        Step::Install,
        BUSY,
        "`/var/lib/dpkg/lock-frontend` is held by python3 (process 11441)",
        &["install_frontend_lock_held"],
    ),
    run(
        Step::Install,
        BUSY,
        "`/var/lib/dpkg/lock-frontend` is held by python3 (process 11549)",
        &["install_frontend_lock_timeout3"],
    ),
    run(
        Step::Update,
        BUSY,
        "`/var/lib/apt/lists/lock` is held by python3 (process 2919)",
        &["update_lists_lock_held"],
    ),
    run(
        Step::Update,
        BUSY,
        "`/var/lib/apt/lists/lock` is held by python3 (process 2975)",
        &["update_lists_lock_held_timeout3"],
    ),
    run(
        Step::Update,
        BUSY,
        "`/var/lib/apt/lists/lock` is held by python3 (process 3031)",
        &["update_lists_lock_released"],
    ),
];

const MACHINE: &[Expected] = &[
    run(Step::Install, LOCAL, "no permission to use `/var/lib/dpkg/lock-frontend`", &["install_not_root"]),
    run(Step::Update, LOCAL, "no permission to use `/var/lib/apt/lists/lock`", &["update_not_root"]),
    run(Step::Fetch, LOCAL, "no space left for `/var/cache/apt/archives`", &["install_disk_full_download"]),
    run(
        Step::Install,
        LOCAL,
        "no space left for `/usr/share/lab-huge/data`",
        &["install_disk_full_unpack", "install_disk_full_unpack_nocheck"],
    ),
    run(Step::Update, LOCAL, "no space left", &["update_disk_full"]),
    run(
        Step::Update,
        LOCAL,
        "the clock of this machine looks wrong: http://repo.test:8080/future/dists/stable/InRelease is valid only in 6days 23h 55m 15s",
        &["update_future_clock_skew"],
    ),
    run(
        Step::Update,
        LOCAL,
        "the list of repositories cannot be read: Malformed entry 1 in list file /etc/apt/sources.list (Suite)",
        &["update_sources_malformed"],
    ),
];

const STALE: &[Expected] = &[run(
    Step::Fetch,
    ANSWERED,
    "the package lists are out of date: http://repo.test:8080/main/pool/lab-app_1.0_all.deb is gone",
    &["install_404_fix_missing", "install_404_stale_index"],
)];

const NO_CONNECTION: &[Expected] = &[
    run(
        Step::Fetch,
        NOT_SENT,
        "the connection was refused (http://repo.test:8080/main/pool/lab-dep_1.0_all.deb)",
        &["install_refused", "install_refused_retries0"],
    ),
    run(
        Step::Update,
        NOT_SENT,
        "the connection was refused (http://repo.test:8080/main/dists/stable/InRelease)",
        &[
            "update_refused",
            "update_refused_error_any",
            "update_refused_error_on_any",
            "update_refused_old_index",
            "update_refused_retries0",
            "update_refused_retries5",
        ],
    ),
    run(
        Step::Update,
        NOT_SENT,
        "the connection was refused (http://third.test:8099/main/dists/stable/InRelease)",
        &["update_third_refused_beside_good"],
    ),
    run(
        Step::Fetch,
        OFFLINE,
        "the name server did not answer (http://repo.test:8080/main/pool/lab-dep_1.0_all.deb)",
        &["install_dns"],
    ),
    run(
        Step::Update,
        OFFLINE,
        "the name server did not answer (http://nx.invalid:8080/main/dists/stable/InRelease)",
        &["update_dns", "update_dns_error_any"],
    ),
    run(
        Step::Update,
        OFFLINE,
        "the name server did not answer (http://nx.invalid/main/dists/stable/InRelease)",
        &["update_third_dns_beside_good"],
    ),
];

const CUT: &[Expected] = &[
    run(
        Step::Fetch,
        BROKEN,
        "the connection broke (http://repo.test:8080/main/pool/lab-app_1.0_all.deb)",
        &["install_reset_mid", "install_stall_default"],
    ),
    run(
        Step::Fetch,
        SILENT,
        "the server fell silent (http://repo.test:8080/main/pool/lab-app_1.0_all.deb)",
        &["install_stall_mid_timeout3"],
    ),
    run(
        Step::Update,
        BROKEN,
        "the connection broke (http://repo.test:8080/main/dists/stable/InRelease)",
        &["update_reset", "update_stall_http_timeout3", "update_stall_http_timeout3_retries2"],
    ),
    run(
        Step::Update,
        BROKEN,
        "the connection broke (http://repo.test:8080/main/dists/stable/main/binary-amd64/Packages)",
        &["update_reset_mid_packages"],
    ),
    run(
        Step::Update,
        BROKEN,
        "the connection broke (http://third.test:8080/third/dists/stable/InRelease)",
        &["update_third_stall_beside_good"],
    ),
];

const THROTTLED: &[Expected] = &[
    run(
        Step::Fetch,
        SLOW_DOWN,
        "the server answered 503 Service Unavailable (http://repo.test:8080/main/pool/lab-app_1.0_all.deb)",
        &["install_503_always"],
    ),
    run(
        Step::Update,
        SLOW_DOWN,
        "the server answered 429 Too Many Requests (http://repo.test:8080/main/dists/stable/InRelease)",
        &["update_429"],
    ),
    run(
        Step::Update,
        SLOW_DOWN,
        "the server answered 503 Service Unavailable (http://repo.test:8080/main/dists/stable/InRelease)",
        &["update_503_always", "update_503_once_retries0", "update_503_x4_retries3"],
    ),
    run(
        Step::Update,
        SLOW_DOWN,
        "the server answered 503 Service Unavailable (http://repo.test:8080/main/dists/stable/main/binary-amd64/Packages)",
        &["update_503_packages"],
    ),
];

const CORRUPT: &[Expected] = &[
    run(
        Step::Fetch,
        WRONG_FILE,
        "the file's digest is not the one the index promises (http://repo.test:8080/main/pool/lab-app_1.0_all.deb)",
        &[
            "install_corrupt",
            "install_corrupt_once",
            "install_corrupt_once_retries5",
            "install_resume_partial_wrong",
        ],
    ),
    run(
        Step::Fetch,
        WRONG_FILE,
        "the file's length is not the one the index promises (http://repo.test:8080/main/pool/lab-app_1.0_all.deb)",
        &["install_truncate", "install_truncate_once"],
    ),
    run(
        Step::Update,
        WRONG_FILE,
        "the file's digest is not the one the index promises (http://repo.test:8080/main/dists/stable/main/binary-amd64/Packages.gz)",
        &["update_corrupt_error_any", "update_corrupt_packages", "update_corrupt_packages_once"],
    ),
    run(
        Step::Update,
        WRONG_FILE,
        "the file's length is not the one the index promises (http://repo.test:8080/main/dists/stable/main/binary-amd64/Packages.gz)",
        &["update_truncate_packages"],
    ),
    run(
        Step::Update,
        WRONG_FILE,
        "the answer is no signed index (http://repo.test:8080/main/dists/stable/InRelease)",
        &["update_captive_portal"],
    ),
];

const REPOSITORY: &[Expected] = &[
    run(
        Step::Update,
        ANSWERED,
        "the repository http://repo.test:8080/main/dists/stable/InRelease answered 401",
        &["update_401"],
    ),
    run(
        Step::Update,
        ANSWERED,
        "the repository http://repo.test:8080/main/dists/stable/InRelease answered 403",
        &["update_403"],
    ),
    run(
        Step::Update,
        ANSWERED,
        "the repository http://repo.test:8080/main stable has no Release file",
        &["update_404_inrelease"],
    ),
    run(
        Step::Update,
        ANSWERED,
        "the repository http://repo.test:8080/main/dists/stable/main/binary-amd64/Packages answered 404",
        &["update_404_packages"],
    ),
    run(
        Step::Update,
        ANSWERED,
        "the repository http://repo.test:8080/gone stable has no Release file",
        &["update_third_404_beside_good", "update_third_404_beside_good_error_any"],
    ),
    run(
        Step::Update,
        FAILED,
        "the repository http://repo.test:8080/expired/dists/stable/InRelease has expired: nobody updates it any more, or the mirror is stuck",
        &["update_expired"],
    ),
    run(
        Step::Update,
        FAILED,
        "the repository http://repo.test:8080/third stable is signed with the key 286D4562284449CC, which is not installed",
        &["update_nopubkey", "update_nopubkey_beside_good", "update_nopubkey_beside_good_error_any"],
    ),
    run(
        Step::Update,
        FAILED,
        "the repository http://repo.test:8080/plain stable is not signed",
        &["update_unsigned"],
    ),
];

const NOT_THERE: &[Expected] = &[
    run(Step::Plan, ANSWERED, "no package is called `Lab App!`", &["install_bad_name"]),
    run(Step::Plan, ANSWERED, "no package is called `lab-app`", &["install_unknown_no_lists"]),
    run(Step::Plan, ANSWERED, "no package is called `no-such-package-xyz`", &["install_unknown_package"]),
    run(Step::Plan, ANSWERED, "no repository has `lab-does-not-exist` to install", &["install_no_candidate"]),
    run(Step::Plan, ANSWERED, "no repository has the release `sid`", &["install_unknown_release"]),
    run(Step::Plan, ANSWERED, "no repository has version `9.9` of `lab-app`", &["install_unknown_version"]),
];

const REFUSED: &[Expected] = &[
    run(
        Step::Plan,
        FAILED,
        "the packages cannot be installed together: lab-unmet : Depends: lab-does-not-exist (>= 2) but it is not installable",
        &["install_unmet"],
    ),
    run(Step::Plan, FAILED, "a package that is held at its version would have to change", &["install_held"]),
    run(
        Step::Plan,
        FAILED,
        "nobody vouches for the packages: their repository is not signed",
        &["install_unauthenticated"],
    ),
    run(
        Step::Plan,
        FAILED,
        "apt-get does not accept its configuration: Command line option --no-such-flag is not understood in combination with the other options",
        &["install_bad_option"],
    ),
    run(Step::Install, FAILED, "apt-get asked whether to go on, and nobody answered", &["install_no_yes"]),
    run(
        Step::Install,
        FAILED,
        "an archive is missing, and fetching it was not allowed",
        &["no_download_missing", "no_download_one_truncated"],
    ),
];

/// The list of what is missing is long; its start is enough.
const REMOVAL: &[&str] = &["install_essential_removal"];

const STOPPED: &[Expected] = &[
    run(
        Step::Install,
        FAILED,
        "signal 9 ended it while dpkg was at work",
        &["install_ask_noninteractive", "signal_KILL_dpkg_aptget", "signal_KILL_dpkg_aptget_nopty"],
    ),
    run(
        Step::Install,
        FAILED,
        "signal 15 ended it while dpkg was at work",
        &["signal_TERM_dpkg_aptget", "signal_TERM_dpkg_aptget_nopty"],
    ),
    run(Step::Fetch, FAILED, "signal 1 ended it", &["signal_HUP_download"]),
    run(Step::Fetch, FAILED, "signal 2 ended it", &["signal_INT_download"]),
    run(Step::Fetch, FAILED, "signal 9 ended it", &["signal_KILL_download"]),
    run(Step::Fetch, FAILED, "signal 15 ended it", &["signal_TERM_download"]),
    run(
        Step::Update,
        FAILED,
        "signal 9 ended it",
        &["update_third_refused_same_host", "update_third_refused_same_host_access"],
    ),
];

fn check(expected: &[Expected]) {
    for Expected { step, says, row, runs } in expected {
        for name in *runs {
            let fault = Captured::read(name).fault(*step).unwrap_or_else(|| panic!("{name} did not fail"));
            assert_eq!(fault.to_string(), *says, "{name}");
            assert_eq!((fault.class(), fault.verdict(), fault.kind()), *row, "{name}: {fault:?}");
            assert!(!matches!(fault, Fault::Unknown { .. }), "{name}");
        }
    }
}

macro_rules! groups {
    ($($test:ident: $group:ident;)*) => {
        $(#[test]
        fn $test() {
            check($group);
        })*

        const GROUPS: &[&[Expected]] = &[$($group),*];
    };
}

groups! {
    a_cut_dpkg_is_one_to_repair: DPKG_CUT;
    a_failed_script_names_the_package: DPKG_FAILED;
    a_lock_names_who_holds_it: LOCKED;
    this_machine_is_at_fault: MACHINE;
    a_gone_archive_is_a_stale_index: STALE;
    nothing_was_sent: NO_CONNECTION;
    a_cut_is_tried_again: CUT;
    a_server_that_asks_to_slow_down: THROTTLED;
    a_wrong_file_is_fetched_once_more: CORRUPT;
    a_repository_is_named_with_what_is_wrong: REPOSITORY;
    what_is_not_there_is_named: NOT_THERE;
    what_apt_get_refuses_is_not_tried_again: REFUSED;
    a_signal_is_no_ones_fault: STOPPED;
}

#[test]
fn what_succeeded_has_no_fault() {
    for (step, runs) in SUCCEEDED {
        for name in *runs {
            assert_eq!(Captured::read(name).fault(*step), None, "{name}");
        }
    }
}

#[test]
fn a_removal_that_breaks_others_says_which() {
    let fault = Captured::read(REMOVAL[0]).fault(Step::Plan).unwrap();
    let start = "the packages cannot be installed together: dash : Depends: dpkg (>= 1.19.1) but it is not going to be installed; grep";
    assert!(fault.to_string().starts_with(start), "{fault}");
}

#[test]
fn every_capture_is_in_the_table_once() {
    let failed = GROUPS.iter().flat_map(|group| group.iter()).flat_map(|expected| expected.runs);
    let listed: Vec<&str> =
        failed.chain(SUCCEEDED.iter().flat_map(|(_, runs)| *runs)).chain(REMOVAL).copied().collect();
    let once: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(listed.len(), once.len(), "a run is listed twice");
    assert_eq!(once.into_iter().collect::<Vec<_>>(), names());
    assert_eq!(listed.len(), 139);
}

#[test]
fn whatever_a_person_can_do_about_is_hinted_at() {
    let groups = [DPKG_CUT, DPKG_FAILED, LOCKED, MACHINE, STALE, CORRUPT, REPOSITORY, NOT_THERE];
    for Expected { step, runs, .. } in groups.into_iter().flatten() {
        for name in *runs {
            let fault = Captured::read(name).fault(*step).unwrap();
            assert!(!fault.hints().is_empty(), "{name}: {fault}");
        }
    }
    let package = "lab-app".parse().unwrap();
    let entry = AptHint::MendEntry { file: "/etc/apt/sources.list".into(), line: 1 };
    for (name, step, hint) in [
        ("install_dpkg_interrupted", Step::Install, AptHint::FinishCutRun),
        ("install_conffile_prompt", Step::Install, AptHint::KeepChangedFile),
        ("update_sources_malformed", Step::Update, entry),
        ("install_unknown_version", Step::Plan, AptHint::ListVersions { package }),
        ("update_captive_portal", Step::Update, AptHint::LogInOrSuspectProxy),
    ] {
        assert_eq!(Captured::read(name).fault(step).unwrap().hints(), [hint.into()], "{name}");
    }
}
