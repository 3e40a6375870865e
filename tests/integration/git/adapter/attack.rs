//! A neighbour who may rename in the folder that DEST is in, and does so all the time: counted in tries.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use tests::git::{must, scratch};
use tests::neighbour::{Ground, NEIGHBOUR, goes_on, tries};
use vps_retry::{Rng, SplitMix64};

use super::lab::Lab;

/// A folder of his that only has the name of one of ours.
const PLANTED: &str = ".app.clone-0badcafe";

/// `home` is the neighbour's; `etc` is not, and must stay as it is.
struct Home {
    ground: Ground,
    lab: Lab,
    /// How often the neighbour looked since the last beginning, and how often he only looks.
    looks: AtomicU64,
    patience: AtomicU64,
}

impl Home {
    /// Nothing where there can be no neighbour.
    fn new() -> Option<Self> {
        let ground = Ground::new(scratch("attack"))?;
        for folder in ["home", "repo/a/b"] {
            fs::create_dir_all(ground.at(folder)).unwrap();
        }
        chown(ground.at("home"), Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
        let repo = ground.at("repo");
        must(&repo, &["init", "-q", "-b", "main"]);
        for content in ["1", "2"] {
            fs::write(repo.join("a/b/job"), content).unwrap();
            fs::write(repo.join("d"), content).unwrap();
            must(&repo, &["add", "."]);
            must(&repo, &["commit", "-q", "-m", content]);
        }
        must(&repo, &["branch", "one", "main~1"]);
        let [looks, patience] = [0; 2].map(AtomicU64::new);
        Some(Self { ground, lab: Lab::new(), looks, patience })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.ground.at(name)
    }

    fn command(&self, more: &[&str]) -> Command {
        let (repo, dest) = (self.at("repo"), self.at("home/app"));
        let args = [&["--quiet", repo.to_str().unwrap(), dest.to_str().unwrap()], more].concat();
        let mut command = self.lab.command(&args);
        // What circuits remember between runs is nothing that he could reach.
        command.env("VPS_CONFIGURATOR_STATE__BACKEND", "memory");
        command
    }

    /// Empties `home`, but for what the neighbour planted; `make` puts something into it. The neighbour begins after
    /// so many looks.
    fn again(&self, patience: u64, make: &impl Fn(&Self)) {
        let _turn = self.ground.turn();
        for entry in fs::read_dir(self.at("home")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() || path.is_file() {
                fs::remove_file(path).unwrap();
            } else {
                fs::remove_dir_all(path).unwrap();
            }
        }
        let planted = self.at("home").join(PLANTED);
        fs::create_dir(&planted).unwrap();
        // Also with the name of a record of ours.
        for name in ["theirs", "vps-configurator-clone"] {
            fs::write(planted.join(name), "").unwrap();
            chown(planted.join(name), Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
        }
        chown(&planted, Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
        make(self);
        self.patience.store(patience, Ordering::Relaxed);
        self.looks.store(0, Ordering::Relaxed);
    }

    /// A clone at the first commit, root's, under that name.
    fn clone_to(&self, name: &str) {
        let dest = self.at(name);
        let _ = fs::remove_dir_all(&dest);
        let mut command = self.lab.command(&["--quiet", "--branch", "one", "--full"]);
        assert!(command.arg(self.at("repo")).arg(&dest).status().unwrap().success());
    }

    /// Whether a clone of root's that is right, with these files, is anywhere in `home`.
    fn has_right(&self, content: &str) -> bool {
        fs::read_dir(self.at("home")).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            let is_roots = path.symlink_metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == 0);
            let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
            is_roots && read("a/b/job") == content && read("d") == content && path.join(".git/index").exists()
        })
    }

    /// Runs a command again and again while the neighbour is at work. `code` is what it may end with beside 7,
    /// and `content` what the files have where it ended with 0.
    #[allow(clippy::print_stdout, reason = "how often who won is worth knowing")]
    fn withstands(&self, more: &[&str], code: i32, content: &str, make: impl Fn(&Self)) {
        let tries = tries();
        std::thread::scope(|scope| {
            let _over = self.ground.until_dropped();
            scope.spawn(|| self.attack());
            let (mut done, mut refused) = (0, 0);
            let (mut whole, mut draw) = (0, SplitMix64::new(23));
            let mut next = 0;
            while goes_on(next, tries + 1, self.ground.deeds() >= tries) {
                let number = next;
                next += 1;
                // How often he can look in a whole run is seen in the first one, which he lets pass.
                let patience = if number == 0 { u64::MAX } else { draw.next_u64() % (whole + 1) };
                self.again(patience, &make);
                let output = self.command(more).output().unwrap();
                // From here on all stands still.
                let _turn = self.ground.turn();
                whole = if number == 0 { self.looks.load(Ordering::Relaxed) } else { whole };
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let ended = output.status.code().unwrap();
                self.ground.assert_untouched(format_args!("{more:?}, try {number}: {said}"));
                assert!(self.at("home").join(PLANTED).join("theirs").exists(), "{more:?}: {said}");
                assert!([7, code].contains(&ended), "{more:?}, try {number}: {ended}\n{said}");
                if ended == 0 {
                    assert!(self.has_right(content), "{more:?}, try {number}: {said}");
                }
                done += usize::from(ended == code);
                refused += usize::from(ended == 7);
            }
            assert!(done > 0 && done + refused == next);
            println!("{more:?}: {done} done, {refused} refused");
        });
        let deeds = self.ground.deeds();
        assert!(deeds >= tries, "the neighbour did only {deeds} things");
    }

    /// What the neighbour does, as himself.
    fn attack(&self) {
        let home = self.at("home");
        let mut draw = SplitMix64::new(5);
        let mut number = 0;
        self.ground.haunt(|| {
            let mut deeds = 0;
            let names: Vec<PathBuf> =
                fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()).collect();
            let is_target = |path: &&PathBuf| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name != PLANTED && (name == "app" || name.contains(".clone-"))
            };
            let is_patient =
                self.looks.fetch_add(1, Ordering::Relaxed) < self.patience.load(Ordering::Relaxed);
            for path in names.iter().filter(is_target).filter(|_| !is_patient) {
                number += 1;
                let away = home.join(format!("was-{number}"));
                deeds += usize::from(self.exchange(path, &away, draw.next_u64()));
            }
            // Now and then where nothing is yet, or something back to where it was.
            let app = home.join("app");
            let moved = names.iter().find(|path| path.to_str().unwrap().contains("was-"));
            match if is_patient { u64::MAX } else { draw.next_u64() % 64 } {
                0 => drop(symlink(self.at("etc"), &app)),
                1 => drop(fs::create_dir(&app)),
                2 => drop(fs::remove_file(&app)),
                3 => drop(fs::remove_dir(&app)),
                4 => drop(moved.map(|moved| fs::rename(moved, &app))),
                _ => {}
            }
            deeds
        });
    }

    /// Takes what is at `path` away and puts something else there.
    fn exchange(&self, path: &Path, away: &Path, draw: u64) -> bool {
        // Most of the time it is let alone for a while, so that others come to see it.
        if draw % 8 > 2 || fs::rename(path, away).is_err() {
            return false;
        }
        match draw / 8 % 5 {
            0 => symlink(self.at("etc"), path).is_ok(),
            1 => symlink(self.at("etc/shadow"), path).is_ok(),
            2 => {
                let made = fs::create_dir_all(path.join("clone/.git"));
                let linked = symlink(self.at("etc/d"), path.join("clone/a"));
                made.is_ok() && linked.is_ok()
            }
            3 => fs::create_dir(path).is_ok_and(|()| symlink(self.at("etc"), path.join("a")).is_ok()),
            // Back again: what was looked at is the same, and is not.
            _ => {
                symlink(self.at("etc"), path).is_ok() && {
                    let _ = fs::remove_file(path);
                    fs::rename(away, path).is_ok()
                }
            }
        }
    }
}

/// A folder with all in it, root's as that: a program that copies it would take longer than the rest of a try.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            fs::File::options().read(true).open(&to).unwrap().set_modified(modified).unwrap();
        }
    }
}

#[test]
fn a_neighbour_leads_no_clone_astray() {
    let Some(home) = Home::new() else { return };
    home.withstands(&[], 0, "2", |_| {});
}

#[test]
fn a_neighbour_leads_no_clone_into_an_empty_folder_astray() {
    let Some(home) = Home::new() else { return };
    home.withstands(&[], 0, "2", |home| {
        let dest = home.at("home/app");
        fs::create_dir(&dest).unwrap();
        fs::set_permissions(dest, fs::Permissions::from_mode(0o755)).unwrap();
    });
}

#[test]
fn a_neighbour_leads_no_update_astray() {
    let Some(home) = Home::new() else { return };
    home.clone_to("model");
    home.withstands(&["--update", "--branch", "main", "--full"], 0, "2", |home| {
        let (model, dest) = (home.at("model"), home.at("home/app"));
        copy(&model, &dest);
    });
}

#[test]
fn a_neighbour_leads_no_removal_astray() {
    let Some(home) = Home::new() else { return };
    // It fails, and removes what it made; before that, what a dead one left.
    home.withstands(&["--branch", "nope"], 1, "", |home| {
        let dead = home.at("home/.app.clone-00c0ffee");
        fs::create_dir_all(dead.join("clone/a/b/c")).unwrap();
        fs::set_permissions(&dead, fs::Permissions::from_mode(0o700)).unwrap();
        for file in ["vps-configurator-clone", "clone/a/f", "clone/a/b/c/f"] {
            fs::write(dead.join(file), "").unwrap();
        }
    });
}
