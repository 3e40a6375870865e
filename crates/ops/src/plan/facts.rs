//! What is known of the machine; it is asked once, at the beginning of a run.

use serde::Serialize;

/// What conditions ask for, and what `${fact.NAME}` stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Facts {
    /// `debian`, `ubuntu`: ID of os-release.
    pub os: String,
    /// `12`, `24.04`: VERSION_ID of os-release; empty where it has none.
    pub os_version: String,
    /// `bookworm`: VERSION_CODENAME of os-release; empty where it has none.
    pub codename: String,
    /// As Debian names it: `amd64`, `arm64`.
    pub arch: String,
    /// The machine's own name.
    pub hostname: String,
    /// Whether it is a container.
    pub container: bool,
    /// Whether we are root.
    pub root: bool,
}
