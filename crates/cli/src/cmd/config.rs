//! `config show`, `check`, `path`, `init`.

use std::fmt::Write as _;

use serde_json::Value;
use vps_ops::env::fs::Care;
use vps_ops::foreign::shown;

use crate::app::App;
use crate::args::ConfigCommand;
use crate::config::{self, Loaded, Origin, load};
use crate::exit::Exit;
use crate::program;
use crate::report::{Failure, document, file, print, print_json};

pub(crate) fn run(app: &App, command: &ConfigCommand) -> Result<Exit, Failure> {
    match command {
        // Neither needs a configuration that can be used.
        ConfigCommand::Path => return path(app),
        ConfigCommand::Init => return init(app),
        ConfigCommand::Show { .. } | ConfigCommand::Check => {}
    }
    let loaded = app.config()?;
    match command {
        ConfigCommand::Show { origin } => {
            let entries = loaded.entries();
            if app.global.json {
                let keys = entries.into_iter().map(|entry| {
                    let setting = document::Setting { value: entry.value, origin: entry.origin.to_string() };
                    (entry.key, setting)
                });
                return print_json(&document::Config { keys: keys.collect() });
            }
            if !origin {
                let settings = serde_json::to_value(&loaded.settings).unwrap_or_default();
                let mut text = String::new();
                write_yaml(&settings, 0, &mut text);
                return print(&text);
            }
            let lines: Vec<(String, &Origin)> = entries
                .iter()
                .map(|entry| (format!("{} = {}", entry.key, entry.value), &entry.origin))
                .collect();
            let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0).min(72);
            let mut text = String::new();
            for (line, from) in lines {
                // Writing to memory does not fail.
                let _ = writeln!(text, "{line:width$}  {from}");
            }
            print(&text)
        }
        _ => check(app, &loaded),
    }
}

fn check(app: &App, loaded: &Loaded) -> Result<Exit, Failure> {
    let skipped = loaded.files.iter().filter(|found| found.is_skipped());
    if app.global.json {
        let skipped = skipped.map(|found| document::SkippedFile {
            path: found.path.display().to_string(),
            why: found.words().to_string(),
        });
        return print_json(&document::ConfigCheck { valid: true, skipped: skipped.collect() });
    }
    let mut text = "the configuration is valid\n".to_owned();
    for found in skipped {
        let _ = writeln!(text, "but {} is {}", shown(&found.path), found.words());
    }
    print(&text)
}

/// Also beside a file that cannot be used: this is where one looks for it.
fn path(app: &App) -> Result<Exit, Failure> {
    let files = config::files(app.env.fs(), app.global.config(), &app.environment);
    let state = match load(files.clone(), &app.environment) {
        Ok(loaded) => Ok(app.state_folder(&loaded).map(|folder| shown(folder.path()).to_string())),
        Err(error) => {
            tracing::warn!("the configuration cannot be used: {error}");
            Err(())
        }
    };
    if app.global.json {
        let files = files.iter().map(|found| document::ConfigFile {
            path: found.path.display().to_string(),
            read: found.is_read(),
        });
        let state = state.ok().flatten();
        return print_json(&document::ConfigPath { files: files.collect(), state });
    }
    let mut text = String::new();
    for found in &files {
        let _ = writeln!(text, "{}  ({})", shown(&found.path), found.words());
    }
    let state = match &state {
        Ok(Some(folder)) => folder,
        Ok(None) => "in memory",
        Err(()) => "not known: the configuration cannot be used",
    };
    let _ = writeln!(text, "state: {state}");
    print(&text)
}

/// Every key with what holds without it, all commented out, so that later defaults are not held up.
const DEFAULTS: &str = include_str!("../../default.yaml");

fn init(app: &App) -> Result<Exit, Failure> {
    let Some(path) = config::own(app.global.config(), &app.environment) else {
        return Err(
            Failure::local("there is no home to write a configuration to").hint("name one with --config")
        );
    };
    // One that others could exchange would not be read where it is found.
    let care = if app.global.config().is_some() { Care::Links } else { Care::Way };
    let written = file::create(&app.env, &path, care, commented(DEFAULTS).as_bytes());
    if let Err(error) = written {
        let failure = Failure::local(format!("the configuration file {} cannot be made", shown(&path)));
        let failure = Failure { causes: vec![error.to_string()], ..failure };
        return Err(if error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.hint(format!(
                "it is left as it is; `{program} config show --origin` says what holds",
                program = program::name()
            ))
        } else {
            failure
        });
    }
    if app.global.json {
        return print_json(&document::ConfigInit { path: path.display().to_string() });
    }
    print(&format!("{}\n", shown(&path)))
}

fn commented(text: &str) -> String {
    let of_line = |line: &str| match line {
        line if line.is_empty() || line.starts_with('#') => format!("{line}\n"),
        line => format!("# {line}\n"),
    };
    text.lines().map(of_line).collect()
}

/// The same keys as a file has them. Scalars and lists are written as in JSON, which YAML reads.
pub(super) fn write_yaml(value: &Value, depth: usize, text: &mut String) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let is_plain = key.starts_with(|first: char| first.is_ascii_alphabetic())
            && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
                .contains(&key.to_ascii_lowercase().as_str());
        let key = if is_plain { key.clone() } else { Value::from(key.as_str()).to_string() };
        let indent = depth * 2;
        // Writing to memory does not fail.
        let _ = match value {
            Value::Null => Ok(()),
            Value::Object(inner) if inner.is_empty() => writeln!(text, "{:indent$}{key}: {{}}", ""),
            Value::Object(_) => {
                let _ = writeln!(text, "{:indent$}{key}:", "");
                write_yaml(value, depth + 1, text);
                Ok(())
            }
            scalar => writeln!(text, "{:indent$}{key}: {scalar}", ""),
        };
    }
}
