//! Sent elsewhere.

use tests::git::{Forge, Step};
use tests::server::{Behaviour, Server};

use super::lab::Lab;

const QUERY: &str = "/info/refs?service=git-upload-pack";

#[test]
fn a_moved_repository_is_cloned() {
    let (Some(forge), Some(other)) = (Forge::start(), Forge::start()) else { return };
    let (sample, theirs) = (forge.sample("s"), other.sample("s"));
    for code in [301, 302, 303, 307, 308] {
        let name = format!("old{code}");
        forge.script(&name, Step::Refs, [Behaviour::Redirect { to: forge.url("s") + QUERY, code }]);
        assert_eq!(Lab::new().cloned(&forge.url(&name), &[]).head(), sample.id("main"), "{code}");
        assert_eq!((forge.count(&name, Step::Refs), forge.count(&name, Step::Fetch)), (1, 0), "{code}");
    }
    forge.script("away", Step::Refs, [Behaviour::Redirect { to: other.url("s") + QUERY, code: 301 }]);
    assert_eq!(Lab::new().cloned(&forge.url("away"), &[]).head(), theirs.id("main"));
}

#[test]
fn a_redirect_elsewhere_is_refused() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    let local = format!("file://{}{QUERY}", sample.folder().display());
    for (number, to) in [
        local.as_str(),
        "ssh://git@example.com/s.git/info/refs?service=git-upload-pack",
        "ftp://127.0.0.1/s.git/info/refs?service=git-upload-pack",
        "ext::sh -c touch% was-here",
        "git://127.0.0.1/s.git/info/refs?service=git-upload-pack",
        "/elsewhere?service=git-upload-pack",
        "http://",
    ]
    .iter()
    .enumerate()
    {
        let (name, lab) = (format!("r{number}"), Lab::new());
        forge.script(&name, Step::Refs, [Behaviour::Redirect { to: (*to).to_owned(), code: 301 }]);
        let _ = lab.fails_at_once(1, &forge.url(&name), &[]);
        assert_eq!(forge.count(&name, Step::Refs), 1, "{to}: {}", forge.log());
        assert!(lab.ssh.calls().is_empty(), "{to}: {:?}", lab.ssh.calls());
    }
}

#[test]
fn a_redirect_in_circles_ends() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    forge.script("s", Step::Refs, [Behaviour::Redirect { to: forge.url("s") + QUERY, code: 302 }]);
    let _ = lab.fails_at_once(1, &forge.url("s"), &[]);
    assert!(forge.count("s", Step::Refs) <= 21, "{}", forge.log());
}

#[test]
fn a_netrc_names_whom_it_is_for() {
    let (Some(forge), Some(other)) = (Forge::start(), Forge::start()) else { return };
    let theirs = other.sample("s");
    let named = other.url("s").replace("127.0.0.1", "localhost");
    for (to, is_told) in [(other.url("s"), false), (named, true)] {
        forge.script("away", Step::Refs, [Behaviour::Redirect { to: to.clone() + QUERY, code: 302 }]);
        let lab = Lab::new();
        let entries = "machine localhost login user password p\ndefault login anonymous password none\n";
        std::fs::write(lab.path("home/.netrc"), entries).unwrap();
        let _ = lab.clone(&[&forge.url("away"), "dest"]).expect(0);
        assert_eq!(lab.dest().head(), theirs.id("main"));
        let has_word =
            |exchange: &tests::server::Exchange| exchange.request.header("authorization").is_some();
        assert!(forge.exchanges("away", Step::Refs).iter().all(has_word), "the default is for whom we ask");
        for step in [Step::Refs, Step::Fetch] {
            let last = other.exchanges("s", step).pop().unwrap();
            assert_eq!(has_word(&last), is_told, "{to} {step:?}");
        }
    }
}

#[test]
fn credentials_do_not_leave_their_host() {
    let (Some(forge), Some(other)) = (Forge::start(), Forge::start()) else { return };
    let (_sample, theirs, third) = (forge.sample("s"), other.sample("s"), Server::start());
    // Another port is another host; so is another name of this machine.
    let elsewhere = forge.url("s").replace("127.0.0.1", "localhost");
    for to in [other.url("s"), elsewhere] {
        forge.script("away", Step::Refs, [Behaviour::Redirect { to: to.clone() + QUERY, code: 302 }]);
        let lab = Lab::new();
        let there = lab.cloned(&forge.url_with("lab:secret", "away"), &[]);
        assert!(!there.git(&["config", "--list"]).contains("secret"));
        let _ = theirs.id("main");
        let at = |log: tests::server::Log, path: &str| {
            let asked = log.exchanges.into_iter().filter(|seen| seen.request.path().starts_with(path));
            asked.filter(|seen| seen.request.header("authorization").is_some()).count()
        };
        assert_eq!(at(other.log(), "/s.git"), 0, "{to}");
        assert_eq!(at(forge.log(), "/s.git"), 0, "{to}");
    }
    assert_eq!(third.log().connections, 0);
}
