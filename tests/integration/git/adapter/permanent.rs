//! What does not get better: one request, and what to do about it.

use std::process::{Command, Stdio};

use tests::apt::Running;
use tests::git::{Forge, Protocol, Step};
use tests::server::Behaviour;

use super::lab::Lab;

#[test]
fn what_does_not_get_better_is_asked_once() {
    let Some(forge) = Forge::start() else { return };
    let _sample = forge.sample("s");
    let ask = || Behaviour::header("WWW-Authenticate", "Basic realm=\"lab\"");
    for (fault, word) in [
        (Behaviour::status(401), "401"),
        (Behaviour::status(401).and(ask()), "401"),
        (Behaviour::status(403), "403"),
        (Behaviour::status(404), "404"),
        (Behaviour::status(410), "410"),
        (Behaviour::status(418), "418"),
    ] {
        let (lab, before) = (Lab::new(), forge.all());
        forge.script("s", Step::Refs, [fault.clone()]);
        let _ = lab.fails_at_once(1, &forge.url("s"), &[]).says(word);
        assert_eq!(forge.all() - before, 1, "{fault:?}: {}", forge.log());
    }
    // A repository that is not there, as git itself says it.
    let before = forge.all();
    let _ = Lab::new().fails_at_once(1, &forge.url("no-such"), &[]).says("404");
    assert_eq!(forge.all() - before, 1);
}

#[test]
fn a_portal_is_told() {
    let Some(forge) = Forge::start() else { return };
    let _sample = forge.sample("s");
    let page = Behaviour::Status { code: 200, body: "<html>Please log in</html>".to_owned() };
    let html = page.clone().and(Behaviour::header("Content-Type", "text/html"));
    let dumb = Behaviour::Status { code: 200, body: format!("{}\trefs/heads/main\n", "a".repeat(40)) };
    for fault in [html, page, dumb.and(Behaviour::header("Content-Type", "text/plain"))] {
        let (lab, before) = (Lab::new(), forge.all());
        forge.script("s", Step::Refs, [fault.clone()]);
        let failed = lab.fails_at_once(1, &forge.url("s"), &[]);
        assert!(!failed.text().contains("<html>"), "{}", failed.text());
        assert_eq!(forge.all() - before, 1, "{fault:?}: {}", forge.log());
    }
}

#[test]
fn no_question_at_a_terminal() {
    let Some(forge) = Forge::start() else { return };
    if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
        tests::skip("`script` is not on this machine");
        return;
    }
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let ask = Behaviour::header("WWW-Authenticate", "Basic realm=\"lab\"");
    forge.script("s", Step::Refs, [Behaviour::status(401).and(ask)]);
    let inner = lab.command(&[]);
    let line = format!("exec {} git clone {} dest", inner.get_program().display(), forge.url("s"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // A pipe that stays open: nobody answers, and nobody hangs up.
    command.env("TERM", "xterm").env("SHELL", "/bin/sh").stdin(Stdio::piped()).current_dir(lab.path("work"));
    let ended = Running::start(command).wait().expect(1).says("401");
    assert!(!ended.text().contains("Username"), "{}", ended.text());
    assert_eq!(forge.all(), 1);
    lab.assert_left(&[]);
}

#[test]
fn a_missing_ref_is_named() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, _empty, lab) = (forge.sample("s"), forge.repository("e"), Lab::new());
    let _ = lab.fails_at_once(1, &forge.url("s"), &["--branch", "no-such-ref"]).says("no-such-ref");
    assert_eq!((forge.count("s", Step::Refs), forge.count("s", Step::Fetch)), (1, 0), "{}", forge.log());
    let _ = lab.fails_at_once(1, &forge.url("e"), &["--branch", "no-such-ref"]).says("no-such-ref");
    assert_eq!((forge.count("e", Step::Refs), forge.count("e", Step::Fetch)), (1, 0), "{}", forge.log());
}

#[test]
fn a_missing_commit_is_told() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let missing = "0123456789abcdef0123456789abcdef01234567";
    for (protocol, asked) in [(Protocol::V2, 1), (Protocol::V1, 2), (Protocol::V0, 3)] {
        forge.speak(protocol);
        let failed = lab.fails_at_once(1, &forge.url("s"), &["--commit", missing]);
        let words = format!("has no commit {missing}");
        assert!(failed.text().contains(&words), "{protocol:?}: {}", failed.text());
        assert_eq!(forge.count("s", Step::Refs), asked, "{}", forge.log());
    }
    forge.speak(Protocol::V2);
    // An object that is no commit.
    let tree = sample.id("main^{tree}");
    let _ = lab.fails_at_once(1, &forge.url("s"), &["--commit", &tree]).says("commit");
}

#[test]
fn a_head_that_leads_nowhere_is_told() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    sample.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
    for protocol in [Protocol::V2, Protocol::V1, Protocol::V0] {
        forge.speak(protocol);
        let lab = Lab::new();
        let failed = lab.fails_at_once(1, &forge.url("s"), &[]).says("`main`").says("--branch");
        assert!(!failed.text().contains("empty"), "{protocol:?}: {}", failed.text());
        lab.cloned(&forge.url("s"), &["--branch", "main"]);
    }
    assert_eq!(forge.count("s", Step::Fetch), 3);
    // Over a process, too.
    let path = sample.folder().display().to_string();
    let _ = Lab::new().fails_at_once(1, &path, &[]).says("`main`");
}

#[test]
fn a_repository_with_sha256_is_told() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.repository("s"), Lab::new());
    let again = ["init", "--quiet", "--bare", "--initial-branch=main", "--object-format=sha256"];
    std::fs::remove_dir_all(sample.folder()).unwrap();
    std::fs::create_dir(sample.folder()).unwrap();
    sample.git(&again);
    let tree = sample.git(&["mktree"]);
    let commit = sample.git(&["commit-tree", "-m", "first", &tree]);
    sample.git(&["update-ref", "refs/heads/main", &commit]);
    for protocol in [Protocol::V2, Protocol::V0] {
        forge.speak(protocol);
        let _ = lab.fails_at_once(1, &forge.url("s"), &[]).says("SHA-256").says("git itself");
    }
    let path = sample.folder().display().to_string();
    let _ = lab.fails_at_once(1, &path, &[]).says("SHA-256");
}

#[test]
fn a_refusal_in_gits_own_words_is_told() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let body = "001e# service=git-upload-pack\n0000002eERR access denied: the project is archived".to_owned();
    let answer = Behaviour::Status { code: 200, body };
    let kind = Behaviour::header("Content-Type", "application/x-git-upload-pack-advertisement");
    forge.script("s", Step::Refs, [answer.and(kind)]);
    let failed = lab.fails_at_once(1, &forge.url("s"), &[]);
    let _ = failed.says("the other end says: access denied: the project is archived");
    assert_eq!(forge.all(), 1);
}

#[test]
fn a_tag_that_names_no_commit_is_told() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    sample.git(&["tag", "files", "main^{tree}"]);
    sample.git(&["tag", "file", "main:README"]);
    for tag in ["files", "file"] {
        let _ = Lab::new()
            .fails_at_once(1, &forge.url("s"), &["--branch", tag])
            .says(&format!("the tag `{tag}`"));
    }
}
