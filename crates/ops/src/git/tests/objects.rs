//! Reading a repository's objects ourselves, beside what gix reads.

use std::fs;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::objs::{Exists, FindExt};

use super::lab::{Lab, clone, git};
use crate::git::limits::Limits;
use crate::git::meter::Meter;
use crate::git::objects::Objects;
use crate::git::{GitError, connected, repository};

/// Versions of a file, each of which git keeps as what is new in it.
const VERSIONS: u32 = 70;

fn with_long_chains() -> Lab {
    let lab = Lab::new();
    let mut text = String::new();
    for version in 0..VERSIONS {
        text.push_str(&format!(
            "line {version} of {:x}\n",
            u64::from(version + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ));
        fs::write(lab.there().join(format!("d/version {version}")), &text).unwrap();
    }
    lab.commit();
    lab
}

fn ids(lab: &Lab) -> Vec<ObjectId> {
    let list = lab.git(&["rev-list", "--objects", "--all"]);
    let id = |line: &str| ObjectId::from_hex(line.get(..40).unwrap().as_bytes()).unwrap();
    list.lines().map(id).collect()
}

#[test]
fn all_objects_are_what_gix_says() {
    let lab = with_long_chains();
    let ids = ids(&lab);
    // First loose, then a base named by where it is, then by its id.
    for repack in [None, Some("true"), Some("false")] {
        if let Some(by_offset) = repack {
            let by_offset = format!("repack.useDeltaBaseOffset={by_offset}");
            lab.git(&["-c", &by_offset, "repack", "-adfq", "--depth=60", "--window=100"]);
        }
        let repo = repository::open(&lab.there()).unwrap();
        let mut known = Default::default();
        let mut chained = 0;
        // With room for all, for a few, for nothing.
        for bytes in [1 << 20, 6_000, 0] {
            let objects = Objects::keeping(bytes, &repo, &Limits::default()).unwrap();
            let mut buffer = b"what was in it before".to_vec();
            for id in ids.iter().chain(ids.iter().rev()) {
                let gixs = repo.find_object(*id).unwrap();
                let ours = objects.find(id, &mut buffer).unwrap();
                assert_eq!((ours.kind, ours.data), (gixs.kind, &*gixs.data), "{id} {repack:?} {bytes}");
                let place = objects.place(id);
                assert_eq!(place.is_some(), repack.is_some());
                let origin = place.map(|place| objects.origin(place, &mut known));
                chained += u32::from(origin != place);
            }
        }
        assert_eq!(chained > VERSIONS, repack.is_some(), "{chained} deltas");
    }
    let nobody = ObjectId::from_hex(&[b'1'; 40]).unwrap();
    let objects = Objects::of(&repository::open(&lab.there()).unwrap(), &Limits::default()).unwrap();
    assert!(!objects.exists(&nobody) && objects.find(&nobody, &mut Vec::new()).is_err());
}

#[test]
fn what_is_left_out_of_a_sound_pack_is_missed() {
    for object in ["HEAD:d", "HEAD:file", "HEAD~2", "HEAD:"] {
        let lab = Lab::new();
        let (head, out) =
            (lab.head(), ObjectId::from_hex(lab.git(&["rev-parse", object]).as_bytes()).unwrap());
        let list = lab.place().join("list");
        let others: Vec<_> = ids(&lab).into_iter().filter(|id| *id != out).map(|id| id.to_string()).collect();
        fs::write(&list, others.join("\n")).unwrap();
        let bare = lab.place().join("bare");
        let bare_path = bare.to_str().unwrap();
        lab.git(&["init", "--quiet", "--bare", bare_path]);
        let pack = format!("!git pack-objects -q '{bare_path}/objects/pack/pack' < '{}'", list.display());
        lab.git(&["-c", &format!("alias.leave-out={pack}"), "leave-out"]);

        let repo = repository::open(&bare).unwrap();
        let all = Objects::of(&repo, &Limits::default()).unwrap();
        let check =
            |stop| connected::check(&repo, &all, &[head.0], None, &Meter::new(), &AtomicBool::new(stop));
        let walked = check(false);
        let why = format!("object {out} is missing");
        assert!(
            matches!(&walked, Err(GitError::Damaged { why: found, .. }) if found.to_string() == why),
            "{walked:?}"
        );
        assert!(matches!(check(true), Err(GitError::Stopped)));
    }
}

#[tokio::test]
async fn files_are_right_in_whatever_order_they_are_packed() {
    let lab = with_long_chains();
    let there = lab.there();
    for (path, text) in [
        (".gitattributes", "*.dos eol=crlf\n"),
        ("a/.gitattributes", "*.dos -text\n[attr]x y\n"),
        ("a/b/one.dos", "1\n2\n"),
        ("a/one.dos", "1\n2\n"),
        ("b/one.dos", "1\n2\n"),
        ("one.dos", "1\n2\n"),
        ("a-b/one", "1\n2\n"),
        ("a.b", "1\n2\n"),
        ("a/b-c/d/e/f", "deep\n"),
        ("empty", ""),
    ] {
        fs::create_dir_all(there.join(path).parent().unwrap()).unwrap();
        fs::write(there.join(path), text).unwrap();
    }
    lab.commit();
    // A module that was not cloned has an empty folder.
    let module = format!("160000,{},a/module/in", lab.head());
    lab.git(&["update-index", "--add", "--cacheinfo", &module]);
    lab.git(&["commit", "--quiet", "--message=module"]);
    lab.git(&["repack", "-adfq"]);
    for depth in [NonZeroU32::new(1), None] {
        let mut request = lab.request();
        request.depth = depth;
        request.dest = lab.place().join(format!("clones/{depth:?}"));
        clone(&request).await.unwrap();
        let dest = &request.dest;
        // First without reading a file, by what the index says of them.
        assert_eq!(git(dest, &["diff-files"]), "");
        assert_eq!(git(dest, &["status", "--porcelain"]), "");
        let read = |path: &str| fs::read_to_string(dest.join(path)).unwrap();
        for path in ["b/one.dos", "one.dos"] {
            assert_eq!(read(path), "1\r\n2\r\n", "{path}");
        }
        for path in ["a/one.dos", "a/b/one.dos", "a-b/one", "a.b"] {
            assert_eq!(read(path), "1\n2\n", "{path}");
        }
        assert_eq!((read("a/b-c/d/e/f"), read("empty")), ("deep\n".to_owned(), String::new()));
        assert_eq!(fs::read_dir(dest.join("a/module/in")).unwrap().count(), 0);
        for version in 0..VERSIONS {
            let name = format!("d/version {version}");
            assert_eq!(read(&name), fs::read_to_string(there.join(&name)).unwrap());
        }
    }
}
