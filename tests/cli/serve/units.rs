//! The units for systemd are what systemd takes, and start what there is.

use std::path::Path;
use std::process::Command;

use crate::lab::Lab;
use crate::said::{is_there, run};

const UNITS: [&str; 3] =
    ["vps-configurator.service", "vps-configurator-health.service", "vps-configurator-health.timer"];
const INSTALLED: &str = "/usr/bin/vps-configurator";

fn unit(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if !is_there("systemd-analyze") {
        return;
    }
    let lab = Lab::new();
    let program = lab.command(&[]).get_program().to_owned().into_string().unwrap();
    let verify = |change: &dyn Fn(String) -> String| {
        for name in UNITS {
            let text = change(unit(name).replace(INSTALLED, &program));
            std::fs::write(lab.path(name), text).unwrap();
        }
        let units = UNITS.map(|name| lab.path(name));
        let checked =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).args(units).output().unwrap();
        // Others of this machine are read along.
        let said = String::from_utf8(checked.stderr).unwrap();
        said.lines().filter(|line| line.contains("vps-configurator")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(verify(&|text| text), [""; 0]);
    for name in &UNITS[..2] {
        // Of 100 it is 22; what is allowed beyond that is allowed on purpose.
        let mut command = Command::new("systemd-analyze");
        let rated = command
            .args(["security", "--offline=true", "--threshold=25"])
            .arg(lab.path(name))
            .output()
            .unwrap();
        assert!(rated.status.success(), "{}", String::from_utf8_lossy(&rated.stdout));
    }
    assert_ne!(verify(&|text| text.replace("ProtectSystem", "ProtectSystems")), [""; 0]);
}

#[test]
fn the_units_start_commands_that_there_are() {
    let lab = Lab::new();
    for name in UNITS {
        for line in unit(name).lines().filter_map(|line| line.strip_prefix("ExecStart=")) {
            let rest = line.strip_prefix(INSTALLED).unwrap_or_else(|| panic!("{line}"));
            let args: Vec<&str> = rest.split_whitespace().chain(["--help"]).collect();
            assert_eq!(run(&lab, &args).code, 0, "{line}");
        }
    }
    let timer = unit("vps-configurator-health.timer");
    for line in ["AccuracySec=1s", "RandomizedDelaySec=10s", "FixedRandomDelay=true"] {
        assert!(timer.lines().any(|found| found == line), "{line}");
    }
    let serve = unit("vps-configurator.service");
    for line in ["Type=notify", "CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict"] {
        assert!(serve.lines().any(|found| found == line), "{line}");
    }
}
