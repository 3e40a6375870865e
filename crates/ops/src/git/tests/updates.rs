//! A clone that is brought up to date, and what keeps it from that.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lab::{Lab, builder, cause, clone, clone_by, git, names};
use crate::Kind;
use crate::env::Env;
use crate::event::{Awaited, Event, EventKind, Observer};
use crate::git::update::planned::at_place_of_plan;
use crate::git::{AtWork, CloneRequest, GitError, OwnClone, Update};
use crate::settings::Options;

async fn cloned() -> (Lab, CloneRequest) {
    let lab = Lab::new();
    let request = lab.request().update(true);
    clone(&request).await.unwrap();
    (lab, request)
}

async fn refused(request: &CloneRequest) -> String {
    match cause(clone(request).await) {
        GitError::NotUpdated { why, .. } => why.to_string(),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn it_goes_forwards_with_all_its_files() {
    let (lab, request) = cloned().await;
    fs::remove_dir_all(lab.there().join("d")).unwrap();
    fs::write(lab.there().join("d"), "now a file").unwrap();
    fs::remove_file(lab.there().join("link")).unwrap();
    fs::create_dir(lab.there().join("link")).unwrap();
    fs::write(lab.there().join("link/in"), "now a folder").unwrap();
    fs::write(lab.there().join("file"), "new").unwrap();
    lab.commit();
    fs::write(lab.dest().join("mine"), "kept").unwrap();
    let updated = clone(&request).await.unwrap();
    assert_eq!((updated.commit, updated.unchanged), (Some(lab.head()), false));
    assert_eq!(git(&lab.dest(), &["status", "--porcelain", "--branch"]), "## main...origin/main\n?? mine");
    assert_eq!(git(&lab.dest(), &["fsck", "--full", "--strict"]), "");
    assert_eq!(fs::read_to_string(lab.dest().join("file")).unwrap(), "new");
    assert_eq!(names(&lab.dest().join("link")), ["in"]);
    let again = clone(&request).await.unwrap();
    assert!(again.unchanged && again.attempts == 1);
}

#[tokio::test]
async fn no_work_is_lost() {
    let (lab, request) = cloned().await;
    fs::write(lab.there().join("file"), "new").unwrap();
    fs::write(lab.there().join("added"), "theirs").unwrap();
    lab.commit();
    let before = git(&lab.dest(), &["rev-parse", "HEAD"]);

    fs::write(lab.dest().join("file"), "mine").unwrap();
    assert!(refused(&request).await.contains("not committed: file"));
    git(&lab.dest(), &["checkout", "--quiet", "file"]);

    fs::write(lab.dest().join("added"), "mine").unwrap();
    assert!(refused(&request).await.contains("added is in the way"));
    assert_eq!(fs::read_to_string(lab.dest().join("added")).unwrap(), "mine");
    fs::remove_file(lab.dest().join("added")).unwrap();

    git(&lab.dest(), &["commit", "--quiet", "--allow-empty", "--message=mine"]);
    assert!(refused(&request).await.contains("commits of its own"));
    git(&lab.dest(), &["reset", "--quiet", "--soft", &before]);
    assert_eq!(git(&lab.dest(), &["status", "--porcelain"]), "");

    assert_eq!(clone(&request).await.unwrap().commit, Some(lab.head()));
}

#[tokio::test]
async fn a_branch_that_was_rewritten_is_followed_and_told() {
    let (lab, request) = cloned().await;
    let before = git(&lab.dest(), &["rev-parse", "HEAD"]);
    lab.git(&["commit", "--quiet", "--amend", "--allow-empty", "--message=rewritten"]);
    let updated = clone(&request.clone().whole_history()).await.unwrap();
    assert_eq!(updated.commit, Some(lab.head()));
    assert!(
        updated.warnings.iter().any(|warning| warning.to_string().contains(&before)),
        "{:?}",
        updated.warnings
    );
}

#[tokio::test]
async fn of_what_was_changed_the_first_are_named_and_all_are_counted_once() {
    let (lab, request) = cloned().await;
    let dest = lab.dest();
    let git = |args: &[&str]| git(&dest, args);
    // All three sides of a conflict are one file.
    for (branch, text) in [("one", "1"), ("two", "2")] {
        git(&["checkout", "--quiet", "-b", branch, "main"]);
        fs::write(dest.join("file"), text).unwrap();
        git(&["commit", "--quiet", "--all", "--message=x"]);
    }
    git(&["read-tree", "one"]);
    git(&["read-tree", "-i", "-m", "main", "one", "two"]);
    git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    assert_eq!(git(&["ls-files", "--unmerged"]).lines().count(), 3);
    assert!(refused(&request).await.ends_with("not committed: file"));
    // Staged and then changed once more is one as well, and so is what was staged as removed.
    fs::write(dest.join("added"), "1").unwrap();
    git(&["add", "added"]);
    fs::write(dest.join("added"), "22").unwrap();
    git(&["rm", "--quiet", "--cached", "run"]);
    let why = refused(&request).await;
    assert!(why.ends_with("not committed: added, file, run"), "{why}");
    for name in ["zz", "zzz", "aa"] {
        fs::write(dest.join(name), "").unwrap();
        git(&["add", name]);
    }
    let why = refused(&request).await;
    assert!(why.ends_with("not committed: aa, added, file and 3 more"), "{why}");
}

/// What is changed while the network is waited for is looked at once more before anything is touched.
#[tokio::test]
async fn work_that_begins_during_the_fetch_is_not_lost() {
    for (path, word) in [("file", "not committed: file"), ("added", "added is in the way")] {
        let (lab, request) = cloned().await;
        fs::write(lab.there().join("file"), "new").unwrap();
        fs::write(lab.there().join("added"), "theirs").unwrap();
        lab.commit();
        let mine = lab.dest().join(path);
        let written = mine.clone();
        at_place_of_plan(&lab.dest(), move || fs::write(written, "mine").unwrap());
        assert!(refused(&request).await.contains(word), "{path}");
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
        assert!(!lab.dest().join(".git/vps-update").exists());
        assert!(!lab.dest().join(".git/index.lock").exists());
        fs::remove_file(&mine).unwrap();
        git(&lab.dest(), &["checkout", "--quiet", "--", "."]);
        assert_eq!(clone(&request).await.unwrap().commit, Some(lab.head()));
    }
}

fn begin(lab: &Lab) -> Arc<Update> {
    let own = OwnClone::at(&Env::real(), &lab.dest(), &AtomicBool::new(false)).unwrap();
    Update::begin(&Env::real(), &lab.dest(), &own).unwrap()
}

/// Has an update under way until it is waited for.
struct UntilWaitedFor(Mutex<Option<Arc<Update>>>);

impl Observer for UntilWaitedFor {
    fn on(&self, event: &Event<'_>) {
        if let EventKind::Waiting { after, what: Awaited::Lock { .. } } = &event.kind {
            assert_eq!(*after, Duration::from_millis(10));
            drop(self.0.lock().unwrap().take());
        }
    }
}

/// No attempt while another is at work; with an end to it in sight, one.
async fn is_waited_for_and_not_for_long(lab: &Lab, request: &CloneRequest, other: Arc<Update>) {
    let error = clone(request).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (Kind::Local, 0), "{error}");
    let error = cause(Err(error));
    assert!(matches!(error, GitError::Busy { who: AtWork::Update, .. }), "{error}");

    let network = builder().observer(Arc::new(UntilWaitedFor(Mutex::new(Some(other))))).build();
    let updated = clone_by(&network, request, &Options::new()).await.unwrap();
    assert_eq!((updated.commit, updated.attempts), (Some(lab.head()), 1));
}

#[tokio::test]
async fn another_update_is_waited_for_and_not_for_long() {
    let (lab, request) = cloned().await;
    lab.commit();
    let other = begin(&lab);
    is_waited_for_and_not_for_long(&lab, &request, other).await;
}

#[tokio::test]
async fn one_that_is_to_be_finished_is_waited_for_too() {
    let (lab, request) = cloned().await;
    lab.commit();
    let other = begin(&lab);
    fs::write(lab.dest().join(".git/vps-update/plan"), "what the other is at").unwrap();
    // It ends, and leaves nothing to be finished.
    is_waited_for_and_not_for_long(&lab, &request, other).await;
}
