//! The real program, with short pauses and a state of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::say;
use super::stage::Stage;

/// Short pauses, so that it all fits into half a minute.
const SETTINGS: [(&str, &str); 3] = [
    ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "0.3"),
    ("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__TIMEOUT", "4"),
    ("LANG", "C.UTF-8"),
];

pub(super) struct Program {
    binary: PathBuf,
    pub(super) stage: Stage,
}

impl Program {
    pub(super) fn on_stage(binary: PathBuf) -> Result<Self> {
        Ok(Self { binary, stage: Stage::set()? })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            // Settings of whoever looks on, and his proxies, are no part of the show.
            let text = name.to_string_lossy();
            if text.starts_with("VPS_CONFIGURATOR_") || text.to_ascii_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.envs(SETTINGS).env("VPS_CONFIGURATOR_STATE__DIR", self.stage.path("state"));
        command.env("HOME", self.stage.folder()).env("XDG_CONFIG_HOME", self.stage.path("config"));
        command.current_dir(self.stage.folder()).args(args).stdin(Stdio::null());
        command
    }

    /// Shows the command and begins it.
    pub(super) fn start(&self, args: &[&str]) -> Result<()> {
        let shown: Vec<&str> = args.iter().map(|arg| if arg.len() == 64 { "HEX" } else { *arg }).collect();
        say(&format!("$ vps-configurator {}", shown.join(" ")))?;
        self.stage.start(self.command(args))
    }

    /// The same to its end.
    pub(super) fn run(&self, args: &[&str]) -> Result<ExitStatus> {
        self.start(args)?;
        self.stage.wait()
    }

    /// What it says to programs, which nobody is shown.
    pub(super) fn asked(&self, args: &[&str]) -> Result<Value> {
        let output = self.command(&[&["--json"], args].concat()).output()?;
        ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).with_context(|| format!("{args:?}"))
    }

    pub(super) fn kill(&self) -> Result<()> {
        self.stage.kill()?;
        say("   (killed with SIGKILL)")
    }

    /// Until the part beside `dest` holds so many bytes.
    pub(super) fn wait_for_part(&self, dest: &Path, bytes: u64) -> Result<()> {
        let name = dest.file_name().unwrap_or_default().to_string_lossy();
        let part = dest.with_file_name(format!(".{name}.part"));
        self.stage.wait_until(&format!("{bytes} bytes in {}", part.display()), || {
            Ok(std::fs::metadata(&part).is_ok_and(|meta| meta.len() >= bytes))
        })
    }
}
