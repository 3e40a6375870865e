//! What tests need from the machine. Nothing is installed where it is there already, or where we may
//! not; a test that lacks something says so itself.

use std::path::Path;

use xshell::{Shell, cmd};

/// Programs that some tests run, and the packages they come in.
const WANTED: [(&str, &str); 2] = [("setpriv", "util-linux"), ("bash", "bash")];

pub(crate) fn run(sh: &Shell) {
    let missing: Vec<&str> =
        WANTED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() || !Path::new("/usr/bin/apt-get").exists() {
        return;
    }
    // Without rights or network the tests that need it skip with a reason.
    let _ = cmd!(sh, "apt-get install --yes --no-install-recommends {missing...}").quiet().run();
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
