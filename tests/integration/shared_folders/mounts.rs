//! A file that something else is mounted at, which cannot be replaced.

use std::fs;
use std::process::Command;

use crate::place::{Place, cannot};
use crate::table::{Folder, Name, Row, Us, Who};

/// Runs the program where `outside/kept` is mounted at the name; `None` where nothing can be.
fn run(place: &Place, args: &[&str]) -> Option<std::process::Output> {
    let inner = place.command(args);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c"]);
    command.arg("mount --bind \"$1\" \"$2\" || exit 99; shift 2; exec \"$@\"").arg("sh");
    command.arg(place.at("outside/kept")).arg(place.path()).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().ok()?;
    if output.status.code() == Some(99) || String::from_utf8_lossy(&output.stderr).contains("unshare: ") {
        tests::skip("nothing can be mounted here");
        return None;
    }
    Some(output)
}

fn place(name: &'static str) -> Place {
    let folder = Folder { owner: Who::Us, mode: 0o755, list: false };
    Place::make(Row { us: Us(0), folder, name: Name::File(Who::Us) }, name).unwrap()
}

#[test]
fn what_is_mounted_is_written_where_it_is_or_left() {
    if cannot() {
        return;
    }
    let report = place("report.json");
    let path = report.path();
    let Some(output) = run(&report, &["run", "--report", path.to_str().unwrap(), "--", "true"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(report.at("outside/kept")).unwrap();
    assert!(text.contains("vps-configurator.run/1") && !text.contains("as it was"), "{text}\n{output:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "shared/report.json as it was", "what is below it");

    let config = place("c.yaml");
    let output = run(&config, &["--config", config.path().to_str().unwrap(), "config", "init"]).unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(fs::read_to_string(config.at("outside/kept")).unwrap(), "outside/kept as it was");
}
