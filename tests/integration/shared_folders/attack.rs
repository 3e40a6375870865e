//! A neighbour who may rename where we write, and does so all the time: counted in tries.
//!
//! He renames what the program makes, puts links, folders and files of his in its place, and exchanges the folder
//! itself for a link. What is not his must stay as it was, and what the program calls done must be there, root's.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tests::neighbour::{Ground, NEIGHBOUR, goes_on, tries};
use tests::server::{Content, Route, Server};
use vps_retry::{Rng, SplitMix64};

use crate::place::{binary, cannot};

const LENGTH: usize = 60_000;

/// `home` is the neighbour's, with the folder that is written to; `etc` is root's, and must stay as it is.
struct Home {
    ground: Ground,
    server: Server,
    content: Content,
}

impl Home {
    /// Nothing where there can be no neighbour.
    fn new() -> Option<Self> {
        if cannot() {
            return None;
        }
        let ground = Ground::new(tempfile::tempdir().unwrap())?;
        for folder in ["home", "state", "root"] {
            fs::create_dir(ground.at(folder)).unwrap();
        }
        chown(ground.at("home"), Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
        let server = Server::start();
        let content = Content::seeded(LENGTH as u64, 7);
        server.route("/f", Route::content(content.clone()));
        Some(Self { ground, server, content })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.ground.at(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.at("root"));
        command.env("STATE_DIRECTORY", self.at("state")).current_dir(self.at("root"));
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Empties `home`, but for the folder that is written to.
    fn again(&self) {
        let _turn = self.ground.turn();
        let home = self.at("home");
        fs::remove_dir_all(&home).unwrap();
        for folder in [home.clone(), home.join("shared")] {
            fs::create_dir(&folder).unwrap();
            chown(&folder, Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
        }
    }

    /// Whether root's file with that content is anywhere in `home`.
    fn has(&self, is_right: &dyn Fn(&[u8]) -> bool) -> bool {
        files(&self.at("home")).iter().any(|path| {
            let is_roots = path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.uid() == 0);
            is_roots && fs::read(path).is_ok_and(|found| is_right(&found))
        })
    }

    /// Runs a command once alone, which has to be done, and again and again while the neighbour is at work. Where it
    /// calls itself done, `is_right` says of a file whether it is what was to be written.
    fn withstands(&self, args: &[&str], is_right: &dyn Fn(&[u8]) -> bool) {
        let (tries, ground) = (tries(), &self.ground);
        std::thread::scope(|scope| {
            let _over = ground.until_dropped();
            let (mut done, mut refused) = (0, 0);
            let mut next = 0;
            while goes_on(next, tries + 1, ground.deeds() >= tries) {
                let number = next;
                next += 1;
                if number == 1 {
                    assert_eq!(done, 1, "{args:?}: nobody kept it from being done");
                    scope.spawn(|| self.attack());
                }
                self.again();
                let output = self.command(args).output().unwrap();
                // From here on all stands still.
                let _turn = ground.turn();
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                ground.assert_untouched(format_args!("{args:?}, try {number}: {said}"));
                let is_told = said.contains("cannot be written");
                match output.status.code() {
                    Some(0) if !is_told => {
                        assert!(self.has(is_right), "{args:?}, try {number}: {said}");
                        done += 1;
                    }
                    Some(0 | 7) => refused += 1,
                    other => panic!("{args:?}, try {number}: {other:?}\n{said}"),
                }
            }
            println!("{args:?}: {done} done, {refused} refused");
        });
        let deeds = ground.deeds();
        assert!(deeds >= tries, "the neighbour did only {deeds} things");
    }

    /// What the neighbour does, as himself.
    fn attack(&self) {
        let (home, mut draw, mut number) = (self.at("home"), SplitMix64::new(7), 0);
        self.ground.haunt(|| {
            let shared = home.join("shared");
            let (mut deeds, entries) = (0, fs::read_dir(&shared).into_iter().flatten().flatten());
            for path in entries.map(|entry| entry.path()) {
                number += 1;
                let away = home.join(format!("was-{number}"));
                deeds += usize::from(self.exchange(&path, &away, draw.next_u64()));
            }
            // Now and then where nothing is yet, or the folder itself.
            let did = match draw.next_u64() % 512 {
                0 => symlink(self.at("etc/shadow"), shared.join("x")).is_ok(),
                1 => symlink(self.at("etc"), shared.join("x")).is_ok(),
                2 => fs::create_dir(shared.join("x")).is_ok(),
                3 => fs::create_dir(shared.join(".x.part.json")).is_ok(),
                4 => fs::write(shared.join(".x.part"), "theirs").is_ok(),
                5 => {
                    number += 1;
                    let gone = fs::rename(&shared, home.join(format!("folder-{number}"))).is_ok();
                    gone && symlink(self.at("etc"), &shared).is_ok()
                }
                6 => fs::remove_file(&shared).is_ok() && fs::create_dir(&shared).is_ok(),
                _ => false,
            };
            deeds + usize::from(did)
        });
    }

    /// Takes what is at `path` away and puts something else there.
    fn exchange(&self, path: &Path, away: &Path, draw: u64) -> bool {
        // Most of the time it is let alone for a while, so that others come to see it.
        if draw % 16 > 1 || fs::rename(path, away).is_err() {
            return false;
        }
        match draw / 16 % 5 {
            0 => symlink(self.at("etc/shadow"), path).is_ok(),
            1 => symlink(self.at("etc"), path).is_ok(),
            2 => fs::create_dir(path).is_ok(),
            3 => fs::write(path, vec![b'x'; LENGTH]).is_ok(),
            // Back again: what was looked at is the same, and is not. He takes nothing away for good: what was done
            // right must be somewhere in the end.
            _ => {
                let link = away.with_extension("link");
                symlink(self.at("etc/f"), path).is_ok()
                    && fs::rename(path, link).is_ok()
                    && renameat_with(CWD, away, CWD, path, RenameFlags::NOREPLACE).is_ok()
            }
        }
    }
}

/// All files below a folder, through no link.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => files(&path),
            _ => vec![path],
        })
        .collect()
}

#[test]
fn a_neighbour_leads_no_download_astray() {
    for digest in [true, false] {
        let Some(home) = Home::new() else { return };
        let (dest, sha256, url) = (home.at("home/shared/x"), home.content.sha256(), home.server.url("/f"));
        let mut args = vec!["download", &url, dest.to_str().unwrap(), "--quiet", "--timeout", "20s"];
        if digest {
            args.extend(["--sha256", &sha256]);
        }
        home.withstands(&args, &|found| found == home.content.bytes());
    }
}

#[test]
fn a_neighbour_leads_no_report_astray() {
    let Some(home) = Home::new() else { return };
    let dest = home.at("home/shared/x");
    let args = ["run", "--quiet", "--report", dest.to_str().unwrap(), "--", "true"];
    home.withstands(&args, &|found| found.starts_with(b"{"));
}

#[test]
fn a_neighbour_leads_no_metrics_astray() {
    let Some(home) = Home::new() else { return };
    let dest = home.at("home/shared/x");
    let args = ["run", "--quiet", "--metrics-file", dest.to_str().unwrap(), "--", "true"];
    home.withstands(&args, &|found| found.starts_with(b"# HELP "));
}

#[test]
fn a_neighbour_leads_no_first_configuration_astray() {
    let Some(home) = Home::new() else { return };
    let dest = home.at("home/shared/x");
    let args = ["config", "init", "--quiet", "--config", dest.to_str().unwrap()];
    home.withstands(&args, &|found| found.starts_with(b"#"));
}
