//! State below a parent that a neighbour may write to, while he does.

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use crate::parent::{Below, Parent};
use crate::place::binary;

/// What he would like us to believe.
const STATUS: &[u8] = br#"{"generated_at": "2024-01-01T00:00:00Z", "entries": {}}"#;

fn withstands(args: &[&str]) {
    for parent in [Parent::Sticky, Parent::Open, Parent::His] {
        let planted = ["state.db", "state.lock", "state.meta", "parts.key"]
            .map(|name| (name.to_owned(), vec![b'x'; 32]));
        let mut planted = planted.to_vec();
        planted.push(("status.json".to_owned(), STATUS.to_vec()));
        let Some(below) = Below::new(parent, planted) else { return };
        let command = || {
            let mut command = Command::new(binary());
            let path = std::env::var_os("PATH").unwrap_or_default();
            command.env_clear().env("PATH", path).env("HOME", below.at("root"));
            command.env("STATE_DIRECTORY", below.ours()).env("TMPDIR", below.at("parent"));
            command.current_dir(below.at("root")).args(args).stdin(Stdio::null());
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 7)), "{parent:?}: {output:?}");
            // Work goes on in memory, with a word, where it may.
            output.status.success() && !said.contains("are not remembered")
        };
        let look = |is_done: bool| {
            if !is_done {
                return;
            }
            // Nobody else can have taken it away.
            for name in ["state.db", "state.lock"] {
                let found = std::fs::symlink_metadata(below.ours().join(name)).unwrap();
                assert!(
                    found.is_file() && found.uid() == 0 && found.mode() & 0o077 == 0,
                    "{name}: {found:?}"
                );
            }
        };
        below.withstands(&args.join(" "), command, look);
    }
}

#[test]
fn a_neighbour_leads_no_reset_astray() {
    withstands(&["circuit-breaker", "reset", "github"]);
}

#[test]
fn a_neighbour_leads_no_command_to_state_of_his() {
    withstands(&["run", "--service", "github", "--", "true"]);
}
