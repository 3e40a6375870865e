//! The environment: the one place of the program that reads it.

use std::ffi::OsString;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use figment::providers::Env;

/// Every variable of ours begins like this.
pub(super) const PREFIX: &str = "VPS_CONFIGURATOR_";

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
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) cert_dir: Option<PathBuf>,
    /// Of LC_ALL, LC_CTYPE and LANG, the first that is set.
    pub(crate) locale: String,
    pub(crate) under_systemd: bool,
    pub(crate) user: Option<String>,
}

impl Environment {
    /// This process's.
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
            cert_file: value("SSL_CERT_FILE").map(PathBuf::from),
            cert_dir: value("SSL_CERT_DIR").map(PathBuf::from),
            locale: locale.unwrap_or_default(),
            under_systemd: value("JOURNAL_STREAM").is_some(),
            user: text("SUDO_USER").or_else(|| text("USER")),
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

/// `VPS_CONFIGURATOR_A__B=value` sets `a.b`. Two underscores, because keys have single ones.
pub(super) fn layer() -> Env {
    Env::prefixed(PREFIX).filter(|key| key.as_str().contains("__")).split("__")
}

/// The variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}
