//! What is there when it succeeds.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tests::git::{Entry, Forge, History, ODD_NAMES, Protocol, SAMPLE_COMMITS, Step, beside};
use tests::server::Tls;
use tests::server::certificates::Authority;

use super::lab::Lab;

#[test]
fn a_clone_is_complete_and_right() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    for more in [&[][..], &["--full"]] {
        let lab = if more.is_empty() { &lab } else { &Lab::new() };
        let there = lab.cloned(&forge.url("s"), more);
        assert_eq!((there.head(), there.branch().as_deref()), (sample.id("main"), Some("main")));
        assert_eq!(there.read("README") + &there.read("last"), "fifth\nlast\n");
        assert_eq!(there.read("lines.dos"), "one\r\ntwo\r\n");
        assert_eq!(there.read("lines.bin"), "one\ntwo\n");
        let mode = |path: &str| fs::metadata(there.folder().join(path)).unwrap().permissions().mode();
        assert_eq!((mode("bin/run") & 0o111, mode("README") & 0o111), (0o111, 0));
        assert_eq!(fs::read_link(there.folder().join("link")).unwrap(), Path::new("README"));
        assert_eq!(fs::read_link(there.folder().join("dir/dangling")).unwrap(), Path::new("../nowhere"));
        for name in ODD_NAMES {
            assert_eq!(fs::read(there.folder().join(OsStr::from_bytes(name))).unwrap(), name, "{name:?}");
        }
        assert_eq!(there.git(&["config", "remote.origin.url"]), forge.url("s"));
    }
}

#[test]
fn depth_is_honoured_by_every_version() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for protocol in [Protocol::V0, Protocol::V1, Protocol::V2] {
        forge.speak(protocol);
        let asked: [(&[&str], usize, bool); 4] = [
            (&[], 1, true),
            (&["--depth", "1"], 1, true),
            (&["--depth", "3"], 3, true),
            (&["--full"], SAMPLE_COMMITS, false),
        ];
        for (more, commits, shallow) in asked {
            let lab = Lab::new();
            let there = lab.cloned(&forge.url("s"), more);
            assert_eq!(
                (there.head(), there.commits(), there.is_shallow()),
                (sample.id("main"), commits, shallow),
                "{protocol:?} {more:?}"
            );
        }
    }
}

#[test]
fn a_ref_is_just_that() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for (name, revision, branch) in [
        ("topic", "topic", Some("topic")),
        ("a/b", "a/b", Some("a/b")),
        ("v1", "v1^{commit}", None),
        ("light", "light", None),
    ] {
        let lab = Lab::new();
        let there = lab.cloned(&forge.url("s"), &["--branch", name]);
        assert_eq!((there.head(), there.branch().as_deref()), (sample.id(revision), branch), "{name}");
    }
}

#[test]
fn a_branch_wins_over_a_tag() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    sample.git(&["update-ref", "refs/tags/topic", &sample.id("main")]);
    let there = lab.cloned(&forge.url("s"), &["--branch", "topic"]);
    assert_eq!(there.head(), sample.id("refs/heads/topic"));
}

#[test]
fn a_commit_is_exactly_that() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for (revision, more) in
        [("main", &[][..]), ("main~2", &[]), ("main~1", &["--full"]), ("v1^{commit}", &[])]
    {
        let (id, lab) = (sample.id(revision), Lab::new());
        let there = lab.cloned(&forge.url("s"), &[&["--commit", id.as_str()], more].concat());
        assert_eq!(there.head(), id, "{revision}");
        // The same again is known to be there.
        let before = forge.all();
        lab.cloned(&forge.url("s"), &[&["--commit", id.as_str()], more].concat());
        assert_eq!(forge.all(), before, "{revision}");
    }
}

#[test]
fn an_empty_repository_is_an_empty_clone() {
    let Some(forge) = Forge::start() else { return };
    for protocol in [Protocol::V2, Protocol::V0] {
        forge.speak(protocol);
        let (name, lab) = (format!("{protocol:?}"), Lab::new());
        let _empty = forge.repository(&name);
        let there = lab.cloned(&forge.url(&name), &[]);
        assert_eq!(beside(there.folder()), [".git"]);
        assert!(there.branch().is_some());
    }
}

#[test]
fn names_that_differ_in_case_are_two_files() {
    let Some(forge) = Forge::start() else { return };
    let (_case, lab) = (forge.same_but_for_case("case"), Lab::new());
    let there = lab.cloned(&forge.url("case"), &[]);
    assert_eq!(there.read("NAME") + &there.read("name"), "upperlower");
}

#[test]
fn a_clone_asks_three_times() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    let counts = [Step::Refs, Step::List, Step::Fetch].map(|step| forge.count("s", step));
    assert!(counts[0] == 1 && counts[1] <= 1 && counts[2] == 1, "{}", forge.log());
    assert_eq!(forge.log().connections, 1, "{}", forge.log());
}

#[test]
fn git_goes_on_in_it() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let there = lab.cloned(&forge.url("s"), &[]);
    let mut history = History::new();
    history.commit_from("main", Some("refs/heads/main^0"), "later", &[(b"later", Entry::text("later\n"))]);
    sample.import(&history);
    there.git(&["pull", "--quiet", "--ff-only"]);
    assert_eq!((there.head(), there.read("later")), (sample.id("main"), "later\n".to_owned()));
    there.git(&["fetch", "--quiet", "--unshallow"]);
    assert_eq!(there.commits(), SAMPLE_COMMITS + 1);
    there.assert_sound();
}

#[test]
fn the_result_in_json() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let read = |more: &[&str]| -> serde_json::Value {
        let done = lab.clone(&[&[&forge.url("s"), "dest", "--json"], more].concat()).expect(0);
        let result =
            serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.stdout));
        assert_eq!(tests::schema::check(&result), "git.clone");
        result
    };
    let first = read(&[]);
    assert_eq!(first["schema"], "vps-configurator.git.clone/1", "{first}");
    assert_eq!(first["commit"], sample.id("main"), "{first}");
    assert_eq!((&first["unchanged"], &first["attempts"]), (&false.into(), &1.into()), "{first}");
    assert!(first["bytes"].as_u64().unwrap() > 100, "{first}");
    assert!(first["dest"].as_str().unwrap().ends_with("dest"), "{first}");
    let again = read(&[]);
    assert_eq!((&again["unchanged"], &again["commit"]), (&true.into(), &first["commit"]), "{again}");
}

#[test]
fn a_dry_run_changes_and_asks_nothing() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let _ = lab.fails(0, &forge.url("s"), &["-n"]).says("clone");
    assert_eq!(forge.log().connections, 0);
    lab.cloned(&forge.url("s"), &[]);
    let connections = forge.log().connections;
    let _ = lab.fails(0, &forge.url("s"), &["-n"]).says("leave dest as it is");
    let _ = lab.fails(0, &forge.url("s"), &["-n", "--update"]).says("update");
    assert_eq!(forge.log().connections, connections);
}

#[test]
fn a_local_repository_is_cloned() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for scheme in ["file://", ""] {
        let lab = Lab::new();
        let there = lab.cloned(&format!("{scheme}{}", sample.folder().display()), &[]);
        assert_eq!(there.head(), sample.id("main"), "{scheme}");
    }
}

#[test]
fn an_unknown_certificate_is_refused() {
    let authority = Authority::new();
    let Some(forge) = Forge::start_with(Some(Tls::With(authority.identity()))) else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let _ = lab.fails_at_once(1, &forge.url("s"), &[]).says("certificate");
    assert_eq!(forge.all(), 0);
    let roots = lab.path("roots.pem");
    fs::write(&roots, authority.pem()).unwrap();
    let mut command = lab.command(&[&forge.url("s"), "dest"]);
    command.env("SSL_CERT_FILE", &roots);
    let _ = tests::apt::Running::start(command).wait().expect(0);
    assert_eq!(lab.dest().head(), sample.id("main"));
}
