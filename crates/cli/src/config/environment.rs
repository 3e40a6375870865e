//! The environment: the one place of the program that reads it.

use std::ffi::OsString;
use std::path::PathBuf;

use etcetera::BaseStrategy;

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) is_root: bool,
    pub(crate) config_home: Option<PathBuf>,
    pub(crate) state_home: Option<PathBuf>,
    pub(crate) state_directory: Option<String>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) netrc: Option<PathBuf>,
    pub(crate) log_filter: Option<String>,
    /// Only for what is said before the command line is understood.
    pub(crate) log_format: Option<String>,
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) cert_dir: Option<PathBuf>,
    #[cfg(feature = "git")]
    pub(crate) ssh_command: Option<String>,
    /// Of LC_ALL, LC_CTYPE and LANG, the first that is set.
    pub(crate) locale: String,
    /// Whether standard error is the journal, which takes priorities.
    pub(crate) under_systemd: bool,
    /// Whether the terminal cannot move its cursor.
    pub(crate) dumb_terminal: bool,
    /// Where a service manager wants to be told (`sd_notify`).
    #[cfg(feature = "web")]
    pub(crate) notify_socket: Option<OsString>,
    /// How long it waits for a sign of life, in microseconds, and of which process.
    #[cfg(feature = "web")]
    pub(crate) watchdog_usec: Option<String>,
    #[cfg(feature = "web")]
    pub(crate) watchdog_pid: Option<String>,
    /// Who gives orders to circuits: a name, else a number.
    pub(crate) user: String,
    /// Every variable, by name.
    pub(crate) all: Vec<(OsString, OsString)>,
}

impl Environment {
    /// The environment of this process.
    pub(crate) fn read() -> Self {
        let base = etcetera::base_strategy::choose_base_strategy().ok();
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(text).find(|value| !value.is_empty());
        Self {
            is_root: rustix::process::geteuid().is_root(),
            config_home: base.as_ref().map(BaseStrategy::config_dir),
            state_home: base.as_ref().and_then(BaseStrategy::state_dir),
            state_directory: text("STATE_DIRECTORY"),
            home: value("HOME").map(PathBuf::from),
            netrc: value("NETRC").map(PathBuf::from),
            log_filter: text("VPS_CONFIGURATOR_LOG"),
            log_format: text("VPS_CONFIGURATOR_LOG_FORMAT"),
            cert_file: value("SSL_CERT_FILE").map(PathBuf::from),
            cert_dir: value("SSL_CERT_DIR").map(PathBuf::from),
            #[cfg(feature = "git")]
            ssh_command: text("GIT_SSH_COMMAND"),
            locale: locale.unwrap_or_default(),
            under_systemd: text("JOURNAL_STREAM").is_some_and(|stream| is_stderr(&stream)),
            dumb_terminal: text("TERM").is_none_or(|term| term == "dumb"),
            #[cfg(feature = "web")]
            notify_socket: value("NOTIFY_SOCKET"),
            #[cfg(feature = "web")]
            watchdog_usec: text("WATCHDOG_USEC"),
            #[cfg(feature = "web")]
            watchdog_pid: text("WATCHDOG_PID"),
            user: user(),
            all: all(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the configuration is where the environment is read")]
fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str) -> Option<String> {
    value(name).and_then(|value| value.into_string().ok())
}

/// The journal's name for a stream is its device and inode. The variable is inherited by programs whose
/// standard error is something else by then.
fn is_stderr(stream: &str) -> bool {
    let Ok(stat) = rustix::fs::fstat(rustix::stdio::stderr()) else { return false };
    stream == format!("{}:{}", stat.st_dev, stat.st_ino)
}

fn user() -> String {
    let name = text("SUDO_USER").or_else(|| text("USER")).or_else(|| text("LOGNAME"));
    name.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

fn all() -> Vec<(OsString, OsString)> {
    let mut all: Vec<_> = std::env::vars_os().collect();
    all.sort();
    all
}
