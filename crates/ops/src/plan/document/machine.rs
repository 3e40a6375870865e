//! What is only on this machine, and what others wait for.

use super::{keys, words};
use crate::plan::action::UnitState;
use crate::plan::decode::{At, List, Quoted};

keys! {
    /// A file with a content: one of `source` and `content`.
    File requires [dest] {
        /// Where it is to be. Folders above it that are missing are made.
        dest: String,
        /// A file, beside the plan or by its whole path, whose content it has.
        source: String,
        /// What is in it. Nothing is replaced in it unless `expand` says so.
        content: String,
        /// `${...}` is replaced in `content`; secrets may stand there.
        expand: bool,
        /// Its rights: "0644" in quotes, which it is unless told; "0600" where a secret is in it.
        mode: Quoted,
        /// Whose it is, by name or number; ours unless told.
        owner: String,
        /// Its group, by name or number.
        group: String,
    }
}

keys! {
    /// A unit of systemd: what it is to be now, and whether it begins with the machine.
    Systemd requires [unit] {
        /// Its name; `.service` is left out or not.
        unit: String,
        /// `started`, `stopped`, `restarted`, `reloaded`. A change of `on_change` restarts it, or reloads it with
        /// `reloaded`.
        state: UnitState,
        /// Whether it begins with the machine.
        enabled: bool,
        /// The steps whose change has it restarted or reloaded.
        on_change: List<At<String>>,
    }
}

keys! {
    /// What is waited for: one of `connect`, `http`, `dns`, `service`, `exists`.
    GateText requires [] {
        /// Somebody takes connections at this host and port: `example.com:443`.
        connect: String,
        /// This URL is answered, by a status below 400.
        http: String,
        /// This name has an address.
        dns: String,
        /// This service's circuit breaker lets calls through.
        service: String,
        /// This path is there.
        exists: String,
        /// How long it is waited for: seconds, or `90s`, `5m`; 5 minutes unless told.
        wait: String,
    }
}

words! {
    UnitState {
        "started" => UnitState::Started,
        "stopped" => UnitState::Stopped,
        "restarted" => UnitState::Restarted,
        "reloaded" => UnitState::Reloaded,
    }
}
