//! Whether the indexes are fresh enough not to be read again.

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::apt::facts::AptConfig;
use crate::env::Env;
use crate::env::fs::{Care, FileKind, FsFile, Open};

/// The file whose time of change is that of the last update that brought everything.
const STAMP: &str = "updated";

/// Bytes of the stamp that are read.
const LONGEST: u64 = 1 << 20;

/// Remembers an update that brought the index of every repository, and which files those are.
pub(super) fn remember(env: &Env, folder: &Path, config: &AptConfig) -> io::Result<()> {
    let mut names = indexes(env, config);
    names.sort();
    let folder = env.fs().make_folder_with(folder, Care::Alone, 0o755)?;
    let file = folder.open(OsStr::new(STAMP), Open::Update)?;
    is_ours(env, &*file)?;
    // Written even where the same stands there already: its time is what counts.
    file.truncate(0)?;
    file.write_all_at(&mut [IoSlice::new(names.join("\n").as_bytes())], 0)
}

/// Whether an update within `valid` brought everything that is configured now.
///
/// A clock that was set back, a file of sources that changed since, and indexes that were deleted all
/// make for another update: it costs little, and a stale index costs a failed install.
pub(super) fn is_fresh(env: &Env, folder: &Path, config: &AptConfig, valid: Duration) -> bool {
    let Ok((stamp, names)) = read(env, folder) else { return false };
    let Some(age) = env.wall().checked_sub(stamp) else { return false };
    age < valid
        && sources(env, config).iter().filter_map(|path| modified(env, path)).all(|changed| changed <= stamp)
        && has_all(env, &names, config)
}

/// When the stamp was written, and what stands in it. One that somebody else had a hand in says nothing: who
/// keeps indexes from being read keeps mends from being installed.
fn read(env: &Env, folder: &Path) -> io::Result<(Duration, String)> {
    let file = env.fs().folder_with(folder, Care::Alone)?.open(OsStr::new(STAMP), Open::Read)?;
    is_ours(env, &*file)?;
    let text = file.read_small(LONGEST)?;
    Ok((file.meta()?.modified, String::from_utf8_lossy(&text).into_owned()))
}

fn is_ours(env: &Env, file: &dyn FsFile) -> io::Result<()> {
    let found = file.meta()?;
    if found.kind != FileKind::File || found.links != 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(found.ours_alone(env.fs().us(), Path::new(STAMP))?)
}

/// Whether each index that was there then is there still, and any was.
fn has_all(env: &Env, names: &str, config: &AptConfig) -> bool {
    let there = indexes(env, config);
    !names.is_empty() && names.lines().all(|name| there.iter().any(|one| one == name))
}

/// The names of the indexes there are.
fn indexes(env: &Env, config: &AptConfig) -> Vec<String> {
    let names = env.fs().list(&config.lists()).unwrap_or_default();
    let is_index = |name: &std::ffi::OsString| is_index(name.as_encoded_bytes());
    names.into_iter().filter(is_index).map(|name| name.to_string_lossy().into_owned()).collect()
}

fn modified(env: &Env, path: &Path) -> Option<Duration> {
    env.fs().look_through(path).ok().map(|meta| meta.modified)
}

/// The files that say what is read, and the folder whose change tells of files that came or went.
fn sources(env: &Env, config: &AptConfig) -> Vec<PathBuf> {
    let parts = config.source_parts();
    let mut all = vec![config.source_list()];
    if let Ok(names) = env.fs().list(&parts) {
        all.extend(names.iter().map(|name| parts.join(name)));
    }
    all.push(parts);
    all
}

fn is_index(name: &[u8]) -> bool {
    ["Packages", "Packages.lz4", "Packages.gz", "Packages.xz", "Release"]
        .iter()
        .any(|end| name.ends_with(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A folder of its own with the stamp, the sources and the indexes of a machine.
    struct Machine {
        folder: tempfile::TempDir,
        env: Env,
    }

    impl Machine {
        fn new() -> Self {
            let machine = Self { folder: tempfile::tempdir().unwrap(), env: Env::real() };
            for folder in ["etc/apt/sources.list.d", "var/lib/apt/lists"] {
                std::fs::create_dir_all(machine.folder.path().join(folder)).unwrap();
            }
            machine.write("etc/apt/sources.list");
            machine.write("var/lib/apt/lists/a_dists_stable_InRelease");
            machine
        }

        fn write(&self, name: &str) {
            std::fs::write(self.folder.path().join(name), "x").unwrap();
        }

        /// The time on the wall, this much later than now.
        fn at(&self, later: Duration) -> std::time::SystemTime {
            std::time::UNIX_EPOCH + self.env.wall() + later
        }

        fn config(&self) -> AptConfig {
            AptConfig::parse(&format!("Dir \"{}\";\n", self.folder.path().display()))
        }

        fn is_fresh(&self, valid: Duration) -> bool {
            is_fresh(&self.env, &self.folder.path().join("cache"), &self.config(), valid)
        }

        fn remember(&self) {
            remember(&self.env, &self.folder.path().join("cache"), &self.config()).unwrap();
        }
    }

    #[test]
    fn nothing_is_fresh_before_the_first_update_or_when_its_time_is_over() {
        let machine = Machine::new();
        assert!(!machine.is_fresh(HOUR));
        machine.remember();
        assert!(machine.is_fresh(HOUR));
        assert!(!machine.is_fresh(Duration::ZERO));
    }

    #[test]
    fn a_new_source_or_missing_indexes_make_it_stale() {
        let machine = Machine::new();
        machine.remember();
        let later = machine.at(Duration::from_secs(5));
        machine.write("etc/apt/sources.list.d/new.list");
        let new = std::fs::File::options()
            .write(true)
            .open(machine.folder.path().join("etc/apt/sources.list.d/new.list"))
            .unwrap();
        new.set_modified(later).unwrap();
        assert!(!machine.is_fresh(HOUR));

        let machine = Machine::new();
        machine.remember();
        std::fs::remove_file(machine.folder.path().join("var/lib/apt/lists/a_dists_stable_InRelease"))
            .unwrap();
        assert!(!machine.is_fresh(HOUR));
    }

    #[test]
    fn one_index_of_several_that_is_gone_makes_it_stale() {
        let machine = Machine::new();
        machine.write("var/lib/apt/lists/b_dists_stable_Release");
        machine.write("var/lib/apt/lists/b_dists_stable_main_binary-amd64_Packages");
        machine.remember();
        assert!(machine.is_fresh(HOUR));
        let gone = "var/lib/apt/lists/b_dists_stable_main_binary-amd64_Packages";
        std::fs::remove_file(machine.folder.path().join(gone)).unwrap();
        assert!(!machine.is_fresh(HOUR));
    }

    #[test]
    fn a_stamp_from_the_future_counts_for_nothing() {
        let machine = Machine::new();
        machine.remember();
        let stamp =
            std::fs::File::options().write(true).open(machine.folder.path().join("cache/updated")).unwrap();
        stamp.set_modified(machine.at(HOUR)).unwrap();
        assert!(!machine.is_fresh(HOUR * 10));
    }

    #[test]
    fn a_stamp_that_another_had_a_hand_in_says_nothing() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let machine = Machine::new();
        machine.remember();
        let at = |name: &str| machine.folder.path().join(name);
        let mode = |name: &str, mode| {
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for (name, wrong, right) in [("cache/updated", 0o666, 0o600), ("cache", 0o1777, 0o755)] {
            mode(name, wrong);
            assert!(!machine.is_fresh(HOUR), "{name}");
            mode(name, right);
            assert!(machine.is_fresh(HOUR));
        }
        // What was planted is not written either.
        for (number, planted) in ["file", "link"].into_iter().enumerate() {
            machine.write(planted);
            std::fs::remove_file(at("cache/updated")).unwrap();
            if number == 0 {
                std::fs::hard_link(at(planted), at("cache/updated")).unwrap();
            } else {
                symlink(at(planted), at("cache/updated")).unwrap();
            }
            let folder = at("cache");
            assert!(remember(&machine.env, &folder, &machine.config()).is_err(), "{planted}");
            assert!(!machine.is_fresh(HOUR));
            assert_eq!(std::fs::read_to_string(at(planted)).unwrap(), "x");
        }
    }
}
