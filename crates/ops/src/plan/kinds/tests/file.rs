//! A file has a content: whose it is, who may meddle, what is left after the power went.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::super::{ContentChange, NotShown, file_change, prove};
use super::lab::{alone, network};
use crate::env::Env;
use crate::env::fs::FileKind;
use crate::plan::kinds::effect;
use crate::plan::run::{Proof, StepError};
use crate::plan::{Action, Body, FileAction, Owner, Part, Plan, SecretText, Variables};
use crate::testing::disk::{Disk, Meddling};
use crate::testing::disk_world;

const DEST: &str = "/data/app/a";

fn file(dest: impl Into<std::path::PathBuf>, content: &str) -> FileAction {
    FileAction::new(dest, Body::Content(content.into()))
}

async fn put(env: &Env, action: FileAction) -> Result<(), StepError> {
    Box::pin(put_from(env, Path::new("/"), action)).await
}

async fn put_from(env: &Env, folder: &Path, action: FileAction) -> Result<(), StepError> {
    let network = network(env.clone(), None);
    let cx = alone(&network, folder, Action::File(action)).await;
    if prove(&cx).await? == Proof::Satisfied(None) {
        return Ok(());
    }
    effect(&cx, None).await?;
    assert_eq!(prove(&cx).await?, Proof::Satisfied(None), "what was put is not what was wanted");
    Ok(())
}

async fn is_so(env: &Env, action: FileAction) -> bool {
    let network = network(env.clone(), None);
    let cx = alone(&network, Path::new("/"), Action::File(action)).await;
    prove(&cx).await.unwrap() == Proof::Satisfied(None)
}

#[tokio::test]
async fn rights_and_owner_are_as_told_also_those_that_run_it_as_its_owner() {
    let place = tempfile::tempdir().unwrap();
    let (env, dest) = (Env::real(), place.path().join("made/for/it/a"));
    for mode in [0o4755, 0o2750, 0o1600, 0o000, 0o644] {
        let action = FileAction { mode, ..file(&dest, "x") };
        put(&env, action.clone()).await.unwrap();
        assert_eq!(std::fs::metadata(&dest).unwrap().permissions().mode() & 0o7777, mode);
        assert!(is_so(&env, action).await);
    }
    if env.fs().user() != 0 {
        return println!("skipped: only root gives files away");
    }
    for (user, group, mode, expected) in [
        (Some("1"), None, 0o4755, (1, env.fs().group())),
        (Some("daemon"), Some("2"), 0o6711, (1, 2)),
        (None, None, 0o644, (0, 0)),
    ] {
        let mut action = FileAction { mode, ..file(&dest, "x") };
        (action.owner.user, action.owner.group) = (user.map(Into::into), group.map(Into::into));
        put(&env, action).await.unwrap();
        let meta = std::fs::metadata(&dest).unwrap();
        assert_eq!((meta.uid(), meta.gid()), expected);
        assert_eq!(meta.permissions().mode() & 0o7777, mode, "a new owner takes these bits away");
    }
    let mut nobody = file(&dest, "x");
    nobody.owner.user = Some("no-such-user".into());
    assert_eq!(put(&env, nobody).await.unwrap_err().to_string(), "this machine has no user `no-such-user`");
}

#[tokio::test]
async fn links_are_neither_written_through_nor_replaced() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    std::fs::write(at("real"), "keep").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    symlink("real", at("link")).unwrap();
    symlink("folder", at("way")).unwrap();
    let env = Env::real();
    let refused = put(&env, file(at("link"), "x")).await.unwrap_err();
    assert!(refused.to_string().ends_with("link is a symbolic link, and stays as it is"), "{refused}");
    assert_eq!(std::fs::read_to_string(at("real")).unwrap(), "keep");
    // A link of ours on the way is the system's business: /var/run.
    put(&env, file(at("way/a"), "x")).await.unwrap();
    assert_eq!(std::fs::read_to_string(at("folder/a")).unwrap(), "x");
    if env.fs().user() == 0 {
        std::os::unix::fs::lchown(at("way"), Some(1), Some(1)).unwrap();
        let refused = put(&env, file(at("way/b"), "x")).await.unwrap_err();
        assert!(refused.causes[0].contains("links of other users are not followed"), "{refused:?}");
        assert!(!at("folder/b").exists());
    }
    assert!(put(&env, file(at("folder"), "x")).await.is_err() && at("folder").is_dir());
    assert!(put(&env, file(at("real/below"), "x")).await.is_err());
}

#[tokio::test]
async fn a_source_that_others_can_write_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (env, source) = (Env::real(), place.path().join("source"));
    std::fs::write(&source, "x").unwrap();
    let action = || FileAction::new(place.path().join("a"), Body::Source("source".into()));
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(
        Box::pin(put_from(&env, place.path(), action())).await.unwrap_err().causes[0].contains("mode 666")
    );
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o644)).unwrap();
    Box::pin(put_from(&env, place.path(), action())).await.unwrap();
    std::fs::remove_file(&source).unwrap();
    std::fs::create_dir(&source).unwrap();
    assert!(Box::pin(put_from(&env, place.path(), action())).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn after_a_loss_of_power_it_is_the_old_one_or_the_new_one_whole() {
    let (old, new) = ("the old content", "the new content, which is longer");
    for change in 1.. {
        let disk = Disk::new();
        put(&disk_world(&disk, 1, 1, false), file(DEST, old)).await.unwrap();
        let before = disk.changes();
        disk.die_at(before + change);
        let done = put(&disk_world(&disk, 1, 2, false), file(DEST, new)).await;
        for seed in 0..40 {
            let mut draws = vps_retry::SplitMix64::new(seed * 1_000 + change);
            let after = disk.after_power_loss(&mut || vps_retry::Rng::next_u64(&mut draws));
            let content = after.content(Path::new(DEST));
            let whole = [old, new].map(|text| Some(text.as_bytes().to_vec()));
            assert!(whole.contains(&content), "change {change}, seed {seed}: {content:?}");
            if done.is_ok() {
                assert_eq!(content, whole[1], "it was said to be there");
            }
            let again = disk_world(&after, 2, 3 + seed, false);
            put(&again, file(DEST, new)).await.unwrap();
            assert_eq!(after.names(), [Path::new(DEST)], "nothing is left beside it");
        }
        if done.is_ok() {
            assert!(change > 5, "it ended after {change} changes");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_had_given_away_already_is_swept_and_what_is_anybody_elses_is_not() {
    let disk = Disk::new();
    disk.plant_folder(Path::new("/data/app"));
    let left = |tag: u64| format!("/data/app/.a.new-{tag:016x}");
    disk.plant_as_of(Path::new(&left(1)), b"given away", 33, 0o644);
    disk.plant_as_of(Path::new(&left(2)), b"another user's", 34, 0o644);
    disk.plant(Path::new(&left(3)), b"ours");
    disk.plant_as_of(Path::new("/data/app/.a.new-1"), b"no number", 33, 0o644);
    let mut action = file(DEST, "x");
    action.owner.user = Some("33".into());
    put(&disk_world(&disk, 1, 1, false), action).await.unwrap();
    let expected = ["/data/app/.a.new-0000000000000002", "/data/app/.a.new-1", DEST];
    assert_eq!(disk.names(), expected.map(Path::new));
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_does_nothing_is_found_by_the_test_above() {
    let disk = Disk::new();
    put(&disk_world(&disk, 1, 1, false), file(DEST, "old")).await.unwrap();
    disk.forget_file_syncs();
    put(&disk_world(&disk, 1, 2, false), file(DEST, "new")).await.unwrap();
    assert_ne!(disk.after_power_loss(&mut || 0).content(Path::new(DEST)), Some(b"new".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_who_exchanges_names_gains_nothing() {
    for call in 1..60 {
        for from in ["/data/theirs", "/data/app"] {
            let disk = Disk::new();
            disk.plant(Path::new("/data/keep"), b"keep");
            put(&disk_world(&disk, 1, 1, false), file(DEST, "old")).await.unwrap();
            disk.plant_odd(Path::new("/data/other"), FileKind::Folder, 2000, 0o777, 1);
            disk.plant_as_of(Path::new("/data/theirs"), b"theirs", 2000, 0o666);
            let to = if from == "/data/app" { "/data/moved" } else { DEST };
            let meddling = Meddling { from: from.into(), to: to.into() };
            let env = disk_world(&disk, 1, 2, false);
            disk.meddle_at(disk.steps() + call, vec![meddling]);
            let network = network(env.clone(), None);
            let cx = alone(&network, Path::new("/"), Action::File(file(DEST, "new"))).await;
            let done = effect(&cx, None).await;
            assert_eq!(disk.content(Path::new("/data/keep")).as_deref(), Some(&b"keep"[..]));
            if done.is_ok() && from == "/data/theirs" {
                let content = disk.content(Path::new(DEST)).unwrap();
                assert!(content == b"new" || content == b"theirs", "call {call}");
            }
            let hidden = |name: &std::path::PathBuf| name.to_string_lossy().contains(".new-");
            assert!(!disk.names().iter().any(hidden), "call {call} of {from}: {:?}", disk.names());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_left_is_taken_away_and_what_is_worked_on_stays() {
    let disk = Disk::new();
    let env = disk_world(&disk, 1, 1, false);
    let folder =
        env.fs().make_folder_with(Path::new("/data/app"), crate::env::fs::Care::Links, 0o755).unwrap();
    let open = |name: &str| folder.open(name.as_ref(), crate::env::fs::Open::New).unwrap();
    drop(open(".a.new-0123456789abcdef"));
    drop(open(".a.new-notours"));
    drop(open(".b.new-0123456789abcdef"));
    let at_work = open(".a.new-00000000000000ff");
    assert!(at_work.try_lock().unwrap());
    put(&env, file(DEST, "x")).await.unwrap();
    let names: Vec<_> = disk.names().iter().map(|name| name.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, [".a.new-00000000000000ff", ".a.new-notours", ".b.new-0123456789abcdef", "a"]);
}

#[tokio::test]
async fn a_name_may_be_as_long_as_a_name_may_be() {
    let place = tempfile::tempdir().unwrap();
    put(&Env::real(), file(place.path().join("n".repeat(255)), "x")).await.unwrap();
}

#[test]
fn a_diff_shows_what_is_no_secret_and_was_none() {
    let place = tempfile::tempdir().unwrap();
    let (env, plan) = (Env::real(), Plan::new("p", place.path(), Vec::new()));
    std::fs::write(place.path().join("a"), "one\n").unwrap();
    let action = file("a", "two\n");
    let seen = |action: &FileAction| file_change(&env, &plan, &Variables::default(), action);
    let lines = |action: &FileAction| match seen(action).content {
        ContentChange::Lines(diff) => Ok(diff.lines),
        other => Err(other),
    };
    let not = |why| Err(ContentChange::NotShown(why));
    assert_eq!(lines(&action).unwrap(), ["@@ -1,1 +1,1 @@", "-one", "+two"]);
    assert_eq!(lines(&file("a", "one\n")), Err(ContentChange::Same));
    std::fs::set_permissions(place.path().join("a"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(lines(&action), not(NotShown::Private), "what was in it may have been a secret");
    assert_eq!((seen(&action).mode, seen(&action).is_new), (Some((0o600, 0o644)), false));
    let fresh = file("b", "two\n");
    assert_eq!(lines(&fresh).unwrap(), ["@@ -0,0 +1,1 @@", "+two"]);
    assert_eq!((seen(&fresh).mode, seen(&fresh).is_new), (None, true));
    assert_eq!(lines(&FileAction { mode: 0o600, ..fresh.clone() }), not(NotShown::Private));
    let secret = SecretText::new([Part::Text("x".into()), Part::Secret("token".parse().unwrap())]);
    let secret = FileAction { body: Body::Content(secret), ..fresh.clone() };
    assert_eq!(lines(&secret), not(NotShown::Secret));
    assert_eq!(lines(&file("b", "\u{0}")), not(NotShown::Binary));
    assert_eq!(lines(&file("b", &"x".repeat(300_000))), not(NotShown::Long));
    assert_eq!(lines(&file(place.path(), "x")), not(NotShown::Unreadable), "a folder");
    let owner = Owner { user: Some("4294967".into()), group: Some("4294968".into()) };
    let given = seen(&FileAction { owner, dest: "a".into(), ..fresh });
    let to = |pair: Option<(u32, u32)>| pair.map(|(_, to)| to);
    assert_eq!((to(given.user), to(given.group)), (Some(4_294_967), Some(4_294_968)));
}
