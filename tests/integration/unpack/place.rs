//! What stands at `to` before and afterwards, and what the stamp proves.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use tests::archives::{Thing, tar};
use tests::skip;
use vps_ops::unpack::{Occupied, STAMP, UnpackError};
use vps_ops::{Class, Classify, Kind};

use crate::lab::Lab;

fn one() -> Vec<u8> {
    tar(&[Thing::file("top/a", "one"), Thing::file("top/only-in-one", "x")])
}

fn two() -> Vec<u8> {
    tar(&[Thing::file("top/a", "two"), Thing::file("top/d/b", "more"), Thing::link("top/l", "d/b")])
}

fn why(lab: &Lab) -> Occupied {
    match lab.unpack(&two()).unwrap_err() {
        error @ UnpackError::Occupied { why, .. } => {
            assert!(matches!(error.class(), Class::Local) && error.judge().kind == Kind::Local);
            why
        }
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_tree_of_ours_is_replaced_whole_and_nothing_of_it_is_left() {
    let lab = Lab::new();
    assert!(!lab.unpack(&one()).unwrap().replaced);
    fs::write(lab.to().join("added"), "by somebody").unwrap();
    let old = fs::metadata(lab.to()).unwrap().ino();
    let unpacked = lab.unpack(&two()).unwrap();
    assert!(unpacked.replaced && unpacked.warnings.is_empty(), "{unpacked:?}");
    assert_eq!(lab.tree(), ["top/ 755", "top/a 644 two", "top/d/ 755", "top/d/b 644 more", "top/l -> d/b"]);
    assert_eq!(lab.names(), ["to"]);
    assert_ne!(fs::metadata(lab.to()).unwrap().ino(), old);
    assert!(lab.is_unpacked(&two()) && !lab.is_unpacked(&one()));
}

#[test]
fn an_archive_that_is_refused_leaves_the_old_tree_as_it_was() {
    let lab = Lab::new();
    lab.unpack(&one()).unwrap();
    let before = tests::git::snapshot(&lab.to());
    let last = [Thing::file("top/new", "x"), Thing::link("top/l", "/etc")];
    lab.unpack(&tar(&last)).unwrap_err();
    assert_eq!(tests::git::snapshot(&lab.to()), before);
    assert_eq!(lab.names(), ["to"]);
    assert!(lab.is_unpacked(&one()));
}

#[test]
fn what_is_not_ours_is_refused_by_name_and_an_empty_folder_is_taken() {
    let lab = Lab::new();
    fs::create_dir(lab.to()).unwrap();
    lab.unpack(&one()).unwrap();
    for make in [
        (|lab: &Lab| fs::write(lab.to(), "a file").unwrap()) as fn(&Lab),
        |lab| symlink("elsewhere", lab.to()).unwrap(),
        |lab| {
            fs::create_dir(lab.place().join("elsewhere")).unwrap();
            symlink("elsewhere", lab.to()).unwrap();
        },
    ] {
        let lab = Lab::new();
        make(&lab);
        assert_eq!(why(&lab), Occupied::NotAFolder);
    }
    let lab = Lab::new();
    fs::create_dir(lab.to()).unwrap();
    fs::write(lab.to().join("kept"), "precious").unwrap();
    assert_eq!(why(&lab), Occupied::NotOurs);
    // Neither a link nor what others may write is a stamp.
    fs::write(lab.place().join("stamp"), "{}").unwrap();
    symlink("../stamp", lab.to().join(STAMP)).unwrap();
    assert_eq!(why(&lab), Occupied::NotOurs);
    fs::remove_file(lab.to().join(STAMP)).unwrap();
    fs::write(lab.to().join(STAMP), "{}").unwrap();
    fs::set_permissions(lab.to().join(STAMP), Permissions::from_mode(0o666)).unwrap();
    assert_eq!(why(&lab), Occupied::NotOurs);
    assert_eq!(fs::read(lab.to().join("kept")).unwrap(), b"precious");
    let mut request = lab.request(&one(), "a.tar");
    request.to = lab.place().join("missing/to");
    let outcome = vps_ops::unpack::unpack_here(&lab.env, request, &Default::default(), |_| {});
    assert!(matches!(outcome, Err(UnpackError::NoParent { .. })), "{outcome:?}");
}

#[test]
fn a_folder_or_stamp_of_somebody_else_is_not_ours() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can be somebody else");
    }
    let lab = Lab::new();
    lab.unpack(&one()).unwrap();
    chown(lab.to(), Some(65_534), None).unwrap();
    assert!(!lab.is_unpacked(&one()));
    assert_eq!(why(&lab), Occupied::Foreign { owner: 65_534 });
    chown(lab.to(), Some(0), None).unwrap();
    chown(lab.to().join(STAMP), Some(65_534), None).unwrap();
    assert!(!lab.is_unpacked(&one()));
    assert_eq!(why(&lab), Occupied::NotOurs);
    // An empty folder that another user put where he may.
    let lab = Lab::new();
    fs::set_permissions(lab.place(), Permissions::from_mode(0o1777)).unwrap();
    fs::create_dir(lab.to()).unwrap();
    chown(lab.to(), Some(65_534), None).unwrap();
    assert_eq!(why(&lab), Occupied::Foreign { owner: 65_534 });
}

#[test]
fn the_stamp_proves_one_archive_with_its_options_in_a_folder_of_ours_alone() {
    let mut lab = Lab::new();
    assert!(!lab.is_unpacked(&one()));
    lab.strip = 1;
    lab.unpack(&one()).unwrap();
    assert_eq!(lab.tree(), ["a 644 one", "only-in-one 644 x"]);
    assert!(lab.is_unpacked(&one()));
    lab.strip = 0;
    assert!(!lab.is_unpacked(&one()));
    lab.strip = 1;
    let stamp = lab.to().join(STAMP);
    assert_eq!(fs::metadata(&stamp).unwrap().mode() & 0o7777, 0o644);
    fs::set_permissions(lab.to(), Permissions::from_mode(0o777)).unwrap();
    assert!(!lab.is_unpacked(&one()), "others may write there");
    fs::set_permissions(lab.to(), Permissions::from_mode(0o755)).unwrap();
    let text = fs::read_to_string(&stamp).unwrap();
    fs::write(&stamp, text.replace("\"layout\":1", "\"layout\":2")).unwrap();
    assert!(!lab.is_unpacked(&one()), "it is of another version");
    fs::write(&stamp, &text.as_bytes()[..text.len() / 2]).unwrap();
    assert!(!lab.is_unpacked(&one()), "it is cut");
    fs::write(&stamp, text).unwrap();
    assert!(lab.is_unpacked(&one()));
    // One of an earlier version, which said more.
    let text = fs::read_to_string(&stamp).unwrap();
    fs::write(&stamp, text.replacen('{', "{\"entries\":2,\"listing\":\"sha256:00\",", 1)).unwrap();
    assert!(lab.is_unpacked(&one()));
}

#[test]
fn nothing_to_unpack_is_an_error() {
    let mut lab = Lab::new();
    for archive in [tar(&[]), tar(&[Thing::folder("./")])] {
        assert!(matches!(lab.error(&archive), UnpackError::Empty));
    }
    lab.strip = 2;
    assert!(matches!(lab.error(&tar(&[])), UnpackError::Empty), "whatever is left out");
    assert!(matches!(lab.error(&one()), UnpackError::NothingLeft { strip: 2 }));
}

#[test]
fn what_dead_runs_left_is_swept_and_what_only_looks_so_is_not() {
    let lab = Lab::new();
    let at = |name: &str| lab.place().join(name);
    let make = |name: &str, record: bool| {
        fs::create_dir_all(at(name).join("tree/d")).unwrap();
        fs::write(at(name).join("tree/d/f"), "x").unwrap();
        fs::set_permissions(at(name), Permissions::from_mode(0o700)).unwrap();
        if record {
            fs::write(at(name).join("vps-configurator-unpack"), "").unwrap();
        }
    };
    make(".to.unpack-00000001", true);
    make(".to.unpack-00000002", false);
    make(".other.unpack-00000003", true);
    make(".to.unpack-0000004", true);
    make(".to.unpack-00000005", true);
    make(".to.unpack-00000006", true);
    // Somebody is at work in it.
    let folder = lab.env.fs().folder(&at(".to.unpack-00000005")).unwrap();
    assert!(folder.try_lock().unwrap());
    fs::set_permissions(at(".to.unpack-00000006"), Permissions::from_mode(0o777)).unwrap();
    lab.unpack(&one()).unwrap();
    let left = [
        ".other.unpack-00000003",
        ".to.unpack-00000002",
        ".to.unpack-0000004",
        ".to.unpack-00000005",
        ".to.unpack-00000006",
        "to",
    ];
    let mut left = left.map(str::to_owned);
    left.sort();
    assert_eq!(lab.names(), left);
}
