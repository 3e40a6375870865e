//! One pair of installs, apt-get's and ours, each in a root of its own.

use std::path::PathBuf;
use std::time::Instant;

use tests::apt::AptLab;

use crate::condition::Condition;
use crate::link::{Link, Shape};
use crate::mirror::Mirror;
use crate::repository::ALL;
use crate::traffic::Seen;

const APT_GET: [&str; 4] = ["apt-get", "install", "-y", ALL];
const OURS: [&str; 5] = ["vps-configurator", "apt", "install", "--no-update", ALL];

/// What all rounds share.
pub(crate) struct Bench {
    pub(crate) program: PathBuf,
    pub(crate) mirror: Mirror,
    pub(crate) link: Link,
}

/// One install.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    /// Seconds of the whole.
    pub(crate) wall: f64,
    pub(crate) seen: Seen,
}

/// Both, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) apt_get: Run,
    pub(crate) ours: Run,
}

impl Bench {
    /// Runs both; who is first changes from pair to pair. `None` where no root is to be had.
    pub(crate) fn pair(&self, condition: &Condition, number: usize) -> Option<Pair> {
        Some(if number.is_multiple_of(2) {
            let apt_get = self.run(condition, &APT_GET)?;
            Pair { apt_get, ours: self.run(condition, &OURS)? }
        } else {
            let ours = self.run(condition, &OURS)?;
            Pair { apt_get: self.run(condition, &APT_GET)?, ours }
        })
    }

    fn run(&self, condition: &Condition, command: &[&str]) -> Option<Run> {
        let lab = AptLab::start_with(&self.program)?;
        let (address, traffic) = match condition.shape {
            Some(_) => (self.link.address(), &self.link.traffic),
            None => (self.mirror.address(), &self.mirror.traffic),
        };
        lab.write("/etc/hosts", "127.0.0.1 localhost mirror.example.com\n");
        let source = format!("deb [trusted=yes] http://mirror.example.com:{}/ stable main\n", address.port());
        lab.write("/etc/apt/sources.list", source);
        // It is the distribution's own mirror.
        lab.write("/etc/os-release", "ID=debian\nNAME=\"Debian GNU/Linux\"\n");
        // The lists, and apt's cache of them, are there for both.
        lab.must(&["apt-get", "update"]);
        lab.must(&["apt-get", "install", "--simulate", ALL]);
        traffic.take();
        self.link.shape(condition.shape.unwrap_or_default());
        let start = Instant::now();
        let done = lab.command(command).output().unwrap();
        let wall = start.elapsed().as_secs_f64();
        self.link.shape(Shape::default());
        let said = [done.stdout, done.stderr].concat();
        assert!(done.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&said));
        assert_eq!(lab.installed(ALL).as_deref(), Some("1.0"), "{command:?} did not install it");
        Some(Run { wall, seen: traffic.take() })
    }
}
