#![expect(clippy::disallowed_methods, reason = "a test that starts itself again, on a terminal")]

use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::super::run::restored_by_a_panic;
use super::*;
use crate::observe::Screen;

const CHILD: &str = "VPS_TERMINAL_CHILD";
const SAID: &str = "something that should not happen";

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told_of() {
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
        .args(["--exact", "tui::terminal::tests::the_child", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
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
    assert_eq!(ended.code(), Some(101), "{raw:?}");
    let (on_screen, behind) = raw.split_once("\u{1b}[?1049l").expect("it leaves the other screen");
    assert!(on_screen.contains("\u{1b}[?1049h") && !on_screen.contains(SAID), "{raw:?}");
    // Lines begin at the left again, and what was held till then comes first.
    assert!(behind.contains("held until then\r\n") && behind.contains(&format!("{SAID}\r\n")), "{raw:?}");
    assert!(behind.find("held until then") < behind.find(SAID), "{raw:?}");
    assert!(on_screen.rfind("\u{1b}[?25h") > on_screen.rfind("\u{1b}[?25l"), "the cursor is back: {raw:?}");
    assert_eq!(settings(), before);
}

/// Does something only where the test above started it.
#[test]
fn the_child() {
    if std::env::var(CHILD).is_err() {
        return;
    }
    let screen = Screen::new(false);
    restored_by_a_panic(&screen);
    screen.hold();
    // As in a release, which ends at once: nothing is dropped on the way.
    std::mem::forget(Terminal::take().unwrap());
    screen.line("held until then");
    panic!("{SAID}");
}
