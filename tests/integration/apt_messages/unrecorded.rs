//! Messages that no recorded run holds: other faults, other versions of apt, dpkg by itself. They are
//! written from what those programs are known to say, not from a run.

use vps_ops::apt::{AptError, AptHint, Fault, Reach, RepositoryProblem, Said, StatusSummary, Step, fault};
use vps_ops::process::{CommandError, Ended};
use vps_ops::{Advise, Class, Classify, Failure, Kind, Verdict};

fn found(step: Step, code: i32, stderr: &str) -> Fault {
    let said = Said::new(b"", stderr.as_bytes());
    fault(step, Ended::Code(code), &said, &StatusSummary::default()).unwrap()
}

fn plan(stderr: &str) -> Fault {
    found(Step::Plan, 100, stderr)
}

fn update(stderr: &str) -> Fault {
    found(Step::Update, 100, stderr)
}

#[test]
fn what_minus_y_does_not_answer_for() {
    let essential = "E: Essential packages were removed and -y was used without --allow-remove-essential.";
    assert_eq!(plan(essential), Fault::WouldRemoveEssential);
    let permitted =
        "E: Removing essential system-critical packages is not permitted. This might break the system.";
    assert_eq!(plan(permitted), Fault::WouldRemoveEssential);
    let downgrade = "E: Packages were downgraded and -y was used without --allow-downgrades.";
    assert!(matches!(plan(downgrade), Fault::WouldDoMore { .. }));
    let removal = "E: Packages need to be removed but remove is disabled.";
    assert!(matches!(plan(removal), Fault::WouldDoMore { .. }));
    assert_eq!(plan("E: Some packages could not be authenticated"), Fault::Unauthenticated);
}

#[test]
fn several_unknown_names_are_all_named() {
    let fault = plan(
        "E: Unable to locate package aa\nE: Unable to locate package bb\nE: Unable to locate package aa\n",
    );
    assert_eq!(fault, Fault::NotFound { packages: vec!["aa".into(), "bb".into()] });
    assert_eq!(fault.to_string(), "no package is called `aa`, `bb`");
    let release = plan("E: Release 'sid' for 'nginx' was not found");
    assert_eq!(release, Fault::ReleaseNotFound { release: "sid".into(), package: Some("nginx".into()) });
    assert!(release.is_cured_by_update() && !release.is_repairable());
}

#[test]
fn words_in_full_as_apt_3_writes_them() {
    assert_eq!(plan("Error: Unable to locate package aa"), Fault::NotFound { packages: vec!["aa".into()] });
    let conflict = "Error: Unable to satisfy dependencies. Reached two conflicting assignments:\n   1. a:amd64 is selected";
    assert!(matches!(plan(conflict), Fault::UnmetDependencies { .. }));
    let lock = "Error: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 9 (apt)";
    assert!(matches!(plan(lock), Fault::Locked(_)));
}

#[test]
fn sources_in_both_formats() {
    for (text, file, line) in [
        (
            "E: Malformed entry 3 in list file /etc/apt/sources.list.d/a.list (URI)\nE: The list of sources could not be read.",
            Some("/etc/apt/sources.list.d/a.list"),
            Some(3),
        ),
        (
            "E: Malformed stanza 2 in source list /etc/apt/sources.list.d/a.sources (type)",
            Some("/etc/apt/sources.list.d/a.sources"),
            Some(2),
        ),
        (
            "E: Type 'debb' is not known on line 7 in source list /etc/apt/sources.list",
            Some("/etc/apt/sources.list"),
            Some(7),
        ),
        (
            "E: Conflicting values set for option Signed-By regarding source http://me:canary@example.com/ stable: /a != \nE: The list of sources could not be read.",
            None,
            None,
        ),
    ] {
        let Fault::BadSources { file: got, line: at, text: shown } = update(text) else { panic!("{text}") };
        if file.is_some() {
            assert_eq!((got.as_deref().and_then(std::path::Path::to_str), at), (file, line), "{text}");
        }
        assert!(!shown.contains("canary") && !shown.contains("could not be read"), "{shown}");
    }
}

#[test]
fn other_troubles_of_this_machine() {
    let read_only = "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (30: Read-only file system)\n\
                     E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?";
    let fault = found(Step::Install, 100, read_only);
    assert_eq!(fault, Fault::ReadOnly { path: Some("/var/lib/dpkg/lock-frontend".into()) });
    let dpkg = found(Step::Repair, 2, "dpkg: error: requested operation requires superuser privilege");
    assert!(matches!(dpkg, Fault::NotRoot { .. }));
    let locked = "dpkg: error: dpkg frontend lock was locked by another process with pid 77\nNote: removing";
    assert!(matches!(found(Step::Repair, 2, locked), Fault::Locked(_)));
    let lists = "E: Encountered a section with no Package: header\nE: Problem with MergeList /var/lib/apt/lists/x\n\
                 E: The package lists or status file could not be parsed or opened.";
    assert!(matches!(plan(lists), Fault::BrokenLists { .. }));
    let hook = "E: Problem executing scripts APT::Update::Post-Invoke-Success '/bin/x'\nE: Sub-process returned an error code";
    assert!(matches!(update(hook), Fault::Hook { .. }));
    let crash = "E: Sub-process /usr/bin/dpkg received a segmentation fault.";
    assert_eq!(found(Step::Install, 100, crash), Fault::DpkgDied);
    let method = "E: The method driver /usr/lib/apt/methods/tor could not be found.";
    assert!(matches!(update(method), Fault::BadConfiguration { .. }));
}

#[test]
fn what_a_repository_can_have_wrong() {
    let why = |stderr: &str| match update(stderr) {
        Fault::RepositoryBroken { why, .. } => why,
        other => panic!("{stderr}: {other:?}"),
    };
    let signature = "W: GPG error: http://example.com/a stable InRelease: The following signatures were invalid: BADSIG 00 X\n\
                     E: The repository 'http://example.com/a stable InRelease' is not signed.";
    assert!(matches!(why(signature), RepositoryProblem::BadSignature { .. }));
    let earlier = "W: An error occurred during the signature verification. The repository is not updated and the previous index files will be used. GPG error: http://example.com/a stable InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0123456789ABCDEF";
    assert_eq!(why(earlier), RepositoryProblem::NoKey { key: "0123456789ABCDEF".into() });
    let changed = "E: Repository 'http://example.com/a stable InRelease' changed its 'Suite' value from 'stable' to 'oldstable'\nN: This must be accepted explicitly";
    assert!(matches!(why(changed), RepositoryProblem::Changed { .. }));
    let gone = "E: The repository 'http://example.com/a stable Release' no longer has a Release file.";
    assert_eq!(why(gone), RepositoryProblem::NoReleaseFile);
    let lacks = "E: Failed to fetch http://example.com/a/dists/stable/InRelease  Unable to find expected entry 'contrib/binary-amd64/Packages' in Release file (Wrong sources.list entry or malformed file)";
    assert!(matches!(why(lacks), RepositoryProblem::Lacks { .. }));
    assert!(matches!(
        why("E: Failed to fetch http://example.com/a/dists/x/InRelease  410  Gone"),
        RepositoryProblem::Http(_)
    ));
}

#[test]
fn an_update_that_ends_with_0_and_a_bad_signature_failed_all_the_same() {
    let text = "W: GPG error: http://example.com/a stable InRelease: NO_PUBKEY 00";
    assert!(matches!(found(Step::Update, 0, text), Fault::RepositoryBroken { .. }));
    let degraded =
        "W: Some index files failed to download. They have been ignored, or old ones used instead.";
    assert_eq!(found(Step::Update, 0, degraded), Fault::IndexesNotFetched);
    let harmless = "W: Repository 'http://example.com/a stable InRelease' changed its 'Version' value from '1' to '2'\n\
                    W: http://example.com/a/dists/stable/InRelease: Key is stored in legacy trusted.gpg keyring\n\
                    N: Skipping acquire of configured file 'main/binary-i386/Packages'";
    let said = Said::new(b"", harmless.as_bytes());
    assert_eq!(fault(Step::Update, Ended::Code(0), &said, &StatusSummary::default()), None);
}

#[test]
fn what_passes_is_tried_again_although_something_else_does_not() {
    let both = "E: The repository 'http://example.com/gone stable Release' does not have a Release file.\n\
                W: Failed to fetch http://example.com/a/dists/stable/InRelease  503  Service Unavailable\n";
    assert_eq!(update(both).class(), Class::Throttled { at_least: None });
    let full = format!("{both}E: Write error - write (28: No space left on device)\n");
    assert_eq!(update(&full).class(), Class::Local, "nothing can be fetched onto a full disk");
    let stale = "E: Failed to fetch http://example.com/a.deb  503  Service Unavailable\n\
                 E: Failed to fetch http://example.com/b.deb  404  Not Found\n";
    assert!(matches!(found(Step::Fetch, 100, stale), Fault::StaleIndex { .. }));
}

#[test]
fn every_way_not_to_reach_a_server_has_its_row() {
    let row = |reason: &str| {
        let fault = found(Step::Fetch, 100, &format!("E: Failed to fetch http://x/a.deb  {reason}"));
        (fault.class(), fault.verdict(), fault.kind())
    };
    use {Class as C, Kind as K, Verdict as V};
    for (reason, expected) in [
        (
            "Could not connect to x:80 (::1). - connect (111: Connection refused)",
            (C::NotSent, V::Failure, K::Failed),
        ),
        ("Could not connect to x:80 (::1), connection timed out", (C::NotSent, V::Failure, K::Failed)),
        (
            "Cannot initiate the connection to x:80 (::1). - connect (101: Network is unreachable)",
            (C::NotSent, V::Neutral, K::Offline),
        ),
        ("Could not resolve 'x'", (C::NotSent, V::Neutral, K::Failed)),
        ("Could not handshake: Error in the pull function.", (C::NotSent, V::Failure, K::Failed)),
        (
            "Certificate verification failed: The certificate is NOT trusted.",
            (C::Permanent, V::Failure, K::Failed),
        ),
        ("511  Network Authentication Required", (C::Permanent, V::Neutral, K::Offline)),
        ("403  Forbidden", (C::Permanent, V::Success, K::Failed)),
        ("502  Bad Gateway", (C::Transient, V::Failure, K::Failed)),
        ("something new", (C::Permanent, V::Neutral, K::Failed)),
    ] {
        assert_eq!(row(reason), expected, "{reason}");
    }
    let fault = Fault::Unreachable { url: "http://example.com/".into(), reach: Reach::Certificate };
    assert_eq!(fault.hints(), [AptHint::CheckCertificates.into()]);
}

#[test]
fn an_operations_error_is_what_its_cause_is() {
    let said = AptError::Fault(update("E: Unable to lock directory /x"));
    assert_eq!(said.to_string(), "Unable to lock directory /x");
    assert_eq!(said.class(), Class::Permanent);
    let source = CommandError::NotFound { program: "apt-get".into() };
    let program = AptError::Program(source);
    assert_eq!(std::error::Error::source(&program).unwrap().to_string(), "`apt-get` was not found");
    assert_eq!(program.hints(), [AptHint::NeedsApt.into()]);
    let stopped = AptError::Stopped;
    assert_eq!((stopped.kind(), stopped.class()), (Kind::Cancelled, Class::Cancelled));
}

/// As apt 2.6, 3.0 and 3.3 said it in a root of their own.
#[test]
fn a_keyring_that_cannot_be_used_is_named_and_is_no_verdict() {
    let of = |stderr: &str| match update(stderr) {
        Fault::RepositoryBroken { why, .. } => why,
        other => panic!("{stderr}: {other:?}"),
    };
    let follows = "E: The repository 'http://example.com/a stable InRelease' is not signed.";
    for starts in ["OpenPGP signature", "Signature"] {
        let sqv = format!(
            "W: {starts} verification failed: http://example.com/a stable InRelease: Sub-process \
               /usr/bin/sqv returned an error code (1), error message is: "
        );
        for (cause, text) in [
            ("No such file or directory (os error 2)", "No such file or directory (os error 2)"),
            ("Permission denied (os error 13)", "Permission denied (os error 13)"),
            ("EOF", "EOF"),
        ] {
            let file = "/usr/share/keyrings/a.gpg";
            let said = format!(
                "{sqv}Error: Failed to parse keyring \"{file}\"  Caused by:     0: Reading \"{file}\": {cause}     \
             1: {cause}\n{follows}"
            );
            assert_eq!(of(&said), RepositoryProblem::Keyring { file: file.into(), text: text.into() });
            let hints = update(&said).hints();
            assert_eq!(hints, [AptHint::MendKeyring { file: file.into() }.into()]);
        }
        let missing = format!("{sqv}Missing key 924EA945, which is needed to verify signature.\n{follows}");
        assert_eq!(of(&missing), RepositoryProblem::NoKey { key: "924EA945".into() });
        let wrong = format!("{sqv}Verifying signature:            Message has been manipulated\n{follows}");
        assert!(matches!(of(&wrong), RepositoryProblem::BadSignature { .. }));
    }
    let unsigned = "E: The repository 'http://example.com/a stable Release' is not signed.";
    assert_eq!(of(unsigned), RepositoryProblem::NotSigned);
    let gpgv = "W: http://example.com/a/dists/stable/InRelease: The key(s) in the keyring /k/a.gpg are ignored \
                as the file is not readable by user '_apt' executing apt-key.\n\
                W: GPG error: http://example.com/a stable InRelease: The following signatures couldn't be \
                verified because the public key is not available: NO_PUBKEY 0123456789ABCDEF\n";
    let RepositoryProblem::Keyring { file, .. } = of(&format!("{gpgv}{follows}")) else { panic!("{gpgv}") };
    assert_eq!(file.to_str(), Some("/k/a.gpg"));
    // The same warning of a file that nobody needed is no failure.
    let said = Said::new(b"", gpgv.lines().next().unwrap().as_bytes());
    assert_eq!(fault(Step::Update, Ended::Code(0), &said, &StatusSummary::default()), None);
}

#[test]
fn a_name_that_others_stand_for_says_which() {
    let of = |stdout: &str| {
        let said = Said::new(stdout.as_bytes(), b"E: Package 'awk' has no installation candidate\n");
        fault(Step::Plan, Ended::Code(100), &said, &StatusSummary::default()).unwrap()
    };
    let provided =
        of("Package awk is a virtual package provided by:\n  original-awk 1:20220912-2\n  mawk 1.3.4\n\
                       You should explicitly select one to install.\n\n");
    let by = ["original-awk", "mawk"].map(Into::into).to_vec();
    assert_eq!(provided, Fault::Virtual { package: "awk".into(), provided_by: by });
    assert_eq!(provided.to_string(), "`awk` is no package itself; it is provided by `original-awk`, `mawk`");
    assert_eq!(
        provided.hints(),
        [AptHint::AskForInstead { package: "original-awk".parse().unwrap() }.into()]
    );
    let gone = "Package awk is not available, but is referred to by another package.\n\
                This may mean that the package is missing, has been obsoleted, or\nis only available from another source\n";
    let replaced = of(&format!("{gone}However the following packages replace it:\n   gawk (1:5.2)\n\n"));
    assert_eq!(replaced, Fault::Replaced { package: "awk".into(), by: vec!["gawk".into()] });
    assert!(replaced.is_cured_by_update() && replaced.class() == Class::Permanent);
    assert_eq!(of(gone), Fault::NoCandidate { packages: vec!["awk".into()] });
}

#[test]
fn who_stands_before_a_server_is_not_the_server() {
    let dead = update(
        "W: Failed to fetch http://example.com/a/dists/stable/InRelease  Could not connect to cache:3142 (10.0.0.1). \
         - connect (111: Connection refused)",
    );
    assert_eq!((dead.class(), dead.verdict()), (Class::NotSent, Verdict::Neutral));
    assert!(dead.to_string().contains("leads over cache:3142"), "{dead}");
    assert_eq!(dead.hints(), [AptHint::CheckProxy.into()]);
}
