//! What this machine is: read of files, without a process.

use std::path::Path;

use super::facts::Facts;
use crate::env::fs::{Care, Fs};

/// Bytes of any of these files.
const LARGEST: u64 = 64 << 10;
/// What tells a container from a machine, as `systemd-detect-virt` asks: the first that is there.
const CONTAINER_FILES: [&str; 3] = ["/run/systemd/container", "/.dockerenv", "/run/.containerenv"];

impl Facts {
    /// Asks the files of this machine. What none of them says is left empty.
    #[must_use]
    pub fn read(fs: &dyn Fs) -> Self {
        let release = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| text(fs, path));
        let release = release.unwrap_or_default();
        let of = |key: &str| value_of(&release, key).unwrap_or_default();
        let hostname = text(fs, "/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            os: of("ID"),
            os_version: of("VERSION_ID"),
            codename: of("VERSION_CODENAME"),
            arch: arch(std::env::consts::ARCH, cfg!(target_endian = "little")).to_owned(),
            hostname: hostname.trim().to_owned(),
            container: is_container(fs),
            root: fs.user() == 0,
        }
    }
}

fn text(fs: &dyn Fs, path: &str) -> Option<String> {
    let bytes = fs.open_with(Path::new(path), Care::Links).ok()?.read_small(LARGEST).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_container(fs: &dyn Fs) -> bool {
    let is_there = |path: &&str| fs.look_through(Path::new(path)).is_ok();
    if CONTAINER_FILES.iter().any(is_there) {
        return true;
    }
    // Only root may read it, and only there does it say so.
    text(fs, "/proc/1/environ").is_some_and(|environ| {
        environ
            .split('\0')
            .any(|variable| variable.strip_prefix("container=").is_some_and(|name| !name.is_empty()))
    })
}

/// The value of a key of os-release: a shell's assignment, in quotes or not.
fn value_of(release: &str, key: &str) -> Option<String> {
    let value =
        release.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?.trim();
    let inner = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    let mut read = String::new();
    let mut letters = inner.unwrap_or(value).chars();
    while let Some(letter) = letters.next() {
        read.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    // What is read ends in names and URLs.
    Some(read.chars().filter(|letter| !letter.is_control()).collect())
}

/// The name of an architecture in Debian, by the one that it has in Rust.
fn arch(name: &str, is_little: bool) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "i386",
        "arm" => "armhf",
        "powerpc64" if is_little => "ppc64el",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        "mips64" if is_little => "mips64el",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_as_a_shell_would() {
        let text =
            "NAME=\"x\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='book\\worm'\nEMPTY=\nID_LIKE=y\n";
        let of = |key| value_of(text, key);
        assert_eq!(of("ID").as_deref(), Some("debian"));
        assert_eq!(of("VERSION_ID").as_deref(), Some("12"));
        assert_eq!(of("VERSION_CODENAME").as_deref(), Some("bookworm"));
        assert_eq!(of("EMPTY").as_deref(), Some(""));
        assert_eq!(of("ID_LIK"), None);
        // The last one holds.
        assert_eq!(value_of("ID=a\nID=b\n", "ID").as_deref(), Some("b"));
    }

    #[test]
    fn architectures_have_debians_names() {
        let names =
            [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64"), ("powerpc64", "ppc64el")];
        for (rust, debian) in names {
            assert_eq!(arch(rust, true), debian);
        }
    }

    #[test]
    fn this_machine_is_something() {
        let facts = Facts::read(&**crate::env::Env::real().fs());
        assert!(!facts.hostname.is_empty());
        assert_eq!(facts.root, crate::env::Env::real().fs().user() == 0);
    }
}
