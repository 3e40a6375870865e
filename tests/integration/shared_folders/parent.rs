//! A folder of ours whose parent a neighbour may write to: he puts folders, links and pipes of his at its name, and
//! takes away what he may, as long as the command runs. Where the parent is sticky, what is ours stays ours.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tests::neighbour::{Ground, NEIGHBOUR, tries};
use tests::wait_until;
use vps_retry::{Rng, SplitMix64};

use crate::place::cannot;

/// Whose the parent is, and how much he may do in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    /// Root's, for all, and nobody takes away what is not his: as `/tmp`.
    Sticky,
    /// Root's, for all to do as they like.
    Open,
    /// The neighbour's.
    His,
}

/// `parent` is where the folder is made, as `parent/ours`; `his` is the neighbour's, with what he plants; `etc` is
/// root's, and must stay as it is.
pub(crate) struct Below {
    ground: Ground,
    parent: Parent,
    /// What he puts into folders of his, by their names.
    planted: Vec<(String, Vec<u8>)>,
}

impl Below {
    /// Nothing where there can be no neighbour.
    pub(crate) fn new(parent: Parent, planted: Vec<(String, Vec<u8>)>) -> Option<Self> {
        if cannot() {
            return None;
        }
        let ground = Ground::new(tempfile::tempdir().unwrap())?;
        fs::create_dir(ground.at("root")).unwrap();
        Some(Self { ground, parent, planted })
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.ground.at(name)
    }

    /// The folder that the command is to make and use.
    pub(crate) fn ours(&self) -> PathBuf {
        self.at("parent/ours")
    }

    /// Empties what he may write to.
    fn again(&self) {
        let _turn = self.ground.turn();
        for folder in ["parent", "his"] {
            let _ = fs::remove_dir_all(self.at(folder));
            fs::create_dir(self.at(folder)).unwrap();
        }
        let mode = match self.parent {
            Parent::Sticky => 0o1777,
            Parent::Open => 0o777,
            Parent::His => 0o755,
        };
        if self.parent == Parent::His {
            chown(self.at("parent"), Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
        }
        fs::set_permissions(self.at("parent"), Permissions::from_mode(mode)).unwrap();
        chown(self.at("his"), Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
    }

    /// Runs `command` once alone, and again and again while the neighbour is at work; it says whether it calls itself
    /// done. `look` looks at what there is then, while all stands still.
    pub(crate) fn withstands(&self, what: &str, mut command: impl FnMut() -> bool, look: impl Fn(bool)) {
        // Where he may take away what is ours, it is never used: a rule, which fewer tries prove.
        let tries = if self.parent == Parent::Sticky { tries() } else { (tries() / 10).max(10) };
        let ground = &self.ground;
        std::thread::scope(|scope| {
            let _over = ground.until_dropped();
            let mut done = 0;
            for number in 0..=tries {
                if number == 1 {
                    assert_eq!(done > 0, self.parent == Parent::Sticky, "{what}, alone in {:?}", self.parent);
                    scope.spawn(|| self.attack());
                }
                self.again();
                if number % 2 == 1 {
                    // Half of the times he is first.
                    let before = ground.deeds();
                    wait_until("a deed of the neighbour", || (ground.deeds() > before).then_some(()));
                }
                let is_done = command();
                // From here on all stands still.
                let _turn = ground.turn();
                ground.assert_untouched(format_args!("{what}, try {number}"));
                look(is_done);
                done += usize::from(is_done);
            }
            let refused = tries + 1 - done;
            println!("{what}, {:?}: {done} done, {refused} refused", self.parent);
            assert!(self.parent == Parent::Sticky || done == 0, "{what}: it was used in {:?}", self.parent);
        });
        let deeds = ground.deeds();
        println!("{what}, {:?}: {deeds} deeds of the neighbour in {tries} tries", self.parent);
        assert!(deeds >= tries / 2, "the neighbour did only {deeds} things");
    }

    /// What the neighbour does, as himself.
    fn attack(&self) {
        let (mut draw, mut number) = (SplitMix64::new(11), 0);
        self.ground.haunt(|| {
            number += 1;
            usize::from(self.one_deed(draw.next_u64(), number))
        });
    }

    fn one_deed(&self, draw: u64, number: u64) -> bool {
        let (ours, away) = (self.ours(), self.at(&format!("his/was-{number}")));
        match draw % 8 {
            0 => symlink(self.at("his"), &ours).is_ok(),
            1 => symlink(self.at("etc"), &ours).is_ok(),
            2 => fs::create_dir(&ours).is_ok() && self.plant(&ours),
            3 => mknodat(CWD, &ours, FileType::Fifo, Mode::from_raw_mode(0o666), 0).is_ok(),
            // What is ours he takes away where he may, and what is his always, for the next to find nothing there.
            4 | 5 => fs::rename(&ours, &away).is_ok(),
            6 => self.plant(&ours),
            // Made ready beside, and there at once.
            _ => fs::create_dir(&away).is_ok() && self.plant(&away) && fs::rename(&away, &ours).is_ok(),
        }
    }

    /// Puts what he has into a folder, as far as he may; whether any of it.
    fn plant(&self, folder: &Path) -> bool {
        let _ = symlink(self.at("etc/d"), folder.join("partial"));
        let written = self.planted.iter().filter(|(name, bytes)| {
            let path = folder.join(name);
            let _ = fs::remove_file(&path);
            fs::write(&path, bytes).is_ok()
                && fs::set_permissions(&path, Permissions::from_mode(0o666)).is_ok()
        });
        written.count() > 0
    }
}
