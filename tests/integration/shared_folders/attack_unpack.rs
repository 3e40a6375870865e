//! An archive that is unpacked into a folder of a neighbour's, while he renames what is there: he exchanges the tree,
//! what grows beside it and a folder of root's for one another, for links and for folders of his. What is root's must stay
//! as it was, and what is called done must be there.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tests::archives::{Thing, tar};
use tests::neighbour::{Ground, NEIGHBOUR, goes_on, tries};
use vps_ops::env::Env;
use vps_ops::env::fs::Open;
use vps_ops::unpack::{
    ArchiveDigest, UnpackError, UnpackLimits, UnpackOptions, UnpackRequest, Unpacked, unpack_here,
};
use vps_ops::{Classify, Deadline, Kind};
use vps_retry::{Rng, SplitMix64};

/// `home` is the neighbour's, with the folder `shared` that is unpacked in, and `shared/precious` is root's.
struct Home {
    ground: Ground,
    env: Env,
}

impl Home {
    fn shared(&self) -> PathBuf {
        self.ground.at("home/shared")
    }

    /// All anew.
    fn again(&self) {
        let _turn = self.ground.turn();
        let home = self.ground.at("home");
        let _ = fs::remove_dir_all(&home);
        for folder in [home, self.shared()] {
            fs::create_dir(&folder).unwrap();
            chown(&folder, Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
        }
        fs::create_dir(self.shared().join("precious")).unwrap();
        fs::write(self.shared().join("precious/f"), "precious").unwrap();
    }

    fn unpack(&self, number: usize) -> Result<Unpacked, UnpackError> {
        let things = [Thing::file("d/f", content(number)), Thing::file("g", "x"), Thing::link("l", "d/f")];
        let archive = self.ground.at("archive");
        fs::write(&archive, tar(&things)).unwrap();
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let request = UnpackRequest {
            archive: self.env.fs().open(&archive, Open::Read).unwrap(),
            name: "archive.tar".into(),
            digest: ArchiveDigest::from_bytes(digest),
            to: self.shared().join("to"),
            options: UnpackOptions::default(),
            limits: UnpackLimits::default(),
            deadline: Deadline::NEVER,
        };
        unpack_here(&self.env, request, &Arc::new(AtomicBool::new(false)), |_| {})
    }

    /// How many files of root's have that content, wherever in `home`.
    fn count(&self, content: &str) -> usize {
        let found = files(&self.ground.at("home")).into_iter().filter(|path| {
            let is_roots = path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.uid() == 0);
            is_roots && fs::read(path).is_ok_and(|found| found == content.as_bytes())
        });
        found.count()
    }

    fn attack(&self) {
        let (home, shared, mut draw) = (self.ground.at("home"), self.shared(), SplitMix64::new(23));
        let mut number = 0;
        self.ground.haunt(|| {
            let names: Vec<_> =
                fs::read_dir(&shared).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            let mut pick = || {
                let at = draw.next_u64() % names.len().max(1) as u64;
                names.get(usize::try_from(at).unwrap())
            };
            let (Some(one), Some(other)) = (pick(), pick()) else { return 0 };
            number += 1;
            let away = home.join(format!("was-{number}"));
            let swap = |one: &Path, other: &Path| renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
            let to = shared.join("to");
            let plant = |planted: &dyn Fn() -> bool| fs::rename(one, &away).is_ok() && planted();
            usize::from(match draw.next_u64() % 12 {
                0..3 => swap(one, other).is_ok(),
                3 => swap(&shared.join("precious"), &to).is_ok(),
                4 => plant(&|| symlink(self.ground.at("etc"), one).is_ok()),
                5 => plant(&|| fs::create_dir(one).is_ok()),
                6 => symlink(self.ground.at("etc"), &to).is_ok(),
                7 => fs::create_dir(&to).is_ok(),
                8 => plant(&|| renameat_with(CWD, &away, CWD, one, RenameFlags::NOREPLACE).is_ok()),
                9 if number % 64 == 0 => {
                    fs::rename(&shared, &away).is_ok() && symlink(self.ground.at("etc"), &shared).is_ok()
                }
                _ => false,
            })
        });
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

fn content(number: usize) -> String {
    format!("content {number}")
}

#[test]
fn a_neighbour_leads_no_unpacking_astray() {
    let Some(ground) = Ground::new(tempfile::tempdir().unwrap()) else { return };
    let home = Home { ground, env: Env::real() };
    let tries = tries().max(50);
    let (mut done, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let _over = home.ground.until_dropped();
        home.again();
        // Alone it is unpacked, and replaced.
        assert!(!home.unpack(0).unwrap().replaced && home.unpack(1).unwrap().replaced);
        scope.spawn(|| home.attack());
        let mut number = 1;
        while goes_on(number - 1, tries, done > 0 && refused > 0) {
            number += 1;
            // What was unpacked is replaced now and then.
            if number % 3 != 0 {
                home.again();
            }
            let outcome = home.unpack(number);
            // From here on all stands still.
            let _turn = home.ground.turn();
            home.ground.assert_untouched(format_args!("try {number}: {outcome:?}"));
            assert_eq!(home.count("precious"), 1, "try {number}: {outcome:?}");
            match outcome {
                Ok(_) => {
                    assert_eq!(home.count(&content(number)), 1, "try {number}");
                    done += 1;
                }
                Err(error) => {
                    assert_eq!(error.judge().kind, Kind::Local, "try {number}: {error:?}");
                    refused += 1;
                }
            }
        }
    });
    println!("{done} done, {refused} refused");
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
}
