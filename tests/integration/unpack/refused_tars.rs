//! Tars that are refused, each by the name of the entry and why; nothing of them is ever at `to`.

use std::fs;

use tests::archives::{Thing, end, gzip, header, pax, tar, with_flag, xz, zstandard};
use vps_ops::unpack::{Damage, Refusal, STAMP, UnpackError};
use vps_retry::{Rng, SplitMix64};

use crate::lab::Lab;

/// After something that is right.
fn after_a_file(entries: &[Vec<u8>]) -> Vec<u8> {
    [with_flag("first", b'0', b"first", ""), entries.concat(), end()].concat()
}

#[test]
fn names_that_lead_elsewhere_or_are_none_are_refused() {
    let (long, deep) = ("n".repeat(256), "a/".repeat(2_049) + "f");
    for (name, why) in [
        ("../a", Refusal::Parent),
        ("a/../../b", Refusal::Parent),
        ("a/..", Refusal::Parent),
        ("/etc/passwd", Refusal::Absolute),
        ("//a", Refusal::Absolute),
        (".", Refusal::Empty),
        ("./.", Refusal::Empty),
        (STAMP, Refusal::Reserved),
        (&format!("./{STAMP}/x"), Refusal::Reserved),
    ] {
        assert_eq!(Lab::new().refusal(&tar(&[Thing::file(name, "x")]), name), why);
    }
    let refused = |archive: &[u8]| match Lab::new().error(archive) {
        UnpackError::Refused { why, .. } => why,
        error => panic!("{error:?}"),
    };
    assert_eq!(refused(&tar(&[Thing::file(&long, "x")])), Refusal::LongName { limit: 255 });
    assert_eq!(refused(&tar(&[Thing::file(&deep, "x")])), Refusal::LongPath { limit: 4096 });
    assert_eq!(refused(&after_a_file(&[with_flag("", b'0', b"", "")])), Refusal::Empty);
    let nul = [pax(b'x', &[("path", b"a\0b")]), with_flag("x", b'0', b"", "")];
    assert_eq!(refused(&after_a_file(&nul)), Refusal::Nul);
    let mut lab = Lab::new();
    lab.strip = 3;
    assert_eq!(lab.refusal(&tar(&[Thing::file("a/../b", "x")]), "a/../b"), Refusal::Parent);
}

#[test]
fn a_name_that_would_move_a_cursor_is_shown_by_its_numbers() {
    let error = Lab::new().error(&tar(&[Thing::file("../\x1b[2J\u{202e}x\n", "")]));
    assert_eq!(error.to_string(), "`../\\u{1b}[2J\\u{202e}x\\n` in the archive has `..` in its name");
}

#[test]
fn what_is_no_file_folder_or_link_is_refused() {
    for (flag, why) in [
        (b'3', Refusal::Device),
        (b'4', Refusal::Device),
        (b'6', Refusal::Fifo),
        (b'S', Refusal::Sparse),
        (b'M', Refusal::Part),
        (b'V', Refusal::UnknownSort { flag: "V".into() }),
        (b'D', Refusal::UnknownSort { flag: "D".into() }),
        (b'X', Refusal::UnknownSort { flag: "X".into() }),
        (0x1b, Refusal::UnknownSort { flag: "\x1b".into() }),
    ] {
        assert_eq!(Lab::new().refusal(&after_a_file(&[with_flag("odd", flag, b"", "")]), "odd"), why);
    }
    let sparse = [pax(b'x', &[("GNU.sparse.major", b"1")]), with_flag("hole", b'0', b"", "")];
    assert_eq!(Lab::new().refusal(&after_a_file(&sparse), "hole"), Refusal::Sparse);
}

#[test]
fn links_that_lead_out_are_refused_whatever_they_lead_over() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("secret"), "untouched").unwrap();
    let absolute = place.path().to_str().unwrap();
    let outside = |target: &str| Refusal::LinkOutside { target: target.into() };
    for (things, name, why) in [
        (vec![Thing::link("l", absolute)], "l", outside(absolute)),
        (vec![Thing::link("l", "..")], "l", outside("..")),
        (vec![Thing::link("d/l", "../../x")], "d/l", outside("../../x")),
        (vec![Thing::link("d/up", ".."), Thing::link("l", "d/up/../x")], "l", outside("d/up/../x")),
        // The one that makes it so comes later.
        (vec![Thing::link("l", "d/up/../x"), Thing::link("d/up", "..")], "l", outside("d/up/../x")),
        (vec![Thing::link("l", "missing/../../x")], "l", outside("missing/../../x")),
        (vec![Thing::hard_link("h", absolute)], "h", outside(absolute)),
        (vec![Thing::hard_link("h", "../secret")], "h", outside("../secret")),
        (vec![Thing::hard_link("h", "none")], "h", Refusal::HardLink { target: "none".into() }),
        (vec![Thing::folder("d"), Thing::hard_link("h", "d")], "h", Refusal::HardLink { target: "d".into() }),
        (
            vec![Thing::link("l", "d"), Thing::file("d/f", ""), Thing::hard_link("h", "l/f")],
            "h",
            Refusal::HardLink { target: "l/f".into() },
        ),
        (
            vec![Thing::link("l", "f"), Thing::file("f", ""), Thing::hard_link("h", "l")],
            "h",
            Refusal::HardLink { target: "l".into() },
        ),
        (vec![Thing::link("l", "")], "l", Refusal::Empty),
        (
            vec![Thing::link("a", "b"), Thing::link("b", "a")],
            "a",
            Refusal::TooManyLinks { target: "b".into(), limit: 40 },
        ),
    ] {
        assert_eq!(Lab::new().refusal(&tar(&things), name), why, "{things:?}");
    }
    // As it is unpacked, not as it was packed.
    let mut lab = Lab::new();
    let archive = tar(&[Thing::link("top/l", "../other")]);
    lab.unpack(&archive).unwrap();
    lab = Lab::new();
    lab.strip = 1;
    assert_eq!(lab.refusal(&archive, "l"), outside("../other"));
    assert_eq!(fs::read(place.path().join("secret")).unwrap(), b"untouched");
}

#[test]
fn what_is_there_twice_or_below_what_is_no_folder_is_refused() {
    let file = |name: &str| Thing::file(name, "x");
    for (things, name, why) in [
        (vec![file("a"), file("a")], "a", Refusal::Double),
        (vec![file("a"), file("./a")], "./a", Refusal::Double),
        (vec![file("a"), Thing::folder("a")], "a", Refusal::Double),
        (vec![file("a/b"), file("a")], "a", Refusal::Double),
        (vec![Thing::folder("a"), Thing::folder("a/")], "a/", Refusal::Double),
        (vec![Thing::folder("./"), Thing::folder(".")], ".", Refusal::Double),
        (vec![file("a"), Thing::link("a", "b")], "a", Refusal::Double),
        (vec![Thing::link("a", "b"), file("a")], "a", Refusal::Double),
        (vec![file("a"), Thing::hard_link("a", "a")], "a", Refusal::Double),
        (vec![file("a"), file("a/b")], "a/b", Refusal::BelowFile),
        (vec![Thing::link("a", "b"), file("a/b")], "a/b", Refusal::BelowLink),
        (vec![Thing::link("a", "."), Thing::folder("a/b")], "a/b", Refusal::BelowLink),
    ] {
        assert_eq!(Lab::new().refusal(&tar(&things), name), why, "{things:?}");
    }
    let mut lab = Lab::new();
    lab.strip = 1;
    assert_eq!(lab.refusal(&tar(&[file("a/f"), file("b/f")]), "b/f"), Refusal::Double);
}

#[test]
fn what_can_be_understood_in_two_ways_is_refused() {
    let entry = || with_flag("x", b'0', b"", "");
    let long = |name: &str| with_flag("././@LongLink", b'L', name.as_bytes(), "");
    for (entries, name, why) in [
        (vec![long("a"), long("b"), entry()], "././@LongLink", Refusal::TwoNames),
        (vec![long("a"), pax(b'x', &[("path", b"b")]), entry()], "b", Refusal::TwoNames),
        (vec![pax(b'x', &[]), pax(b'x', &[]), entry()], "././@PaxHeader", Refusal::TwoNames),
        (vec![pax(b'g', &[("path", b"all")]), entry()], "././@PaxHeader", Refusal::ForAll),
        (vec![pax(b'g', &[("size", b"0")]), entry()], "././@PaxHeader", Refusal::ForAll),
        (vec![with_flag("d", b'5', b"content", "")], "d", Refusal::Content),
        (vec![with_flag("l", b'2', b"content", "x")], "l", Refusal::Content),
        (vec![with_flag("h", b'1', b"content", "first")], "h", Refusal::Content),
    ] {
        assert_eq!(Lab::new().refusal(&after_a_file(&entries), name), why);
    }
}

#[test]
fn a_tar_that_is_broken_cut_or_goes_on_is_refused() {
    let damage = |archive: &[u8]| match Lab::new().error(archive) {
        UnpackError::Damaged(damage) => damage,
        error => panic!("{error:?}"),
    };
    let whole = tar(&[Thing::file("a", vec![b'x'; 3_000]), Thing::file("b", "y")]);
    // Wherever it is cut, but for the zeros at its end.
    for len in (512..whole.len() - 1_024).step_by(97).chain([whole.len() - 1_024]) {
        assert_eq!(damage(&whole[..len]), Damage::Truncated, "{len}");
    }
    assert!(Lab::new().unpack(&whole[..whole.len() - 512]).is_ok(), "one block of zeros says the end, too");
    assert_eq!(damage(&[&whole[..], b"more"].concat()), Damage::Trailing);
    assert_eq!(damage(&[&whole[..], &whole].concat()), Damage::Trailing);
    let mut wrong = whole.clone();
    wrong[3_584] ^= 1;
    assert_eq!(damage(&wrong), Damage::Header);
    let dangling = [whole[..whole.len() - 1_024].to_vec(), pax(b'x', &[("path", b"c")]), end()].concat();
    assert_eq!(damage(&dangling), Damage::Header);
    assert_eq!(damage(&after_a_file(&[with_flag("p", b'x', b"99 path=a\n", "")])), Damage::Header);
    let mut size = header(b"s", b'0', 0, b"", 0o644, 0);
    size[124..136].copy_from_slice(b"-0000000001\0");
    size[148..156].fill(b' ');
    let sum: u64 = size.iter().map(|byte| u64::from(*byte)).sum();
    size[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(damage(&after_a_file(&[size])), Damage::Header);
}

#[test]
fn a_stream_that_is_broken_cut_or_followed_by_something_is_refused() {
    let damage = |archive: &[u8]| match Lab::new().error(archive) {
        UnpackError::Damaged(damage) => damage,
        error => panic!("{error:?}"),
    };
    // Of what cannot be compressed, so that each byte counts.
    let mut draw = SplitMix64::new(7);
    let noise: Vec<u8> = (0..500).flat_map(|_| draw.next_u64().to_le_bytes()).collect();
    let whole = tar(&[Thing::file("a", &noise), Thing::file("b", "y")]);
    for (name, stream) in [("gzip", gzip(&whole)), ("xz", xz(&whole)), ("zstandard", zstandard(&whole))] {
        for len in (40..stream.len()).step_by(211).chain([stream.len() - 1]) {
            assert_eq!(damage(&stream[..len]), Damage::Truncated, "{name}, {len} of {}", stream.len());
        }
        for more in [&b"more"[..], b"\0", b"\x1f\x8b", b"\xfd7zX", b"\0\0\0\0x"] {
            let followed = [&stream[..], more].concat();
            assert_eq!(damage(&followed), Damage::Trailing, "{name}: {more:?}");
        }
        let mut flipped = stream.clone();
        flipped[2_000] ^= 1;
        assert!(matches!(damage(&flipped), Damage::Stream | Damage::Header), "{name}");
        // The sum that is last in gzip and Zstandard; in XZ what is last says what was before.
        let mut sum = stream.clone();
        let at = if name == "gzip" { sum.len() - 8 } else { sum.len() - 2 };
        sum[at] ^= 1;
        assert_eq!(damage(&sum), Damage::Stream, "{name}");
    }
    for of in [gzip, xz, zstandard] {
        assert_eq!(
            damage(&of(b"no tar, but as long as a block has to be. ".repeat(20).as_slice())),
            Damage::NotTar
        );
        assert_eq!(damage(&of(b"")), Damage::Truncated);
    }
}
