//! What to do about a fault of apt-get's, one sentence, with the command where there is one.

use super::fault::{Fault, RepositoryProblem};
use super::reach::{Corrupt, Reach};

const UPDATE: &str = "the package lists may be old: run `vps-configurator apt update` and try again";

pub(super) fn of(fault: &Fault) -> Option<String> {
    Some(match fault {
        Fault::Interrupted | Fault::DpkgDied => {
            "run `dpkg --configure -a`, then `apt-get -f install`".to_owned()
        }
        Fault::BrokenInstall { .. } => "run `apt-get -f install`".to_owned(),
        Fault::DpkgFailed { failures } => {
            let package = failures.first().map(|failure| &*failure.package);
            if failures.iter().any(|failure| failure.text.contains("conffile prompt")) {
                let keep = "--force-confdef --force-confold";
                return Some(format!("to keep the changed file, run `dpkg {keep} --configure -a`"));
            }
            // What dpkg printed goes into a command only if it is a name.
            match package.filter(|package| package.parse::<super::PackageSpec>().is_ok()) {
                Some(package) => {
                    format!("see what its script printed, mend that, and run `dpkg --configure {package}`")
                }
                None => "see what dpkg printed, mend that, and run `apt-get -f install`".to_owned(),
            }
        }
        Fault::Hook { .. } => {
            "look for the command with `apt-config dump | grep -E 'Invoke|Pkgs'`".to_owned()
        }
        Fault::Locked(lock) => match &lock.holder {
            Some(holder) => format!("wait for it to end; `ps -fp {}` shows what it is", holder.pid),
            None => "wait for the other package manager to end".to_owned(),
        },
        Fault::NotRoot { .. } => "run it as root, or with `sudo`".to_owned(),
        Fault::DiskFull { .. } => "free some space, for instance with `apt-get clean`".to_owned(),
        Fault::ReadOnly { .. } => {
            "see `dmesg` for why the disk is read-only, then mount it writable".to_owned()
        }
        Fault::StaleIndex { .. } | Fault::MissingArchives => UPDATE.to_owned(),
        Fault::Unreachable { reach, .. } => match reach {
            Reach::NoRoute | Reach::Resolver => "check this machine's network and name server".to_owned(),
            Reach::NameUnknown => {
                "check the host's name in /etc/apt/sources.list and sources.list.d".to_owned()
            }
            Reach::Certificate => {
                "check this machine's clock, and that `ca-certificates` is installed and up to date"
                    .to_owned()
            }
            _ => return None,
        },
        Fault::Http { status, .. } => match status.as_u16() {
            401 | 403 => "put the user and password into a file in /etc/apt/auth.conf.d".to_owned(),
            407 => "the proxy wants a user and a password, in `Acquire::http::Proxy`".to_owned(),
            511 => "log in to the network first".to_owned(),
            _ => return None,
        },
        Fault::Corrupt { corrupt: Corrupt::NotSignedText, .. } => {
            "if this network has a log-in page, log in first; else a proxy changes what it passes on"
                .to_owned()
        }
        Fault::Corrupt { .. } => {
            "the mirror may be in the middle of a change; if it stays, a proxy or the mirror damages files"
                .to_owned()
        }
        Fault::IndexesNotFetched => "run `vps-configurator apt update` to see which".to_owned(),
        Fault::RepositoryBroken { why, .. } => repository(why).to_owned(),
        Fault::ClockSkew { .. } => {
            "check the clock with `date`, and that it is kept right with `timedatectl`".to_owned()
        }
        Fault::NotFound { packages } | Fault::NoCandidate { packages } => {
            let name = packages.first().filter(|name| name.parse::<super::PackageSpec>().is_ok());
            match name {
                Some(name) => format!(
                    "`apt-cache search {name}` finds names like it; its repository may not be set up here"
                ),
                None => "check the name".to_owned(),
            }
        }
        Fault::VersionNotFound { package, .. } => match package.parse::<super::PackageSpec>() {
            Ok(package) => format!("`apt-cache madison {}` lists the versions there are", package.name()),
            Err(_) => UPDATE.to_owned(),
        },
        Fault::ReleaseNotFound { .. } => "`apt-cache policy` lists the releases there are".to_owned(),
        Fault::UnmetDependencies { .. } => {
            "`apt-mark showhold` lists what is held; a repository for another release often causes this"
                .to_owned()
        }
        Fault::Held => {
            "`apt-mark showhold` lists what is held, `apt-mark unhold NAME` lets go of it".to_owned()
        }
        Fault::Unauthenticated => "install the repository's key and name it with `Signed-By`".to_owned(),
        Fault::WouldRemoveEssential | Fault::WouldDoMore { .. } => {
            "see with `apt-get install --simulate` what would change".to_owned()
        }
        Fault::BadSources { file: Some(file), line: Some(line), .. } => {
            format!("mend entry {line} of `{}`", file.display())
        }
        Fault::BadSources { .. } => "mend the files in /etc/apt/sources.list.d".to_owned(),
        Fault::BadConfiguration { .. } => "`apt-config dump` shows what is configured".to_owned(),
        Fault::BrokenLists { .. } => {
            "run `rm -r /var/lib/apt/lists` and then `vps-configurator apt update`".to_owned()
        }
        Fault::Stopped { in_dpkg: true, .. } => {
            "run `dpkg --configure -a`, then `apt-get -f install`".to_owned()
        }
        Fault::NotFetched { .. } | Fault::Aborted | Fault::Stopped { .. } | Fault::Unknown { .. } => {
            return None;
        }
    })
}

fn repository(why: &RepositoryProblem) -> &'static str {
    match why {
        RepositoryProblem::NoReleaseFile => {
            "check its URI and release in the sources, or remove it from them"
        }
        RepositoryProblem::NotSigned => "remove it, or ask who runs it for a signed one",
        RepositoryProblem::NoKey { .. } => {
            "install its key in /etc/apt/keyrings and name the file with `Signed-By` in its source"
        }
        RepositoryProblem::BadSignature { .. } => {
            "get its new key from who runs it; do not trust it until then"
        }
        RepositoryProblem::Expired => "use another mirror, or ask who runs it",
        RepositoryProblem::Http(status) if matches!(status.as_u16(), 401 | 403) => {
            "put the user and password into a file in /etc/apt/auth.conf.d"
        }
        RepositoryProblem::Http(_) => "check its URI and release in the sources",
        RepositoryProblem::Changed { .. } => {
            "if the change is right, run `apt-get update --allow-releaseinfo-change`"
        }
        RepositoryProblem::Lacks { .. } => {
            "remove the component or architecture that it lacks from its source"
        }
    }
}
