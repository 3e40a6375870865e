//! What there is to see of a world: its files, and who knows its secret.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::world::World;

/// Every file below that `is_wanted`, by its name.
fn files(folder: &Path, is_wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap()) {
        let path = entry.path();
        match entry.file_type().unwrap().is_dir() {
            true => files(&path, is_wanted, found),
            false if is_wanted(&path) => found.push(path),
            false => {}
        }
    }
}

fn below(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(folder, &is_wanted, &mut found);
    found.sort();
    found
}

/// The content of each file that the plan makes, with its rights; a link's text.
pub(crate) fn tree(world: &World) -> BTreeMap<String, (u32, Vec<u8>)> {
    let root = world.lab.folder.path();
    let made = ["out", "made", "told", "blocked"].map(|name| root.join(name));
    let mut tree = BTreeMap::new();
    for folder in made {
        // What git keeps of a clone has times in it.
        let is_ours = |path: &Path| !path.components().any(|part| part.as_os_str() == ".git");
        for path in below(&folder, is_ours) {
            let meta = path.symlink_metadata().unwrap();
            let content = match meta.is_symlink() {
                true => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                false => fs::read(&path).unwrap(),
            };
            let name = path.strip_prefix(root).unwrap().display().to_string();
            // Unpacked, it is said there where it came from.
            if !name.contains(".vps-configurator") {
                tree.insert(name, (meta.permissions().mode() & 0o7777, content));
            }
        }
    }
    tree
}

/// Files of a run that is at work: a lock, and the memory that those who read the state share.
const IN_USE: [&str; 2] = ["apply.lock", "state.db-shm"];

/// Every file of the world, when it was written, and what is in it.
pub(crate) fn all(world: &World) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let is_wanted = |path: &Path| !IN_USE.iter().any(|name| path.ends_with(name));
    let of = |path: PathBuf| {
        let meta = path.symlink_metadata().unwrap();
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        (path, (meta.modified().unwrap(), content))
    };
    below(world.lab.folder.path(), is_wanted).into_iter().map(of).collect()
}

/// Every file with the secret in it, but the one that it comes from.
pub(crate) fn with_secret(world: &World) -> Vec<PathBuf> {
    let secret = world.secret.as_bytes();
    let has = |path: &Path| {
        let content = fs::read(path).unwrap_or_default();
        content.windows(secret.len()).any(|part| part == secret)
    };
    below(world.lab.folder.path(), |path| !path.ends_with("key") && has(path))
}
