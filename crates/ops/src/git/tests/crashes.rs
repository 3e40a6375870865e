//! An update that is killed at each place where it changes something: the next run finishes it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::lab::{Lab, cause, clone, git};
use crate::env::Env;
use crate::git::excess::Bound;
use crate::git::limits::Limits;
use crate::git::update::{
    self,
    planned::{end_at, is_to_come},
};
use crate::git::{CloneRequest, GitError, OwnClone};

/// A clone with a module in a module, and news of all sorts at the other end.
struct Ground {
    lab: Lab,
    request: CloneRequest,
}

impl Ground {
    async fn new() -> Self {
        let lab = Lab::new();
        for name in ["inner", "outer", "later"] {
            let folder = lab.place().join(name);
            fs::create_dir_all(&folder).unwrap();
            git(&folder, &["init", "--quiet", "--initial-branch=main"]);
            write_and_commit(&folder, "first");
        }
        let add = |to: &str, module: &str, url: &str| {
            let folder = lab.place().join(to);
            let allow = "protocol.file.allow=always";
            git(&folder, &["-c", allow, "submodule", "--quiet", "add", url, module]);
            git(&folder, &["commit", "--quiet", "--all", "--message=module"]);
        };
        let place = lab.place().to_str().unwrap().to_owned();
        add("outer", "in", &format!("{place}/inner"));
        add("there", "mod", &format!("{place}/outer"));
        for folder in ["way", "keep"] {
            fs::create_dir(lab.there().join(folder)).unwrap();
            fs::write(lab.there().join(folder).join("x"), folder).unwrap();
        }
        lab.commit();
        let request = lab.request().update(true).modules(true);
        clone(&request).await.unwrap();

        write_and_commit(&lab.place().join("inner"), "second");
        git(&lab.place().join("outer/in"), &["pull", "--quiet", "origin", "main"]);
        write_and_commit(&lab.place().join("outer"), "second");
        git(&lab.place().join("there/mod"), &["pull", "--quiet", "origin", "main"]);
        let there = lab.there();
        // A link to where a file of the same name is: that one stays.
        fs::remove_dir_all(there.join("way")).unwrap();
        std::os::unix::fs::symlink("keep", there.join("way")).unwrap();
        fs::remove_dir_all(there.join("d")).unwrap();
        fs::write(there.join("d"), "now a file").unwrap();
        fs::remove_file(there.join("link")).unwrap();
        fs::create_dir(there.join("link")).unwrap();
        fs::write(there.join("link/in"), "now a folder").unwrap();
        fs::write(there.join("file"), "new").unwrap();
        fs::set_permissions(there.join("run"), fs::Permissions::from_mode(0o644)).unwrap();
        lab.commit();
        add("there", "new", &format!("{place}/later"));
        Self { lab, request }
    }

    /// The clone as it was before, once more.
    fn again(&self) {
        let (kept, dest) = (self.lab.place().join("kept"), self.lab.dest());
        if !kept.exists() {
            copy(&dest, &kept);
        }
        let _ = fs::remove_dir_all(&dest);
        copy(&kept, &dest);
    }

    fn check(&self, what: &str, is_thorough: bool) {
        let dest = self.lab.dest();
        // Modules that are not as they should be are seen from above.
        assert_eq!(git(&dest, &["status", "--porcelain"]), "", "{what}");
        if is_thorough {
            let status = git(&dest, &["submodule", "status", "--recursive"]);
            assert!(status.lines().count() == 3, "{what}: {status}");
            assert!(status.lines().all(|line| line.starts_with(' ')), "{what}: {status}");
            for below in ["", "mod", "mod/in", "new"] {
                assert_eq!(
                    git(&dest.join(below), &["fsck", "--full", "--strict", "--no-dangling"]),
                    "",
                    "{what}: {below}"
                );
            }
        }
        let heads = git(&dest, &["rev-parse", "HEAD", "main", "origin/main"]);
        assert!(heads.lines().all(|head| head == self.lab.head().to_string()), "{what}: {heads}");
        let log = fs::read_to_string(dest.join(".git/logs/HEAD")).unwrap();
        assert_eq!(log.matches("update: from").count(), 1, "{what}: {log}");
        for git_folder in [".git", ".git/modules/mod", ".git/modules/mod/modules/in", ".git/modules/new"] {
            let left = |name: &str| dest.join(git_folder).join(name).exists();
            for name in ["vps-update", "index.lock", "HEAD.lock", "config.lock", "shallow.lock"] {
                assert!(!left(name), "{what}: {git_folder}/{name} is left");
            }
        }
        assert_eq!(self.lab.clones(), ["dest"], "{what}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (kind, from) = {
            let entry = entry.unwrap();
            (entry.file_type().unwrap(), entry.path())
        };
        let to = to.join(from.file_name().unwrap());
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from).unwrap(), &to).unwrap();
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn write_and_commit(folder: &Path, text: &str) {
    fs::write(folder.join("file"), text).unwrap();
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--allow-empty", &format!("--message={text}")]);
}

/// Kills at every `step`th place from `first` on; how many places there were.
async fn killed(first: u32, step: u32) -> u32 {
    let ground = Ground::new().await;
    let dest = ground.lab.dest();
    let mut place = first;
    loop {
        ground.again();
        end_at(&dest, place);
        let ended = clone(&ground.request).await;
        if is_to_come(&dest) {
            // All places are behind it.
            end_at(&dest, u32::MAX);
            ended.unwrap();
            ground.check("to the end", true);
            return place;
        }
        assert!(ended.is_err());
        // Every third is killed once more while it is finished.
        if place.is_multiple_of(3) {
            end_at(&dest, place / 2);
            let _ = clone(&ground.request).await;
            end_at(&dest, u32::MAX);
        }
        // Once it was begun, it needs no wish to update.
        let begun = dest.join(".git/vps-update/plan").exists();
        let again = ground.request.clone().update(!begun);
        let ended = clone(&again).await.unwrap_or_else(|error| panic!("place {place}: {error:?}"));
        assert_eq!(ended.commit, Some(ground.lab.head()), "place {place}");
        ground.check(&format!("place {place}"), place.is_multiple_of(8));
        place += step;
    }
}

#[tokio::test]
async fn one_that_is_killed_anywhere_is_finished_by_the_next() {
    let places = killed(0, 3).await;
    assert!(places > 30, "only {places} places");
}

#[tokio::test]
async fn one_that_is_killed_anywhere_else_too() {
    killed(1, 3).await;
}

#[tokio::test]
async fn one_that_is_killed_at_the_remaining_places_too() {
    killed(2, 3).await;
}

#[tokio::test]
async fn what_was_changed_since_the_kill_is_not_touched() {
    let ground = Ground::new().await;
    let dest = ground.lab.dest();
    // Behind the last of the files, before the index.
    let mut place = 20;
    loop {
        ground.again();
        end_at(&dest, place);
        assert!(clone(&ground.request).await.is_err());
        if fs::metadata(dest.join("run")).is_ok_and(|meta| meta.permissions().mode() & 0o100 == 0) {
            break;
        }
        place += 1;
    }
    for (path, mine) in [("file", "mine"), ("d", "mine"), ("link/in", "mine")] {
        let before = fs::read(dest.join(path)).unwrap();
        fs::write(dest.join(path), mine).unwrap();
        let error = cause(clone(&ground.request).await);
        assert!(matches!(&error, GitError::HalfUpdated { why, .. } if why.contains(path)), "{path}: {error}");
        assert_eq!(fs::read_to_string(dest.join(path)).unwrap(), mine);
        fs::write(dest.join(path), before).unwrap();
    }
    // What was staged since is no less somebody's.
    fs::remove_file(dest.join(".git/index.lock")).unwrap();
    fs::write(dest.join("own"), "staged").unwrap();
    git(&dest, &["add", "own"]);
    let error = cause(clone(&ground.request).await);
    assert!(matches!(&error, GitError::HalfUpdated { why, .. } if why.contains("own")), "{error}");
    git(&dest, &["rm", "--quiet", "--cached", "own"]);
    fs::remove_file(dest.join("own")).unwrap();
    // Nor is a branch that moved.
    let tracked = git(&dest, &["rev-parse", "origin/main"]);
    fs::remove_file(dest.join(".git/refs/remotes/origin/main.lock")).unwrap();
    let other = git(&dest, &["commit-tree", "-m", "other", "HEAD^{tree}"]);
    git(&dest, &["update-ref", "refs/remotes/origin/main", &other]);
    let error = cause(clone(&ground.request).await);
    assert!(matches!(&error, GitError::HalfUpdated { why, .. } if why.contains("origin/main")), "{error}");
    git(&dest, &["update-ref", "refs/remotes/origin/main", &tracked]);
    // Put away, it goes on.
    clone(&ground.request).await.unwrap();
    ground.check("at the end", true);
}

#[tokio::test]
async fn who_finishes_it_charges_the_account_of_all_the_others() {
    let ground = Ground::new().await;
    let dest = ground.lab.dest();
    ground.again();
    end_at(&dest, 20);
    assert!(clone(&ground.request).await.is_err());
    let (limits, env) = (Limits::default(), Env::real());
    let others = limits.nothing();
    (0..u64::BITS).rev().for_each(|bit| others.add(1 << bit).unwrap_or_default());
    let own = || OwnClone::at(&env, &dest, &AtomicBool::new(false)).unwrap();
    let refused = update::finish(&env, &own(), &limits);
    let is_memory = matches!(&refused, Err(GitError::TooMuch(excess)) if excess.of == Bound::Memory);
    assert!(is_memory, "{refused:?}");
    drop(others);
    update::finish(&env, &own(), &limits).unwrap();
    ground.check("at the end", true);
}
