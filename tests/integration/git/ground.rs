//! What the other tests stand on: the forge, seen by the real git.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use tests::apt::Running;
use tests::git::{
    Checkout, FakeSsh, Forge, HOSTILE, LARGE_FILE, ODD_NAMES, Protocol, SAMPLE_COMMITS, SshMood, Step,
    beside, git, scratch, snapshot,
};
use tests::server::{Behaviour, Ending, Gate, Server};
use tests::wait_until;

/// The real `git clone ARGS` in a folder.
fn clone(folder: &Path, args: &[&str]) -> Output {
    git(folder).args(["clone", "--quiet"]).args(args).output().unwrap()
}

fn cloned(folder: &Path, args: &[&str]) -> Checkout {
    let output = clone(folder, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let there = Checkout::at(folder.join(args.last().unwrap()));
    there.assert_sound();
    there
}

#[test]
fn git_clones_the_sample() {
    let Some(forge) = Forge::start() else { return };
    let (sample, folder) = (forge.sample("s"), scratch("ground"));
    let there = cloned(folder.path(), &[&forge.url("s"), "dest"]);
    assert_eq!((there.head(), there.commits()), (sample.id("main"), SAMPLE_COMMITS));
    assert_eq!(there.read("lines.dos"), "one\r\ntwo\r\n");
    assert_eq!(there.read("lines.bin"), "one\ntwo\n");
    let mode = fs::metadata(there.folder().join("bin/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    for name in ODD_NAMES {
        let path = there.folder().join(std::ffi::OsStr::from_bytes(name));
        assert_eq!(fs::read(path).unwrap(), name, "{name:?}");
    }
    assert_eq!(fs::read_link(there.folder().join("link")).unwrap(), Path::new("README"));
    for (reference, revision, branch) in [
        ("topic", "topic", Some("topic")),
        ("a/b", "a/b", Some("a/b")),
        ("v1", "v1^{}", None),
        ("light", "light", None),
    ] {
        let there =
            cloned(folder.path(), &["--branch", reference, &forge.url("s"), &format!("at {reference}")]);
        assert_eq!((there.head(), there.branch().as_deref()), (sample.id(revision), branch));
    }
}

#[test]
fn the_server_speaks_every_version() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, folder) = (forge.sample("s"), scratch("ground"));
    for (protocol, lists) in [(Protocol::V0, 0), (Protocol::V1, 0), (Protocol::V2, 1)] {
        forge.speak(protocol);
        let before = forge.count("s", Step::List);
        let dest = format!("{protocol:?}");
        let there = cloned(folder.path(), &["--depth", "1", &forge.url("s"), &dest]);
        assert_eq!((there.commits(), there.is_shallow()), (1, true));
        assert_eq!(forge.count("s", Step::List) - before, lists, "{protocol:?}");
        let refs = forge.exchanges("s", Step::Refs);
        assert_eq!(refs.last().unwrap().status, 200);
    }
    // Before version 2 the depth is asked for first.
    assert_eq!((forge.count("s", Step::Refs), forge.count("s", Step::Fetch)), (3, 5), "{}", forge.log());
}

#[test]
fn git_does_not_survive_a_fault_and_a_script_is_one_step_s() {
    let Some(forge) = Forge::start() else { return };
    let (_large, folder) = (forge.large("l"), scratch("ground"));
    let half = LARGE_FILE / 2;
    for (step, fault) in [
        (Step::Refs, Behaviour::status(503)),
        (Step::Refs, Behaviour::ResetBeforeHeaders),
        (Step::List, Behaviour::status(429)),
        (Step::Fetch, Behaviour::Close { after: half }),
        (Step::Fetch, Behaviour::Reset { after: half }),
        (Step::Fetch, Behaviour::WrongByte { at: half }),
    ] {
        forge.script("l", step, [fault.clone(), Behaviour::Ok]);
        assert!(!clone(folder.path(), &[&forge.url("l"), "dest"]).status.success(), "{fault:?}");
        assert_eq!(beside(folder.path()), [""; 0], "{fault:?}");
    }
    let there = cloned(folder.path(), &[&forge.url("l"), "dest"]);
    assert_eq!(fs::metadata(there.folder().join("large")).unwrap().len(), LARGE_FILE);
    let last = forge.exchanges("l", Step::Fetch).pop().unwrap();
    assert!(last.sent > LARGE_FILE && last.ending == Ending::Complete, "{last}");
}

#[test]
fn a_clone_can_be_held_in_the_pack() {
    let Some(forge) = Forge::start() else { return };
    let (_large, folder, gate) = (forge.large("l"), scratch("ground"), Gate::new());
    forge.script("l", Step::Fetch, [Behaviour::Hold { after: LARGE_FILE / 2, gate: gate.clone() }]);
    let mut command = git(folder.path());
    command.args(["clone", "--quiet", &forge.url("l"), "dest"]);
    let mut running = Running::start(command);
    gate.wait_until_reached();
    assert!(running.is_running() && folder.path().join("dest/.git").exists());
    gate.open();
    let _ = running.wait().expect(0);
    Checkout::at(folder.path().join("dest")).assert_sound();
}

#[test]
fn submodules_are_found_beside_it() {
    let Some(forge) = Forge::start() else { return };
    let (repositories, folder) = (forge.nested("n"), scratch("ground"));
    let there = cloned(folder.path(), &["--recurse-submodules", &forge.url("n"), "dest"]);
    assert_eq!(there.read("one/two/file"), "two\n");
    for (path, repository) in ["", "one", "one/two"].iter().zip(&repositories) {
        let inner = there.git(&["-C", &format!("./{path}"), "rev-parse", "HEAD"]);
        assert_eq!(inner, repository.id("main"), "{}", repository.name());
    }
}

#[test]
fn an_empty_repository_has_no_commit() {
    let Some(forge) = Forge::start() else { return };
    let (_empty, folder) = (forge.repository("e"), scratch("ground"));
    let there = cloned(folder.path(), &[&forge.url("e"), "dest"]);
    assert_eq!(there.branch().as_deref(), Some("main"));
    assert_eq!(beside(there.folder()), [".git"]);
}

#[test]
fn hostile_trees_are_what_they_are_called() {
    let Some(forge) = Forge::start() else { return };
    let folder = scratch("ground");
    for (number, kind) in HOSTILE.iter().enumerate() {
        let (name, dest) = (format!("h{number}"), format!("dest{number}"));
        let repository = forge.hostile(&name, kind);
        let checked = git(repository.folder()).args(["fsck", "--full", "--strict"]).output().unwrap();
        assert!(!checked.status.success(), "git finds nothing wrong with `{kind}`");
        // They are served all the same.
        let taken = clone(folder.path(), &["--no-checkout", &forge.url(&name), &dest]);
        assert!(taken.status.success(), "{kind}: {}", String::from_utf8_lossy(&taken.stderr));
    }
    let _ = forge.same_but_for_case("case");
    let there = cloned(folder.path(), &[&forge.url("case"), "case"]);
    assert_eq!(there.read("NAME") + &there.read("name"), "upperlower");
}

#[test]
fn redirects_and_passwords_are_scripts_too() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, folder) = (forge.sample("s"), scratch("ground"));
    let to = forge.url("s") + "/info/refs?service=git-upload-pack";
    forge.script("old", Step::Refs, [Behaviour::Redirect { to, code: 301 }]);
    let _ = cloned(folder.path(), &[&forge.url("old"), "moved"]);
    for step in [Step::Refs, Step::List, Step::Fetch] {
        // lab:secret
        let accept = "Basic bGFiOnNlY3JldA==".to_owned();
        forge.script("s", step, [Behaviour::AuthRequired { accept }]);
    }
    assert!(!clone(folder.path(), &[&forge.url("s"), "closed"]).status.success());
    let _ = cloned(folder.path(), &[&forge.url_with("lab:secret", "s"), "open"]);
    let silent = Server::start();
    assert!(!clone(folder.path(), &[&silent.url("/s.git"), "other"]).status.success());
}

#[test]
fn a_false_ssh_works_hangs_and_dies() {
    let Some(forge) = Forge::start() else { return };
    let (sample, folder, ssh) = (forge.sample("s"), scratch("ground"), FakeSsh::new());
    let url = format!("ssh://git@example.com:2222{}", sample.folder().display());
    let command = |dest: &str| {
        let mut command = git(folder.path());
        command.env("GIT_SSH_COMMAND", ssh.program()).args(["clone", "--quiet", &url, dest]);
        command
    };
    assert!(command("dest").status().unwrap().success());
    Checkout::at(folder.path().join("dest")).assert_sound();
    let calls = ssh.calls();
    assert!(calls.last().unwrap().1.contains("[git-upload-pack "), "{calls:?}");

    ssh.set(SshMood::Refused);
    assert!(!command("refused").status().unwrap().success());

    for mood in [SshMood::Hangs, SshMood::HangsAfter] {
        ssh.set(mood);
        let running = Running::start(command("hanging"));
        wait_until("the false ssh", || (!ssh.running().is_empty()).then_some(()));
        running.signal(rustix::process::Signal::TERM);
        assert_eq!(running.wait_alone(), 143);
        assert!(!ssh.running().is_empty(), "git leaves it behind");
        ssh.end();
        assert!(ssh.running().is_empty());
    }
}

#[test]
fn a_snapshot_sees_every_change() {
    let folder = scratch("ground");
    let file = folder.path().join("file");
    let absent = snapshot(&file);
    fs::write(&file, "one").unwrap();
    let first = snapshot(folder.path());
    assert_ne!(snapshot(&file), absent);
    assert_eq!(snapshot(folder.path()), first);
    fs::remove_file(&file).unwrap();
    fs::write(&file, "one").unwrap();
    assert_ne!(snapshot(folder.path()), first, "another file with the same bytes");
}
