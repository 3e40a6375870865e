//! `--update`: forward, or not at all.

use std::fs;

use tests::git::{Entry, Forge, History, Repository, Step};
use tests::server::Behaviour;

use super::lab::Lab;

/// One more commit on `main`.
pub(super) fn later(repository: &Repository) {
    let mut history = History::new();
    let entries: [(&[u8], Entry); 4] = [
        (b"lines.dos", Entry::text("three\nfour\n")),
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
            // By an attribute that did not change.
            assert_eq!(there.read("lines.dos"), "three\r\nfour\r\n");
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
    let done = lab.clone(&[&forge.url("s"), "dest", "--update"]).expect(0);
    let said = done.says("Updating the clone of").says("Clone up to date");
    assert!(
        !said.text().contains("Cloning") && !said.text().contains("Repository cloned"),
        "{}",
        said.text()
    );
    assert_eq!(lab.dest().head(), head);
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
    let refused =
        lab.clone(&[url, "dest", "--update"]).expect(7).says(word).says("could not update the clone of");
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

#[test]
fn an_update_goes_to_another_ref() {
    let Some(forge) = Forge::start() else { return };
    for (name, more) in [("shallow", &[][..]), ("full", &["--full"])] {
        let (sample, lab) = (forge.sample(name), Lab::new());
        let url = forge.url(name);
        lab.cloned(&url, more);
        let fourth = sample.id("main~1");
        for (asked, revision, branch) in [
            (["--branch", "topic"], "topic", Some("topic")),
            (["--branch", "a/b"], "a/b", Some("a/b")),
            (["--branch", "v1"], "v1^{}", None),
            (["--branch", "light"], "light", None),
            (["--commit", fourth.as_str()], "main~1", None),
            (["--branch", "main"], "main", Some("main")),
        ] {
            // Without the option it only says what differs.
            let differs = lab.clone(&[&[url.as_str(), "dest"], &asked[..]].concat()).expect(7);
            assert!(differs.text().contains(", not at "), "{}", differs.text());
            let there = lab.cloned(&url, &[&asked[..], &["--update"], more].concat());
            assert_eq!(there.head(), sample.id(revision), "{name} {asked:?}");
            assert_eq!(there.branch().as_deref(), branch, "{name} {asked:?}");
            // And is there then.
            let before = forge.all();
            assert_eq!(lab.clone(&[&[url.as_str(), "dest"], &asked[..]].concat()).code, 0);
            assert_eq!(forge.all(), before);
        }
        let there = lab.dest();
        assert_eq!(there.git(&["rev-parse", "--abbrev-ref", "topic@{upstream}"]), "origin/topic");
        assert!(there.git(&["reflog"]).contains("update: from"));
    }
}

#[test]
fn an_update_follows_a_moved_tag() {
    let Some(forge) = Forge::start() else { return };
    for (name, more) in [("shallow", &[][..]), ("full", &["--full"])] {
        let (sample, lab) = (forge.sample(name), Lab::new());
        for tag in ["light", "v1"] {
            lab.cloned(&forge.url(name), &[&["--branch", tag, "--update"], more].concat());
            sample.git(&["tag", "--force", tag, "main"]);
            let there = lab.cloned(&forge.url(name), &[&["--branch", tag, "--update"], more].concat());
            assert_eq!((there.head(), there.branch()), (sample.id("main"), None), "{name} {tag}");
            assert_eq!(there.git(&["rev-parse", &format!("refs/tags/{tag}^{{}}")]), sample.id("main"));
        }
    }
}

#[test]
fn an_update_keeps_to_the_depth() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    for _ in 0..3 {
        later(&sample);
        let there = lab.cloned(&forge.url("s"), &["--update"]);
        assert_eq!((there.commits(), there.is_shallow()), (1, true));
    }
    let there = lab.cloned(&forge.url("s"), &["--update", "--full"]);
    assert!(!there.is_shallow());
    assert_eq!(there.git(&["rev-list", "--count", "HEAD"]), sample.git(&["rev-list", "--count", "main"]));
    assert_eq!(there.git(&["rev-parse", "origin/topic", "v1"]), sample.git(&["rev-parse", "topic", "v1"]));
}

#[test]
fn an_update_follows_what_was_rewritten_unless_work_would_be_lost() {
    let Some(forge) = Forge::start() else { return };
    for (name, more) in [("shallow", &[][..]), ("full", &["--full"])] {
        let (sample, lab) = (forge.sample(name), Lab::new());
        let old = lab.cloned(&forge.url(name), more).head();
        let rewrite = || {
            let mut history = History::new();
            history.commit_from("main", Some("refs/heads/main~1"), "again", &[(b"again", Entry::text("x"))]);
            sample.import(&history);
        };
        rewrite();
        let updated = lab.clone(&[&[&*forge.url(name), "dest", "--update"], more].concat()).expect(0);
        assert_eq!(updated.text().contains(&old), name == "full", "{}", updated.text());
        lab.dest().assert_sound();
        assert_eq!(lab.dest().head(), sample.id("main"));
        lab.dest().git(&["commit", "--quiet", "--allow-empty", "-m", "mine"]);
        rewrite();
        refused(&lab, &forge.url(name), "commits of its own");
        // On a detached HEAD they would be on no branch at all.
        lab.dest().git(&["checkout", "--quiet", "--detach"]);
        lab.dest().git(&["branch", "--quiet", "--force", "main", "origin/main"]);
        let detached = lab.clone(&[&forge.url(name), "dest", "--update", "--branch", "main"]).expect(7);
        assert!(detached.text().contains("which no branch leads to"), "{}", detached.text());
    }
}

#[test]
fn an_update_keeps_off_where_git_is_at_work() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    later(&sample);
    let git = lab.path("work/dest/.git");
    for (name, word) in [("index.lock", "git is at work"), ("MERGE_HEAD", "merge")] {
        fs::write(git.join(name), lab.dest().head()).unwrap();
        refused(&lab, &forge.url("s"), word);
        fs::remove_file(git.join(name)).unwrap();
    }
    // A lock that comes in the way while all is put in place: nothing of it is done.
    fs::write(git.join("refs/heads/main.lock"), "").unwrap();
    let half = lab.clone(&[&forge.url("s"), "dest", "--update"]).expect(7);
    assert!(half.text().contains("main.lock"), "{}", half.text());
    assert!(!git.join("index.lock").exists() && lab.dest().read("later").is_empty());
    fs::remove_file(git.join("refs/heads/main.lock")).unwrap();
    // What git was told not to look at may have changed.
    lab.dest().git(&["update-index", "--assume-unchanged", "README"]);
    refused(&lab, &forge.url("s"), "assume");
    lab.dest().git(&["update-index", "--no-assume-unchanged", "README"]);
    // A branch that another work tree is on.
    lab.cloned(&forge.url("s"), &["--update", "--branch", "topic"]);
    lab.cloned(&forge.url("s"), &["--update", "--branch", "main"]);
    lab.dest().git(&["worktree", "add", "--quiet", "../other", "topic"]);
    let other = lab.clone(&[&forge.url("s"), "dest", "--update", "--branch", "topic"]).expect(7);
    assert!(other.text().contains("work tree other"), "{}", other.text());
    lab.dest().git(&["worktree", "remove", "../other"]);
    // Its configuration stays as secret as it was.
    let secret = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(git.join("config"), secret).unwrap();
    lab.cloned(&forge.url("s"), &["--update", "--branch", "a/b"]);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(git.join("config")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(lab.cloned(&forge.url("s"), &["--update", "--branch", "main"]).head(), sample.id("main"));
}

#[test]
fn killed_in_an_update_and_again_is_a_clone() {
    let Some(forge) = Forge::start() else { return };
    let many = forge.many("m", 600);
    for seed in 0..8_usize {
        let lab = Lab::new();
        lab.cloned(&forge.url("m"), &[]);
        let mut history = History::new();
        let text = format!("update {seed}");
        let names: Vec<String> = (0..600).map(|n| format!("{:02}/{:02}/{n}", n % 50, n / 50 % 20)).collect();
        let entries: Vec<(&[u8], Entry)> =
            names.iter().map(|name| (name.as_bytes(), Entry::text(&text))).collect();
        history.commit_from("main", Some("refs/heads/main^0"), &text, &entries);
        many.import(&history);
        let changed = || names.iter().filter(|name| lab.dest().read(name) == text).count();
        let mut running = lab.begin(&[&forge.url("m"), "dest", "--update"]);
        let plan = lab.path("work/dest/.git/vps-update/plan");
        tests::wait_until("the update", || {
            let reached = if seed == 0 { plan.exists() } else { changed() >= seed * 80 };
            (reached || !running.is_running()).then_some(())
        });
        if running.is_running() {
            running.signal(rustix::process::Signal::KILL);
        }
        let code = running.wait_alone();
        assert!([0, 137].contains(&code), "{code}");
        let there = lab.cloned(&forge.url("m"), &["--update"]);
        assert_eq!(there.head(), many.id("main"), "seed {seed}");
        assert!(!lab.path("work/dest/.git/vps-update").exists());
    }
}

/// Who owns a clone could have a root's update write anywhere.
#[test]
fn an_update_refuses_another_users_clone() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    later(&sample);
    let git = lab.path("work/dest/.git");
    if std::os::unix::fs::chown(&git, Some(65_534), None).is_err() {
        tests::skip("only root can give a folder away");
        return;
    }
    let foreign = lab.clone(&[&forge.url("s"), "dest", "--update"]).expect(7);
    assert!(foreign.text().contains("another user (uid 65534)"), "{}", foreign.text());
    std::os::unix::fs::chown(&git, Some(0), None).unwrap();
    // A plan that is not ours is not carried out.
    fs::create_dir(git.join("vps-update")).unwrap();
    fs::write(git.join("vps-update/plan"), "{}").unwrap();
    std::os::unix::fs::chown(git.join("vps-update"), Some(65_534), None).unwrap();
    let foreign = lab.clone(&[&forge.url("s"), "dest"]).expect(7);
    assert!(foreign.text().contains("another user (uid 65534)"), "{}", foreign.text());
}
