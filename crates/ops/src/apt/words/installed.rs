//! What dpkg has, as dpkg-query prints it.

use crate::apt::facts::{Installed, InstalledPackage, PackageState};

/// What `dpkg-query -W -f` is told to print; [`Installed::parse`] reads it.
pub const DPKG_FORMAT: &str = "${db:Status-Want}\\t${db:Status-Status}\\t${db:Status-Eflag}\\t${Package}\\t${Architecture}\\t${Version}\\t${Provides}\\n";

impl Installed {
    /// Of dpkg-query's output in [`DPKG_FORMAT`]; what is no such line is passed over, so that it counts
    /// as not installed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self { packages: text.lines().filter_map(package).collect() }
    }
}

fn package(line: &str) -> Option<InstalledPackage> {
    let mut fields = line.split('\t');
    let (want, state, flag) = (fields.next()?, fields.next()?, fields.next()?);
    let (name, arch, version) = (fields.next()?, fields.next()?, fields.next()?);
    let provides = provided(fields.next()?);
    if name.is_empty() || fields.next().is_some() {
        return None;
    }
    Some(InstalledPackage {
        name: name.to_owned(),
        arch: arch.to_owned(),
        version: version.to_owned(),
        state: self::state(state)?,
        held: want == "hold",
        reinstall_required: flag != "ok",
        provides: provides.collect(),
    })
}

/// The names of a list such as `mail-transport-agent (= 1.0), libfoo:any`.
pub(super) fn provided(list: &str) -> impl Iterator<Item = String> {
    list.split(',').filter_map(|one| {
        one.split_whitespace().next().and_then(|name| name.split(':').next()).map(str::to_owned)
    })
}

pub(super) fn state(name: &str) -> Option<PackageState> {
    Some(match name {
        "not-installed" => PackageState::NotInstalled,
        "config-files" => PackageState::ConfigFiles,
        "half-installed" => PackageState::HalfInstalled,
        "unpacked" => PackageState::Unpacked,
        "half-configured" => PackageState::HalfConfigured,
        "triggers-awaited" => PackageState::TriggersAwaited,
        "triggers-pending" => PackageState::TriggersPending,
        "installed" => PackageState::Installed,
        _ => return None,
    })
}
