//! A test that starts itself again on a terminal of its own, to see what becomes of that.

#![expect(clippy::disallowed_methods, reason = "a test that starts itself again, on a terminal")]

use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;

/// Says to a test that it is the one that was started again, and as what.
const CHILD: &str = "VPS_TERMINAL_CHILD";

/// As what this test was started again; nothing where it was not.
pub(crate) fn started_as() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// What became of it.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// All that the terminal was sent.
    pub(crate) raw: String,
    /// Whether the terminal's settings are those that it had.
    pub(crate) is_as_before: bool,
}

/// Runs this one test again, by its full name, alone and at a terminal, to its end.
pub(crate) fn start(test: &str, child: &str) -> Ended {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
    let settings = || {
        let now = tcgetattr(&slave).unwrap();
        (now.input_modes, now.output_modes, now.control_modes, now.local_modes)
    };
    let before = settings();
    let stream = || Stdio::from(slave.try_clone().unwrap());
    let ended = Command::new("setsid")
        .args(["--ctty", "--wait"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, child)
        .env("RUST_BACKTRACE", "0")
        .stdin(stream())
        .stdout(stream())
        .stderr(stream())
        .status()
        .unwrap();
    let mut raw = Vec::new();
    let mut bytes = [0; 4096];
    while poll(&mut [PollFd::new(&master, PollFlags::IN)], Some(&Timespec::default())).unwrap() > 0 {
        let length = rustix::io::read(&master, &mut bytes).unwrap();
        raw.extend_from_slice(&bytes[..length]);
    }
    let raw = String::from_utf8(raw).unwrap();
    Ended { code: ended.code(), raw, is_as_before: settings() == before }
}
