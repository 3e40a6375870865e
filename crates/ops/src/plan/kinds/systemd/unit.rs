//! What systemd says of a unit.

use crate::foreign::Foreign;

/// What is asked of each unit.
pub(super) const PROPERTIES: &str =
    "--property=Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload,Type,RemainAfterExit,Result";

/// A unit as systemd has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) load: Load,
    pub(super) active: Active,
    pub(super) file: UnitFile,
    /// Whether its file is another one than the one that systemd read.
    pub(super) is_outdated: bool,
    /// Whether it ends when it has done what it does, and did that well.
    pub(super) is_done: bool,
}

/// Whether systemd could read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Loaded,
    NotFound,
    Masked,
    /// `bad-setting`, `error`.
    Bad(Foreign),
}

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Active {
    Running,
    Inactive,
    Failed,
    /// On its way: `activating`, `deactivating`.
    Between(Foreign),
}

/// Whether it begins with the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnitFile {
    Enabled,
    /// Until the machine is started again.
    ForNow,
    Disabled,
    /// It is not, and cannot be: others that it names are enabled and disabled with it (`Also=`).
    Indirect,
    /// It can be neither: others have it begin, or nobody does.
    Static,
    Masked,
}

/// What `systemctl show` says of several units: a paragraph for each, in the order they were named.
pub(super) fn units(text: &str) -> Vec<Unit> {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.filter_map(unit).collect()
}

/// One paragraph; nothing where it does not say whether there is such a unit.
fn unit(paragraph: &str) -> Option<Unit> {
    let value = |name: &str| {
        let mut values = paragraph.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        values.next()
    };
    let load = match value("LoadState")? {
        "loaded" | "merged" | "stub" => Load::Loaded,
        "not-found" => Load::NotFound,
        "masked" => Load::Masked,
        other => Load::Bad(Foreign::new(other)),
    };
    let active = match value("ActiveState")? {
        "active" | "reloading" | "refreshing" => Active::Running,
        "inactive" => Active::Inactive,
        "failed" => Active::Failed,
        other => Active::Between(Foreign::new(other)),
    };
    let file = match value("UnitFileState").unwrap_or_default() {
        "enabled" | "alias" | "generated" => UnitFile::Enabled,
        "indirect" => UnitFile::Indirect,
        "enabled-runtime" => UnitFile::ForNow,
        "static" | "transient" => UnitFile::Static,
        "masked" | "masked-runtime" => UnitFile::Masked,
        _ => UnitFile::Disabled,
    };
    let is_done = value("Type") == Some("oneshot")
        && value("RemainAfterExit") != Some("yes")
        && active == Active::Inactive
        && value("Result") == Some("success");
    Some(Unit { load, active, file, is_outdated: value("NeedDaemonReload") == Some("yes"), is_done })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_paragraph_is_a_unit() {
        let text = "Names=nginx.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\
                    NeedDaemonReload=no\nType=forking\nRemainAfterExit=no\nResult=success\n\n\
                    Names=no.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n\
                    NeedDaemonReload=no\n\n\
                    Names=once.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=static\n\
                    NeedDaemonReload=yes\nType=oneshot\nRemainAfterExit=no\nResult=success\n\n\
                    Names=off.timer\nLoadState=masked\nActiveState=deactivating\nUnitFileState=masked\n";
        let all = units(text);
        let of =
            |at: usize| (&all[at].load, &all[at].active, &all[at].file, all[at].is_outdated, all[at].is_done);
        assert_eq!(all.len(), 4);
        assert_eq!(of(0), (&Load::Loaded, &Active::Running, &UnitFile::Enabled, false, false));
        assert_eq!(of(1), (&Load::NotFound, &Active::Inactive, &UnitFile::Disabled, false, false));
        assert_eq!(of(2), (&Load::Loaded, &Active::Inactive, &UnitFile::Static, true, true));
        let between = Active::Between("deactivating".into());
        assert_eq!(of(3), (&Load::Masked, &between, &UnitFile::Masked, false, false));
        assert_eq!(units("").len() + units("Names=x\n\nnonsense").len(), 0);
    }
}
