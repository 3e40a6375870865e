//! What a service manager is told: one datagram each to the socket it names (`Type=notify`).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use vps_ops::env::Env;

use super::views::Views;
use crate::config::Environment;
use crate::observe::words::health as words;
use crate::report::fit;

/// Without a turn of the watch's loop for so long something is wrong with us.
pub(super) const SILENT: Duration = Duration::from_secs(5);
/// How often it is looked whether there is something to tell.
const EACH: Duration = Duration::from_secs(1);

/// Who started us, if it wants to know.
#[derive(Debug)]
pub(crate) struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants a sign of life: half of what it waits.
    watchdog: Option<Duration>,
}

impl Systemd {
    /// A name that begins with `@` is of no file (an abstract socket).
    pub(crate) fn of(environment: &Environment, pid: u32) -> Self {
        let named = environment.notify_socket.as_ref();
        let address = named.and_then(|name| match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
            [b'/', ..] => SocketAddr::from_pathname(name).ok(),
            _ => None,
        });
        let socket = address.and_then(|address| {
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_nonblocking(true).ok()?;
            Some((socket, address))
        });
        let (wait, whose) = (environment.watchdog_usec.as_deref(), environment.watchdog_pid.as_deref());
        let is_ours = whose.is_none_or(|whose| whose.parse() == Ok(pid));
        let wait =
            wait.filter(|_| is_ours).and_then(|wait| wait.parse::<u64>().ok()).filter(|wait| *wait > 0);
        Self { socket, watchdog: wait.map(|wait| Duration::from_micros(wait / 2)) }
    }

    /// Tells it; who does not listen is not waited for.
    pub(crate) fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!("the service manager was not told: {error}");
        }
    }

    /// Tells, while the watch turns, that we live, and how the services are. Never ends by itself.
    pub(crate) async fn follow(&self, env: &Env, views: &Views) {
        if self.socket.is_none() {
            return std::future::pending().await;
        }
        let (mut seen, mut said) = (None, String::new());
        let mut alive_at = env.now();
        loop {
            let now = env.now();
            if let Some(each) = self.watchdog
                && now >= alive_at
            {
                // Else it is right to end us.
                if views.watch().silent_for() < SILENT {
                    self.tell("WATCHDOG=1");
                }
                alive_at = now.after(each);
            }
            let version = views.watch().version();
            if seen != Some(version) {
                seen = Some(version);
                let sentence = words::sentence(&views.watch().headline());
                if sentence != said {
                    self.tell(&format!("STATUS={}", fit::line(&sentence)));
                    said = sentence;
                }
            }
            let next = now.after(EACH);
            env.bell(if self.watchdog.is_some() { next.min(alive_at) } else { next }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, bound: &UnixDatagram) -> Vec<u8> {
        let environment = Environment { notify_socket: Some(name.into()), ..Environment::default() };
        Systemd::of(&environment, 1).tell("READY=1");
        bound.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut bytes = [0; 64];
        let count = bound.recv(&mut bytes).unwrap();
        bytes[..count].to_vec()
    }

    #[test]
    fn it_is_told_by_a_file_and_by_a_name_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        assert_eq!(told(path.to_str().unwrap(), &UnixDatagram::bind(&path).unwrap()), b"READY=1");
        let name = format!("vps-configurator-test-{}", std::process::id());
        let bound = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        assert_eq!(told(&format!("@{name}"), &bound), b"READY=1");
    }

    #[test]
    fn a_watchdog_is_ours_only_by_our_number() {
        let watchdog = |usec: &str, pid: Option<&str>| {
            let (watchdog_usec, watchdog_pid) = (Some(usec.to_owned()), pid.map(str::to_owned));
            Systemd::of(&Environment { watchdog_usec, watchdog_pid, ..Environment::default() }, 7).watchdog
        };
        assert_eq!(watchdog("30000000", Some("7")), Some(Duration::from_secs(15)));
        assert_eq!(watchdog("30000000", None), Some(Duration::from_secs(15)));
        for (usec, pid) in [("30000000", Some("8")), ("0", None), ("soon", None)] {
            assert_eq!(watchdog(usec, pid), None);
        }
    }
}
