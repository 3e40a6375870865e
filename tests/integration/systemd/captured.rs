//! What the real one says of units, held against what was written down of it: the systemctl of unit tests answers so.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::booted::Booted;

const PROPERTIES: &str =
    "--property=Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload,Type,RemainAfterExit,Result";
/// Whose words were written down.
const VERSION: &str = "systemd 252 ";
/// Set to `write`, what is committed is replaced instead of compared.
const VARIABLE: &str = "VPS_CONFIGURATOR_DOCS";

#[test]
fn it_says_of_units_what_was_captured() {
    let install = "[Install]\nWantedBy=basic.target\n";
    let units = [
        ("off.service", format!("[Service]\nExecStart=/bin/sleep infinity\n{install}")),
        ("on.service", format!("[Service]\nExecStart=/bin/sleep infinity\n{install}")),
        ("failed.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n".to_owned()),
        ("done.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n".to_owned()),
        ("kept.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n".to_owned()),
        ("bad.service", "[Service]\nType=simple\n".to_owned()),
        ("also.service", "[Service]\nExecStart=/bin/true\n[Install]\nAlso=off.service\n".to_owned()),
        ("tick.timer", format!("[Timer]\nOnCalendar=yearly\nUnit=done.service\n{install}")),
    ];
    let units: Vec<(&str, &str)> = units.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let Some(booted) = Booted::with(&units) else { return };
    if !booted.systemctl(&["--version"]).out.starts_with(VERSION) {
        return tests::skip("its words are those of another systemd");
    }
    symlink("/dev/null", booted.lab.path("etc/masked.service")).unwrap();
    booted.systemctl(&["enable", "--now", "on.service"]);
    for unit in ["failed.service", "done.service", "kept.service"] {
        booted.systemctl(&["start", unit]);
    }
    booted.unit("on.service", &format!("[Service]\nExecStart=/bin/sleep 9999\n{install}"));
    let names: Vec<&str> =
        units.iter().map(|(name, _)| *name).chain(["masked.service", "none.service"]).collect();
    let said = booted.systemctl(&[&["show", PROPERTIES, "--"][..], &names].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/systemd/show.txt");
    if std::env::var(VARIABLE).is_ok_and(|value| value == "write") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &said.out).unwrap();
    }
    assert_eq!(said.out, fs::read_to_string(&file).unwrap());
}
