//! What tests need from the machine. Nothing is installed where it is there already, or where we may
//! not; a test that lacks something says so itself.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::paths;

/// Programs that some tests run, and the packages they come in.
const WANTED: [(&str, &str); 14] = [
    ("bash", "bash"),
    // For a network of its own, with name servers and addresses as a test wants them.
    ("ip", "iproute2"),
    ("setpriv", "util-linux"),
    // For a root of its own, where the tests have a real apt-get.
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("pivot_root", "util-linux"),
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
    // For repositories that are signed.
    ("gpg", "gpg"),
    ("gpg-agent", "gpg-agent"),
    ("gpgconf", "gpgconf"),
    ("gpgv", "gpgv"),
    // For repositories to clone, and the server before them.
    ("git", "git"),
    ("ssh", "openssh-client"),
];
/// Whose package starts a service that the whole network reaches: installed only where no service would be
/// started at the next boot, and not started then either.
const SERVER: (&str, &str) = ("sshd", "openssh-server");

/// The page in a real browser: hundreds of megabytes, so only where everything has to be checked.
const BROWSER: [(&str, &str); 2] = [("chromium", "chromium"), ("chromedriver", "chromium-driver")];

/// Everything but the browser, and that too where it is `all` that has to be there.
pub(crate) fn run(sh: &Shell, all: bool) {
    let mut missing: BTreeSet<&str> =
        WANTED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if !git_can_serve(sh) {
        missing.insert("git");
    }
    if !is_there(SERVER.0) && !Path::new("/run/systemd/system").exists() {
        missing.insert(SERVER.1);
    }
    if all {
        missing.extend(absent_browser());
    }
    if !missing.is_empty() && Path::new("/usr/bin/apt-get").exists() {
        install(sh, &missing.into_iter().collect::<Vec<_>>());
    }
    if is_there(SERVER.0) {
        // Where it is not a service, nobody makes the folder that root's needs; others need none.
        let _ = sh.create_dir("/run/sshd");
    }
    if !is_there(CHECKER) {
        unpack_checker(sh);
    }
}

/// Installs the browser where it is missing.
pub(crate) fn browser(sh: &Shell) {
    let missing: Vec<&str> = absent_browser().collect();
    if !missing.is_empty() && is_there("apt-get") {
        install(sh, &missing);
    }
}

fn absent_browser() -> impl Iterator<Item = &'static str> {
    BROWSER.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package)
}

/// What reads metrics as Prometheus does, and the package it comes in. That starts a service, so it is never installed.
const CHECKER: &str = "promtool";
const CHECKERS_PACKAGE: &str = "prometheus";

/// Where tests look for it beside `PATH`: `prometheus/usr/bin` in the target folder.
#[expect(clippy::print_stdout, reason = "what is fetched is said before it is")]
fn unpack_checker(sh: &Shell) {
    let unpacked = paths::target().join(CHECKERS_PACKAGE);
    if unpacked.join("usr/bin").join(CHECKER).is_file() || !is_there("apt-get") || !is_there("dpkg-deb") {
        return;
    }
    println!(
        "for some tests, fetching the package {CHECKERS_PACKAGE} (19 MB) for its {CHECKER}, which is unpacked into {} \
         and not installed",
        unpacked.display()
    );
    let _ = sh.create_dir(paths::target());
    // On the same file system, so that it is there whole or not at all.
    let Ok(place) = tempfile::tempdir_in(paths::target()) else { return };
    let folder = sh.push_dir(place.path());
    let fetch = || cmd!(sh, "apt-get download {CHECKERS_PACKAGE}").quiet().ignore_stderr().run();
    // A small image has no package lists.
    if fetch().is_err() && cmd!(sh, "apt-get update").quiet().run().is_ok() {
        let _ = fetch();
    }
    drop(folder);
    let files = fs::read_dir(place.path()).into_iter().flatten().flatten().map(|entry| entry.path());
    let Some(package) = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "deb"))
    else {
        return;
    };
    let into = place.path().join("unpacked");
    if cmd!(sh, "dpkg-deb -x {package} {into}").quiet().run().is_ok() {
        // The server is twice as large and nobody runs it.
        let _ = fs::remove_file(into.join("usr/bin").join(CHECKERS_PACKAGE));
        let _ = fs::rename(into, unpacked);
    }
}

/// Without rights or network the tests that need them skip with a reason.
#[expect(clippy::print_stdout, reason = "what changes on the machine is said before it does")]
fn install(sh: &Shell, packages: &[&str]) {
    println!("for some tests, installing: {}", packages.join(" "));
    // A small image has no package lists.
    let known =
        cmd!(sh, "apt-cache show --no-all-versions {packages...}").quiet().ignore_stdout().ignore_stderr();
    if known.run().is_err() {
        println!("reading the package lists first, for they do not have all of these");
        let _ = cmd!(sh, "apt-get update").quiet().run();
    }
    let _quiet = NoServices::begin();
    let _ = cmd!(sh, "apt-get install --yes --no-install-recommends {packages...}").quiet().run();
}

/// As long as it lives, packages that are installed start no service.
struct NoServices(bool);

/// Asked by every package's script before it starts a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn begin() -> Self {
        let created = fs::File::options().write(true).create_new(true).mode(0o755).open(POLICY);
        Self(created.is_ok_and(|mut file| file.write_all(b"#!/bin/sh\nexit 101\n").is_ok()))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        // One that was there before is somebody else's.
        if self.0 {
            let _ = fs::remove_file(POLICY);
        }
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.any(|folder| folder.join(program).is_file())
}

/// Whether git has its server with it, which some packages leave out.
fn git_can_serve(sh: &Shell) -> bool {
    let folder = cmd!(sh, "git --exec-path").quiet().ignore_stderr().read();
    folder.is_ok_and(|folder| Path::new(&folder).join("git-http-backend").is_file())
}
