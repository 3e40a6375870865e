//! A repository inside the clone's own, which what is fetched goes to first: what fails on the way never
//! touches the clone.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use gix::ObjectId;
use gix::bstr::BString;

use super::crash;
use crate::env::fs::{Clobber, Fs};
use crate::git::absorb::relative;
use crate::git::{GitError, words};

/// Refs by their full names. Those that point to other refs are left out.
pub(in crate::git) type Refs = BTreeMap<BString, ObjectId>;

/// Where small files are made ready, in the quarantine's git folder.
pub(super) const PUTS: &str = "vps-puts";

/// All refs of a repository.
pub(in crate::git) fn refs_of(repo: &gix::Repository) -> Result<Refs, GitError> {
    let failed = |error: gix::Error| words::of("read the refs", &error);
    let mut refs = Refs::new();
    for reference in repo.references().map_err(failed)?.all().map_err(failed)? {
        let reference = reference.map_err(|error| words::of("read a ref", &error))?;
        if let Some(id) = reference.try_id() {
            refs.insert(reference.name().as_bstr().to_owned(), id.detach());
        }
    }
    Ok(refs)
}

/// Makes one in `room` for `repo`, whose git folder is `from`: it sees all that is there and is configured as that.
pub(super) fn make(room: &Path, repo: &gix::Repository, from: &Path, refs: &Refs) -> Result<(), GitError> {
    let git = room.join(".git");
    let doing = || format!("make a repository in {}", room.display());
    let failed = |error: io::Error| GitError::local(doing(), error);
    for folder in ["objects/info", "objects/pack", "refs/heads", "info", PUTS] {
        fs::create_dir_all(git.join(folder)).map_err(failed)?;
    }
    // From there: a name from the top could lead elsewhere by the time it is read.
    let objects = relative(&git.join("objects"), &from.join("objects"));
    let mut alternates = objects.into_os_string().into_encoded_bytes();
    alternates.push(b'\n');
    if alternates.iter().filter(|byte| **byte == b'\n').count() > 1 {
        let words = "a folder whose name has a line break";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, words)));
    }
    fs::write(git.join("objects/info/alternates"), alternates).map_err(failed)?;
    let mut packed = b"# pack-refs with: sorted \n".to_vec();
    for (name, id) in refs {
        packed.extend_from_slice(format!("{id} ").as_bytes());
        packed.extend_from_slice(name);
        packed.push(b'\n');
    }
    fs::write(git.join("packed-refs"), packed).map_err(failed)?;
    let head = match repo.head_id() {
        Ok(id) => format!("{id}\n"),
        Err(_) => "ref: refs/heads/unborn\n".to_owned(),
    };
    fs::write(git.join("HEAD"), head).map_err(failed)?;
    for name in ["shallow", "info/attributes"] {
        match fs::copy(from.join(name), git.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    configure(&from.join("config"), &git.join("config"), &doing())
}

/// As the repository's, but for the place of its files.
fn configure(from: &Path, to: &Path, doing: &str) -> Result<(), GitError> {
    let mut config = gix::config::File::from_path_no_includes(from.to_owned(), gix::config::Source::Local)
        .map_err(|error| words::of_any(doing, error))?;
    config.set_raw_value_by("core", None, "bare", b"false").map_err(|error| words::of_any(doing, error))?;
    if let Ok(mut values) = config.raw_values_mut_by("core", None, "worktree") {
        values.delete_all();
    }
    let mut text = Vec::new();
    config.write_to(&mut text).map_err(|error| GitError::local(doing, error))?;
    fs::write(to, text).map_err(|error| GitError::local(doing, error))
}

/// Moves the packs that came into the repository: an index last, so that git sees whole packs only. What was
/// moved before is not there any more.
pub(super) fn release(files: &dyn Fs, room: &Path, git: &Path) -> Result<(), GitError> {
    let (from, to) = (room.join(".git/objects/pack"), git.join("objects/pack"));
    let failed = |error| GitError::local(format!("move what came to {}", to.display()), error);
    let entries = match fs::read_dir(&from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name());
    }
    let is_index = |name: &std::ffi::OsString| name.as_encoded_bytes().ends_with(b".idx");
    names.retain(|name| is_index(name) || name.as_encoded_bytes().ends_with(b".pack"));
    names.sort_by_key(is_index);
    if !names.is_empty() {
        fs::create_dir_all(&to).map_err(failed)?;
    }
    for name in names {
        crash::point(&to);
        files.rename(&from.join(&name), &to.join(&name), Clobber::Replace).map_err(failed)?;
    }
    Ok(())
}
