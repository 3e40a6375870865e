//! What can be wrong with a machine before anybody installs anything.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use rustix::process::{Pid, Signal, kill_process};

use super::lab::AptLab;
use super::running::Running;
use crate::wait_until;

impl AptLab {
    /// `lab-slow` waits in its postinst from now on, until the result is dropped.
    ///
    /// # Panics
    /// If the lab's files cannot be written.
    #[must_use]
    pub fn hold_slow(&self) -> SlowHeld<'_> {
        // Open for both: neither side ever waits for the other to open.
        let release = OpenOptions::new().read(true).write(true).open(self.path("/run/lab/release")).unwrap();
        self.write("/run/lab/hold", "");
        let _ = fs::remove_file(self.path("/run/lab/slow"));
        SlowHeld { lab: self, release }
    }

    /// `lab-fail` works from now on.
    pub fn mend(&self) {
        self.write("/run/lab/mended", "");
    }

    /// The signals that reached the postinst of `lab-slow`.
    #[must_use]
    pub fn signals_seen(&self) -> Vec<String> {
        self.read("/run/lab/signals").lines().map(str::to_owned).collect()
    }

    /// dpkg is killed while `lab-slow`, whose file is in no repository's way, is configured: what a
    /// power cut leaves.
    ///
    /// # Panics
    /// If there is no dpkg to kill.
    pub fn interrupt_dpkg(&self) {
        let deb = self.base().pool().join("lab-slow_1.0_all.deb");
        self.write("/root/lab-slow.deb", fs::read(deb).unwrap());
        let slow = self.hold_slow();
        let dpkg = self.begin(&["dpkg", "--install", "/root/lab-slow.deb"]);
        slow.wait_until_reached();
        self.kill_all("dpkg");
        slow.release();
        let _ = dpkg.wait();
        self.wait_until_quiet();
        drop(slow);
        assert!(!self.audit().is_empty(), "dpkg was not interrupted");
    }

    /// `package` is unpacked without what it needs: `Unmet dependencies` to every later install.
    pub fn unpack(&self, package: &str, version: &str) {
        let name = format!("{package}_{version}_all.deb");
        let inside = format!("/root/{name}");
        self.write(&inside, fs::read(self.base().pool().join(name)).unwrap());
        self.must(&["dpkg", "--force-depends", "--unpack", &inside]);
    }

    /// A journal entry that dpkg did not get to merge.
    pub fn leave_updates_entry(&self) {
        self.write(
            "/var/lib/dpkg/updates/0001",
            "Package: lab-left\nStatus: install ok unpacked\nVersion: 1.0\nArchitecture: all\n\
             Maintainer: Lab <lab@example.com>\nDescription: left over\n",
        );
    }

    /// A folder of the lab that can hold no more than that many KiB; what is in it is hidden.
    pub fn small_disk(&self, inside: &str, kib: u32) {
        self.must(&["mkdir", "-p", inside]);
        self.must(&["mount", "-t", "tmpfs", "-o", &format!("size={kib}k"), "lab", inside]);
    }

    /// Kills (`SIGKILL`) everything of that name.
    ///
    /// # Panics
    /// If there is nothing of that name.
    pub fn kill_all(&self, name: &str) {
        let found: Vec<_> = self.processes().into_iter().filter(|process| process.name == name).collect();
        assert!(!found.is_empty(), "nothing called {name} runs: {:?}", self.processes());
        for process in found {
            // One may end with another.
            let _ = kill_process(Pid::from_raw(process.pid).unwrap(), Signal::KILL);
        }
    }

    /// Blocks until nothing runs in the lab.
    ///
    /// # Panics
    /// If something stays.
    pub fn wait_until_quiet(&self) {
        wait_until("the lab to be quiet", || self.processes().is_empty().then_some(()));
    }
}

/// While this lives, the postinst of `lab-slow` waits to be released.
#[derive(Debug)]
pub struct SlowHeld<'a> {
    lab: &'a AptLab,
    release: File,
}

impl SlowHeld<'_> {
    /// Blocks until the postinst runs and waits.
    pub fn wait_until_reached(&self) {
        wait_until("the postinst of lab-slow", || self.lab.path("/run/lab/slow").exists().then_some(()));
    }

    /// The same, and fails at once, with what it said, if the program ends before.
    ///
    /// # Panics
    /// If the program ends first.
    pub fn wait_until_reached_by(&self, running: &mut Running) {
        wait_until("the postinst of lab-slow", || {
            let there = self.lab.path("/run/lab/slow").exists();
            assert!(there || running.is_running(), "it ended before its postinst:\n{}", running.said());
            there.then_some(())
        });
    }

    /// Lets it, and all that come later, go on.
    ///
    /// # Panics
    /// If the lab is gone.
    pub fn release(&self) {
        let _ = fs::remove_file(self.lab.path("/run/lab/hold"));
        (&self.release).write_all(b"go\n").unwrap();
    }
}

impl Drop for SlowHeld<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.lab.path("/run/lab/hold"));
        let _ = (&self.release).write_all(b"go\n");
    }
}
