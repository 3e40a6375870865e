//! What is refused before anything runs.

use tests::git::{Forge, Step};

use super::lab::Lab;

#[test]
fn bad_arguments_ask_nobody() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let (good, id) = (forge.url("s"), sample.id("main"));
    let was_here = lab.path("was-here");
    let touch = format!("touch {}", was_here.display());
    let spaced = format!("{} ", forge.url("s").replace("s.git", "s\n.git"));
    let urls = [
        &format!("--upload-pack={touch}"),
        "-u",
        &format!("ext::sh -c {touch}"),
        "fd::17",
        &format!("EXT::sh -c {touch}"),
        &format!("ssh://-oProxyCommand={touch}/x"),
        &format!("-oProxyCommand={touch}:x"),
        "ssh://git@/x",
        "ftp://example.com/x.git",
        "javascript://example.com/x.git",
        "http://",
        "http:///x.git",
        "http:/x.git",
        "http:x.git",
        "http:\\\\x.git",
        "https://\\x.git",
        "ssh:/host/x.git",
        "http://exa mple.com/x",
        "http://127.0.0.1:99999/x.git",
        "http://127.0.0.1/\u{1b}[2J.git",
        &spaced,
        "",
    ];
    for url in urls {
        for args in [&[url, "dest"][..], &["--", url, "dest"]] {
            let refused = lab.clone(args);
            assert_eq!(refused.code, 2, "{args:?}: {}", refused.text());
        }
    }
    let deep = "a/".repeat(3_000);
    let more: [&[&str]; 18] = [
        &["--depth", "0"],
        &["--depth", "-1"],
        &["--depth", "some"],
        &["--depth", "1", "--full"],
        &["--branch", "topic", "--commit", &id],
        &["--branch", "-topic"],
        &["--branch=--upload-pack=x"],
        &["--branch", "a..b"],
        &["--branch", "a b"],
        &["--branch", "a\u{7}"],
        &["--branch", "x.lock"],
        &["--branch", ""],
        &["--commit", "main"],
        &["--commit", "abc"],
        &["--commit", "-x"],
        &["--timeout", "soon"],
        &["--retries", "0"],
        &["--no-such-option"],
    ];
    for more in more {
        let refused = lab.clone(&[&[&good, "dest"], more].concat());
        assert_eq!(refused.code, 2, "{more:?}: {}", refused.text());
    }
    for args in [&[][..], &[&good, "dest", "other"], &[&good, ""]] {
        let refused = lab.clone(args);
        assert_eq!(refused.code, 2, "{args:?}: {}", refused.text());
    }
    // Too long to be a ref: refused or not found, but asked for once at most.
    let refused = lab.clone(&[&good, "dest", "--branch", &format!("{deep}x")]);
    assert!([1, 2].contains(&refused.code), "{}", refused.text());
    assert!(forge.count("s", Step::Refs) <= 1 && forge.count("s", Step::Fetch) == 0, "{}", forge.log());
    assert!(!was_here.exists(), "something ran");
    assert!(lab.ssh.calls().is_empty(), "{:?}", lab.ssh.calls());
    lab.assert_left(&[]);
}
