//! Whether what stands in a git folder can be opened: a pipe in it would hold up whoever opens it, a link to a device
//! or a file of any size would fill the memory of whoever reads it.
//!
//! It is looked at before gix opens the first of its files. Who may change it meanwhile can still make that hang: so it
//! is opened on a thread that nobody waits for any longer than there is time.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::GitError;
use super::cause::Oddity;
use super::excess;
use super::stoppable::stopped;
use super::update::ROOMS;

/// Bytes of a file that only names a folder: a path, and the word before it.
const LONGEST_NAME: u64 = 8 << 10;
/// Git folders that may lend each other objects.
pub(super) const LENDERS: usize = 16;

/// Refuses a repository with what is no plain file where git keeps one, or one too large to be read whole.
pub(super) fn sane(files: &Path, stop: &AtomicBool) -> Result<(), GitError> {
    let mut todo = vec![git_folder(files)?];
    let mut looked: Vec<PathBuf> = Vec::new();
    while let Some(folder) = todo.pop() {
        if looked.contains(&folder) || !folder.is_dir() {
            continue;
        }
        if looked.len() >= LENDERS {
            return Err(GitError::Odd { path: folder, what: Oddity::Lent { limit: LENDERS } });
        }
        // What it names is read only once that is a plain file, too.
        walk(&folder, stop)?;
        if let Some(common) = named(&folder.join("commondir"), "")? {
            todo.push(folder.join(common));
        }
        for objects in [folder.join("objects"), folder.clone()] {
            todo.extend(lenders(&objects)?);
        }
        looked.push(folder);
    }
    Ok(())
}

/// Where the git folder of a repository is.
fn git_folder(files: &Path) -> Result<PathBuf, GitError> {
    let git = files.join(".git");
    if git.is_dir() {
        return Ok(git);
    }
    let folder = named(&git, "gitdir: ")?.unwrap_or_else(|| ".git".into());
    Ok(files.join(folder))
}

/// What a small file names behind `word`; nothing where there is no such file.
fn named(path: &Path, word: &str) -> Result<Option<PathBuf>, GitError> {
    use std::os::unix::ffi::OsStringExt;
    let Some(meta) = look(path)? else { return Ok(None) };
    plain(path, &meta, LONGEST_NAME)?;
    let text = read(path, LONGEST_NAME)?;
    let text = text.strip_prefix(word.as_bytes()).unwrap_or(&text);
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    let name = text.get(..end).unwrap_or_default().to_vec();
    Ok(Some(PathBuf::from(std::ffi::OsString::from_vec(name))))
}

/// The folders of objects that one borrows from.
pub(super) fn lenders(objects: &Path) -> Result<Vec<PathBuf>, GitError> {
    use std::os::unix::ffi::OsStrExt;
    let path = objects.join("info/alternates");
    let Some(meta) = look(&path)? else { return Ok(Vec::new()) };
    plain(&path, &meta, excess::GIT_FILE)?;
    let text = read(&path, excess::GIT_FILE)?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    Ok(lines.map(|line| objects.join(std::ffi::OsStr::from_bytes(line))).collect())
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, GitError> {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut content));
    read.map_err(|error| failed(path, error))?;
    Ok(content)
}

/// All in a folder and below it.
fn walk(top: &Path, stop: &AtomicBool) -> Result<(), GitError> {
    let mut todo = vec![top.to_owned()];
    while let Some(folder) = todo.pop() {
        let entries = match fs::read_dir(&folder) {
            // Somebody else at work in it is no reason to fail.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| failed(&folder, error))?,
        };
        for entry in entries {
            stopped(stop)?;
            let entry = entry.map_err(|error| failed(&folder, error))?;
            let (path, kind) = (entry.path(), entry.file_type());
            let kind = kind.map_err(|error| failed(&path, error))?;
            if kind.is_dir() {
                if !is_made_ready(&path) {
                    todo.push(path);
                }
            } else if kind.is_file() && (is_mapped(&path) || is_left_over(top, &path)) {
                // Only what is needed of it is ever read.
            } else if let Some(meta) = look(&path)?
                && !meta.is_dir()
            {
                // A pack may be a link to one.
                plain(&path, &meta, if is_mapped(&path) { u64::MAX } else { limit_of(&path) })?;
            }
        }
    }
    Ok(())
}

/// Whether it is a folder in which an update of ours is made ready: a clone's files lie there, as long as they are.
fn is_made_ready(folder: &Path) -> bool {
    let update = folder.parent().filter(|above| above.file_name().is_some_and(|name| name == ROOMS));
    let git = update.and_then(Path::parent);
    git.is_some_and(|git| git.join("HEAD").is_file() && git.join("objects").is_dir())
}

/// Packs, their indexes and loose objects.
fn is_mapped(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let is_hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let above = path.parent().and_then(Path::file_name).unwrap_or_default().as_encoded_bytes();
    [&b".pack"[..], b".idx", b".rev", b".bitmap", b".mtimes"].iter().any(|end| name.ends_with(end))
        || (above.len() == 2 && is_hex(above) && name.len() >= 38 && is_hex(name))
}

/// What git did not finish to write below `objects`, and nobody reads: `pack/tmp_pack_x`, `ab/tmp_obj_x`. A branch
/// may have such a name, too.
fn is_left_over(top: &Path, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let below = path.strip_prefix(top).unwrap_or(path).parent().unwrap_or(Path::new(""));
    let mut above = below.iter().take_while(|folder| *folder != "refs" && *folder != "logs");
    name.starts_with(b"tmp_") && (top.ends_with("objects") || above.any(|folder| folder == "objects"))
}

/// Bytes of a file that is read whole: those that grow with a repository may be longer.
fn limit_of(path: &Path) -> u64 {
    match path.file_name().unwrap_or_default().as_encoded_bytes() {
        b"packed-refs" => excess::PACKED_REFS,
        b"shallow" => excess::BOUNDARY,
        b"index" | b"multi-pack-index" | b"commit-graph" => excess::INDEX,
        _ if path.parent().and_then(Path::file_name).is_some_and(|above| above == ROOMS) => excess::PLAN,
        name if name.ends_with(b".graph") || name.starts_with(b"sharedindex") => excess::INDEX,
        _ => excess::GIT_FILE,
    }
}

/// What stands at the end of the links at `path`; nothing where nothing does.
fn look(path: &Path) -> Result<Option<Metadata>, GitError> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(failed(path, error)),
    }
}

fn plain(path: &Path, meta: &Metadata, limit: u64) -> Result<(), GitError> {
    let odd = |what| Err(GitError::Odd { path: path.to_owned(), what });
    if !meta.is_file() {
        return odd(Oddity::Is { what: kind(meta.file_type()) });
    }
    if meta.len() > limit { odd(Oddity::Longer { limit }) } else { Ok(()) }
}

fn kind(kind: FileType) -> &'static str {
    match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () if kind.is_socket() => "a socket",
        () if kind.is_dir() => "a folder",
        () => "no file",
    }
}

fn failed(path: &Path, error: io::Error) -> GitError {
    GitError::local(format!("look at {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType as Kind, Mode, mknodat};

    use super::*;

    /// A git folder as git makes it, as far as files go.
    fn lab() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let git = place.path().join(".git");
        for folder in ["objects/pack", "objects/info", "objects/ab", "refs/heads/a", "info", "modules/m"] {
            fs::create_dir_all(git.join(folder)).unwrap();
        }
        for file in ["HEAD", "config", "refs/heads/a/b", "objects/pack/pack-1.idx", "modules/m/HEAD"] {
            fs::write(git.join(file), "x").unwrap();
        }
        place
    }

    fn check(place: &Path) -> Result<(), GitError> {
        sane(place, &AtomicBool::new(false))
    }

    #[test]
    fn what_git_makes_is_sane() {
        let place = lab();
        let git = place.path().join(".git");
        // Links to files, and to nothing; large packs and objects.
        symlink("config", git.join("linked")).unwrap();
        symlink("nowhere", git.join("dangling")).unwrap();
        for large in ["objects/pack/pack-1.pack", &format!("objects/ab/{}", "c".repeat(38))] {
            File::create(git.join(large)).unwrap().set_len(1 << 40).unwrap();
        }
        check(place.path()).unwrap();
    }

    #[test]
    fn what_git_left_and_a_pack_elsewhere_may_be_as_long_as_files_are() {
        let (place, lent) = (lab(), lab());
        let git = place.path().join(".git");
        let large = |path: &Path| File::create(path).unwrap().set_len(1 << 40).unwrap();
        for left in ["pack/tmp_pack_a", "pack/tmp_idx_a", "ab/tmp_obj_a"] {
            large(&git.join("objects").join(left));
            large(&lent.path().join(".git/objects").join(left));
        }
        let elsewhere = place.path().join("disk");
        large(&elsewhere);
        symlink(&elsewhere, git.join("objects/pack/pack-2.pack")).unwrap();
        let objects = lent.path().join(".git/objects");
        fs::write(git.join("objects/info/alternates"), format!("{}\n", objects.display())).unwrap();
        check(place.path()).unwrap();

        // A branch is read whole, whatever its name; a link may lead to what has no end.
        let branch = git.join("refs/heads/objects/pack/tmp_pack_a");
        fs::create_dir_all(branch.parent().unwrap()).unwrap();
        for (odd, to) in [
            (&branch, &elsewhere),
            (&git.join("objects/pack/tmp_pack_b"), &elsewhere),
            (&git.join("objects/pack/pack-3.pack"), &PathBuf::from("/dev/zero")),
        ] {
            symlink(to, odd).unwrap();
            assert!(
                matches!(check(place.path()), Err(GitError::Odd { path, .. }) if path == *odd),
                "{odd:?}"
            );
            fs::remove_file(odd).unwrap();
        }
        large(&branch);
        assert!(matches!(check(place.path()), Err(GitError::Odd { path, .. }) if path == branch));
    }

    #[test]
    fn what_would_hang_or_fill_the_memory_is_refused_by_name() {
        for name in
            ["HEAD", "config", "refs/heads/a/b", "objects/info/alternates", "modules/m/HEAD", "commondir"]
        {
            let place = lab();
            let path = place.path().join(".git").join(name);
            let refused = |what: &str| {
                let error = check(place.path()).unwrap_err();
                assert!(matches!(&error, GitError::Odd { path: odd, .. } if *odd == path), "{name}: {error}");
                assert!(error.to_string().contains(what), "{name}: {error}");
                let _ = fs::remove_file(&path);
            };
            let _ = fs::remove_file(&path);
            mknodat(CWD, &path, Kind::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
            refused("a pipe");
            symlink("/dev/zero", &path).unwrap();
            refused("a device");
            File::create(&path).unwrap().set_len(8 << 40).unwrap();
            refused("longer than");
        }
    }

    #[test]
    fn what_an_update_makes_ready_may_be_as_long_as_files_are() {
        let place = lab();
        for git in [".git", ".git/modules/m"] {
            let (git, rooms) = (place.path().join(git), place.path().join(git).join(ROOMS));
            fs::create_dir_all(git.join("objects")).unwrap();
            fs::create_dir_all(rooms.join("0")).unwrap();
            File::create(rooms.join("0/f")).unwrap().set_len(1 << 40).unwrap();
            File::create(rooms.join("plan")).unwrap().set_len(excess::PLAN).unwrap();
            check(place.path()).unwrap();
            fs::remove_file(rooms.join("plan")).unwrap();
            // What is read there itself is no exception, nor is what only has such a name.
            for odd in [rooms.join("plan"), git.join("refs/heads").join(ROOMS).join("x/y")] {
                fs::create_dir_all(odd.parent().unwrap()).unwrap();
                mknodat(CWD, &odd, Kind::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
                assert!(matches!(check(place.path()), Err(GitError::Odd { path, .. }) if path == odd));
                fs::remove_file(odd).unwrap();
            }
        }
    }

    #[test]
    fn git_folders_elsewhere_are_looked_at_too() {
        let (place, other) = (tempfile::tempdir().unwrap(), lab());
        let pipe = other.path().join(".git/objects/ab/pipe");
        for file in [
            format!("gitdir: {}\n", other.path().join(".git").display()),
            format!("gitdir: {}", other.path().join(".git").display()),
        ] {
            fs::write(place.path().join(".git"), file).unwrap();
            check(place.path()).unwrap();
        }
        mknodat(CWD, &pipe, Kind::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert!(check(place.path()).is_err());

        let (lent, odd) = (lab(), lab());
        let objects = other.path().join(".git/objects");
        fs::write(lent.path().join(".git/objects/info/alternates"), format!("{}\n", objects.display()))
            .unwrap();
        assert!(check(lent.path()).is_err());
        fs::write(odd.path().join(".git/commondir"), "../../nowhere\n").unwrap();
        check(odd.path()).unwrap();
    }

    #[test]
    fn a_git_that_is_a_pipe_is_refused_and_a_stop_is_heard() {
        let place = tempfile::tempdir().unwrap();
        let git = place.path().join(".git");
        mknodat(CWD, &git, Kind::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert!(matches!(check(place.path()), Err(GitError::Odd { .. })));
        let place = lab();
        assert!(matches!(sane(place.path(), &AtomicBool::new(true)), Err(GitError::Stopped)));
    }
}
