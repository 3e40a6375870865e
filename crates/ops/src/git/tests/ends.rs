//! What is left when it does not go well: DEST as it was, and nothing beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::lab::{AtFirstAttempt, Lab, builder, cause, clone, clone_by, names};
use crate::env::Env;
use crate::git::limits::Limits;
use crate::git::objects::Objects;
use crate::git::{CloneRequest, GitError, Want, connected};
use crate::settings::Options;
use crate::testing::scripted_http::{Script, ScriptedHttp};
use crate::{Class, Classify, Kind};

#[tokio::test]
async fn what_is_in_dest_is_not_touched() {
    let lab = Lab::new();
    fs::create_dir_all(lab.dest()).unwrap();
    fs::write(lab.dest().join("mine"), "x").unwrap();
    let error = cause(clone(&lab.request()).await);
    assert!(matches!(error, GitError::Occupied { .. }) && error.kind() == Kind::Local, "{error}");
    assert_eq!(names(&lab.dest()), ["mine"]);
    assert_eq!(lab.clones(), ["dest"]);
}

#[tokio::test]
async fn an_empty_dest_is_kept_as_it_was() {
    let lab = Lab::new();
    fs::create_dir_all(lab.dest()).unwrap();
    fs::set_permissions(lab.dest(), fs::Permissions::from_mode(0o750)).unwrap();
    let request = lab.request().want(Want::Named("nope".parse().unwrap()));
    let error = cause(clone(&request).await);
    assert!(matches!(error, GitError::RefNotFound { .. }), "{error}");
    assert_eq!(fs::metadata(lab.dest()).unwrap().permissions().mode() & 0o7777, 0o750);
    assert_eq!((lab.clones(), names(&lab.dest())), (vec!["dest".to_owned()], Vec::new()));
}

#[tokio::test]
async fn folders_that_were_made_for_dest_are_gone_again() {
    let lab = Lab::new();
    let mut request = lab.request().want(Want::Named("nope".parse().unwrap()));
    request.dest = lab.place().join("clones/a/b/dest");
    cause(clone(&request).await);
    assert!(!lab.place().join("clones").exists());
}

#[tokio::test]
async fn a_hostile_tree_is_refused() {
    let lab = Lab::new();
    let blob = lab.git(&["rev-parse", "HEAD:file"]);
    let tree = |text: String| {
        let file = lab.place().join("tree");
        fs::write(&file, text).unwrap();
        let script = format!("!git mktree < '{}'", file.display());
        lab.git(&["-c", &format!("alias.tree={script}"), "tree"])
    };
    let hooks = tree(format!("100755 blob {blob}\tpost-checkout\n"));
    let dot_git = tree(format!("040000 tree {hooks}\thooks\n"));
    for text in [
        format!("040000 tree {dot_git}\t.git\n"),
        format!("100644 blob {blob}\t..\n"),
        format!("120000 blob {blob}\ta\n040000 tree {hooks}\ta\n"),
    ] {
        let root = tree(text);
        let commit = lab.git(&["commit-tree", &root, "-m", "x"]);
        lab.git(&["update-ref", "refs/heads/main", &commit]);
        let error = cause(clone(&lab.request()).await);
        assert!(matches!(error, GitError::Hostile { .. }), "{error}");
        assert_eq!(error.class(), Class::Permanent);
        assert!(!lab.place().join("clones").exists());
    }
}

#[tokio::test]
async fn an_object_that_is_missing_is_seen() {
    let lab = Lab::new();
    clone(&lab.request()).await.unwrap();
    let repo = crate::git::repository::open(&lab.there()).unwrap();
    let head = repo.head_id().unwrap().detach();
    let blob = lab.git(&["rev-parse", "HEAD~2:file"]);
    let (folder, file) = blob.split_at(2);
    fs::remove_file(lab.there().join(".git/objects").join(folder).join(file)).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let error = connected::check(
        &repo,
        &Objects::of(&repo, &Limits::default()).unwrap(),
        &[head],
        None,
        &crate::git::meter::Meter::new(),
        &stop,
    )
    .unwrap_err();
    assert!(error.to_string().contains(&blob), "{error}");
}

#[tokio::test]
async fn a_stop_ends_even_an_ssh_that_hangs() {
    let lab = Lab::new();
    let cancel = CancellationToken::new();
    let observer = AtFirstAttempt::new({
        let cancel = cancel.clone();
        move || cancel.cancel()
    });
    let hangs = Some("sleep 600; true".to_owned());
    let network = builder().ssh_command(hangs).observer(observer).build();
    let request = CloneRequest::new("git@example.com:x".parse().unwrap(), lab.dest());
    let error = clone_by(&network, &request, &Options::new().cancel(cancel)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Cancelled);
    assert!(!lab.place().join("clones").exists());
}

#[tokio::test]
async fn an_ssh_that_is_missing_is_said_at_once() {
    let lab = Lab::new();
    let network = builder().ssh_command(Some("no-such-program-of-ours".to_owned())).build();
    let request = CloneRequest::new("git@example.com:x".parse().unwrap(), lab.dest());
    let error = cause(clone_by(&network, &request, &Options::new()).await);
    assert_eq!(error.class(), Class::Permanent, "{error}");
}

#[tokio::test]
async fn a_refusal_is_asked_for_once() {
    for status in [401, 403, 404] {
        let lab = Lab::new();
        let http = Arc::new(ScriptedHttp::new(Env::real(), move |_, _| Script::status(status)));
        let network = builder().http(Arc::clone(&http) as _).build();
        let url = "https://me:canary@example.com/a.git".parse().unwrap();
        let error = network.git_clone_resilient(&CloneRequest::new(url, lab.dest()), &Options::new()).await;
        let error = error.unwrap_err();
        assert_eq!((error.class(), error.attempts()), (Class::Permanent, 1));
        assert!(!format!("{error} {error:?}").contains("canary"));
        let asked = http.asked();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].url.as_str().ends_with("/a.git/info/refs?service=git-upload-pack"));
        assert!(asked[0].headers.get("authorization").is_some_and(http::HeaderValue::is_sensitive));
    }
}
