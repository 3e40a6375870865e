//! What systemctl is told to do.

/// One of its commands that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// All units are read again.
    DaemonReload,
    Disable,
    Enable,
    Reload,
    Restart,
    Start,
    Stop,
}

impl Verb {
    /// As systemctl takes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::DaemonReload => "daemon-reload",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }

    /// What a unit is then.
    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::DaemonReload => "read again",
            Self::Disable => "disabled",
            Self::Enable => "enabled",
            Self::Reload => "reloaded",
            Self::Restart => "restarted",
            Self::Start => "started",
            Self::Stop => "stopped",
        }
    }
}
