//! The command lines of apt-get and dpkg: never a question, never a terminal, one language.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::apt::request::Wanted;
use crate::process::ProcessSpec;

/// What every program is told by its environment: no questions, and words as we know them.
const VARIABLES: [(&str, &str); 8] = [
    ("LC_ALL", "C.UTF-8"),
    ("LANGUAGE", ""),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DEBIAN_PRIORITY", "critical"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("NEEDRESTART_MODE", "a"),
    ("UCF_FORCE_CONFFOLD", "1"),
    ("PAGER", "cat"),
];

/// What is printed is what we read, whatever apt.conf says of it. A plain `-q` would be one more than that.
const AS_WE_READ_IT: [&str; 7] =
    ["-q=1", "-o", "APT::Color=0", "-o", "APT::Output-Version=0", "-o", "APT::Get::Show-Upgraded=true"];

/// Configuration files that someone changed are kept.
const KEEP_CONFFILES: [&str; 2] = ["--force-confdef", "--force-confold"];

fn program(name: &str) -> ProcessSpec {
    VARIABLES.into_iter().fold(ProcessSpec::new(name), |spec, (name, value)| spec.variable(name, value))
}

fn option(spec: ProcessSpec, key: &str, value: impl std::fmt::Display) -> ProcessSpec {
    spec.arg("-o").arg(format!("{key}={value}"))
}

/// apt-get without retries of its own, whose locks are waited for by us, and which says how far it is.
fn apt_get(silence: Duration) -> ProcessSpec {
    // It connects anew once: two of its waits are one of ours.
    let timeout = (silence / 3).as_secs().max(1);
    let mut spec = program("apt-get").arg("-y").args(AS_WE_READ_IT);
    for (key, value) in [
        ("Dpkg::Use-Pty", "0"),
        ("DPkg::Lock::Timeout", "0"),
        ("Acquire::Retries", "0"),
        ("Acquire::http::Timeout", &timeout.to_string()),
        ("Acquire::https::Timeout", &timeout.to_string()),
        ("APT::Status-Fd", "3"),
        // A name is a name, even where nothing is called so.
        ("APT::Cmd::Pattern-Only", "true"),
    ] {
        spec = option(spec, key, value);
    }
    for kept in KEEP_CONFFILES {
        spec = option(spec, "Dpkg::Options::", kept);
    }
    spec
}

/// Sources in place of the machine's.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) list: PathBuf,
    pub(super) parts: PathBuf,
}

impl Sources {
    /// A single file of sources, of either sort: apt tells them apart by its ending.
    pub(super) fn one(file: &Path) -> Self {
        Self { list: file.to_owned(), parts: PathBuf::from("/dev/null") }
    }
}

/// Reads the indexes; any that fails is a failure.
pub(super) fn update(silence: Duration, sources: Option<&Sources>) -> ProcessSpec {
    let mut spec = apt_get(silence).dies_with_us();
    if let Some(sources) = sources {
        spec = option(spec, "Dir::Etc::sourcelist", sources.list.display());
        spec = option(spec, "Dir::Etc::sourceparts", sources.parts.display());
        // The indexes of those that are left out are as good as they were.
        spec = option(spec, "APT::Get::List-Cleanup", "false");
    }
    spec.args(["--error-on=any", "update"])
}

/// Names what an update reads, without reading it.
pub(super) fn update_uris() -> ProcessSpec {
    program("apt-get").dies_with_us().args(AS_WE_READ_IT).args(["update", "--print-uris"])
}

/// How apt is configured.
pub(super) fn config() -> ProcessSpec {
    program("apt-config").dies_with_us().arg("dump")
}

fn wanted(spec: ProcessSpec, wanted: &Wanted) -> ProcessSpec {
    match wanted {
        // What follows is a name, whatever it looks like.
        Wanted::Packages(packages) => {
            spec.arg("install").arg("--").args(packages.iter().map(ToString::to_string))
        }
        Wanted::Fix => spec.args(["-f", "install"]),
    }
}

/// Resolves, and names every file that would be needed with its digest by SHA-256.
pub(super) fn plan(what: &Wanted) -> ProcessSpec {
    plan_by(what, "SHA256")
}

/// The same with digests by SHA-512.
pub(super) fn plan_by_sha512(what: &Wanted) -> ProcessSpec {
    plan_by(what, "SHA512")
}

/// An archive folder that does not exist holds nothing: files that are there already would not be named.
fn plan_by(what: &Wanted, algorithm: &str) -> ProcessSpec {
    let mut spec = program("apt-get").dies_with_us().args(AS_WE_READ_IT).args(["-y", "-V", "--print-uris"]);
    spec = option(spec, "Dir::Cache::archives", "/nonexistent/");
    spec = option(spec, "Acquire::ForceHash", algorithm);
    spec = option(spec, "APT::Cmd::Pattern-Only", "true");
    wanted(spec, what)
}

/// Fetches by apt's own means into our archive folder.
pub(super) fn fetch(what: &Wanted, archives: &Path, silence: Duration) -> ProcessSpec {
    let spec = option(apt_get(silence).dies_with_us(), "Dir::Cache::archives", archives.display());
    wanted(spec.arg("--download-only"), what)
}

/// Installs from our archive folder, without any network.
pub(super) fn install(what: &Wanted, archives: &Path, silence: Duration) -> ProcessSpec {
    let spec = option(apt_get(silence), "Dir::Cache::archives", archives.display());
    wanted(spec.arg("--no-download"), what)
}

/// Configures what was left unconfigured. Without status lines: unlike apt-get, dpkg would write them to our
/// pipe itself, and be killed by it when we are gone.
pub(super) fn configure_all() -> ProcessSpec {
    program("dpkg").args(KEEP_CONFFILES).args(["--configure", "-a"])
}

/// What dpkg knows of all packages.
pub(super) fn query(format: &str) -> ProcessSpec {
    program("dpkg-query").dies_with_us().args(["--show", "--showformat", format])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::facts::PackageSpec;

    fn words(spec: &ProcessSpec) -> Vec<String> {
        spec.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_name_is_never_an_option() {
        assert!("-o".parse::<PackageSpec>().is_err());
        let names = Wanted::Packages(vec!["curl".parse().unwrap(), "vim=2:9.0*".parse().unwrap()]);
        let install = words(&install(&names, Path::new("/a"), Duration::from_secs(30)));
        assert_eq!(install[install.len() - 4..], ["install", "--", "curl", "vim=2:9.0*"]);
        assert!(install.iter().any(|word| word == "Acquire::Retries=0"));
        assert!(install.iter().any(|word| word == "Acquire::http::Timeout=10"));
        assert!(install.iter().any(|word| word == "Dpkg::Options::=--force-confold"));
        assert!(install.iter().any(|word| word == "--no-download"));
    }

    #[test]
    fn every_program_is_told_by_its_environment_that_nobody_answers() {
        let (wait, what, folder) = (Duration::from_secs(30), Wanted::Fix, Path::new("/a"));
        for spec in [
            update(wait, None),
            update_uris(),
            config(),
            plan(&what),
            plan_by_sha512(&what),
            fetch(&what, folder, wait),
            install(&what, folder, wait),
            configure_all(),
            query("x"),
        ] {
            let told: Vec<_> = spec
                .variables()
                .iter()
                .map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap()))
                .collect();
            assert_eq!(told, VARIABLES, "{spec:?}");
        }
    }

    #[test]
    fn one_file_of_sources_is_read_alone_and_takes_nothing_from_the_others() {
        let sources = Sources::one(Path::new("/etc/apt/sources.list.d/a.sources"));
        let words = words(&update(Duration::from_secs(30), Some(&sources)));
        for word in [
            "Dir::Etc::sourcelist=/etc/apt/sources.list.d/a.sources",
            "Dir::Etc::sourceparts=/dev/null",
            "APT::Get::List-Cleanup=false",
        ] {
            assert!(words.iter().any(|one| one == word), "{word}: {words:?}");
        }
    }

    #[test]
    fn apts_configuration_does_not_say_how_quiet_it_is() {
        let (wait, what) = (Duration::from_secs(30), Wanted::Fix);
        for spec in [update(wait, None), update_uris(), plan(&what), install(&what, Path::new("/a"), wait)] {
            let words = words(&spec);
            assert!(words.iter().any(|word| word == "-q=1"), "{words:?}");
            assert!(!words.iter().any(|word| word == "-q"), "{words:?}");
        }
    }
}
