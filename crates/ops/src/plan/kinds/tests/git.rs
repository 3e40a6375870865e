//! Clones: of a repository on this machine, by the real adapter.

use std::process::Command;

use super::machine::{Lab, step};
use crate::plan::{Action, GitAction, Step};

/// A machine with a repository of two commits on `main`, the first of them tagged `v1`; the ids of both.
fn lab() -> (Lab, [String; 2]) {
    let lab = Lab::new(|builder| builder);
    std::fs::create_dir(lab.at("there")).unwrap();
    git(&lab, &["init", "--quiet", "--initial-branch=main"]);
    let ids = ["1", "2"].map(|text| commit(&lab, text));
    git(&lab, &["tag", "v1", &ids[0]]);
    (lab, ids)
}

#[expect(clippy::disallowed_methods, reason = "somebody else works in the repository")]
fn git(lab: &Lab, args: &[&str]) -> String {
    let done = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-C"])
        .arg(lab.at("there"))
        .args(args)
        .env_remove("GIT_DIR")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn commit(lab: &Lab, text: &str) -> String {
    lab.write("there/file", text);
    git(lab, &["add", "."]);
    git(lab, &["commit", "--quiet", "-m", text]);
    git(lab, &["rev-parse", "HEAD"])
}

fn clone(lab: &Lab, change: impl FnOnce(&mut GitAction)) -> Vec<Step> {
    let url = lab.at("there").display().to_string();
    let mut action = GitAction { url, dest: "clone".into(), ..GitAction::default() };
    change(&mut action);
    vec![step("g", Action::Git(action))]
}

fn at(lab: &Lab, id: &str) -> String {
    format!("g changed ({} at {})", lab.at("clone").display(), id.get(..12).unwrap())
}

#[tokio::test]
async fn a_commit_is_cloned_once_and_an_edited_one_is_gone_to() {
    let (lab, [one, two]) = lab();
    let of = |id: &str| clone(&lab, |git| git.commit = Some(id.to_owned()));
    assert_eq!(lab.run(of(&one)).await, [at(&lab, &one)]);
    assert_eq!(lab.read("clone/file").as_deref(), Some("1"));
    // A look reads files: the repository may be gone.
    std::fs::write(lab.at("there/.git/HEAD"), "broken").unwrap();
    assert_eq!(lab.run(of(&one)).await, ["g ok"]);
    std::fs::write(lab.at("there/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
    assert_eq!(lab.run(of(&two)).await, [at(&lab, &two)]);
    assert_eq!(lab.read("clone/file").as_deref(), Some("2"));
    assert_eq!(lab.run(of(&two)).await, ["g ok"]);
}

#[tokio::test]
async fn a_branch_stays_where_it_was_unless_it_is_to_follow() {
    let (lab, [_, two]) = lab();
    let branch = |update| clone(&lab, |git| (git.branch, git.update) = (Some("main".into()), update));
    assert_eq!(lab.run(branch(false)).await, [at(&lab, &two)]);
    let three = commit(&lab, "3");
    assert_eq!(lab.run(branch(false)).await, ["g ok"]);
    assert_eq!(lab.run(branch(true)).await, [at(&lab, &three)]);
    assert_eq!(lab.read("clone/file").as_deref(), Some("3"));
    let unchanged = at(&lab, &three).replace("changed", "unchanged");
    assert_eq!(lab.run(branch(true)).await, [unchanged], "asked for in each run, and there");
    // An edited branch is gone to, also where it does not follow.
    let tag = clone(&lab, |git| git.branch = Some("v1".into()));
    assert!(lab.run(tag).await[0].starts_with("g changed"));
    assert_eq!(lab.read("clone/file").as_deref(), Some("1"));
}

#[tokio::test]
async fn what_is_no_clone_of_it_stays_as_it_is() {
    let (lab, [one, _]) = lab();
    lab.write("clone/mine", "x");
    let ended = lab.run(clone(&lab, |git| git.commit = Some(one))).await;
    assert!(ended[0].starts_with("g failed:") && ended[0].contains("is not empty"), "{ended:?}");
    assert_eq!(lab.read("clone/mine").as_deref(), Some("x"));
    let ended = lab.run(clone(&lab, |git| git.commit = Some("abc".into()))).await;
    assert!(ended[0].contains("no commit"), "{ended:?}");
}

#[tokio::test]
async fn whether_a_branch_that_is_followed_moved_no_look_can_tell() {
    let (lab, _) = lab();
    let followed = || clone(&lab, |git| (git.branch, git.update) = (Some("main".into()), true));
    assert!(lab.dry_run(followed()).await[0].starts_with("g would Change"), "it is not there");
    lab.run(followed()).await;
    assert_eq!(lab.dry_run(followed()).await, ["g would Unknown"]);
    // What is no clone is refused, as the step itself would.
    std::fs::remove_dir_all(lab.at("clone")).unwrap();
    lab.write("clone/mine", "mine");
    assert!(lab.dry_run(followed()).await[0].starts_with("g failed: "));
}
