//! The name of an entry, as it is in the folder: its parts, or why it has none.

use super::refusal::Refusal;
use super::stamp::STAMP;

/// Bytes that a part may have on most file systems.
pub(super) const LONGEST_PART: usize = 255;
/// Bytes that a whole name may have.
pub(super) const LONGEST_PATH: usize = 4096;

/// Where an entry comes to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The folder itself.
    Root,
    /// Among the folders that are left out.
    LeftOut,
    /// There.
    Parts(Vec<Vec<u8>>),
}

/// The parts of a name, without the first `strip`. A part that is `.` or empty is none, and does not count.
pub(super) fn place(name: &[u8], strip: u32) -> Result<Place, Refusal> {
    if name.is_empty() {
        return Err(Refusal::Empty);
    }
    if name.contains(&0) {
        return Err(Refusal::Nul);
    }
    if name.starts_with(b"/") {
        return Err(Refusal::Absolute);
    }
    if name.len() > LONGEST_PATH {
        return Err(Refusal::LongPath { limit: LONGEST_PATH });
    }
    let mut parts: Vec<_> = name.split(|byte| *byte == b'/').filter(|part| !is_none(part)).collect();
    if parts.contains(&&b".."[..]) {
        return Err(Refusal::Parent);
    }
    if parts.iter().any(|part| part.len() > LONGEST_PART) {
        return Err(Refusal::LongName { limit: LONGEST_PART });
    }
    if parts.is_empty() {
        return Ok(Place::Root);
    }
    let strip = usize::try_from(strip).unwrap_or(usize::MAX);
    if parts.len() <= strip {
        return Ok(Place::LeftOut);
    }
    let parts: Vec<_> = parts.drain(strip..).map(<[u8]>::to_vec).collect();
    // Names that ours has for a moment, too.
    if parts.first().is_some_and(|first| first.starts_with(STAMP.as_bytes())) {
        return Err(Refusal::Reserved);
    }
    Ok(Place::Parts(parts))
}

fn is_none(part: &[u8]) -> bool {
    part.is_empty() || part == b"."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(names: &[&str]) -> Result<Place, Refusal> {
        Ok(Place::Parts(names.iter().map(|name| name.as_bytes().to_vec()).collect()))
    }

    #[test]
    fn a_name_is_its_parts() {
        assert_eq!(place(b"a/b", 0), parts(&["a", "b"]));
        assert_eq!(place(b"./a//./b/", 0), parts(&["a", "b"]));
        assert_eq!(place(b"./a/b/c", 1), parts(&["b", "c"]));
        assert_eq!(place(b"...", 0), parts(&["..."]));
        assert_eq!(place(b"a", 1), Ok(Place::LeftOut));
        assert_eq!(place(b"a/b", 2), Ok(Place::LeftOut));
        assert_eq!(place(b"./", 1), Ok(Place::Root));
    }

    #[test]
    fn what_is_no_plain_name_is_refused_also_where_it_would_be_left_out() {
        let long = [vec![b'a'; 256], b"/b".to_vec()].concat();
        let path = b"a/".repeat(2049);
        for (name, why) in [
            (&b""[..], Refusal::Empty),
            (b"/a", Refusal::Absolute),
            (b"..", Refusal::Parent),
            (b"../a", Refusal::Parent),
            (b"a/../b", Refusal::Parent),
            (b"a/..", Refusal::Parent),
            (b"a\0b", Refusal::Nul),
            (&long, Refusal::LongName { limit: 255 }),
            (&path, Refusal::LongPath { limit: 4096 }),
        ] {
            assert_eq!(place(name, 0), Err(why.clone()));
            assert_eq!(place(name, 3), Err(why));
        }
        assert_eq!(place(STAMP.as_bytes(), 0), Err(Refusal::Reserved));
        assert_eq!(place(format!("a/{STAMP}").as_bytes(), 1), Err(Refusal::Reserved));
        assert!(place(format!("a/{STAMP}").as_bytes(), 0).is_ok());
    }
}
