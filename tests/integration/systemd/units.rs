//! Units that are had, and see what changed.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use tests::wait_until;

use crate::booted::Booted;

const APP: &str = "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/sh -c 'echo reloaded >> FOLDER/reloads'\n\
                   [Install]\nWantedBy=basic.target\n";

/// A file, and the unit that is to see its changes.
fn steps(content: &str, state: &str) -> String {
    format!(
        "  - id: conf\n    file: {{dest: conf, content: \"{content}\"}}\n  - id: app\n    systemd: {{unit: app, state: \
         {state}, enabled: true, on_change: [conf]}}\n"
    )
}

#[test]
fn one_is_started_and_enabled_once_and_restarted_for_each_change() {
    let Some(booted) = Booted::with(&[("app.service", APP)]) else { return };
    let steps = |content: &str| steps(content, "started");
    let said = booted.apply(&steps("one"));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("app      systemd now enabled, started"), "{}", said.err);
    assert_eq!(booted.systemctl(&["is-active", "app"]).out, "active\n");
    assert_eq!(booted.systemctl(&["is-enabled", "app"]).out, "enabled\n");
    let first = booted.main_pid("app");
    let said = booted.apply(&steps("one"));
    assert!(said.code == 0 && said.out.contains("ok 2"), "{}{}", said.out, said.err);
    assert_eq!(booted.main_pid("app"), first, "nothing to do");
    let said = booted.apply(&steps("two"));
    assert!(said.code == 0 && said.err.contains("app      systemd now restarted"), "{}", said.err);
    let second = booted.main_pid("app");
    assert!(second != 0 && second != first);
    // Somebody stopped and disabled it: it is had again.
    booted.systemctl(&["disable", "--now", "app"]);
    let said = booted.apply(&steps("two"));
    assert!(said.code == 0 && said.err.contains("app      systemd now enabled, started"), "{}", said.err);
    let said = booted.apply("  - {id: app, systemd: {unit: app.service, state: stopped, enabled: false}}\n");
    assert!(said.code == 0 && said.err.contains("app      systemd now disabled, stopped"), "{}", said.err);
    assert_eq!(booted.systemctl(&["is-active", "app"]).out, "inactive\n");
    assert_eq!(booted.systemctl(&["is-enabled", "app"]).out, "disabled\n");
}

#[test]
fn one_that_is_reloaded_keeps_its_process() {
    let Some(booted) = Booted::with(&[("app.service", APP)]) else { return };
    let reloads = || fs::read_to_string(booted.lab.path("reloads")).unwrap_or_default().lines().count();
    assert_eq!(booted.apply(&steps("one", "reloaded")).code, 0);
    let first = booted.main_pid("app");
    assert!(first != 0 && reloads() == 0, "who starts sees the file");
    for (content, expected) in [("one", 0), ("two", 1), ("two", 1), ("three", 2)] {
        let said = booted.apply(&steps(content, "reloaded"));
        assert_eq!((said.code, reloads()), (0, expected), "{content}: {}", said.err);
    }
    assert_eq!(booted.main_pid("app"), first);
}

#[test]
fn a_unit_that_the_plan_writes_is_read_and_read_again() {
    let Some(booted) = Booted::with(&[]) else { return };
    let steps = |seconds: u32| {
        let text =
            format!("[Service]\\nExecStart=/bin/sleep {seconds}\\n[Install]\\nWantedBy=basic.target\\n");
        format!(
            "  - id: unit\n    file: {{dest: FOLDER/units/own.service, content: \"{text}\"}}\n  - id: own\n    systemd: \
             {{unit: own, state: started, enabled: true, on_change: [unit]}}\n"
        )
    };
    let runs = |seconds: u32| {
        let show = booted.systemctl(&["show", "--property=ExecStart", "--value", "own"]);
        show.out.contains(&format!("/bin/sleep {seconds} "))
    };
    for seconds in [1_000, 2_000] {
        let said = booted.apply(&steps(seconds));
        assert_eq!(said.code, 0, "{}", said.err);
        let arguments = fs::read(format!("/proc/{}/cmdline", host_pid(&booted, "own"))).unwrap();
        let expected = format!("/bin/sleep\0{seconds}\0");
        assert_eq!(String::from_utf8(arguments).unwrap(), expected, "what runs is what is written");
        assert!(runs(seconds));
        assert_eq!(booted.systemctl(&["show", "--property=NeedDaemonReload", "--value", "own"]).out, "no\n");
    }
}

/// The main process of a unit, as we see it: its number is another one inside.
fn host_pid(booted: &Booted, unit: &str) -> u32 {
    let inside = booted.main_pid(unit).to_string();
    let of = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let numbers: Vec<&str> =
            status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().collect();
        let command = fs::read(entry.path().join("cmdline")).ok()?;
        (numbers.len() > 1 && numbers.last() == Some(&inside.as_str()) && command.starts_with(b"/bin/sleep"))
            .then_some(pid)
    };
    let found: Vec<u32> = fs::read_dir("/proc").unwrap().flatten().filter_map(of).collect();
    // Tests beside this one have worlds of their own with the same numbers.
    let parent = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default().to_owned();
        after.split_whitespace().nth(1).and_then(|pid| pid.parse().ok()) == Some(booted.pid())
    };
    found.into_iter().find(parent).unwrap()
}

#[test]
fn a_run_that_is_killed_after_the_change_leaves_the_restart_to_the_next() {
    let Some(booted) = Booted::with(&[("app.service", APP)]) else { return };
    let between = "  - id: slow\n    command: {shell: \"touch begun; while [ ! -e go ]; do sleep 0.02; done\", always: true}\n";
    let steps = |content: &str| {
        steps(content, "started").replacen("  - id: app", &format!("{between}  - id: app"), 1)
    };
    fs::write(booted.lab.path("go"), "").unwrap();
    assert_eq!(booted.apply(&steps("first")).code, 0);
    let first = booted.main_pid("app");
    fs::remove_file(booted.lab.path("go")).unwrap();
    fs::remove_file(booted.lab.path("begun")).unwrap();
    let plan = fs::read_to_string(booted.lab.path("plan.yaml")).unwrap();
    fs::write(booted.lab.path("plan.yaml"), plan.replace("first", "second")).unwrap();
    let mut killed = booted.command(&["apply", "plan.yaml"]).spawn().unwrap();
    wait_until("the step between", || booted.lab.path("begun").exists().then_some(()));
    // `nsenter` has become the shell's parent: it is the program that is to be killed.
    let program = wait_until("the program", || child_named(killed.id(), "vps-configurato"));
    kill_process(Pid::from_raw(i32::try_from(program).unwrap()).unwrap(), Signal::KILL).unwrap();
    killed.wait().unwrap();
    assert_eq!(booted.main_pid("app"), first, "it was not restarted yet");
    fs::write(booted.lab.path("go"), "").unwrap();
    let said = booted.run(&["apply", "plan.yaml"]);
    assert!(said.code == 0 && said.err.contains("app      systemd now restarted"), "{}", said.err);
    let second = booted.main_pid("app");
    assert!(second != 0 && second != first);
    assert_eq!(booted.run(&["apply", "plan.yaml"]).code, 0);
    assert_eq!(booted.main_pid("app"), second, "once");
}

#[test]
fn one_that_was_on_its_way_when_something_changed_begins_anew() {
    // It is up some time after there is a new configuration, and has read the one that was there when it began.
    let slow = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'cp FOLDER/conf FOLDER/read; \
                until grep -q two FOLDER/conf; do sleep 0.01; done; sleep 1'\nExecReload=/bin/cp FOLDER/conf FOLDER/read\n";
    let Some(booted) = Booted::with(&[("app.service", slow)]) else { return };
    let conf = |content: &str| format!("  - id: conf\n    file: {{dest: conf, content: \"{content}\"}}\n");
    assert_eq!(booted.apply(&conf("one")).code, 0);
    assert_eq!(booted.systemctl(&["start", "--no-block", "app"]).code, 0);
    let read = || fs::read_to_string(booted.lab.path("read")).unwrap_or_default();
    wait_until("the unit has read it", || (read() == "one").then_some(()));
    assert_eq!(booted.systemctl(&["is-active", "app"]).out, "activating\n");
    for state in ["started", "reloaded"] {
        let unit =
            format!("  - id: {state}\n    systemd: {{unit: app, state: {state}, on_change: [conf]}}\n");
        let said = booted.apply(&(conf("two") + &unit));
        assert!(said.code == 0 && read() == "two", "{}{}", said.out, said.err);
        // The other one finds it on its way again.
        if state == "started" {
            booted.systemctl(&["stop", "app"]);
            assert_eq!(booted.apply(&conf("one")).code, 0);
            assert_eq!(booted.systemctl(&["start", "--no-block", "app"]).code, 0);
            wait_until("the unit has read it", || (read() == "one").then_some(()));
        }
    }
}

/// Below `pid`, or itself.
fn child_named(pid: u32, name: &str) -> Option<u32> {
    if fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim() == name {
        return Some(pid);
    }
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().find_map(|child| child_named(child.parse().ok()?, name))
}
