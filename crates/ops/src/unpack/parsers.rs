//! What archives say, given as anything at all.
//!
//! Each input is unpacked whole, on a disk in memory. Sums in headers of tars are made right before, since inputs that
//! fail by their sum alone lead nowhere.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::tar::{Header, Pax};
use super::{ArchiveDigest, UnpackError, UnpackLimits, UnpackOptions, UnpackRequest, unpack_here};
use crate::deadline::Deadline;
use crate::env::fs::Open;
use crate::testing::disk::Disk;
use crate::testing::still;

/// What a parser made of some bytes: a word or two that tell inputs apart which lead to different places, and the
/// texts that a person would come to see.
type Made = (String, Vec<String>);

/// A parser's name, and the parser.
type Parser = (&'static str, fn(&[u8]) -> Made);

/// The parsers, by name.
pub(crate) const PARSERS: &[Parser] =
    &[("unpack_tar", tar), ("unpack_zip", zip), ("unpack_compressed", compressed), ("pax", pax)];

/// Little is enough for little inputs.
const LIMITS: UnpackLimits = UnpackLimits {
    entries: 200,
    bytes: 1 << 20,
    ratio: 1_000,
    ratio_from: 64 << 10,
    depth: 16,
    dictionary: 1 << 20,
    window: 1 << 20,
    tables: 64 << 10,
};

fn unpacked(bytes: &[u8], name: &str) -> Made {
    let disk = Disk::new();
    let archive = Path::new("/data/archive");
    disk.plant(archive, bytes);
    let env = still(&disk);
    let Ok(archive) = env.fs().open(archive, Open::Read) else { return ("unread".into(), Vec::new()) };
    let request = UnpackRequest {
        archive,
        name: name.into(),
        digest: ArchiveDigest::from_bytes([0; 32]),
        to: "/data/to".into(),
        options: UnpackOptions::default(),
        limits: LIMITS,
        deadline: Deadline::NEVER,
    };
    let outcome = unpack_here(&env, request, &Arc::new(AtomicBool::new(false)), |_| {});
    let there: Vec<_> = disk.all().into_iter().map(|(path, ..)| path).collect();
    let outside = there.iter().filter(|path| !path.starts_with("/data/to") && path.starts_with("/data"));
    assert_eq!(outside.count(), 2, "it left something, or wrote elsewhere: {there:?}");
    match outcome {
        Ok(unpacked) => {
            assert!(there.iter().any(|path| path.ends_with(super::STAMP)), "it has no stamp");
            (format!("{} entries", unpacked.entries.min(4)), Vec::new())
        }
        Err(error) => {
            assert!(!there.iter().any(|path| path.starts_with("/data/to")), "it failed and is there");
            let shape = match &error {
                UnpackError::Refused { why, .. } => word(why),
                UnpackError::Damaged(damage) => word(damage),
                UnpackError::Excess { bound, .. } => word(bound),
                error => word(error),
            };
            (shape, vec![error.to_string()])
        }
    }
}

/// The first word of what `Debug` shows.
fn word(shown: &impl std::fmt::Debug) -> String {
    format!("{shown:?}").chars().take_while(|one| one.is_alphabetic()).collect()
}

/// Each block may be a header: those that look like one get the sum that they should have.
fn tar(bytes: &[u8]) -> Made {
    let mut right = bytes.to_vec();
    for block in right.chunks_exact_mut(512) {
        let Ok(copy) = <[u8; 512]>::try_from(&*block) else { continue };
        let looks_so = copy.get(257..262) == Some(b"ustar") || copy.starts_with(b"v7");
        let sum = format!("{:06o}\0 ", Header::new(copy).sum());
        if let Some(place) = block.get_mut(148..156).filter(|_| looks_so) {
            place.copy_from_slice(sum.as_bytes());
        }
    }
    unpacked(&right, "archive.tar")
}

fn zip(bytes: &[u8]) -> Made {
    unpacked(bytes, "archive.zip")
}

fn compressed(bytes: &[u8]) -> Made {
    unpacked(bytes, "archive")
}

fn pax(bytes: &[u8]) -> Made {
    let shape = match Pax::of(bytes) {
        None => "nothing".to_owned(),
        Some(pax) if pax == Pax::default() => "other keys".to_owned(),
        Some(_) => "keys".to_owned(),
    };
    (shape, Vec::new())
}
