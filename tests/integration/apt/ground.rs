//! What the other tests stand on: the lab itself.

use std::fs;

use rustix::process::Signal;
use tests::apt::{AptLab, Finished, Lock, Mirror, Repository};
use tests::server::Ending;
use tests::wait_until;

/// A lab with the main mirror as its source, and its lists fetched.
pub(crate) fn updated() -> Option<(AptLab, Mirror)> {
    let lab = AptLab::start()?;
    let main = Mirror::start(&lab, Repository::Main);
    lab.sources(&[&main]);
    lab.seed_lists(&[&main]);
    Some((lab, main))
}

pub(crate) fn update(lab: &AptLab, code: i32) -> Finished {
    lab.run(&["apt-get", "update", "--error-on=any", "-o", "Acquire::Retries=0"]).expect(code)
}

pub(crate) fn install(lab: &AptLab, package: &str, code: i32) -> Finished {
    let options = ["-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=0"];
    lab.run(&[&["apt-get", "install", "-y"], &options[..], &[package]].concat()).expect(code)
}

#[test]
fn apt_get_updates_and_installs() {
    let Some(lab) = AptLab::start() else { return };
    let main = Mirror::start(&lab, Repository::Main);
    lab.sources(&[&main]);
    update(&lab, 0);
    // What `seed_lists` writes is what it wrote.
    let lists = || lab.must(&["sh", "-c", "cat /var/lib/apt/lists/*.com*"]);
    let written = lists();
    lab.must(&["sh", "-c", "rm /var/lib/apt/lists/*.com*"]);
    lab.seed_lists(&[&main]);
    assert_eq!(lists(), written);
    let done = lab.run(&["apt-get", "install", "-y", "lab-app"]).expect(0);
    assert_eq!(done.stderr, "");
    assert_eq!(lab.installed("lab-app").as_deref(), Some("1.0"));
    assert_eq!(lab.read("/usr/share/lab-dep/version"), "1.0\n");
    assert_eq!(lab.audit(), "");
    assert!(lab.read("/var/log/dpkg.log").contains("status installed lab-app:all 1.0"));
    assert_eq!(main.requests(&Mirror::deb("lab-app", "1.0")), 1);
    assert_eq!(main.log().exchanges.last().unwrap().ending, Ending::Complete);
    lab.wait_until_quiet();
}

#[test]
fn the_program_runs_there() {
    let Some((lab, main)) = updated() else { return };
    let url = main.url() + Mirror::deb("lab-leaf", "1.0").trim_start_matches('/');
    let _ = lab.run(&["vps-configurator", "download", &url, "/root/leaf.deb"]).expect(0);
    lab.must(&["dpkg", "--install", "/root/leaf.deb"]);
    assert_eq!(lab.installed("lab-leaf").as_deref(), Some("1.0"));
    let nobody = lab.run_as_nobody(&["vps-configurator", "download", &url, "/root/again.deb"]);
    assert_eq!(nobody.code, 7, "{}", nobody.text());
}

#[test]
fn nothing_of_the_machine_is_touched() {
    let Some((lab, _main)) = updated() else { return };
    let _ = install(&lab, "lab-conf", 0);
    // Everything that is mounted there is ours, or one of the files that are shown to it.
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", lab.init())).unwrap();
    let points: Vec<&str> = mounts.lines().map(|line| line.split(' ').nth(4).unwrap()).collect();
    for (line, point) in mounts.lines().zip(&points) {
        let own = line.ends_with("- overlay") || line.contains(" - overlay lab ") || line.contains(" lab rw");
        let kernel = *point == "/proc" || point.starts_with("/dev");
        let read_only = line.split(' ').nth(5).unwrap().starts_with("ro");
        assert!(own || kernel || read_only, "{line}");
    }
    assert!(points.contains(&"/") && !points.iter().any(|point| point.starts_with("/old")), "{points:?}");
    // The folders that an install changes are on another file system than the machine's.
    for folder in ["/etc/apt", "/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/usr/share", "/tmp"] {
        use std::os::unix::fs::MetadataExt;
        let (ours, machine) = (fs::metadata(lab.path(folder)).unwrap(), fs::metadata(folder).unwrap());
        assert_ne!(ours.dev(), machine.dev(), "{folder}");
    }
    // And what was installed is there and not here.
    assert!(lab.path("/etc/lab.conf").exists() && !fs::exists("/etc/lab.conf").unwrap());
    assert!(!fs::exists("/var/lib/dpkg/info/lab-conf.list").unwrap());
    let machine = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!machine.contains("upperdir=/tmp/apt-lab"), "{machine}");
}

#[test]
fn labs_do_not_see_each_other() {
    let (Some((one, _main)), Some((two, _other))) = (updated(), updated()) else { return };
    let _ = install(&one, "lab-leaf", 0);
    assert_eq!(two.installed("lab-leaf"), None);
    let _held = two.hold(Lock::Frontend);
    assert_eq!((one.processes().len(), two.processes().len()), (0, 1));
    one.write("/root/only-here", "");
    assert!(!two.path("/root/only-here").exists());
}

#[test]
fn everything_ends_with_the_lab() {
    let Some((lab, _main)) = updated() else { return };
    let running = lab.begin(&["sleep", "1000"]);
    let sleeping = running.pid();
    drop(lab);
    assert_eq!(running.wait().code, 137);
    assert!(!fs::exists(format!("/proc/{sleeping}")).unwrap());
}

/// Only does something when the next test starts it as a process of its own.
#[test]
fn a_test_that_is_killed() {
    #[expect(clippy::disallowed_methods, reason = "what the other test asks of this process")]
    if std::env::var_os(KILLED).is_none() {
        return;
    }
    let lab = AptLab::start().unwrap();
    let running = lab.begin(&["sleep", "1000"]);
    println!("there: {} {}", lab.init(), running.pid());
    let _ = running.wait();
}

const KILLED: &str = "VPS_LAB_KILLED";

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that is killed is another process")]
fn a_killed_test_leaves_nothing() {
    use std::io::{BufRead, BufReader};
    let Some(_here_it_works) = AptLab::start() else { return };
    let temporary = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ground::a_test_that_is_killed", "--nocapture"])
        .env(KILLED, "1")
        .env("TMPDIR", temporary.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = said
        .into_iter()
        .find_map(|line| line.split_once("there: ").map(|(_, rest)| rest.to_owned()))
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for pid in line.split_whitespace() {
        wait_until("the end of the lab", || (!fs::exists(format!("/proc/{pid}")).unwrap()).then_some(()));
    }
    // The folder it was mounted on is empty: nothing was written but into memory.
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.iter().all(|folder| fs::read_dir(folder).unwrap().count() == 0), "{left:?}");
    assert!(
        !fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&*temporary.path().to_string_lossy())
    );
}

#[test]
fn a_slow_postinst_waits_for_the_test_and_notes_signals() {
    let Some((lab, _main)) = updated() else { return };
    let slow = lab.hold_slow();
    let mut apt = lab.begin(&["apt-get", "install", "-y", "lab-slow"]);
    slow.wait_until_reached_by(&mut apt);
    let script = lab.processes().into_iter().find(|one| one.args.contains("lab-slow.postinst")).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(script.pid).unwrap(), Signal::TERM).unwrap();
    wait_until("the signal to be noted", || (lab.signals_seen() == ["TERM"]).then_some(()));
    assert!(apt.is_running());
    slow.release();
    let _ = apt.wait().expect(0);
    assert_eq!(lab.installed("lab-slow").as_deref(), Some("1.0"));
}
