//! Each format, as it should be.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tests::archives::{Kept, end};
use tests::archives::{Thing, Zip, ZipEntry, gzip, pax, tar, with_flag, xz, zip, zstandard};
use vps_ops::unpack::{Format, UnpackError};

use crate::lab::Lab;

fn things() -> Vec<Thing> {
    let long = format!("d/{}/{}", "x".repeat(120), "y".repeat(200));
    vec![
        Thing::folder("d").mode(0o2777).at(1_000_000_000),
        Thing::file("d/run", "#!/bin/sh\n").mode(0o6777),
        Thing::file("d/plain", "text").mode(0o666).at(1_000_000_001),
        Thing::file("d/empty", "").mode(0o400),
        Thing::link("d/link", "../d/./plain"),
        Thing::file("implicit/deep/er/f", "below").mode(0o600),
        Thing::file(long, "long"),
    ]
}

fn expected() -> Vec<String> {
    let (x, y) = ("x".repeat(120), "y".repeat(200));
    [
        "d/ 755",
        "d/empty 600 ",
        "d/link -> ../d/./plain",
        "d/plain 644 text",
        "d/run 755 #!/bin/sh\n",
        &format!("d/{x}/ 755"),
        &format!("d/{x}/{y} 644 long"),
        "implicit/ 755",
        "implicit/deep/ 755",
        "implicit/deep/er/ 755",
        "implicit/deep/er/f 600 below",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn each_format_makes_the_same_tree() {
    let tarred = tar(&things());
    for (name, archive) in [
        ("a.tar", tarred.clone()),
        ("a.tar.gz", gzip(&tarred)),
        ("a.tgz", gzip(&tarred)),
        ("a.tar.xz", xz(&tarred)),
        ("a.tar.zst", zstandard(&tarred)),
        ("a.zip", zip(&things())),
    ] {
        let lab = Lab::new();
        let unpacked = lab.unpack_as(&archive, name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(lab.tree(), expected(), "{name}");
        assert_eq!((unpacked.entries, unpacked.bytes, unpacked.replaced), (7, 23, false), "{name}");
        assert_eq!(unpacked.warnings, [], "{name}");
        assert_eq!(lab.names(), ["to"], "{name}");
        assert!(lab.is_unpacked(&archive), "{name}");
        let time = |path: &str| fs::metadata(lab.to().join(path)).unwrap().mtime();
        assert_eq!((time("d"), time("d/plain")), (1_000_000_000, 1_000_000_001), "{name}");
        // All is ours, and no bit of the archive's gives anybody a right.
        let meta = fs::metadata(lab.to()).unwrap();
        assert_eq!(
            (meta.uid(), meta.mode() & 0o7777),
            (rustix::process::geteuid().as_raw(), 0o755),
            "{name}"
        );
    }
}

#[test]
fn a_name_that_promises_another_format_is_an_error_that_says_both() {
    let lab = Lab::new();
    let archive = zip(&things());
    let error = lab.unpack_as(&archive, "a.tar.gz").unwrap_err();
    let UnpackError::WrongEnding { ending, found, .. } = error else { panic!("{error:?}") };
    assert_eq!((ending, found), (Format::TarGz, Format::Zip));
    assert_eq!(lab.names(), [""; 0]);
    let error = lab.unpack(b"#!/bin/sh\n").unwrap_err();
    assert!(matches!(error, UnpackError::UnknownFormat { .. }), "{error:?}");
}

#[test]
fn several_streams_are_one_and_what_may_stand_between_them_may() {
    let tarred = tar(&things());
    let (begin, rest) = tarred.split_at(700);
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    for (name, archive) in [
        ("gzip", [gzip(begin), gzip(b""), gzip(rest)].concat()),
        ("xz", [xz(begin), vec![0; 8], xz(rest), vec![0; 4]].concat()),
        ("zstandard", [skippable.clone(), zstandard(begin), zstandard(rest), skippable].concat()),
    ] {
        let lab = Lab::new();
        lab.unpack(&archive).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(lab.tree(), expected(), "{name}");
    }
}

#[test]
fn hard_links_are_names_of_one_file_and_strip_takes_their_folders_too() {
    let mut lab = Lab::new();
    lab.strip = 1;
    let archive = tar(&[
        Thing::folder("./"),
        Thing::folder("top"),
        Thing::file("README", "left out"),
        Thing::file("top/a", "one"),
        Thing::hard_link("top/d/b", "top/a"),
        Thing::hard_link("top/c", "./top//d/b"),
        Thing::link("top/l", "d/b"),
    ]);
    let unpacked = lab.unpack(&archive).unwrap();
    assert_eq!(lab.tree(), ["a 644 one", "c 644 one", "d/ 755", "d/b 644 one", "l -> d/b"]);
    let inode = |name: &str| fs::metadata(lab.to().join(name)).unwrap().ino();
    assert!(inode("a") == inode("d/b") && inode("a") == inode("c"));
    let [warning] = &unpacked.warnings[..] else { panic!("{:?}", unpacked.warnings) };
    assert!(warning.to_string().ends_with("not unpacked: 1"), "{warning}");
}

#[test]
fn a_tar_says_things_in_several_ways_that_are_understood() {
    let lab = Lab::new();
    let v7 = |name: &str| {
        let mut block = with_flag(name, 0, b"", "");
        // Neither a magic nor a flag.
        block[257..265].fill(0);
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    };
    let archive = [
        v7("old/"),
        v7("old/file"),
        pax(b'g', &[("comment", b"of all")]),
        pax(b'x', &[("path", "ü/ö".as_bytes()), ("mtime", b"1000000000.25"), ("SCHILY.xattr.user.a", b"x")]),
        with_flag("other", b'0', b"pax", ""),
        pax(b'x', &[("size", b"3")]),
        with_flag("sized", b'7', b"now", ""),
        pax(b'x', &[("mtime", b"-1")]),
        with_flag("early", b'0', b"", ""),
        pax(b'x', &[("mtime", b"99999999999")]),
        with_flag("late", b'0', b"", ""),
        end(),
        end(),
    ]
    .concat();
    lab.unpack(&archive).unwrap();
    let tree =
        ["early 644 ", "late 644 ", "old/ 744", "old/file 644 ", "sized 644 now", "ü/ 755", "ü/ö 644 pax"];
    assert_eq!(lab.tree(), tree);
    let time = |name: &str| fs::metadata(lab.to().join(name)).unwrap().modified().unwrap();
    assert_eq!(time("ü/ö"), UNIX_EPOCH + Duration::from_millis(1_000_000_000_250));
    assert_eq!(time("early"), UNIX_EPOCH);
    assert!(time("late") <= SystemTime::now());
}

#[test]
fn a_large_zip_and_one_with_a_comment_are_read_and_so_is_one_without_modes() {
    let mut zip = Zip::default();
    for thing in [Thing::folder("d").mode(0), Thing::file("d/a", "text").mode(0)] {
        zip.add(&ZipEntry::of(&thing, Kept::Deflated));
    }
    let mut plain = ZipEntry::of(&Thing::file("b", "more"), Kept::Stored);
    plain.unix = 0;
    zip.add(&plain);
    for archive in [zip.finish(b"made by hand"), zip.finish_large()] {
        let lab = Lab::new();
        lab.unpack(&archive).unwrap();
        assert_eq!(lab.tree(), ["b 644 more", "d/ 755", "d/a 644 text"]);
    }
}
