//! What the user named that is no file: it is written into, and what is read is neither waited for nor endless.

use std::fs;
use std::process::{Command, Stdio};

use crate::place::Place;
use crate::table::{Folder, Name, Row, Us, Who};

fn place() -> Place {
    let us = Us(rustix::process::geteuid().as_raw());
    let folder = Folder { owner: Who::Us, mode: 0o755, list: false };
    Place::make(Row { us, folder, name: Name::Nothing }, "report").unwrap()
}

/// Runs `$0 ARGS` by a shell that sets its descriptors; what came on standard output.
fn shell(place: &Place, script: &str) -> String {
    let program = place.command(&[]).get_program().to_owned();
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(program).current_dir(place.at("shared"));
    command.env("STATE_DIRECTORY", place.at("state")).env("HOME", place.at("home")).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_report_goes_to_the_descriptor_that_was_named() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let place = place();
    for (script, why) in [
        ("\"$0\" -q run --report /dev/stderr -- true 2>&1 >/dev/null", "standard error, a pipe"),
        ("\"$0\" -q run --report /dev/fd/3 -- true 3>&1 >/dev/null", "another pipe"),
        ("\"$0\" -q run --report /proc/self/fd/3 -- true 3>&1 >/dev/null", "by its other name"),
        ("\"$0\" -q run --report /dev/stdout -- true", "standard output"),
    ] {
        let out = shell(&place, script);
        assert!(out.contains("vps-configurator.run/1"), "{why}: {out}");
    }
    // Behind what stands in a file, not over it.
    shell(&place, "echo first >log; \"$0\" -q run --report /dev/stderr -- true 2>>log");
    let log = fs::read_to_string(place.at("shared/log")).unwrap();
    assert!(log.starts_with("first\n{") && log.contains("vps-configurator.run/1"), "{log}");
}

#[test]
fn a_report_goes_to_a_pipe_of_ours_that_is_read() {
    let place = place();
    let out = shell(
        &place,
        "mkfifo report; cat report & exec 9>report; \"$0\" -q run --report report -- true; exec 9>&-; wait",
    );
    assert!(out.contains("vps-configurator.run/1"), "{out}");
}

#[test]
fn a_report_that_does_not_fit_leaves_the_old_one() {
    let place = place();
    let small = place.at("outside");
    let options = ["-t", "tmpfs", "-o", "size=4k,mode=755", "tmpfs"];
    if !Command::new("mount").args(options).arg(&small).output().is_ok_and(|done| done.status.success()) {
        tests::skip("a small file system cannot be mounted here");
        return;
    }
    fs::write(small.join("old"), "old").unwrap();
    let said = ["old", "new"].map(|name| {
        let path = small.join(name);
        place.run(&["run", "--report", path.to_str().unwrap(), "--", "true"])
    });
    let (old, new) = (fs::read_to_string(small.join("old")).unwrap(), small.join("new").exists());
    let left = fs::read_dir(&small).unwrap().count();
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    for output in said {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("cannot be written"), "{text}");
    }
    assert_eq!((old.as_str(), new, left), ("old", false, 1));
}

/// Files that are read for what is in them, by every option that takes one.
#[test]
fn what_is_read_is_a_file_and_no_large_one() {
    let place = place();
    let shared = place.at("shared");
    assert!(Command::new("mkfifo").arg(shared.join("pipe")).status().unwrap().success());
    fs::File::create(shared.join("huge")).unwrap().set_len(8 << 40).unwrap();
    for name in ["pipe", "/dev/zero", "huge", "/proc/self/environ-of-none", "."] {
        let path = shared.join(name);
        let path = path.to_str().unwrap();
        // What names a folder as it is typed is a wrong command line.
        let is_folder = name == ".";
        // A limit of its own: what waits for a pipe would wait for ever.
        for (args, code) in [
            (&["--config", path, "config", "check"] as &[_], if is_folder { 2 } else { 3 }),
            (
                &["download", "--header-file", path, "https://example.invalid/f", "f"],
                if is_folder { 2 } else { 7 },
            ),
        ] {
            let output = limited(&place, args, &[]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
            assert!(said.contains(path), "it is named: {args:?}: {said}");
        }
        // A netrc file that is none is warned of, and nobody waits for it.
        let output =
            limited(&place, &["download", "-n", "https://example.invalid/f", "f"], &[("NETRC", path)]);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
    }
}

fn limited(place: &Place, args: &[&str], variables: &[(&str, &str)]) -> std::process::Output {
    let inner = place.command(args);
    let mut command = Command::new("timeout");
    command.args(["--signal", "KILL", "20"]).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.envs(variables.iter().copied()).current_dir(place.at("shared")).stdin(Stdio::null());
    command.output().unwrap()
}
