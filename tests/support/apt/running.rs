//! A program that runs in a lab, or beside the test.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};

use super::processes;
use crate::wait_until;

/// A program at work; dropping it leaves it to the end of its lab.
#[derive(Debug)]
pub struct Running {
    child: Child,
    said: [Said; 2],
    readers: Vec<std::thread::JoinHandle<()>>,
    line: String,
    /// What was started is `nsenter`, and the program its child.
    inside: bool,
}

/// How a program ended, and what it said.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code, or 128 and the number of the signal that ended it.
    pub code: i32,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Finished {
    /// Both outputs, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Demands this exit code, and shows everything if it is another.
    ///
    /// # Panics
    /// If it is another.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Demands that it said this.
    ///
    /// # Panics
    /// If it did not.
    #[must_use]
    pub fn says(self, part: &str) -> Self {
        assert!(self.text().contains(part), "`{part}` is not in\n{}", self.text());
        self
    }
}

/// What comes out of a pipe, so far.
#[derive(Clone, Debug, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    #[expect(clippy::disallowed_methods, reason = "a full pipe would stop the program")]
    fn listen(&self, mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<()> {
        let said = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                said.0.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        })
    }
}

impl Running {
    /// Starts a program that is not in a lab's namespaces.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(command: Command) -> Self {
        Self::begin(command, false)
    }

    /// Starts what goes into a lab by `nsenter`.
    pub(super) fn start_inside(command: Command) -> Self {
        Self::begin(command, true)
    }

    fn begin(mut command: Command, inside: bool) -> Self {
        let line = format!("{command:?}");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = [Said::default(), Said::default()];
        let readers =
            vec![said[0].listen(child.stdout.take().unwrap()), said[1].listen(child.stderr.take().unwrap())];
        Self { child, said, readers, line, inside }
    }

    /// The program's number as the machine counts.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn pid(&self) -> i32 {
        let outside = i32::try_from(self.child.id()).unwrap();
        if !self.inside {
            return outside;
        }
        wait_until("the program in the lab", || processes::child_of(outside))
    }

    /// Sends the program, and nobody else, a signal.
    ///
    /// # Panics
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// What it said so far: standard output, then standard error.
    #[must_use]
    pub fn said(&self) -> String {
        self.said[0].text() + &self.said[1].text()
    }

    /// Blocks until it has said this.
    ///
    /// # Panics
    /// If it ends, or does not say it in time: with what it said.
    pub fn wait_to_say(&mut self, part: &str) {
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(part, || {
                if self.said().contains(part) {
                    return Some(true);
                }
                // What it said last may still be in the pipe.
                let ended = matches!(self.child.try_wait(), Ok(Some(_)))
                    && self.readers.iter().all(std::thread::JoinHandle::is_finished);
                (ended && !self.said().contains(part)).then_some(false)
            })
        }));
        assert!(matches!(found, Ok(true)), "`{part}` was not said by {}:\n{}", self.line, self.said());
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// If the kernel does not say.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Gives it something to read, if its input is a pipe; the input ends then.
    ///
    /// # Panics
    /// If it does not take it.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Blocks until it ends, whoever it leaves behind with its outputs, and returns its exit code.
    ///
    /// # Panics
    /// If it does not in time.
    #[must_use]
    pub fn wait_alone(mut self) -> i32 {
        code(wait_until("its end", || self.child.try_wait().unwrap()))
    }

    /// Blocks until it ends, and its outputs with it.
    ///
    /// # Panics
    /// If it does not in time: with what it said.
    #[must_use]
    pub fn wait(mut self) -> Finished {
        let mut ended: Option<ExitStatus> = None;
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            ended = Some(wait_until("its end", || self.child.try_wait().unwrap()));
            // Somebody it left behind may hold the pipes open.
            wait_until("the end of its output", || {
                self.readers.iter().all(std::thread::JoinHandle::is_finished).then_some(())
            });
        }));
        let [stdout, stderr] = self.said.each_ref().map(Said::text);
        assert!(waited.is_ok(), "{} ({ended:?}) has not ended:\n{stdout}{stderr}", self.line);
        let status = ended.unwrap();
        Finished { code: code(status), stdout, stderr }
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap()
}
