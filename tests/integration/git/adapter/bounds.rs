//! What somebody else made and has no end, or far more than one would think: each is ended by a bound that is named,
//! in little memory.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use tests::apt::{Finished, Running};
use tests::git::Forge;
use tests::wait_until;

use super::lab::Lab;
use super::ssh::url;

/// More it never has in memory, in MiB.
pub(super) const MEMORY: u64 = 256;
pub(super) const ID: &str = "1111111111111111111111111111111111111111";

/// The most that a process has had in memory so far, in MiB.
fn peak(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    most.split_whitespace().next().map_or(0, |kib| kib.parse::<u64>().unwrap() >> 10)
}

/// Waits for its end, and says how much memory it took.
pub(super) fn measured(mut running: Running) -> (Finished, u64) {
    let (pid, mut most) = (running.pid(), 0);
    wait_until("its end", || {
        most = most.max(peak(pid));
        (!running.is_running()).then_some(())
    });
    assert!(most > 0, "it was too fast to be measured");
    (running.wait(), most)
}

pub(super) fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// `git clone` by a program in place of ssh that says `first`, and then does what `then` says in the shell's words.
pub(super) fn rude(lab: &Lab, first: &[u8], then: &str, more: &[&str]) -> Command {
    let (path, said) = (lab.path("rude-ssh"), lab.path("first"));
    fs::write(&said, first).unwrap();
    let said = said.display();
    let script = format!("#!/bin/sh\n[ \"$1\" = -G ] && exit 0\ncat '{said}' 2>/dev/null\n{then}\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = lab.command(&[&["ssh://host/r", "dest"], more].concat());
    command.env("GIT_SSH_COMMAND", path);
    command
}

/// What a server can do, by protocol 2.
pub(super) fn opening() -> String {
    format!("{}{}{}0000", line("version 2\n"), line("ls-refs\n"), line("fetch=shallow\n"))
}

#[test]
fn a_server_that_does_not_stop_talking_is_ended_by_a_bound_that_is_named() {
    let refs = format!("{}{}0000", opening(), line(&format!("{ID} HEAD\n")));
    let answer = |with: &str| format!("{refs}{}", line(with));
    for (first, again, to, named) in [
        (String::new(), "more and more".to_owned(), ">&2", "more than 16 MiB on standard error"),
        (line("version 2\n"), line("capability=\n"), "", "can do is longer than 1 MiB"),
        (
            line(&format!("{ID} HEAD\0multi_ack_detailed side-band-64k shallow\n")),
            line(&format!("{ID} refs/heads/a\n")),
            "",
            "takes more memory than 256 MiB",
        ),
        (opening(), line(&format!("{ID} refs/heads/a\n")), "", "takes more memory than 256 MiB"),
        (answer("acknowledgments\n"), line("NAK\n"), "", "acknowledges more than 2 MiB"),
        (answer("shallow-info\n"), line(&format!("shallow {ID}\n")), "", "ends is longer than 16 MiB"),
        (answer("shallow-info\n"), line(&format!("unshallow {ID}\n")), "", "ends is longer than 16 MiB"),
        (answer("packfile\n"), line("\u{2}counting\n"), "", "more than 16 MiB of its progress"),
    ] {
        let lab = Lab::new();
        let then = format!("exec yes '{}' {to}", again.trim_end_matches('\n'));
        let (ended, most) = measured(Running::start(rude(&lab, first.as_bytes(), &then, &[])));
        let ended = ended.expect(1);
        assert!(ended.text().contains(named), "{named}: {}", ended.text());
        assert!(!ended.text().contains("Retrying"), "{}", ended.text());
        assert!(most < MEMORY, "{named}: {most} MiB");
        lab.assert_left(&[]);
    }
}

#[test]
fn a_tree_of_a_few_bytes_makes_no_million_paths() {
    let Some(forge) = Forge::start() else { return };
    for (levels, named) in [(6, "in more than 64 places"), (9, "has more than 5000000 paths"), (300, "paths")]
    {
        let (name, lab) = (format!("b{levels}"), Lab::new());
        let _bomb = forge.bomb(&name, levels);
        let (ended, most) = measured(lab.begin(&[&forge.url(&name), "dest"]));
        let ended = ended.expect(1);
        assert!(ended.text().contains(named), "{levels}: {}", ended.text());
        assert!(most < MEMORY, "{levels}: {most} MiB");
        lab.assert_left(&[]);
    }
    // What is there often, but not too often, is as good as any other.
    let (_small, lab) = (forge.bomb("s", 3), Lab::new());
    assert!(lab.cloned(&forge.url("s"), &[]).folder().join("d0/d9/d5").exists());
}

#[test]
fn a_file_larger_than_the_memory_that_is_taken_is_cloned() {
    const LENGTH: u64 = 400 << 20;
    let Some(forge) = Forge::start() else { return };
    let (giant, lab) = (forge.giant("g", LENGTH), Lab::new());
    for (more, code) in [(&[][..], 0), (&["--update", "--full"], 0)] {
        let (ended, most) = measured(lab.begin(&[&[&*forge.url("g"), "dest"], more].concat()));
        let _ = ended.expect(code);
        assert!(most < MEMORY, "{most} MiB");
        assert_eq!(lab.dest().head(), giant.id("main"));
        assert_eq!(fs::metadata(lab.path("work/dest/giant")).unwrap().len(), LENGTH);
    }
    // Of the same length, but another.
    let file = fs::File::options().write(true).open(lab.path("work/dest/giant")).unwrap();
    file.write_all_at(b"x", LENGTH / 2).unwrap();
    let (ended, most) = measured(lab.begin(&[&*forge.url("g"), "dest", "--update"]));
    let ended = ended.expect(7);
    assert!(ended.text().contains("not committed: giant") && most < MEMORY, "{most} MiB, {}", ended.text());
}

/// Puts something in the place of a file that would never end, or hold up whoever opens it.
fn plant(path: &Path, what: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    match what {
        "a pipe" => mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap(),
        "a device" => symlink("/dev/zero", path).unwrap(),
        _ => fs::File::create(path).unwrap().set_len(8 << 40).unwrap(),
    }
}

#[test]
fn what_would_hang_in_a_clone_that_is_there_is_refused_by_name() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for name in ["HEAD", "config", "index", "refs/heads/main", "objects/info/alternates", "modules/m/HEAD"] {
        for what in ["a pipe", "a device", "longer than"] {
            let lab = Lab::new();
            let _ = sample.git(&["clone", "-q", &forge.url("s"), lab.path("work/dest").to_str().unwrap()]);
            let path = lab.path("work/dest/.git").join(name);
            plant(&path, what);
            let before = forge.all();
            for more in [&[][..], &["--update"]] {
                let (ended, most) = measured(lab.begin(&[&[&*forge.url("s"), "dest"], more].concat()));
                let ended = ended.expect(7);
                let odd = format!("dest/.git/{name} is {what}");
                let names = ended.text().contains(&odd);
                assert!(names && most < MEMORY, "{name} {what}: {most} MiB, {}", ended.text());
            }
            assert_eq!(forge.all(), before, "nobody is asked");
        }
    }
}

#[test]
fn a_sweep_of_many_files_hears_a_stop() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let left = lab.path("work/.dest.clone-0123abcd");
    let clone = left.join("clone");
    for folder in 0..100 {
        let folder = clone.join(folder.to_string());
        fs::create_dir_all(&folder).unwrap();
        (0..300).for_each(|file| fs::write(folder.join(file.to_string()), "").unwrap());
    }
    let record = left.join("vps-configurator-clone");
    fs::write(&record, "").unwrap();
    let folders = || fs::read_dir(&clone).map_or(0, Iterator::count);
    let running = lab.begin(&[&url(&sample), "dest"]);
    wait_until("the sweep", || (folders() < 100).then_some(()));
    let _ = lab.stopped(running, Signal::TERM);
    // What it did not come to is still known for what it is, and the next one does it.
    assert!(folders() > 0 && record.exists());
    let _ = lab.cloned(&url(&sample), &[]);
    assert!(!left.exists());
}
