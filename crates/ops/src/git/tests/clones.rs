//! What a clone is when all goes well.

use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;

use super::lab::{Lab, clone, git, names};
use crate::git::limits::Limits;
use crate::git::objects::Objects;
use crate::git::{Want, connected, repository};

#[tokio::test]
async fn one_commit_of_the_own_branch_as_git_would_make_it() {
    let lab = Lab::new();
    let cloned = clone(&lab.request()).await.unwrap();
    assert_eq!(cloned.commit, Some(lab.head()));
    assert_eq!(cloned.reference.as_deref(), Some("refs/heads/main"));
    assert_eq!((cloned.attempts, cloned.unchanged), (1, false));
    let dest = lab.dest();
    assert_eq!(git(&dest, &["fsck", "--full", "--strict"]), "");
    assert_eq!(git(&dest, &["status", "--porcelain", "--branch"]), "## main...origin/main");
    assert_eq!(git(&dest, &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(git(&dest, &["remote", "get-url", "origin"]), lab.there().to_str().unwrap());
    assert_eq!(names(&dest.join("d")).len(), 3);
    assert_eq!(fs::metadata(dest.join("run")).unwrap().permissions().mode() & 0o111, 0o111);
    assert_eq!(fs::read_link(dest.join("link")).unwrap().to_str(), Some("file"));
    assert_eq!(lab.clones(), ["dest"]);
}

#[tokio::test]
async fn as_deep_as_asked_and_no_deeper() {
    for (depth, commits) in [(NonZeroU32::new(2), "2"), (None, "4")] {
        let lab = Lab::new();
        let mut request = lab.request();
        request.depth = depth;
        clone(&request).await.unwrap();
        assert_eq!(git(&lab.dest(), &["rev-list", "--count", "HEAD"]), commits);
        assert_eq!(git(&lab.dest(), &["fsck", "--full", "--strict"]), "");
        assert_eq!(lab.dest().join(".git/shallow").exists(), depth.is_some());
        let repo = repository::open(&lab.dest()).unwrap();
        let walked = connected::check(
            &repo,
            &Objects::of(&repo, &Limits::default()).unwrap(),
            &[lab.head().0],
            NonZeroU32::new(1),
            &crate::git::meter::Meter::new(),
            &std::sync::atomic::AtomicBool::new(false),
        );
        assert!(matches!(walked, Err(crate::git::GitError::Depth { depth: 1 })), "{walked:?}");
    }
}

#[tokio::test]
async fn a_tag_or_a_commit_is_checked_out_as_such() {
    let lab = Lab::new();
    let old = lab.git(&["rev-parse", "HEAD~1"]);
    let wants = [Want::Named("v1".parse().unwrap()), Want::Commit(old.parse().unwrap())];
    for (number, want) in wants.into_iter().enumerate() {
        let mut request = lab.request().want(want);
        request.dest = lab.place().join(format!("clones/{number}"));
        let cloned = clone(&request).await.unwrap();
        assert_eq!(cloned.commit, Some(old.parse().unwrap()));
        assert_eq!(git(&request.dest, &["rev-parse", "HEAD"]), old);
        assert_eq!(git(&request.dest, &["branch", "--show-current"]), "");
        assert!(clone(&request).await.unwrap().unchanged);
    }
}

#[tokio::test]
async fn one_that_is_there_already_costs_nothing() {
    let lab = Lab::new();
    clone(&lab.request()).await.unwrap();
    fs::remove_dir_all(lab.there()).unwrap();
    let again = clone(&lab.request()).await.unwrap();
    assert!(again.unchanged && again.attempts == 0 && again.commit.is_some());
}

#[tokio::test]
async fn modules_come_along_and_theirs() {
    let lab = Lab::new();
    for (module, above) in [("inner", "middle"), ("middle", "there")] {
        let folder = lab.place().join(module);
        fs::create_dir_all(&folder).unwrap();
        if !folder.join(".git").exists() {
            git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        }
        fs::write(folder.join("file"), module).unwrap();
        git(&folder, &["add", "file"]);
        git(&folder, &["commit", "--quiet", "--message=x"]);
        let above = lab.place().join(above);
        fs::create_dir_all(&above).unwrap();
        if !above.join(".git").exists() {
            git(&above, &["init", "--quiet", "--initial-branch=main"]);
        }
        let text = format!("[submodule \"the {module}\"]\n\tpath = lib/{module}\n\turl = ../{module}\n");
        fs::write(above.join(".gitmodules"), text).unwrap();
        let commit = git(&folder, &["rev-parse", "HEAD"]);
        let entry = format!("160000,{commit},lib/{module}");
        git(&above, &["update-index", "--add", "--cacheinfo", &entry]);
        git(&above, &["add", ".gitmodules"]);
        git(&above, &["commit", "--quiet", "--message=module"]);
    }
    let cloned = clone(&lab.request().modules(true)).await.unwrap();
    let paths: Vec<_> = cloned.submodules.iter().map(|module| module.path.as_str()).collect();
    assert_eq!(paths, ["lib/middle", "lib/middle/lib/inner"]);
    let dest = lab.dest();
    assert_eq!(fs::read_to_string(dest.join("lib/middle/lib/inner/file")).unwrap(), "inner");
    let status = git(&dest, &["submodule", "status", "--recursive"]);
    assert!(status.lines().count() == 2 && status.lines().all(|line| line.starts_with(' ')), "{status}");
    assert_eq!(git(&dest, &["status", "--porcelain"]), "");
    assert_eq!(lab.clones(), ["dest"]);
}
