//! What to do about a failure of apt's.

use vps_ops::apt::AptHint;
use vps_ops::foreign::shown;

use crate::program;

/// One sentence, with the command where there is one.
pub(super) fn apt(hint: &AptHint) -> String {
    let plain = match hint {
        AptHint::FinishCutRun => "run `dpkg --configure -a`, then `apt-get -f install`",
        AptHint::BringWhatLacks => "run `apt-get -f install`",
        AptHint::KeepChangedFile => {
            "to keep the changed file, run `dpkg --force-confdef --force-confold --configure -a`"
        }
        AptHint::MendScript { package } => {
            return format!("see what its script printed, mend that, and run `dpkg --configure {package}`");
        }
        AptHint::MendFailure => "see what dpkg printed, mend that, and run `apt-get -f install`",
        AptHint::FindHook => "look for the command with `apt-config dump | grep -E 'Invoke|Pkgs'`",
        AptHint::WaitForHolder { pid } => {
            return format!("wait for it to end; `ps -fp {pid}` shows what it is");
        }
        AptHint::WaitForAnother => "wait for the other package manager to end",
        AptHint::BeRoot => "run it as root, or with `sudo`",
        AptHint::BeRootForFolder => "run it as root, as with `sudo`",
        AptHint::FreeSpace => "free some space, for instance with `apt-get clean`",
        AptHint::MakeRoom { path } => {
            return format!("make room there, as by `apt-get clean`, or see `df -h {}`", shown(path));
        }
        AptHint::MountWritable => "see `dmesg` for why the disk is read-only, then mount it writable",
        AptHint::ReadLists => {
            let program = program::name();
            return format!("the package lists may be old: run `{program} apt update` and try again");
        }
        AptHint::SeeWhichLists => {
            return format!("run `{} apt update` to see which", program::name());
        }
        AptHint::RemoveLists => {
            let program = program::name();
            return format!("run `rm -r /var/lib/apt/lists` and then `{program} apt update`");
        }
        AptHint::CheckNetwork => "check this machine's network and name server",
        AptHint::CheckHostName => "check the host's name in /etc/apt/sources.list and sources.list.d",
        AptHint::CheckCertificates => {
            "check this machine's clock, and that `ca-certificates` is installed and up to date"
        }
        AptHint::Credentials => "put the user and password into a file in /etc/apt/auth.conf.d",
        AptHint::CheckProxy => {
            "a proxy seems to be on the way, and down: see `apt-config dump | grep -i proxy`, and `http_proxy`"
        }
        AptHint::ProxyCredentials => "the proxy wants a user and a password, in `Acquire::http::Proxy`",
        AptHint::LogIn => "log in to the network first",
        AptHint::LogInOrSuspectProxy => {
            "if this network has a log-in page, log in first; else a proxy changes what it passes on"
        }
        AptHint::SuspectMirror => {
            "the mirror may be in the middle of a change; if it stays, a proxy or the mirror damages files"
        }
        AptHint::CheckSourceOrRemove => "check its URI and release in the sources, or remove it from them",
        AptHint::CheckSource => "check its URI and release in the sources",
        AptHint::AskForSigned => "remove it, or ask who runs it for a signed one",
        AptHint::InstallKey => {
            "install its key in /etc/apt/keyrings and name the file with `Signed-By` in its source"
        }
        AptHint::MendKeyring { file } => {
            return format!(
                "put its key into `{}`, which everybody must be able to read: apt reads it as the user `_apt`",
                shown(file)
            );
        }
        AptHint::GetNewKey => "get its new key from who runs it; do not trust it until then",
        AptHint::UseAnotherMirror => "use another mirror, or ask who runs it",
        AptHint::AcceptChange => "if the change is right, run `apt-get update --allow-releaseinfo-change`",
        AptHint::RemoveMissingPart => "remove the component or architecture that it lacks from its source",
        AptHint::CheckClock => "check the clock with `date`, and that it is kept right with `timedatectl`",
        AptHint::SearchName { package } => {
            return format!(
                "`apt-cache search {package}` finds names like it; its repository may not be set up here"
            );
        }
        AptHint::AskForInstead { package } => {
            return format!("ask for one of them, as with `{} apt install {package}`", program::name());
        }
        AptHint::CheckName => "check the name",
        AptHint::ListVersions { package } => {
            return format!("`apt-cache madison {}` lists the versions there are", package.name());
        }
        AptHint::ListReleases => "`apt-cache policy` lists the releases there are",
        AptHint::ListHeld => {
            "`apt-mark showhold` lists what is held; a repository for another release often causes this"
        }
        AptHint::LetGoOfHeld => {
            "`apt-mark showhold` lists what is held, `apt-mark unhold NAME` lets go of it"
        }
        AptHint::InstallRepositoryKey => "install the repository's key and name it with `Signed-By`",
        AptHint::Simulate => "see with `apt-get install --simulate` what would change",
        AptHint::MendEntry { file, line } => return format!("mend entry {line} of `{}`", shown(file)),
        AptHint::MendSources => "mend the files in /etc/apt/sources.list.d",
        AptHint::SeeConfiguration => "`apt-config dump` shows what is configured",
        AptHint::NeedsApt => "this needs apt-get and dpkg, as on Debian and Ubuntu",
        AptHint::SuspectDisk => "somebody changes files in our archive folder, or the disk is failing",
        AptHint::AuditInstalled => "see `dpkg --audit`",
        // One of a later version of the library: better its name than silence.
        other => return format!("{other:?}"),
    };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_run_is_finished_by_dpkg() {
        assert!(apt(&AptHint::FinishCutRun).contains("`dpkg --configure -a`"));
        assert!(apt(&AptHint::KeepChangedFile).contains("--force-confold"));
    }

    #[test]
    fn a_command_names_what_it_is_about() {
        let package = |text: &str| text.parse().unwrap();
        let entry = AptHint::MendEntry { file: "/etc/apt/sources.list".into(), line: 1 };
        assert_eq!(apt(&entry), "mend entry 1 of `/etc/apt/sources.list`");
        let versions = apt(&AptHint::ListVersions { package: package("lab-app=9.9") });
        assert_eq!(versions, "`apt-cache madison lab-app` lists the versions there are");
        let mend = apt(&AptHint::MendScript { package: package("lab-fail") });
        assert_eq!(mend, "see what its script printed, mend that, and run `dpkg --configure lab-fail`");
        let search = apt(&AptHint::SearchName { package: package("nginxx:arm64") });
        assert!(search.starts_with("`apt-cache search nginxx:arm64` finds names like it;"), "{search}");
        let holder = apt(&AptHint::WaitForHolder { pid: 42 });
        assert_eq!(holder, "wait for it to end; `ps -fp 42` shows what it is");
        let room = apt(&AptHint::MakeRoom { path: "/var/cache/x".into() });
        assert_eq!(room, "make room there, as by `apt-get clean`, or see `df -h /var/cache/x`");
    }

    #[test]
    fn what_is_on_the_way_is_named() {
        assert!(apt(&AptHint::LogInOrSuspectProxy).contains("log-in page"));
        assert!(apt(&AptHint::CheckCertificates).contains("ca-certificates"));
        assert!(apt(&AptHint::NeedsApt).contains("apt-get"));
    }
}
