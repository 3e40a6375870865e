//! A real systemd that runs for one test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tests::wait_until;

use crate::lab::Lab;

const BOOT: &str = include_str!("boot.sh");
/// Where Debian's and others' is.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
/// Questions that it does not answer before it is given up: sooner than a test gives up waiting.
const PATIENCE: u32 = 300;
/// The least that it wants to be there.
const TARGETS: [&str; 4] = ["basic", "sysinit", "shutdown", "umount"];

pub(crate) struct Booted {
    pub(crate) lab: Lab,
    /// Of its control groups.
    name: String,
    unshare: Child,
    /// Process 1, as we see it.
    pid: u32,
}

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Booted {
    /// With these units; nothing where this machine has no systemd, or allows no world of its own.
    pub(crate) fn with(units: &[(&str, &str)]) -> Option<Self> {
        let Some(systemd) = SYSTEMD.into_iter().find(|path| Path::new(path).exists()) else {
            tests::skip("there is no systemd here");
            return None;
        };
        if !rustix::process::geteuid().is_root() {
            tests::skip("only root can start a systemd of its own");
            return None;
        }
        let lab = Lab::new();
        fs::create_dir(lab.path("units")).unwrap();
        fs::create_dir(lab.path("etc")).unwrap();
        for target in TARGETS {
            let text = format!("[Unit]\nDescription={target}\nDefaultDependencies=no\n");
            fs::write(lab.path(&format!("units/{target}.target")), text).unwrap();
        }
        let name =
            format!("vps-{}", lab.folder.path().file_name()?.to_string_lossy().trim_start_matches('.'));
        let mut command = Command::new("sh");
        command.args(["-c", BOOT, "boot", &name]).arg(lab.folder.path()).arg(systemd);
        let log = fs::File::create(lab.path("systemd.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut booted = Self { lab, name, unshare: command.spawn().unwrap(), pid: 0 };
        for (unit, text) in units {
            booted.unit(unit, text);
        }
        let mut looks = 0;
        let is_up = wait_until("systemd", || {
            if looks > PATIENCE || booted.unshare.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let children = format!("/proc/{0}/task/{0}/children", booted.unshare.id());
            booted.pid = fs::read_to_string(children).ok()?.trim().parse().ok()?;
            looks += 1;
            (booted.systemctl(&["is-system-running"]).out == "running\n").then_some(true)
        });
        if !is_up {
            let log = fs::read_to_string(booted.lab.path("systemd.log")).unwrap();
            let why = log.lines().next().unwrap_or("without a word");
            tests::skip(&format!("a systemd of its own cannot be started here: {why}"));
            return None;
        }
        Some(booted)
    }

    /// Writes a unit's file; `FOLDER` in it is the test's.
    pub(crate) fn unit(&self, name: &str, text: &str) {
        let text = text.replace("FOLDER", self.lab.folder.path().to_str().unwrap());
        fs::write(self.lab.path(&format!("units/{name}")), text).unwrap();
    }

    fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.env_clear();
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // Who enters is in the root folder.
        inside.args(["--target", &self.pid.to_string(), "--mount", "--pid", "--cgroup", "--ipc", "--uts"]);
        inside.args(["sh", "-c", "cd \"$0\" && exec \"$@\""]).arg(self.lab.folder.path());
        inside.arg(command.get_program()).args(command.get_args());
        inside.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inside
    }

    /// The program, where this systemd is process 1.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.inside(&self.lab.command(args))
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::of(&self.command(args).output().unwrap())
    }

    /// Applies a plan of these steps.
    pub(crate) fn apply(&self, steps: &str) -> Said {
        let steps = steps.replace("FOLDER", self.lab.folder.path().to_str().unwrap());
        fs::write(self.lab.path("plan.yaml"), format!("version: 1\nname: it\nsteps:\n{steps}")).unwrap();
        self.run(&["apply", "plan.yaml"])
    }

    pub(crate) fn systemctl(&self, args: &[&str]) -> Said {
        let mut command = Command::new("systemctl");
        command.args(args).env("LC_ALL", "C.UTF-8").env("PATH", std::env::var_os("PATH").unwrap());
        Said::of(&self.inside(&command).output().unwrap())
    }

    /// Process 1, as we see it.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// The main process of a unit; 0 where there is none.
    pub(crate) fn main_pid(&self, unit: &str) -> u32 {
        self.systemctl(&["show", "--property=MainPID", "--value", unit]).out.trim().parse().unwrap()
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        // Process 1 goes with it, and with that all that it started.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        // Of groups within groups the inner ones go first, and each when its last process is gone.
        let find = "for place in /sys/fs/cgroup/\"$0\" /sys/fs/cgroup/*/\"$0\"; do \
                    [ -d \"$place\" ] || continue; find \"$place\" -depth -type d -exec rmdir {} \\; ; \
                    [ ! -d \"$place\" ] || left=1; done; exit ${left-0}";
        let gone = || {
            let ended =
                Command::new("sh").args(["-c", find, &self.name]).stderr(Stdio::null()).output().ok()?;
            ended.status.success().then_some(())
        };
        if std::thread::panicking() {
            let _ = gone();
        } else {
            wait_until("the end of systemd", gone);
        }
    }
}
