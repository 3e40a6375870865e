//! Anything at all where apt-get's words are expected: never a panic, never a password, never a flood.

use proptest::prelude::*;
use vps_ops::apt::{
    AptError, Fault, Installed, Lock, PackageSpec, Repository, Said, StatusLine, StatusSummary, Step,
    archives, fault, parse_all, repositories,
};
use vps_ops::process::Ended;
use vps_ops::{Advise, Class, Classify, Failure, Verdict};

use crate::captured::{Captured, names};

const STEPS: [Step; 5] = [Step::Update, Step::Plan, Step::Fetch, Step::Install, Step::Repair];
const SOURCES: &str =
    "Repo-URI: http://repo.test:8080/main/\nRelease: stable\n\nRepo-URI: file:/repo/\nRelease: ./\n";

/// What a person could come to see of a run.
fn shown(said: &Said, status: &StatusSummary) -> Vec<String> {
    let mut shown = Vec::new();
    for step in STEPS {
        for ended in [Ended::Code(0), Ended::Code(1), Ended::Code(100), Ended::Signal(9)] {
            let found = fault(step, ended, said, status);
            assert_eq!(
                found.is_none() && step != Step::Update,
                ended == Ended::Code(0) && step != Step::Update
            );
            if let Some(fault) = found {
                shown.extend([format!("{fault} {fault:?}")]);
                shown.extend(fault.hints().iter().map(|hint| format!("{hint:?}")));
                shown.push(AptError::Fault(fault).to_string());
            }
        }
    }
    for result in repositories(said, &Repository::parse(SOURCES)) {
        shown.push(format!("{} {} {:?}", result.uri, result.release, result.state));
    }
    shown.extend(Lock::held(said).map(|lock| lock.to_string()));
    shown
}

fn assert_fit(texts: &[String]) {
    for text in texts {
        assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
        // A list of a hundred names is the longest.
        assert!(text.chars().count() < 40_000, "{} characters", text.chars().count());
    }
}

#[test]
fn what_nobody_foresaw_is_shown_and_never_tried_again() {
    let unknown = |stderr: &[u8]| {
        fault(Step::Fetch, Ended::Code(100), &Said::new(b"prose\n", stderr), &StatusSummary::default())
            .unwrap()
    };
    for (stderr, says) in [
        (&b"E: The moon is full\nE: Howl\n"[..], "The moon is full; Howl"),
        (b"Segmentation fault\n\n", "Segmentation fault"),
        (b"", "it ended with code 100 and said nothing"),
        (b"\xff\xfe\x00\x1b[2J", "\u{fffd}\u{fffd}\\u{0}\\u{1b}[2J"),
    ] {
        let fault = unknown(stderr);
        assert_eq!(fault, Fault::Unknown { text: says.into() });
        assert_eq!((fault.class(), fault.verdict()), (Class::Permanent, Verdict::Neutral));
    }
    let huge = "E: ".to_owned() + &"x".repeat(300_000);
    assert!(unknown(huge.as_bytes()).to_string().chars().count() <= 601);
    let flood = "E: Unable to locate package aa\n".repeat(10_000);
    assert_eq!(unknown(flood.as_bytes()).to_string(), "no package is called `aa`");
}

#[test]
fn a_script_of_a_package_cannot_speak_for_apt_get() {
    let said = Said::new(
        b"",
        b"E: Could not get lock /var/lib/dpkg/lock. It is held by process 1 (x)\n\
          E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\n\
          E: Unable to locate package x\n\
          dpkg: error processing package a (--configure):\n failed\n\
          E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
    );
    let status = StatusSummary::of("pmstatus:dpkg-exec:0.0000:Running dpkg\npmerror:a:1.0:failed\n");
    let failed = fault(Step::Install, Ended::Code(100), &said, &status).unwrap();
    assert_eq!(failed.to_string(), "dpkg failed with `a`: failed");
    // Nor where dpkg did its work and something after it failed.
    for text in [
        "E: Unable to locate package x",
        "E: Version '1' for 'x' was not found",
        "E: Could not get lock /x. It is held by process 1 (y)",
    ] {
        let said = Said::new(b"", text.as_bytes());
        let running = StatusSummary { pm_started: true, errors: Vec::new() };
        let after = fault(Step::Install, Ended::Code(100), &said, &running);
        assert!(matches!(after, Some(Fault::Unknown { .. })), "{after:?}");
        let before = fault(Step::Install, Ended::Code(100), &said, &StatusSummary::default());
        assert!(!matches!(before, Some(Fault::Unknown { .. })), "{before:?}");
    }
}

#[test]
fn a_password_in_a_source_is_never_shown() {
    for name in names() {
        let Captured { said, status_text, .. } = Captured::read(&name);
        let plant = |text: &str| text.replace("://", "://me:canary@").replace(".deb  ", ".deb?canary  ");
        let planted = Said::new(plant(&said.stdout).as_bytes(), plant(&said.stderr).as_bytes());
        let texts = shown(&planted, &StatusSummary::of(&plant(&status_text)));
        assert!(texts.iter().all(|text| !text.contains("canary")), "{name}: {texts:?}");
        let unknown = Said::new(b"", format!("E: {}", plant(&said.stdout)).as_bytes());
        assert!(
            shown(&unknown, &StatusSummary::default()).iter().all(|text| !text.contains("canary")),
            "{name}"
        );
    }
}

#[test]
fn every_recorded_run_cut_anywhere_is_still_read() {
    for name in ["install_corrupt", "install_conffile_prompt", "update_nopubkey_beside_good", "install_unmet"]
    {
        let captured = Captured::read(name);
        let (stdout, stderr) = (captured.said.stdout.as_bytes(), captured.said.stderr.as_bytes());
        for cut in (0..stdout.len()).step_by(61) {
            shown(&Said::new(&stdout[..cut], &stderr[..cut.min(stderr.len())]), &captured.status());
        }
    }
}

/// Pieces that apt-get's messages are made of, so that chance comes near them.
fn pieces() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "E: ",
        "W: ",
        "Err:1 ",
        "Hit:1 ",
        "\n",
        "\n ",
        "\r",
        "'",
        "' ",
        " (",
        ")",
        ": ",
        "://",
        "@",
        "?",
        "/",
        "Failed to fetch ",
        "http://repo.test:8080/main",
        " stable",
        " InRelease",
        "  404  ",
        "Hash Sum mismatch",
        "GPG error: ",
        "NO_PUBKEY ",
        "The repository '",
        "Release file for ",
        " is not valid yet (invalid for another ",
        "99999999999999999999d ",
        "is expired",
        "Could not get lock ",
        ". It is held by process ",
        "Waiting for cache lock: ",
        "Unable to locate package ",
        "Version '",
        "was not found",
        "dpkg: error processing ",
        "(--configure):",
        "have unmet dependencies",
        "you have held broken packages",
        "No space left on device",
        "Sub-process /usr/bin/dpkg returned an error code (1)",
        "Malformed entry ",
        "pmstatus:",
        "dlstatus:",
        "pmerror:",
        "1.0000:",
        "SHA256:",
        ".deb",
        "Repo-URI: ",
        "Release: ",
    ]);
    let any_text = any::<String>().prop_map(|text| text);
    prop::collection::vec(prop_oneof![4 => known.prop_map(str::to_owned), 1 => any_text], 0..40)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_read_without_a_panic(stdout in pieces(), stderr in pieces(), status in pieces()) {
        let said = Said::new(stdout.as_bytes(), stderr.as_bytes());
        assert_fit(&shown(&said, &StatusSummary::of(&status)));
        for text in [&stdout, &stderr, &status] {
            let _ = (archives(text), Installed::parse(text), StatusLine::parse(text), Lock::waited_for(text));
            for repository in Repository::parse(text) {
                prop_assert!(!repository.uri.is_empty() && !repository.release.is_empty());
                let _ = repository.is_distributions_own(text);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let said = Said::new(&bytes, &bytes);
        shown(&said, &StatusSummary::of(&said.stdout));
        let _ = archives(&said.stdout);
    }

    #[test]
    fn what_is_accepted_as_a_package_is_safe_to_give_to_apt_get(text in "[ -~]{0,20}|[a-z0-9+.=/:*~-]{0,20}") {
        if let Ok(spec) = text.parse::<PackageSpec>() {
            let told = spec.to_string();
            prop_assert_eq!(&told, &text);
            prop_assert!(told.starts_with(|c: char| c.is_ascii_alphanumeric()) && !told.ends_with('-'));
            let unsafe_to_a_shell = |c: char| c.is_whitespace() || "'\"$`;&|<>()[]{}?^!\\".contains(c);
            prop_assert!(!told.contains(unsafe_to_a_shell));
            prop_assert_eq!(parse_all([&*text, &*text]).unwrap(), vec![spec]);
        }
    }
}
