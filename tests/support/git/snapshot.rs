//! Folders, to be compared with what they were.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Everything below a path and the path itself, a line each: kind, mode, owner, inode, time of change, and what
/// is in it. A file that was rewritten with the same bytes is another.
#[must_use]
pub fn snapshot(path: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    note(path, path, &mut lines);
    lines.sort();
    lines
}

fn note(root: &Path, path: &Path, lines: &mut Vec<String>) {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return lines.push(format!("{} absent", path.display()));
    };
    let name = path.strip_prefix(root).unwrap();
    let (mode, owner, group) = (meta.mode(), meta.uid(), meta.gid());
    let known =
        format!("{name:?} {mode:o} {owner}:{group} {} {}.{}", meta.ino(), meta.mtime(), meta.mtime_nsec());
    if meta.is_dir() {
        lines.push(known);
        for entry in fs::read_dir(path).unwrap() {
            note(root, &entry.unwrap().path(), lines);
        }
    } else if meta.is_symlink() {
        lines.push(format!("{known} -> {:?}", fs::read_link(path).unwrap()));
    } else {
        lines.push(format!(
            "{known} {:?}",
            fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        ));
    }
}

/// The names in a folder, sorted.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn beside(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
