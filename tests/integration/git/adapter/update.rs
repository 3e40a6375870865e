//! `--update`: forward, or not at all.

use std::fs;

use tests::git::{Entry, Forge, History, Repository, Step};
use tests::server::Behaviour;

use super::lab::Lab;

/// One more commit on `main`.
pub(super) fn later(repository: &Repository) {
    let mut history = History::new();
    let entries: [(&[u8], Entry); 3] = [
        (b"later", Entry::text("later\n")),
        (b"last", Entry::Gone),
        (b"README", Entry::Program(b"later\n".to_vec())),
    ];
    history.commit_from("main", Some("refs/heads/main^0"), "later", &entries);
    repository.import(&history);
}

#[test]
fn an_update_goes_forward() {
    let Some(forge) = Forge::start() else { return };
    for (name, more) in [("shallow", &[][..]), ("full", &["--full"]), ("branch", &["--branch", "main"])] {
        let (sample, lab) = (forge.sample(name), Lab::new());
        lab.cloned(&forge.url(name), more);
        for _ in 0..2 {
            later(&sample);
            let there = lab.cloned(&forge.url(name), &[&["--update"], more].concat());
            assert_eq!(there.head(), sample.id("main"), "{name}");
            assert_eq!((there.read("later"), there.read("last")), ("later\n".to_owned(), String::new()));
        }
        assert_eq!(lab.dest().branch().as_deref(), Some("main"));
    }
}

#[test]
fn an_update_of_what_is_new_changes_nothing() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    let (head, fetched, refs) =
        (lab.dest().head(), forge.count("s", Step::Fetch), forge.count("s", Step::Refs));
    assert_eq!(lab.cloned(&forge.url("s"), &["--update"]).head(), head);
    assert_eq!((forge.count("s", Step::Fetch), forge.count("s", Step::Refs)), (fetched, refs + 1));
}

/// It is refused with this word; the files and the branch are as they were, whatever was fetched.
fn refused(lab: &Lab, url: &str, word: &str) {
    let state = || {
        let of_git = |line: &String| line.starts_with("\"dest/.git/") || line.starts_with("\"dest/.git\"");
        let files: Vec<String> = lab.work().into_iter().filter(|line| !of_git(line)).collect();
        (files, lab.dest().head(), lab.dest().git(&["diff", "--cached", "HEAD"]))
    };
    let before = state();
    let refused = lab.clone(&[url, "dest", "--update"]).expect(7).says(word);
    assert!(!refused.text().contains("Retrying"), "{}", refused.text());
    assert_eq!(state(), before);
    lab.assert_left(&["dest"]);
}

#[test]
fn an_update_refuses_a_dirty_tree() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    later(&sample);
    let dest = lab.path("work/dest");
    fs::write(dest.join("README"), "mine\n").unwrap();
    refused(&lab, &forge.url("s"), "README");
    lab.dest().git(&["checkout", "--quiet", "README"]);
    // What is staged, and a new file where the server's would go.
    fs::write(dest.join("staged"), "mine\n").unwrap();
    lab.dest().git(&["add", "staged"]);
    refused(&lab, &forge.url("s"), "staged");
    lab.dest().git(&["rm", "--quiet", "--force", "staged"]);
    fs::write(dest.join("later"), "mine\n").unwrap();
    refused(&lab, &forge.url("s"), "later");
    fs::remove_file(dest.join("later")).unwrap();
    assert_eq!(lab.cloned(&forge.url("s"), &["--update"]).head(), sample.id("main"));
}

#[test]
fn an_update_refuses_own_commits() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &["--full"]);
    later(&sample);
    lab.dest().git(&["commit", "--quiet", "--allow-empty", "-m", "mine"]);
    refused(&lab, &forge.url("s"), "dest");
    lab.dest().assert_sound();
}

#[test]
fn an_update_that_fails_changes_nothing() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    let old = lab.dest().head();
    later(&sample);
    for (step, fault) in [
        (Step::Refs, Behaviour::status(404)),
        (Step::List, Behaviour::status(403)),
        (Step::Fetch, Behaviour::status(403)),
        (Step::Fetch, Behaviour::Close { after: 150 }),
    ] {
        forge.script("s", step, [fault.clone()]);
        let failed = lab.clone(&[&forge.url("s"), "dest", "--update", "--retries", "1"]);
        assert_eq!(failed.code, 1, "{fault:?}: {}", failed.text());
        forge.script("s", step, []);
        lab.assert_left(&["dest"]);
        lab.dest().assert_sound();
        assert_eq!(lab.dest().head(), old, "{fault:?}");
    }
    assert_eq!(lab.cloned(&forge.url("s"), &["--update"]).head(), sample.id("main"));
}

#[test]
fn an_update_clones_where_nothing_is() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    assert_eq!(lab.cloned(&forge.url("s"), &["--update"]).head(), sample.id("main"));
}
