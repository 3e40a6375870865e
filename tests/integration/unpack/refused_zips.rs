//! Zips that are refused, each by the name of the entry and why.

use tests::archives::{Kept, Thing, Zip, ZipEntry, zip};
use vps_ops::unpack::{Damage, Refusal, UnpackError};

use crate::lab::Lab;

fn entry() -> ZipEntry {
    ZipEntry::of(&Thing::file("a", "some content"), Kept::Deflated)
}

fn of(entries: &[ZipEntry]) -> Vec<u8> {
    let mut zip = Zip::default();
    entries.iter().for_each(|entry| zip.add(entry));
    zip.finish(b"")
}

fn damage(archive: &[u8]) -> Damage {
    match Lab::new().error(archive) {
        UnpackError::Damaged(damage) => damage,
        error => panic!("{error:?}"),
    }
}

#[test]
fn names_and_sorts_are_held_to_the_same_rules() {
    for (thing, why) in [
        (Thing::file("../a", "x"), Refusal::Parent),
        (Thing::file("/a", "x"), Refusal::Absolute),
        (Thing::file("a\0b", "x"), Refusal::Nul),
        (Thing::file("a\\..\\b", "x"), Refusal::Backslash),
        (Thing::link("l", "../x"), Refusal::LinkOutside { target: "../x".into() }),
        (Thing::link("l", "/etc"), Refusal::LinkOutside { target: "/etc".into() }),
        (Thing::link("l", &"x".repeat(5_000)), Refusal::LongPath { limit: 4096 }),
    ] {
        let shown = vps_ops::foreign::Foreign::of_bytes(&thing.name);
        assert_eq!(Lab::new().refusal(&zip(&[thing]), &shown), why);
    }
    for (kind, why) in [
        (0o020_000, Refusal::Device),
        (0o060_000, Refusal::Device),
        (0o010_000, Refusal::Fifo),
        (0o140_000, Refusal::Socket),
        (0o040_000, Refusal::HeadersDiffer),
    ] {
        assert_eq!(Lab::new().refusal(&of(&[ZipEntry { unix: kind | 0o644, ..entry() }]), "a"), why);
    }
    let twice = of(&[entry(), entry()]);
    assert_eq!(Lab::new().refusal(&twice, "a"), Refusal::Double);
    let below = zip(&[Thing::link("l", "d"), Thing::file("l/f", "x")]);
    assert_eq!(Lab::new().refusal(&below, "l/f"), Refusal::BelowLink);
}

#[test]
fn what_the_two_descriptions_do_not_agree_on_is_refused() {
    let other = |change: fn(&mut ZipEntry)| {
        let mut changed = entry();
        change(&mut changed);
        Lab::new().refusal(&of(&[changed]), "a")
    };
    assert_eq!(other(|entry| entry.name = b"b".to_vec()), Refusal::HeadersDiffer);
    assert_eq!(other(|entry| entry.name = b"aa".to_vec()), Refusal::HeadersDiffer);
    assert_eq!(other(|entry| entry.listed_size += 1), Refusal::HeadersDiffer);
    assert_eq!(other(|entry| (entry.size, entry.is_behind) = (1, true)), Refusal::HeadersDiffer);
    assert_eq!(
        other(|entry| entry.extra = [&[0x75, 0x70, 6, 0, 1, 0, 0, 0, 0][..], b"b"].concat()),
        Refusal::TwoNames
    );
    // Flags and methods stand in both; one of the two is changed afterwards.
    for at in [6, 8, 14, 18, 22] {
        let mut archive = of(&[entry()]);
        archive[at] ^= 2;
        assert_eq!(Lab::new().refusal(&archive, "a"), Refusal::HeadersDiffer, "byte {at}");
    }
}

#[test]
fn what_is_encrypted_or_compressed_in_another_way_is_refused() {
    for flag in [1, 1 << 6, 1 << 13] {
        assert_eq!(Lab::new().refusal(&of(&[ZipEntry { flags: flag, ..entry() }]), "a"), Refusal::Encrypted);
    }
    assert_eq!(Lab::new().refusal(&of(&[ZipEntry { method: 99, ..entry() }]), "a"), Refusal::Encrypted);
    for method in [1, 9, 12, 14, 93, 95] {
        let refusal = Lab::new().refusal(&of(&[ZipEntry { method, ..entry() }]), "a");
        assert_eq!(refusal, Refusal::Method { method });
    }
    let patched = of(&[ZipEntry { flags: 1 << 5, ..entry() }]);
    assert_eq!(Lab::new().refusal(&patched, "a"), Refusal::Method { method: 8 });
}

#[test]
fn content_that_is_not_what_its_sum_and_sizes_say_is_refused_by_name() {
    let wrong = |change: fn(&mut ZipEntry)| {
        let mut changed = entry();
        change(&mut changed);
        Lab::new().refusal(&of(&[changed]), "a")
    };
    assert_eq!(wrong(|entry| entry.sum ^= 1), Refusal::WrongSum);
    assert_eq!(wrong(|entry| (entry.size, entry.listed_size) = (11, 11)), Refusal::WrongSum);
    assert_eq!(wrong(|entry| (entry.size, entry.listed_size) = (13, 13)), Refusal::WrongSum);
    assert_eq!(wrong(|entry| entry.kept.truncate(5)), Refusal::WrongSum);
    assert_eq!(wrong(|entry| entry.kept.push(0)), Refusal::WrongSum);
    assert_eq!(wrong(|entry| entry.kept[0] = 0xff), Refusal::WrongSum);
    assert_eq!(wrong(|entry| (entry.size, entry.listed_size, entry.sum) = (0, 0, 0)), Refusal::WrongSum);
    let folder = ZipEntry { name: b"d/".to_vec(), listed_name: b"d/".to_vec(), unix: 0, ..entry() };
    assert_eq!(Lab::new().refusal(&of(&[folder]), "d/"), Refusal::Content);
    // Also of what is left out.
    let mut lab = Lab::new();
    lab.strip = 1;
    let mut bad = entry();
    bad.sum ^= 1;
    let archive = of(&[ZipEntry::of(&Thing::file("d/x", "x"), Kept::Stored), bad]);
    assert_eq!(lab.refusal(&archive, "a"), Refusal::WrongSum);
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let second = |begins| {
        let entry = ZipEntry::of(&Thing::file("b", "other"), Kept::Stored);
        of(&[
            entry.clone(),
            ZipEntry { begins: Some(begins), name: b"c".to_vec(), listed_name: b"c".to_vec(), ..entry },
        ])
    };
    // At the same place, and within the first one's content.
    assert_eq!(Lab::new().refusal(&second(0), "b"), Refusal::Overlaps);
    assert_eq!(Lab::new().refusal(&second(41), "b"), Refusal::Overlaps);
    // One that reaches into the list of entries.
    let mut long = ZipEntry::of(&Thing::file("b", "other"), Kept::Stored);
    long.listed_size = 5;
    let mut archive = Zip::default();
    archive.add(&long);
    archive.entries.truncate(archive.entries.len() - 2);
    assert_eq!(Lab::new().refusal(&archive.finish(b""), "b"), Refusal::Overlaps);
    // A bomb: one content for many entries.
    let mut bomb = Zip::default();
    let content = ZipEntry::of(&Thing::file("0", vec![0; 100_000]), Kept::Deflated);
    bomb.add(&content);
    for number in 1..100 {
        let name = number.to_string().into_bytes();
        bomb.add(&ZipEntry { begins: Some(0), listed_name: name, ..content.clone() });
    }
    assert_eq!(Lab::new().refusal(&bomb.finish(b""), "0"), Refusal::Overlaps);
}

#[test]
fn a_zip_that_is_cut_goes_on_or_begins_with_something_else_is_refused() {
    let whole = zip(&[Thing::file("a", vec![b'x'; 3_000]), Thing::file("b", "y")]);
    for len in (4..whole.len()).step_by(13).chain([whole.len() - 1]) {
        assert_eq!(damage(&whole[..len]), Damage::Truncated, "{len} of {}", whole.len());
    }
    assert_eq!(damage(&[&whole[..], b"x"].concat()), Damage::Trailing);
    let mut in_front = Zip::default();
    in_front.add(&entry());
    let moved = in_front.finish(b"");
    assert_eq!(damage(&[b"PK\x03\x04", &moved[..]].concat()), Damage::Directory);
    // A list that is longer or shorter than it is said to be, a second end in the comment, a second disk.
    let end = whole.len() - 22;
    for (at, by) in [(8, 1), (10, 1), (12, 1), (16, 1), (4, 1), (6, 1)] {
        let mut wrong = whole.clone();
        wrong[end + at] ^= by;
        assert_eq!(damage(&wrong), Damage::Directory, "byte {at} of the end");
    }
    let mut twice = Zip::default();
    twice.add(&entry());
    let one = twice.finish(b"");
    let comment = &one[one.len() - 22..];
    assert!(matches!(damage(&twice.finish(comment)), Damage::Directory | Damage::Trailing));
    let mut large = twice.finish_large();
    let locator = large.len() - 22 - 20;
    large[locator + 8] ^= 1;
    assert_eq!(damage(&large), Damage::Directory);
}
