//! Servers and packs that are made to fill tables: whatever it is of which there are many, it stays within the memory
//! that is configured, or ends by its name. And each of the limits is what the configuration says.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tests::apt::{Finished, Running};
use tests::git::{Forge, must};

use super::bounds::{ID, MEMORY, line, measured, opening, rude};
use super::lab::Lab;

const NAMED: &str = "takes more memory than 256 MiB\n";

/// `git clone` by a program in place of ssh that says `first`, then `again` for ever, if there is any.
fn from(lab: &Lab, first: &[u8], again: &[u8], more: &[&str]) -> Command {
    fs::write(lab.path("again"), again).unwrap();
    let path = lab.path("again");
    let then = match again {
        [] => "exec cat >/dev/null 2>/dev/null".to_owned(),
        _ => format!("while cat '{}' 2>/dev/null; do :; done", path.display()),
    };
    rude(lab, first, &then, more)
}

/// A pack's bytes as a server sends them.
fn sent(pack: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    for piece in pack.chunks(65_000) {
        lines.extend_from_slice(format!("{:04x}\u{1}", piece.len() + 5).as_bytes());
        lines.extend_from_slice(piece);
    }
    lines
}

/// Up to a pack that is said to have so many objects.
fn up_to_pack(head: &str, count: u32) -> (String, Vec<u8>) {
    let refs = line(&format!("{head} HEAD symref-target:refs/heads/main\n"));
    let before = format!("{}{refs}0000{}", opening(), line("packfile\n"));
    (before, [&b"PACK\0\0\0\x02"[..], &count.to_be_bytes()].concat())
}

/// Compressed as it is: no time is spent on it.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let length = u16::try_from(bytes.len()).unwrap();
    let sum = (b << 16 | a).to_be_bytes();
    [&[0x78, 1, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes, &sum].concat()
}

/// A small object of a pack: its kind, what is named before its bytes, its bytes.
fn object(kind: u8, named: &[u8], bytes: &[u8]) -> Vec<u8> {
    let size = u8::try_from(bytes.len()).unwrap();
    let mut head = vec![kind << 4 | size & 0b1111];
    if size >= 16 {
        head[0] |= 0x80;
        head.push(size >> 4);
    }
    [&head, named, &stored(bytes)].concat()
}

fn id_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn id_of_object(place: &Path, kind: &str, bytes: &[u8]) -> String {
    fs::write(place.join("object"), bytes).unwrap();
    must(place, &["hash-object", "-t", kind, "--no-filters", "object"]).trim().to_owned()
}

fn sum(place: &Path, pack: &[u8]) -> Vec<u8> {
    let path = place.join("sum");
    fs::File::create(&path).unwrap().write_all(pack).unwrap();
    let output = Command::new("sha1sum").arg(path).output().unwrap();
    id_of(std::str::from_utf8(&output.stdout[..40]).unwrap())
}

fn within_memory(command: Command) -> Finished {
    let (ended, most) = measured(Running::start(command));
    assert!(most < MEMORY, "{most} MiB: {}", ended.text());
    ended
}

#[test]
fn a_pack_of_objects_without_number_ends_by_the_memory_that_they_take() {
    let lab = Lab::new();
    let (before, begin) = up_to_pack(ID, 32 << 20);
    let objects = object(3, b"", b"x").repeat(4_000);
    let again = sent(&objects).repeat(20);
    let ended =
        within_memory(from(&lab, &[before.as_bytes(), &sent(&begin)].concat(), &again, &[])).expect(1);
    assert!(ended.text().contains(NAMED), "{}", ended.text());
    lab.assert_left(&[]);
}

#[test]
fn refs_without_number_end_by_the_memory_that_they_take() {
    for (first, more) in [
        (opening(), &[][..]),
        (line(&format!("{ID} HEAD\0multi_ack_detailed side-band-64k shallow\n")), &["--full"]),
    ] {
        let lab = Lab::new();
        let again = line(&format!("{ID} refs/heads/a-branch\n")).repeat(10_000);
        let ended = within_memory(from(&lab, first.as_bytes(), again.as_bytes(), more)).expect(1);
        assert!(ended.text().contains(NAMED), "{}", ended.text());
        lab.assert_left(&[]);
    }
}

/// Three million paths, each in one place only, by a pack of some hundred kilobytes.
#[test]
fn paths_without_number_end_by_the_memory_that_they_take() {
    let Some(forge) = Forge::start() else { return };
    let (_many, lab) = (forge.many_paths("p", 50), Lab::new());
    for more in [&[][..], &["--full"]] {
        let ended = within_memory(lab.command(&[&[&*forge.url("p"), "dest"], more].concat())).expect(1);
        assert!(ended.text().contains(NAMED), "{}", ended.text());
        lab.assert_left(&[]);
    }
}

/// Each names what it is of by its id, so that all are looked for.
#[test]
fn many_deltas_by_name_take_no_more_memory_than_there_may_be() {
    const DELTAS: u32 = 400_000;
    let lab = Lab::new();
    let place = lab.path("tmp");
    let blob = id_of_object(&place, "blob", b"base");
    let tree = [b"100644 f\0", &id_of(&blob)[..]].concat();
    let tree_id = id_of_object(&place, "tree", &tree);
    let who = "x <x@example.com> 1700000000 +0000";
    let commit = format!("tree {tree_id}\nauthor {who}\ncommitter {who}\n\nx\n");
    let commit_id = id_of_object(&place, "commit", commit.as_bytes());
    let (before, mut pack) = up_to_pack(&commit_id, DELTAS + 3);
    pack.extend(object(3, b"", b"base"));
    pack.extend(object(2, b"", &tree));
    pack.extend(object(1, b"", commit.as_bytes()));
    for number in 0..DELTAS {
        let delta = [&[4, 4, 4][..], &number.to_be_bytes()].concat();
        pack.extend(object(7, &id_of(&blob), &delta));
    }
    let end = sum(&place, &pack);
    pack.extend(end);
    for name in ["object", "sum"] {
        fs::remove_file(place.join(name)).unwrap();
    }
    let first = [before.as_bytes(), &sent(&pack), b"0000"].concat();
    let _ = within_memory(from(&lab, &first, b"", &[])).expect(0);
    assert_eq!((lab.dest().head(), &*lab.dest().read("f")), (commit_id, "base"));
}

fn with(command: &mut Command, key: &str, value: &str) -> Finished {
    command.env(format!("VPS_CONFIGURATOR_PERFORMANCE__GIT__{}", key.to_uppercase()), value);
    Running::start(std::mem::replace(command, Command::new("true"))).wait()
}

#[test]
fn max_memory_is_what_all_tables_may_take() {
    let refs = line(&format!("{ID} refs/heads/a-branch\n")).repeat(150_000);
    let first = format!("{}{refs}0000{}", opening(), line("ERR that is all\n"));
    for (value, named) in [("128 MiB", true), ("256MiB", false)] {
        let lab = Lab::new();
        let ended = with(&mut from(&lab, first.as_bytes(), b"", &["--timeout", "20"]), "max_memory", value);
        let text = ended.expect(1).text();
        assert_eq!(text.contains("takes more memory than 128 MiB"), named, "{text}");
    }
}

#[test]
fn max_objects_is_how_many_a_pack_may_have() {
    let Some(forge) = Forge::start() else { return };
    is_a_limit(&forge, "max_objects", "3", "the pack has more than 3 objects");
}

#[test]
fn max_paths_is_how_many_a_commit_may_have() {
    let Some(forge) = Forge::start() else { return };
    is_a_limit(&forge, "max_paths", "3", "the commit has more than 3 paths");
}

#[test]
fn max_refs_is_how_long_a_list_of_refs_may_be() {
    let Some(forge) = Forge::start() else { return };
    is_a_limit(&forge, "max_refs", "60", "list of refs is longer than 60 bytes");
}

#[test]
fn max_messages_is_what_a_server_may_tell_of_its_progress() {
    let Some(forge) = Forge::start() else { return };
    is_a_limit(&forge, "max_messages", "20", "more than 20 bytes of its progress");
}

/// What is refused with it is cloned without.
fn is_a_limit(forge: &Forge, key: &str, value: &str, named: &str) {
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let command = || lab.command(&[&forge.url("s"), "dest"]);
    let text = with(&mut command(), key, value).expect(1).text();
    assert!(text.contains(named) && text.contains(&format!("raise `performance.git.{key}`")), "{text}");
    assert!(!text.contains("Retrying"), "{text}");
    lab.assert_left(&[]);
    let _ = Running::start(command()).wait().expect(0);
}
