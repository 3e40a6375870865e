//! `apply`: a plan run by the real program, on real files, commands and servers of this machine.

mod chosen;
mod clones;
mod ends;
mod examples;
mod looked;
mod lost;
mod next;
mod rows;
mod secrets;
mod shown;
mod stopped;
mod together;

use std::fs;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::lab::Lab;
use crate::said::{Said, run};

/// A folder with the plan `p.yaml` of these steps.
fn lab(steps: &str) -> Lab {
    let lab = Lab::new();
    plan(&lab, steps);
    lab
}

fn plan(lab: &Lab, steps: &str) {
    fs::write(lab.path("p.yaml"), format!("version: 1\nname: p\nsteps:\n{steps}")).unwrap();
}

fn apply(lab: &Lab, args: &[&str]) -> Said {
    run(lab, &[&["apply", "p.yaml"], args].concat())
}

/// The same as programs hear it: every line is as its schema says, and the last is the report.
fn heard(lab: &Lab, args: &[&str]) -> (Said, Vec<Value>) {
    let said = apply(lab, &[&["--json"], args].concat());
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        let _ = tests::schema::check(line);
    }
    (said, lines)
}

/// What became of each step, as `id status`, and the exit code.
fn ends(lab: &Lab, args: &[&str]) -> (i32, Vec<String>) {
    let (said, lines) = heard(lab, args);
    let report = lines.last().unwrap_or_else(|| panic!("{}", said.err));
    assert_eq!(report["code"].as_i64(), Some(said.code.into()));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let of = |step: &Value| match &step["deferred"] {
        Value::Null => format!("{} {}", text(&step["step"]), text(&step["status"])),
        why => format!("{} {}", text(&step["step"]), text(why)),
    };
    (said.code, report["steps"].as_array().unwrap().iter().map(of).collect())
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn pipe(lab: &Lab, name: &str) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, lab.path(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn text(lab: &Lab, name: &str) -> String {
    String::from_utf8(lab.read(name).unwrap_or_default()).unwrap()
}
