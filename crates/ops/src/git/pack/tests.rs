//! Packs that git makes, and packs that nobody should make.
#![allow(clippy::cast_possible_truncation, reason = "seven bits at a time")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gix::objs::Kind;
use gix::zlib::Compression;

use super::*;
use crate::git::Bound;

/// A git repository to make packs in, and a folder that they are taken into.
struct Lab {
    place: tempfile::TempDir,
    env: Env,
    meter: Meter,
    limits: Limits,
    stop: AtomicBool,
}

impl Lab {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let lab = Self {
            place,
            env: Env::real(),
            meter: Meter::new(),
            limits: Limits::default(),
            stop: AtomicBool::new(false),
        };
        fs::create_dir(lab.packs()).unwrap();
        lab.git(&["init", "--quiet", "--initial-branch=main", "."], b"");
        lab
    }

    fn packs(&self) -> PathBuf {
        self.place.path().join("packs")
    }

    #[expect(clippy::disallowed_methods, reason = "git is the judge of what we make")]
    fn git(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@example.com");
        }
        command.current_dir(self.place.path()).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(&input));
            child.wait_with_output().unwrap()
        });
        assert!(output.status.success(), "git {args:?}");
        output.stdout
    }

    /// Ten versions of a file that goes on growing.
    fn history(&self) {
        let mut text = String::new();
        for version in 0..10_u32 {
            for line in 0..50 {
                text.push_str(&format!(
                    "{version} {}\n",
                    version.wrapping_mul(2_654_435_761).wrapping_add(line)
                ));
            }
            fs::write(self.place.path().join("file"), &text).unwrap();
            self.git(&["add", "file"], b"");
            self.git(&["commit", "--quiet", "--message=x"], b"");
        }
    }

    fn into(&self, folder: &'static str) -> PathBuf {
        let folder = self.place.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn take(&self, from: &mut dyn BufRead, borrowed: Option<&dyn Find>) -> Result<(), GitError> {
        let folder = self.packs();
        let (env, meter, limits, stop) = (&self.env, &self.meter, &self.limits, &self.stop);
        take_in(from, &Into { env, folder: &folder, hash: HashKind::Sha1, meter, limits, stop }, borrowed)
    }

    /// The only pack and index that were made.
    fn made(&self) -> (Vec<u8>, Vec<u8>) {
        let mut names: Vec<_> =
            fs::read_dir(self.packs()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        assert_eq!(names.len(), 2, "{names:?}");
        (fs::read(&names[1]).unwrap(), fs::read(&names[0]).unwrap())
    }

    /// What git makes of the same pack.
    fn gits_index(&self, pack: &[u8]) -> Vec<u8> {
        let folder = self.into("gits");
        let (to, index) = (folder.join("pack"), folder.join("pack.idx"));
        fs::write(&to, pack).unwrap();
        self.git(&["index-pack", "-o", index.to_str().unwrap(), to.to_str().unwrap()], b"");
        let made = fs::read(&index).unwrap();
        fs::remove_dir_all(folder).unwrap();
        made
    }

    fn refused(&self, pack: &[u8]) -> GitError {
        let error = self.take(&mut &*pack, None).unwrap_err();
        assert_eq!(fs::read_dir(self.packs()).unwrap().count(), 0, "{error}");
        error
    }
}

#[test]
fn the_index_is_gits_to_the_byte() {
    for options in [&[][..], &["--delta-base-offset"], &["--depth=2"], &["--no-reuse-delta", "--window=0"]] {
        let lab = Lab::new();
        lab.history();
        let pack = lab.git(&[&["pack-objects", "--all", "--stdout", "-q"], options].concat(), b"");
        // In pieces as small as they come, and with something behind it that is not ours to read.
        let mut from = BufReader::with_capacity(7, [&pack[..], b"more"].concat().leak() as &[u8]);
        lab.take(&mut from, None).unwrap();
        let (same, index) = lab.made();
        assert_eq!((same == pack, index == lab.gits_index(&pack)), (true, true), "{options:?}");
        let mut rest = Vec::new();
        from.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"more");
    }
}

#[test]
fn what_is_here_is_put_into_a_pack_that_leaves_it_out() {
    let lab = Lab::new();
    lab.history();
    let thin = lab.git(&["pack-objects", "--thin", "--revs", "--stdout", "-q"], b"main\n^main~1\n");
    assert!(matches!(lab.take(&mut &*thin, None), Err(GitError::Damaged { .. })));
    let here = gix::open_opts(lab.place.path(), gix::open::Options::isolated()).unwrap();
    lab.take(&mut &*thin, Some(&here.objects)).unwrap();
    let (whole, index) = lab.made();
    assert!(whole.len() > thin.len());
    assert_eq!(index, lab.gits_index(&whole));
}

/// The head of an object or delta of `size` bytes.
fn head(kind: u8, mut size: u64) -> Vec<u8> {
    let mut byte = (kind << 4) | (size & 15) as u8;
    let mut head = Vec::new();
    size >>= 4;
    while size > 0 {
        head.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    head.push(byte);
    head
}

fn deflated(mut content: impl Read) -> Vec<u8> {
    let mut to = gix::zlib::stream::deflate::Write::new(Vec::new(), Compression::BEST_SPEED);
    io::copy(&mut content, &mut to).unwrap();
    to.flush().unwrap();
    to.into_inner()
}

fn blob(content: &[u8]) -> Vec<u8> {
    [head(3, content.len() as u64), deflated(content)].concat()
}

/// A delta by the id of its base.
fn delta(base: &ObjectId, content: &[u8]) -> Vec<u8> {
    [head(7, content.len() as u64), base.as_slice().to_vec(), deflated(content)].concat()
}

fn id(content: &[u8]) -> ObjectId {
    gix::objs::compute_hash(HashKind::Sha1, Kind::Blob, content).unwrap()
}

/// A pack of `entries` that says it has `count`.
fn pack_of(count: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut pack = [b"PACK\0\0\0\x02", &count.to_be_bytes()[..], &entries.concat()].concat();
    let mut hasher = gix::hash::hasher(HashKind::Sha1);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.try_finalize().unwrap().as_slice());
    pack
}

#[test]
fn what_is_damaged_is_told_as_such_and_leaves_nothing() {
    let base = b"one two three";
    let good = blob(base);
    let of_base = |content: &[u8]| delta(&id(base), content);
    for (why, entries) in [
        ("longer than said", vec![[head(3, 12), deflated(&base[..])].concat()]),
        ("shorter than said", vec![[head(3, 14), deflated(&base[..])].concat()]),
        ("no kind", vec![[head(5, 13), deflated(&base[..])].concat()]),
        ("no stream", vec![[head(3, 13), vec![0; 40]].concat()]),
        ("a size without an end", vec![vec![0xff; 40]]),
        ("a delta of nothing before it", vec![[head(6, 1), vec![5], deflated(&b"x"[..])].concat()]),
        ("a distance without an end", vec![good.clone(), [head(6, 1), vec![0xff; 40]].concat()]),
        ("a delta of itself", vec![good.clone(), delta(&id(b"x"), &[1, 1, 1, b'x'])]),
        ("another base", vec![good.clone(), of_base(&[12, 1, 1, b'x'])]),
        ("beyond the base", vec![good.clone(), of_base(&[13, 4, 0x91, 10, 4])]),
        ("more than said", vec![good.clone(), of_base(&[13, 2, 3, b'a', b'b', b'c'])]),
        ("less than said", vec![good.clone(), of_base(&[13, 4, 3, b'a', b'b', b'c'])]),
        ("a command that is none", vec![good.clone(), of_base(&[13, 1, 0, b'a'])]),
        ("a copy that is cut", vec![good.clone(), of_base(&[13, 4, 0x91, 1])]),
        ("new bytes that are cut", vec![good.clone(), of_base(&[13, 4, 4, b'a'])]),
        ("no sizes", vec![good.clone(), of_base(&[])]),
        ("a delta's size without an end", vec![good.clone(), of_base(&[0x80; 12])]),
    ] {
        let lab = Lab::new();
        let count = u32::try_from(entries.len()).unwrap();
        let error = lab.refused(&pack_of(count, &entries));
        assert!(matches!(error, GitError::Damaged { .. }), "{why}: {error}");
    }
    let lab = Lab::new();
    let mut wrong = pack_of(1, std::slice::from_ref(&good));
    *wrong.last_mut().unwrap() ^= 1;
    assert!(matches!(lab.refused(&wrong), GitError::Damaged { .. }));
    let whole = pack_of(1, &[good]);
    for length in 0..whole.len() {
        assert!(matches!(lab.refused(&whole[..length]), GitError::CutOff), "{length}");
    }
}

#[test]
fn what_is_declared_is_not_believed() {
    let lab = Lab::new();
    // Four thousand million objects, of which one comes.
    let most = u32::try_from(Limits::default().settings().max_objects).unwrap();
    assert!(matches!(
        lab.refused(&pack_of(most, &[blob(b"x")])),
        GitError::Damaged { .. } | GitError::CutOff
    ));
    let error = lab.refused(&pack_of(most + 1, &[blob(b"x")]));
    assert!(matches!(error, GitError::TooMuch(Excess { of: Bound::Objects, .. })), "{error}");
    // A file that is said to have 2^60 bytes, and a delta that is said to make as many.
    let large = [head(3, 1 << 60), deflated(&b"x"[..])].concat();
    assert!(matches!(lab.refused(&pack_of(1, &[large])), GitError::Damaged { .. }));
    let makes = [13, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 1, b'x'];
    let entries = [blob(b"one two three"), delta(&id(b"one two three"), &makes)];
    assert!(matches!(lab.refused(&pack_of(2, &entries)), GitError::Damaged { .. }));
}

/// Many bytes, which take few when they are compressed.
fn long(length: usize) -> Vec<u8> {
    let mut content = vec![b'.'; length];
    content.extend_from_slice(b"the end");
    content
}

/// A delta of `base` that makes it longer by `more`.
fn longer(base: &[u8], more: &[u8]) -> Vec<u8> {
    let size = |mut size: usize| {
        let mut bytes = Vec::new();
        while size > 0x7f {
            bytes.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        bytes.push(size as u8);
        bytes
    };
    let mut delta = [size(base.len()), size(base.len() + more.len())].concat();
    let (mut at, most) = (0, 0x00ff_ffff);
    while at < base.len() {
        let length = (base.len() - at).min(most);
        delta.push(0xff);
        delta.extend_from_slice(&u32::try_from(at).unwrap().to_le_bytes());
        delta.extend_from_slice(&u32::try_from(length).unwrap().to_le_bytes()[..3]);
        at += length;
    }
    delta.push(u8::try_from(more.len()).unwrap());
    delta.extend_from_slice(more);
    delta
}

#[test]
fn chains_of_large_objects_are_made_of_files_and_made_again() {
    let lab = Lab::new();
    // Each has two deltas, of which one has two more: all that is above is needed again.
    let length = usize::try_from(SMALL).unwrap() + 1;
    let mut base = long(length);
    let mut entries = vec![blob(&base)];
    for level in 0..4_u8 {
        let aside = longer(&base, &[level, b'a']);
        let down = longer(&base, &[level, b'd']);
        entries.extend([delta(&id(&base), &down), delta(&id(&base), &aside)]);
        base.extend_from_slice(&[level, b'd']);
    }
    let pack = pack_of(u32::try_from(entries.len()).unwrap(), &entries);
    lab.take(&mut &*pack, None).unwrap();
    assert_eq!(lab.made().1, lab.gits_index(&pack));
}

#[test]
fn a_chain_that_does_not_fit_the_bound_is_resolved_all_the_same() {
    let lab = Lab::new();
    let mut base = long(3 << 20);
    let mut entries = vec![blob(&base)];
    // More than is held, level by level, with something left to do on each.
    for level in 0..40_u8 {
        let (down, aside) = (longer(&base, &[level, b'd']), longer(&base, &[level, b'a']));
        let distance = |entries: &[Vec<u8>], from: usize| entries[from..].iter().map(Vec::len).sum::<usize>();
        let own = if level == 0 { 0 } else { entries.len() - 2 };
        let by_offset = |entries: &[Vec<u8>], content: &[u8]| {
            let mut distance = distance(entries, own);
            let mut bytes = vec![(distance & 0x7f) as u8];
            while distance > 0x7f {
                distance = (distance >> 7) - 1;
                bytes.insert(0, (distance & 0x7f) as u8 | 0x80);
            }
            [head(6, content.len() as u64), bytes, deflated(content)].concat()
        };
        let first = by_offset(&entries, &down);
        entries.push(first);
        let second = by_offset(&entries, &aside);
        entries.push(second);
        base.extend_from_slice(&[level, b'd']);
    }
    let pack = pack_of(u32::try_from(entries.len()).unwrap(), &entries);
    lab.take(&mut &*pack, None).unwrap();
    assert_eq!(lab.made().1, lab.gits_index(&pack));
}

/// A pack that never ends, and says how much of it was read.
struct Endless<'a> {
    beginning: &'a [u8],
    again: &'a [u8],
    read: u64,
    stop_at: u64,
    stop: &'a AtomicBool,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.stop_at {
            self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        let from = if self.beginning.is_empty() { self.again } else { self.beginning };
        let length = from.len().min(buffer.len());
        buffer[..length].copy_from_slice(&from[..length]);
        if !self.beginning.is_empty() {
            self.beginning = &self.beginning[length..];
        }
        self.read += length as u64;
        Ok(length)
    }
}

#[test]
fn one_object_without_an_end_hears_a_stop_and_ends_where_there_is_no_more_room() {
    // Blocks that are stored as they are.
    let block = [&[0, 0xff, 0xff, 0, 0][..], &[b'x'; 0xffff]].concat();
    let beginning = [b"PACK\0\0\0\x02\0\0\0\x01", &head(3, 1 << 60)[..], &[0x78, 1]].concat();
    let lab = Lab::new();
    let endless =
        |stop_at| Endless { beginning: &beginning, again: &block, read: 0, stop_at, stop: &lab.stop };
    let mut from = BufReader::with_capacity(block.len(), endless(20 << 20));
    assert!(matches!(lab.take(&mut from, None), Err(GitError::Stopped)));
    assert!(from.get_ref().read < 21 << 20);
    assert_eq!(fs::read_dir(lab.packs()).unwrap().count(), 0);

    lab.stop.store(false, std::sync::atomic::Ordering::Relaxed);
    let (folder, file) = (lab.packs(), tempfile::tempfile().unwrap());
    let (env, meter, limits, stop) = (&lab.env, &lab.meter, &lab.limits, &lab.stop);
    let into = Into { env, folder: &folder, hash: HashKind::Sha1, meter, limits, stop };
    let mut from = BufReader::with_capacity(block.len(), endless(u64::MAX));
    let error = stream::receive(&mut from, &file, 8 << 20, &into).unwrap_err();
    assert!(
        matches!(error, GitError::TooMuch(Excess { of: Bound::Pack, limit }) if limit == 8 << 20),
        "{error}"
    );
    assert!(file.metadata().unwrap().len() <= 8 << 20);
}

#[test]
fn a_stop_is_heard_while_deltas_are_made() {
    let lab = Lab::new();
    let base = long(4 << 20);
    let entries = [blob(&base), delta(&id(&base), &longer(&base, b"x"))];
    let pack = pack_of(2, &entries);
    let (path, folder) = (lab.place.path().join("pack"), lab.packs());
    fs::write(&path, &pack).unwrap();
    let (env, meter, limits, stop) = (&lab.env, &lab.meter, &lab.limits, &lab.stop);
    let into = Into { env, folder: &folder, hash: HashKind::Sha1, meter, limits, stop };
    let file = tempfile::tempfile().unwrap();
    let (mut table, _) = stream::receive(&mut &*pack, &file, u64::MAX, &into).unwrap();
    lab.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let stopped = resolve::all(&path, &mut table, u64::MAX, &into);
    assert!(matches!(stopped, Err(GitError::Stopped)));
    assert!(is_empty(&folder));
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}
