//! A row made real, and what was there before and after.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::table::{Name, Row, To, Us, Who};

/// The folders of one row: the shared one, one of ours elsewhere, and what the program needs for itself.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) row: Row,
    pub(crate) name: &'static str,
}

/// What stands at a path: inode, owner, mode, and content or target.
type Seen = BTreeMap<PathBuf, (u64, u32, u32, Vec<u8>)>;

/// Why no row can be tried here; said once.
pub(crate) fn cannot() -> bool {
    if !rustix::process::geteuid().is_root() {
        tests::skip("only root can be its own neighbour");
        return true;
    }
    if !Path::new("/usr/bin/setpriv").exists() {
        tests::skip("setpriv is not on this machine");
        return true;
    }
    false
}

fn make_device(path: &Path) -> bool {
    let device = rustix::fs::makedev(1, 3);
    let made = mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), device).is_ok();
    made && fs::set_permissions(path, Permissions::from_mode(0o666)).is_ok()
}

/// Lets the neighbour write by an access list, also in what is made in the folder; whether that can be.
fn grant(folder: &Path) -> bool {
    let nobody = u32::MAX;
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, who) in [
        (1_u16, 7_u16, nobody),
        (2, 7, tests::neighbour::NEIGHBOUR),
        (4, 5, nobody),
        (0x10, 7, nobody),
        (0x20, 5, nobody),
    ] {
        list.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
        list.extend(who.to_le_bytes());
    }
    let flags = rustix::fs::XattrFlags::empty();
    ["system.posix_acl_access", "system.posix_acl_default"]
        .iter()
        .all(|which| rustix::fs::setxattr(folder, *which, &list, flags).is_ok())
}

impl Place {
    /// `None` where this machine has no such thing, said.
    pub(crate) fn make(row: Row, name: &'static str) -> Option<Self> {
        let place = Self { folder: tempfile::tempdir().unwrap(), row, name };
        fs::set_permissions(place.folder.path(), Permissions::from_mode(0o755)).unwrap();
        for own in ["outside", "home", "state", "shared"] {
            fs::create_dir(place.at(own)).unwrap();
            chown(place.at(own), Some(row.us.0), Some(row.us.0)).unwrap();
        }
        place.file("outside/kept", Who::Us);
        let shared = place.at("shared");
        if !place.plant() {
            tests::skip("no device can be made here");
            return None;
        }
        let owner = row.folder.owner.number(row.us);
        chown(&shared, Some(owner), Some(owner)).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(row.folder.mode)).unwrap();
        if row.folder.list && !grant(&shared) {
            tests::skip("no access lists on this file system");
            return None;
        }
        Some(place)
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path that is written.
    pub(crate) fn path(&self) -> PathBuf {
        self.at("shared").join(self.name)
    }

    fn file(&self, name: &str, who: Who) {
        fs::write(self.at(name), format!("{name} as it was")).unwrap();
        let owner = who.number(self.row.us);
        chown(self.at(name), Some(owner), Some(owner)).unwrap();
    }

    fn plant(&self) -> bool {
        let (path, us) = (self.path(), self.row.us);
        match self.row.name {
            Name::Nothing => {}
            Name::File(who) => self.file(&format!("shared/{}", self.name), who),
            Name::Link(who, to) => {
                self.file("shared/beside", Who::Us);
                let target = match to {
                    To::Beside => PathBuf::from("beside"),
                    To::Outside => self.at("outside/kept"),
                    To::OutsideFolder => self.at("outside"),
                    To::Nowhere => PathBuf::from("nowhere"),
                };
                symlink(target, &path).unwrap();
                lchown(&path, Some(who.number(us)), Some(who.number(us))).unwrap();
            }
            Name::Fifo(who) => {
                mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
                chown(&path, Some(who.number(us)), Some(who.number(us))).unwrap();
            }
            Name::Device => return make_device(&path),
            Name::Folder(who) => {
                fs::create_dir(&path).unwrap();
                chown(&path, Some(who.number(us)), Some(who.number(us))).unwrap();
            }
        }
        true
    }

    /// The program as whom the row says, with nothing of this machine's settings.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.row.us);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.at("home"))
            .env("LANG", "C.UTF-8")
            .env("STATE_DIRECTORY", self.at("state"))
            .current_dir(self.at("home"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Everything in the shared folder, and in ours that a link may lead to.
    pub(crate) fn seen(&self) -> Seen {
        let mut seen = Seen::new();
        for top in ["shared", "outside"] {
            look(&self.at(top), &mut seen);
        }
        seen
    }

    /// What is other than it was, and is not at `written`.
    pub(crate) fn changed(&self, before: &Seen, written: Option<&Path>) -> Vec<PathBuf> {
        let after = self.seen();
        let all = before.keys().chain(after.keys());
        let mut changed: Vec<_> = all.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
        changed.retain(|path| Some(path.as_path()) != written);
        changed.dedup();
        changed
    }
}

fn look(path: &Path, seen: &mut Seen) {
    let found = fs::symlink_metadata(path).unwrap();
    let content = if found.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else if found.is_file() {
        fs::read(path).unwrap()
    } else {
        Vec::new()
    };
    seen.insert(path.to_owned(), (found.ino(), found.uid(), found.mode(), content));
    if found.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            look(&entry.unwrap().path(), seen);
        }
    }
}

pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found =
        test.ancestors().skip(1).map(|folder| folder.join("vps-configurator")).find(|path| path.is_file());
    found.expect("vps-configurator is not built: run `cargo xtask test`, which builds it first")
}

fn program(us: Us) -> Command {
    if us.0 == 0 {
        return Command::new(binary());
    }
    let number = us.0.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &number, "--regid", &number, "--clear-groups"]).arg(binary());
    command
}

/// Whether another user can start the program where it was built; said if not.
pub(crate) fn can_start(us: Us) -> bool {
    let can = program(us).arg("--version").output().is_ok_and(|output| output.status.success());
    if !can {
        tests::skip("another user cannot start the program here");
    }
    can
}
