//! The demo: what it claims it has looked at, and it leaves nothing behind.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::starved::Starved;
use tests::wait_until;

use crate::apply::signal;
use crate::lab::Lab;
use crate::said::Said;

/// The longest that it may take, once the program is built.
const LIMIT: Duration = Duration::from_secs(30);

/// It, with a program, and with a folder of its own for what is temporary.
fn demo(lab: &Lab, args: &[&str], program: &Path) -> Command {
    let ours = lab.command(&[]);
    let built = Path::new(ours.get_program()).with_file_name("xtask");
    assert!(built.is_file(), "xtask is not built: run `cargo xtask test`");
    let mut command = Command::new(built);
    fs::create_dir_all(lab.path("tmp")).unwrap();
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", lab.folder.path()).env("TMPDIR", lab.path("tmp"));
    command.arg("demo").args(args).arg("--program").arg(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ours(lab: &Lab) -> std::path::PathBuf {
    lab.command(&[]).get_program().into()
}

/// No file, and no process that works in one of its folders.
fn assert_nothing_left(lab: &Lab) {
    let tmp = lab.path("tmp");
    let left: Vec<_> = fs::read_dir(&tmp).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [] as [std::path::PathBuf; 0]);
    let at_work = || {
        let all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cwd"));
        all.filter(|cwd| fs::read_link(cwd).is_ok_and(|folder| folder.starts_with(&tmp))).count()
    };
    wait_until("the end of what it began", || (at_work() == 0).then_some(()));
}

#[test]
fn the_demo_looks_at_each_thing_that_it_claims_in_half_a_minute() {
    for (args, claims) in [(&[] as &[&str], 15), (&["services"], 6)] {
        let (lab, began, starved) = (Lab::new(), Instant::now(), Starved::begin());
        let said = Said::from(demo(&lab, args, &ours(&lab)).output().unwrap());
        let took = began.elapsed().as_secs_f64() - starved.seconds();
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.lines().last().unwrap().starts_with("done: "), "{}", said.out);
        assert_eq!(said.out.matches("   [checked] ").count(), claims, "{}", said.out);
        assert!(took < LIMIT.as_secs_f64(), "it took {took}s");
        assert_nothing_left(&lab);
    }
}

#[test]
fn the_demo_fails_where_the_program_does_not_do_what_is_claimed() {
    let lies = [
        // Says that all is done again, and does nothing.
        ("\"dead-letter retry\"*) exit 0;;", "a file that is not there"),
        // Says that there was nothing to do, and writes.
        ("\"apply\"*) [ -e quickstart/started ] && touch quickstart/site/404.html;;", "no file was written"),
    ];
    for (lie, claim) in lies {
        let (lab, program) = (Lab::new(), Lab::new().folder.keep().join("liar"));
        let script = format!("#!/bin/sh\ncase \"$*\" in {lie} esac\nexec {} \"$@\"\n", ours(&lab).display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let said = Said::from(demo(&lab, &[], &program).output().unwrap());
        fs::remove_dir_all(program.parent().unwrap()).unwrap();
        assert_eq!(said.code, 1, "{claim}: {}{}", said.out, said.err);
        assert!(!said.out.contains("done: "), "{claim}: {}", said.out);
        assert_nothing_left(&lab);
    }
}

#[test]
fn the_demo_ends_at_ctrl_c_and_leaves_nothing() {
    let lab = Lab::new();
    let mut child = demo(&lab, &[], &ours(&lab)).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // The program is at work by then.
    let is_met = lines.map(|line| line.unwrap()).any(|line| line.contains("Attempt 1 failed"));
    assert!(is_met, "it did not come so far");
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_nothing_left(&lab);
}
