//! Killed at each single change, and cut off from power: what stands at `to` is the old tree or the new one, whole, and
//! the next run finishes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tests::archives::{Thing, gzip, tar};
use vps_ops::Deadline;
use vps_ops::env::fs::{FileKind, Open};
use vps_ops::testing::disk::{Disk, Meddling};
use vps_ops::testing::still;
use vps_ops::unpack::{
    UnpackError, UnpackLimits, UnpackOptions, UnpackProgress, UnpackRequest, UnpackWarning, Unpacked,
    is_unpacked, unpack_here,
};
use vps_retry::{Rng, SplitMix64};

use crate::lab::digest;

const TO: &str = "/data/to";

fn old() -> Vec<u8> {
    tar(&[Thing::file("same", "old"), Thing::file("gone/f", "old"), Thing::file("gone/g", "old")])
}

fn new() -> Vec<u8> {
    let things = [
        Thing::folder("d"),
        Thing::file("d/a", vec![b'x'; 2_000]).mode(0o755),
        Thing::hard_link("d/h", "d/a"),
        Thing::file("same", "new"),
        Thing::link("l", "d/a"),
    ];
    gzip(&tar(&things))
}

fn plant(disk: &Disk, archive: &[u8]) {
    disk.plant(Path::new("/tmp/archive"), archive);
}

fn unpack(disk: &Disk, archive: &[u8]) -> Result<Unpacked, UnpackError> {
    unpack_telling(disk, archive, |_| {})
}

fn unpack_telling(
    disk: &Disk,
    archive: &[u8],
    progress: impl FnMut(UnpackProgress),
) -> Result<Unpacked, UnpackError> {
    let env = still(disk);
    let opened = env.fs().open(Path::new("/tmp/archive"), Open::Read);
    let opened = opened.map_err(|source| UnpackError::Unreadable { source })?;
    let request = UnpackRequest {
        archive: opened,
        name: "archive".into(),
        digest: digest(archive),
        to: TO.into(),
        options: UnpackOptions::default(),
        limits: UnpackLimits::default(),
        deadline: Deadline::NEVER,
    };
    unpack_here(&env, request, &Arc::new(AtomicBool::new(false)), progress)
}

fn is_proven(disk: &Disk, archive: &[u8]) -> bool {
    is_unpacked(&still(disk), Path::new(TO), digest(archive), UnpackOptions::default())
}

type Tree = Vec<(PathBuf, FileKind, u32, Vec<u8>)>;

/// What is at `to`, and all below it.
fn tree(disk: &Disk) -> Tree {
    disk.all().into_iter().filter(|(path, ..)| path.starts_with(TO)).collect()
}

/// Names in `/data` but for `to`.
fn beside(disk: &Disk) -> Vec<PathBuf> {
    let is_beside = |path: &PathBuf| path.starts_with("/data") && path != Path::new("/data");
    disk.all()
        .into_iter()
        .map(|(path, ..)| path)
        .filter(|path| is_beside(path) && !path.starts_with(TO))
        .collect()
}

/// A disk with the old tree, or without one, as durable as the past.
fn before(has_old: bool) -> Disk {
    let disk = Disk::new();
    if has_old {
        plant(&disk, &old());
        unpack(&disk, &old()).unwrap();
    }
    plant(&disk, &new());
    disk
}

/// Runs through each kill of a run over `before`, and hands what is left to `check`, with what was there and what is to
/// be.
fn each_kill(make: impl Fn() -> Disk, check: impl Fn(&str, &Disk, &Tree, &Tree)) -> u64 {
    let whole = make();
    let (first, was) = (whole.changes(), tree(&whole));
    unpack(&whole, &new()).unwrap();
    let (last, will) = (whole.changes(), tree(&whole));
    assert_eq!(beside(&whole), Vec::<PathBuf>::new());
    for at in first + 1..=last {
        let disk = make();
        disk.die_at(at);
        // The last changes are of the removal of what was replaced, which fails nobody.
        let _ = unpack(&disk, &new());
        assert!(disk.is_dead(), "change {at}");
        check(&format!("change {at} of {first}..{last}"), &disk, &was, &will);
    }
    last - first
}

/// The next run ends it: the new tree is there, and nothing else.
fn finish(what: &str, disk: &Disk, will: &Tree) {
    if !is_proven(disk, &new()) {
        unpack(disk, &new()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    } else {
        // Whoever goes by the proof does nothing; what is left beside is for the next that unpacks.
        unpack(disk, &new()).unwrap();
    }
    assert_eq!(&tree(disk), will, "{what}");
    assert_eq!(beside(disk), Vec::<PathBuf>::new(), "{what}");
}

#[test]
fn killed_at_each_change_to_is_the_old_tree_or_the_new_one_and_the_next_run_finishes() {
    for has_old in [false, true] {
        let changes = each_kill(
            || before(has_old).after_kill(),
            |what, disk, was, will| {
                let disk = disk.after_kill();
                let there = tree(&disk);
                assert!(there == *was || there == *will, "{what}: {there:?}");
                assert_eq!(is_proven(&disk, &new()), there == *will, "{what}");
                assert_eq!(is_proven(&disk, &old()), has_old && there == *was, "{what}");
                finish(what, &disk, will);
            },
        );
        assert!(changes > 25, "only {changes} changes");
    }
}

#[test]
fn without_power_after_each_change_to_is_the_old_tree_or_the_new_one() {
    let mut draw = SplitMix64::new(11);
    let draws: Vec<u64> = (0..4_000).map(|_| draw.next_u64()).collect();
    each_kill(
        || before(true).after_kill(),
        |what, disk, was, will| {
            for seed in 0..6 {
                let mut numbers = draws.iter().cycle().skip(seed * 97).copied();
                let disk = disk.after_power_loss(&mut || numbers.next().unwrap());
                let there = tree(&disk);
                assert!(there == *was || there == *will, "{what}, {seed}: {there:?}");
                finish(what, &disk, will);
            }
        },
    );
}

#[test]
fn without_its_sync_the_same_search_finds_trees_that_are_torn() {
    let torn = std::cell::Cell::new(0);
    let mut draw = SplitMix64::new(12);
    let draws: Vec<u64> = (0..4_000).map(|_| draw.next_u64()).collect();
    each_kill(
        || {
            let disk = before(true).after_kill();
            disk.forget_file_syncs();
            disk
        },
        |_, disk, was, will| {
            let mut numbers = draws.iter().cycle().copied();
            let there = tree(&disk.after_power_loss(&mut || numbers.next().unwrap()));
            torn.set(torn.get() + u32::from(there != *was && there != *will));
        },
    );
    assert!(torn.get() > 0, "the search finds nothing");
}

/// Where two folders cannot be exchanged: `to` is of an image.
fn of_image() -> Disk {
    let disk = before(true).after_kill();
    disk.is_of_image(Path::new(TO));
    disk
}

#[test]
fn where_nothing_can_be_exchanged_it_is_said_and_no_two_trees_are_ever_mixed() {
    let disk = of_image();
    let unpacked = unpack(&disk, &new()).unwrap();
    assert_eq!(unpacked.warnings, [UnpackWarning::NotAtOnce { path: TO.into() }]);
    assert!(is_proven(&disk, &new()));
    each_kill(of_image, |what, disk, was, will| {
        let disk = disk.after_kill();
        let there = tree(&disk);
        // The old one may be on its way out, and proves nothing from its first step on.
        let is_going = there.iter().all(|(path, ..)| {
            was.iter().any(|(old, ..)| old == path) || path.ends_with(".vps-configurator-unpacked.old")
        });
        assert!(is_going || there == *will, "{what}: {there:?}");
        assert_eq!(is_proven(&disk, &new()), there == *will, "{what}");
        assert_eq!(is_proven(&disk, &old()), there == *was, "{what}");
        finish(what, &disk, will);
    });
}

/// The tree in the folder that an error names, as if it were at `to`.
fn kept(disk: &Disk, error: &UnpackError) -> Tree {
    let UnpackError::NotReplaced { kept, .. } = error else { panic!("{error:?}") };
    assert!(error.to_string().contains(kept.to_str().unwrap()), "{error}");
    let below = disk.all().into_iter().filter_map(|(path, kind, mode, content)| {
        let below = path.strip_prefix(kept).ok()?;
        let at = if below.as_os_str().is_empty() { TO.into() } else { Path::new(TO).join(below) };
        Some((at, kind, mode, content))
    });
    below.collect()
}

#[test]
fn where_the_old_tree_has_to_go_first_and_does_not_the_new_one_stays() {
    let will = {
        let disk = of_image();
        unpack(&disk, &new()).unwrap();
        tree(&disk)
    };
    let disk = of_image();
    disk.keep_for_ever(&Path::new(TO).join("gone/f"));
    let error = unpack(&disk, &new()).unwrap_err();
    assert_eq!(kept(&disk, &error), will);
    assert!(!is_proven(&disk, &old()), "it is there in part");
    // Another run tells the same, and takes nothing away of what the first one left.
    let (first, second) = (error, unpack(&disk, &new()).unwrap_err());
    assert_eq!((kept(&disk, &first), kept(&disk, &second)), (will.clone(), will.clone()));

    // Somebody puts something at `to` once the old tree is gone: that is his.
    let mut told = 0;
    for call in 1.. {
        let disk = of_image();
        disk.plant_folder(Path::new("/data/precious"));
        disk.plant(Path::new("/data/precious/f"), b"precious");
        disk.meddle_at(call, vec![Meddling { from: "/data/precious".into(), to: TO.into() }]);
        let outcome = unpack(&disk, &new());
        if !disk.has_meddled() {
            break;
        }
        if let Err(error @ UnpackError::NotReplaced { .. }) = &outcome {
            assert_eq!(kept(&disk, error), will, "call {call}");
            assert_eq!(disk.content(&Path::new(TO).join("f")).unwrap(), b"precious");
            told += 1;
        }
    }
    assert!(told > 0, "it is never told");
}

#[test]
fn what_did_not_begin_to_be_removed_is_as_it_was() {
    let disk = of_image();
    let was = tree(&disk);
    let first = disk.changes();
    unpack(&of_image(), &new()).unwrap();
    // Whatever goes wrong: it is all there, or the new one is told of.
    for at in first + 1.. {
        let disk = of_image();
        disk.fail_at(at);
        match unpack(&disk, &new()) {
            Ok(_) if !disk.has_failed() => break,
            Ok(_) | Err(UnpackError::NotReplaced { .. }) => {}
            Err(error) => {
                assert_eq!(tree(&disk), was, "change {at}: {error:?}");
                assert!(is_proven(&disk, &old()), "change {at}: {error:?}");
            }
        }
    }
}

/// The old tree, in which somebody made a folder of his own with a file.
fn with_volume() -> Disk {
    let disk = before(true).after_kill();
    disk.plant_folder(&Path::new(TO).join("volume"));
    disk.plant(&Path::new(TO).join("volume/kept"), b"kept");
    disk
}

#[test]
fn what_is_mounted_below_to_is_seen_whenever_it_comes_and_nothing_of_it_is_removed() {
    let volume = Path::new(TO).join("volume");
    let disk = with_volume();
    disk.mount_at(&volume);
    let was = tree(&disk);
    let error = unpack(&disk, &new()).unwrap_err();
    assert!(matches!(&error, UnpackError::MountedBelow { mounted, .. } if *mounted == volume), "{error:?}");
    assert!(error.to_string().contains("/data/to/volume"), "{error}");
    assert_eq!((tree(&disk), beside(&disk)), (was, Vec::new()));

    // It came while the archive was read: the old tree is looked at once more before it is replaced.
    for is_of_image in [false, true] {
        let disk = with_volume();
        if is_of_image {
            disk.is_of_image(Path::new(TO));
        }
        let mounting = disk.clone();
        let outcome =
            unpack_telling(&disk, &new(), move |_| mounting.mount_at(&Path::new(TO).join("volume")));
        assert!(matches!(outcome, Err(UnpackError::MountedBelow { .. })), "{outcome:?}");
        assert_eq!(disk.content(&volume.join("kept")).unwrap(), b"kept");
        assert!(is_proven(&disk, &old()) && beside(&disk).is_empty());
    }
}

#[test]
fn what_somebody_else_puts_at_to_meanwhile_is_never_removed() {
    // He exchanges `to` for something of his, or of root's, right before each call.
    let whole = before(true).after_kill();
    let theirs = || {
        let disk = before(true).after_kill();
        disk.plant_folder(Path::new("/data/precious"));
        disk.plant(Path::new("/data/precious/f"), b"precious");
        disk
    };
    unpack(&whole, &new()).unwrap();
    let will = tree(&whole);
    let mut told = 0;
    for call in 1.. {
        let disk = theirs();
        disk.meddle_at(
            call,
            vec![
                Meddling { from: TO.into(), to: "/data/moved".into() },
                Meddling { from: "/data/precious".into(), to: TO.into() },
            ],
        );
        let outcome = unpack(&disk, &new());
        if !disk.has_meddled() {
            break;
        }
        let kept: Vec<_> = disk.all().into_iter().filter(|(.., content)| content == b"precious").collect();
        assert_eq!(kept.len(), 1, "call {call}: {outcome:?}");
        if outcome.is_ok() {
            // It came after all was done, or it was put back and is seen for what it is.
            assert!(disk.all().iter().any(|(_, _, _, content)| *content == b"new"), "call {call}");
        } else {
            told += 1;
            assert_ne!(tree(&disk), will, "call {call}");
        }
    }
    assert!(told > 0, "it is never seen");
}
