//! What tests need from the machine. Nothing is installed where it is there already, or where we may
//! not; a test that lacks something says so itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

/// Programs that some tests run, and the packages they come in.
const WANTED: [(&str, &str); 13] = [
    ("bash", "bash"),
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
/// Whose package starts a service that the whole network reaches: installed only where nothing starts services.
const SERVER: (&str, &str) = ("sshd", "openssh-server");

pub(crate) fn run(sh: &Shell) {
    let mut missing: BTreeSet<&str> =
        WANTED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if !git_can_serve(sh) {
        missing.insert("git");
    }
    if !is_there(SERVER.0) && !Path::new("/run/systemd/system").exists() {
        missing.insert(SERVER.1);
    }
    if !missing.is_empty() && Path::new("/usr/bin/apt-get").exists() {
        // Without rights or network the tests that need it skip with a reason.
        let _ = cmd!(sh, "apt-get install --yes --no-install-recommends {missing...}").quiet().run();
    }
    if is_there(SERVER.0) {
        // Where it is not a service, nobody makes the folder that root's needs; others need none.
        let _ = sh.create_dir("/run/sshd");
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
