//! Where the clone at DEST is, by the files of its git folder alone: a look that costs microseconds, for who only wants
//! to know whether it still is where it was.

use std::ffi::OsStr;
use std::path::{Component, Path};

use super::ref_name::CommitId;
use super::update::is_unfinished;
use crate::env::fs::{Fs, Open};

/// Of HEAD, and of a ref that is a file.
const LARGEST: u64 = 4 << 10;
/// Of the one file that many refs are in.
const LARGEST_PACKED: u64 = 64 << 20;

/// The commit that is checked out at `dest`. Nothing where that is not to be seen at first sight: no clone, a git
/// folder elsewhere, an update that was killed while it was put in place, refs kept in another way.
pub(crate) fn head_of(fs: &dyn Fs, dest: &Path) -> Option<CommitId> {
    let folder = fs.folder(dest).ok()?;
    let git = folder.folder(OsStr::new(".git")).ok()?;
    let head = git.open(OsStr::new("HEAD"), Open::Read).ok()?.read_small(LARGEST).ok()?;
    let head = std::str::from_utf8(&head).ok()?.trim_end();
    let path = dest.join(".git");
    if is_unfinished(&path) {
        return None;
    }
    let Some(name) = head.strip_prefix("ref: ") else { return head.parse().ok() };
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !name.starts_with("refs/") || !Path::new(name).components().all(is_plain) {
        return None;
    }
    // One that is a file counts before the same one among many.
    if let Ok(found) = fs.read_small(&path.join(name), LARGEST) {
        return std::str::from_utf8(&found).ok()?.trim_end().parse().ok();
    }
    let packed = git.open(OsStr::new("packed-refs"), Open::Read).ok()?.read_small(LARGEST_PACKED).ok()?;
    let lines = std::str::from_utf8(&packed).ok()?.lines();
    let mut found = lines.filter_map(|line| line.split_once(' ')).filter(|(_, named)| *named == name);
    found.next()?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::env::Env;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    #[test]
    fn head_is_found_in_each_way_that_git_writes_it() {
        let (place, env) = (tempfile::tempdir().unwrap(), Env::real());
        let at = || head_of(&**env.fs(), place.path()).map(|id| id.to_string());
        assert_eq!(at(), None);
        let git = place.path().join(".git");
        fs::create_dir_all(git.join("refs/heads/a")).unwrap();
        let write = |name: &str, text: &str| fs::write(git.join(name), text).unwrap();
        write("HEAD", &format!("{ONE}\n"));
        assert_eq!(at().as_deref(), Some(ONE));
        write("HEAD", "ref: refs/heads/a/b\n");
        assert_eq!(at(), None);
        write(
            "packed-refs",
            &format!("# pack-refs with: peeled\n{ONE} refs/heads/a/bb\n{TWO} refs/heads/a/b\n^{ONE}\n"),
        );
        assert_eq!(at().as_deref(), Some(TWO));
        write("refs/heads/a/b", &format!("{ONE}\n"));
        assert_eq!(at().as_deref(), Some(ONE), "the file counts first");
        for odd in ["ref: refs/../../x", "ref: /etc/passwd", "ref: refs/heads/.invalid", "nonsense", ""] {
            write("HEAD", odd);
            assert_eq!(at(), None, "{odd}");
        }
        write("HEAD", ONE);
        fs::create_dir(git.join(super::super::update::ROOMS)).unwrap();
        assert_eq!(at().as_deref(), Some(ONE));
        fs::write(git.join(super::super::update::ROOMS).join("plan"), "").unwrap();
        assert_eq!(at(), None, "an update was killed while it was put in place");
    }
}
