//! Repositories: their indexes, and who signed them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sha2::{Digest, Sha256, Sha512};

use super::base::{must, output};
use super::packages::{self, Package};
use crate::server::Content;

/// A repository that a mirror can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repository {
    /// Version 1.0 of everything but `lab-third`.
    Main,
    /// The same some time later: 2.0 of `lab-leaf`, `lab-dep`, `lab-app` and `lab-conf`, without their 1.0.
    Later,
    /// Somebody else's: `lab-third` alone.
    Third,
    /// `lab-leaf`, `lab-dep` and `lab-app` with SHA-512 beside SHA-256.
    Sha512,
    /// `lab-leaf`, signed by a key that nobody here knows.
    Stranger,
    /// `lab-leaf`, no longer valid.
    Expired,
    /// `lab-leaf`, from the future.
    Early,
    /// `lab-leaf`, not signed at all.
    Unsigned,
}

impl Repository {
    pub(super) const ALL: [Self; 8] = [
        Self::Main,
        Self::Later,
        Self::Third,
        Self::Sha512,
        Self::Stranger,
        Self::Expired,
        Self::Early,
        Self::Unsigned,
    ];

    /// Its folder below `repositories`.
    pub(super) fn folder(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub(super) fn holds(self, package: &Package) -> bool {
        let third = package.name == "lab-third";
        let has_two = || packages::all().iter().any(|one| one.name == package.name && one.version == "2.0");
        match self {
            Self::Main => !third && package.version != "2.0",
            Self::Later => !third && (package.version == "2.0" || !has_two()),
            Self::Third => third,
            Self::Sha512 => {
                ["lab-leaf", "lab-dep", "lab-app"].contains(&package.name.as_str())
                    && package.version == "1.0"
            }
            Self::Stranger | Self::Expired | Self::Early | Self::Unsigned => {
                package.name == "lab-leaf" && package.version == "1.0"
            }
        }
    }

    fn dates(self) -> &'static str {
        match self {
            Self::Expired => {
                "Date: Wed, 01 Jan 2025 00:00:00 UTC\nValid-Until: Thu, 02 Jan 2025 00:00:00 UTC\n"
            }
            Self::Early => "Date: Fri, 01 Jan 2100 00:00:00 UTC\n",
            _ => "Date: Wed, 01 Jan 2025 00:00:00 UTC\n",
        }
    }
}

/// The path of an index inside a repository.
pub(super) fn packages_path() -> String {
    format!("dists/stable/main/binary-{}/Packages", architecture())
}

/// The machine's own.
pub(super) fn architecture() -> &'static str {
    static ASKED: LazyLock<String> = LazyLock::new(|| {
        output("dpkg", |run| {
            run.arg("--print-architecture");
        })
    });
    ASKED.trim()
}

/// Writes all repositories for the packages in `pool`, and the key that signs them.
pub(super) fn build(folder: &Path, pool: &Path, keyring: &Path) {
    let (ours, stranger) = (Key::make("lab"), Key::make("stranger"));
    fs::write(keyring, ours.public()).unwrap();
    let (index, architecture) = (packages_path(), architecture());
    let debs: BTreeMap<_, _> = packages::all()
        .iter()
        .map(|package| (package.file(), Deb::read(&pool.join(package.file()))))
        .collect();
    for repository in Repository::ALL {
        let root = folder.join(repository.folder());
        let path = root.join(&index);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = packages_index(repository, &debs);
        fs::write(&path, &text).unwrap();
        let content = Content::fixed(&text);
        let release = format!(
            "Origin: Lab\nLabel: Lab\nSuite: stable\nCodename: stable\n{}Architectures: {architecture}\n\
             Components: main\nDescription: lab repository\nSHA256:\n {} {} main/binary-{architecture}/Packages\n",
            repository.dates(),
            content.sha256(),
            text.len(),
        );
        let (name, bytes) = match repository {
            Repository::Unsigned => ("Release", release.into_bytes()),
            Repository::Stranger => ("InRelease", stranger.sign(&release)),
            _ => ("InRelease", ours.sign(&release)),
        };
        fs::write(root.join("dists/stable").join(name), bytes).unwrap();
    }
}

fn packages_index(repository: Repository, debs: &BTreeMap<String, Deb>) -> String {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    for package in packages::all().iter().filter(|package| repository.holds(package)) {
        assert!(seen.insert(package.file()), "two packages in {}", package.file());
        let deb = &debs[&package.file()];
        write!(
            text,
            "{}Filename: pool/{}\nSize: {}\nSHA256: {}\n",
            package.control(),
            package.file(),
            deb.size,
            deb.sha256
        )
        .unwrap();
        if repository == Repository::Sha512 {
            writeln!(text, "SHA512: {}", deb.sha512).unwrap();
        }
        text.push('\n');
    }
    text
}

/// What an index says of a package's file.
struct Deb {
    size: usize,
    sha256: String,
    sha512: String,
}

impl Deb {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { size: bytes.len(), sha256: hex(&Sha256::digest(&bytes)), sha512: hex(&Sha512::digest(&bytes)) }
    }
}

/// A key with a home of its own; the agent ends with it.
struct Key {
    home: tempfile::TempDir,
}

impl Key {
    fn make(name: &str) -> Self {
        // Below /tmp: a socket's path must be short.
        let key = Self { home: tempfile::Builder::new().prefix("lab-key").tempdir_in("/tmp").unwrap() };
        let user = format!("{name} <{name}@example.com>");
        key.gpg(&["--quick-generate-key", &user, "ed25519", "sign", "never"]);
        key
    }

    /// With a time of its own, so that the machine's clock is nobody's concern.
    fn gpg(&self, args: &[&str]) -> Vec<u8> {
        must("gpg", |run| {
            run.args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""])
                .args(["--faked-system-time", "20250101T000000!", "--homedir"])
                .arg(self.home.path())
                .args(args);
        })
    }

    fn public(&self) -> Vec<u8> {
        self.gpg(&["--export"])
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        let file: PathBuf = self.home.path().join("text");
        fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        self.gpg(&["--output", "-", "--digest-algo", "SHA256", "--clearsign", &file])
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        must("gpgconf", |run| {
            run.arg("--homedir").arg(self.home.path()).args(["--kill", "all"]);
        });
    }
}
