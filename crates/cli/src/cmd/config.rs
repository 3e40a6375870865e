//! `config show`, `check`, `path`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::args::ConfigCommand;
use crate::config::Origin;
use crate::exit::Exit;
use crate::report::{Failure, print, print_json};

pub(crate) fn run(app: &App, command: &ConfigCommand) -> Result<Exit, Failure> {
    let loaded = app.config()?;
    match command {
        ConfigCommand::Show { origin } => {
            let entries = loaded.entries();
            if app.global.json {
                let keys: Map<String, Value> = entries
                    .iter()
                    .map(|entry| {
                        (entry.key.clone(), json!({"value": entry.value, "origin": entry.origin.to_string()}))
                    })
                    .collect();
                return print_json(&json!({"schema": "vps-configurator.config/1", "keys": keys}));
            }
            let lines: Vec<(String, &Origin)> = entries
                .iter()
                .map(|entry| (format!("{} = {}", entry.key, entry.value), &entry.origin))
                .collect();
            let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0).min(72);
            let mut text = String::new();
            for (line, from) in lines {
                // Writing to memory does not fail.
                let _ =
                    if *origin { writeln!(text, "{line:width$}  {from}") } else { writeln!(text, "{line}") };
            }
            print(&text)
        }
        ConfigCommand::Check if app.global.json => {
            print_json(&json!({"schema": "vps-configurator.config.check/1", "valid": true}))
        }
        ConfigCommand::Check => print("the configuration is valid\n"),
        ConfigCommand::Path => {
            let state = app.state_folder(&loaded).map(|folder| folder.path().display().to_string());
            if app.global.json {
                let files: Vec<Value> = loaded
                    .files
                    .iter()
                    .map(|found| json!({"path": found.path, "read": found.is_read()}))
                    .collect();
                return print_json(
                    &json!({"schema": "vps-configurator.config.path/1", "files": files, "state": state}),
                );
            }
            let mut text = String::new();
            for found in &loaded.files {
                let _ = writeln!(text, "{}  ({})", found.path.display(), found.words());
            }
            let _ = writeln!(text, "state: {}", state.as_deref().unwrap_or("in memory"));
            print(&text)
        }
    }
}
