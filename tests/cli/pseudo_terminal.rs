//! A terminal of our own: what a program writes there as it would be seen, and keys for it.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{PidfdFlags, pidfd_open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};

// The size that is set below.
const COLUMNS: usize = 80;
const ROWS: usize = 24;
/// Longer than anything here takes, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct PseudoTerminal {
    master: Option<OwnedFd>,
    /// Kept open, so that the terminal stays when the program has ended.
    slave: Option<OwnedFd>,
    child: Child,
    grid: Vec<Vec<char>>,
    at: (usize, usize),
    /// The beginning of a sequence whose end is missing.
    pending: String,
    /// All that was written.
    pub(crate) raw: String,
}

impl PseudoTerminal {
    /// Starts `command` with a terminal of its own as all of its streams, and as the one that signals come from.
    pub(crate) fn start(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let stream = || Stdio::from(slave.try_clone().unwrap());
        let mut outer = Command::new("setsid");
        outer.arg("--ctty").arg(command.get_program()).args(command.get_args());
        outer.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        outer.current_dir(command.get_current_dir().unwrap());
        outer.stdin(stream()).stdout(stream()).stderr(stream());
        let child = outer.spawn().unwrap();
        Self {
            master: Some(master),
            slave: Some(slave),
            child,
            grid: vec![vec![' '; COLUMNS]; ROWS],
            at: (0, 0),
            pending: String::new(),
            raw: String::new(),
        }
    }

    /// Makes it narrower or lower, as a window is.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(self.master.as_ref().unwrap(), size).unwrap();
    }

    pub(crate) fn settings(&self) -> Termios {
        tcgetattr(self.slave.as_ref().unwrap()).unwrap()
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Whose group has it at the moment.
    pub(crate) fn foreground(&self) -> rustix::process::Pid {
        tcgetpgrp(self.master.as_ref().unwrap()).unwrap()
    }

    /// Writes beside the program, as a shell does that it was stopped under.
    pub(crate) fn write_beside(&self, text: &str) {
        rustix::io::write(self.slave.as_ref().unwrap(), text.as_bytes()).unwrap();
    }

    pub(crate) fn press(&self, keys: &str) {
        rustix::io::write(self.master.as_ref().unwrap(), keys.as_bytes()).unwrap();
    }

    /// What is seen now.
    pub(crate) fn screen(&self) -> String {
        self.grid.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    /// Reads until the screen is so.
    pub(crate) fn wait_for(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not in time: {what}\n{}\n{:?}", self.screen(), self.raw);
            self.read(left);
        }
    }

    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(text, |terminal| terminal.screen().contains(text));
    }

    /// Reads what comes within so long; how many bytes that were.
    pub(crate) fn read(&mut self, within: Duration) -> usize {
        let master = self.master.as_ref().unwrap();
        let mut wanted = [PollFd::new(master, PollFlags::IN)];
        if poll(&mut wanted, Some(&timespec(within))).unwrap() == 0 {
            return 0;
        }
        let mut bytes = [0; 65_536];
        let length = rustix::io::read(master, &mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        self.raw.push_str(&text);
        self.take(&text);
        length
    }

    /// How it ends, and all that it writes until then.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.read(Duration::ZERO) > 0 {}
                return status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.screen());
            self.read(Duration::from_millis(20));
        }
    }

    /// Takes the terminal away; how the program ends by it.
    pub(crate) fn vanish(mut self) -> ExitStatus {
        drop((self.master.take(), self.slave.take()));
        let program = pidfd_open(self.pid(), PidfdFlags::empty()).unwrap();
        // It can be read from once the program has ended.
        let ended = poll(&mut [PollFd::new(&program, PollFlags::IN)], Some(&timespec(PATIENCE))).unwrap();
        assert_eq!(ended, 1, "it goes on without a terminal");
        self.child.wait().unwrap()
    }

    fn take(&mut self, text: &str) {
        let text = std::mem::take(&mut self.pending) + text;
        let mut rest = text.as_str();
        while let Some(letter) = rest.chars().next() {
            if letter == '\u{1b}' {
                let Some(length) = sequence(rest) else {
                    self.pending = rest.to_owned();
                    return;
                };
                let (now, then) = rest.split_at(length);
                self.obey(now);
                rest = then;
                continue;
            }
            rest = rest.split_at(letter.len_utf8()).1;
            match letter {
                '\r' => self.at.1 = 0,
                '\n' if self.at.0 + 1 < ROWS => self.at.0 += 1,
                '\n' => {
                    self.grid.rotate_left(1);
                    self.grid[ROWS - 1] = vec![' '; COLUMNS];
                }
                _ => {
                    let (row, column) = self.at;
                    if let Some(cell) = self.grid[row].get_mut(column) {
                        *cell = letter;
                    }
                    self.at.1 += 1;
                }
            }
        }
    }

    fn obey(&mut self, sequence: &str) {
        let Some(body) = sequence.strip_prefix("\u{1b}[") else { return };
        match body.char_indices().last() {
            Some((end, 'H')) => {
                let numbers: Vec<usize> =
                    body.split_at(end).0.split(';').filter_map(|part| part.parse().ok()).collect();
                let of = |place: usize| numbers.get(place).map_or(0, |number| number.saturating_sub(1));
                self.at = (of(0).min(ROWS - 1), of(1));
            }
            Some((end, 'A')) => {
                let up = body.split_at(end).0.parse().unwrap_or(1);
                self.at.0 = self.at.0.saturating_sub(up);
            }
            Some((_, 'K')) if body == "2K" => self.grid[self.at.0] = vec![' '; COLUMNS],
            Some((_, 'J')) if body == "J" => {
                let (row, column) = self.at;
                self.grid[row].iter_mut().skip(column).for_each(|cell| *cell = ' ');
                self.grid.iter_mut().skip(row + 1).for_each(|row| *row = vec![' '; COLUMNS]);
            }
            Some((_, 'J')) => self.grid = vec![vec![' '; COLUMNS]; ROWS],
            Some((_, 'h' | 'l')) if body.starts_with("?1049") => {
                self.grid = vec![vec![' '; COLUMNS]; ROWS];
                self.at = (0, 0);
            }
            _ => {}
        }
    }
}

impl Drop for PseudoTerminal {
    fn drop(&mut self) {
        // One that has ended is none to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn timespec(length: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(length.as_secs()).unwrap(), tv_nsec: i64::from(length.subsec_nanos()) }
}

/// How long the sequence at the beginning is; nothing while its end is missing.
fn sequence(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\u{1b}[");
    let Some(body) = body else { return (text.len() > 1 && !text.ends_with('\u{1b}')).then_some(2) };
    body.find(|letter: char| ('\u{40}'..='\u{7e}').contains(&letter)).map(|end| end + 3)
}
