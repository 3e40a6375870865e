//! What is wrong with a configuration: file, line, key, and what to do.

use std::io;
use std::path::PathBuf;

use figment::Figment;
use thiserror::Error;
use vps_ops::settings::InvalidSettings;

use super::{environment, origin};

/// A configuration that cannot be used. Nothing was touched.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    #[error("the configuration file {path} cannot be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path}: {report}")]
    Wrong { path: PathBuf, report: String },
    #[error("{0}")]
    Merged(String),
}

impl ConfigError {
    /// An error of merging can only be the environment's: every file was checked before.
    pub(super) fn merged(error: &figment::Error) -> Self {
        let faults = error.clone().into_iter().map(|fault| {
            let mut key = fault.path.join(".");
            if let figment::error::Kind::UnknownField(field, known) = &fault.kind {
                if !key.ends_with(field.as_str()) {
                    key = if key.is_empty() { field.clone() } else { format!("{key}.{field}") };
                }
                let known = known.join(", ");
                return format!(
                    "environment variable {}: there is no such key; there are {known}",
                    environment::variable(&key)
                );
            }
            let place = fault.metadata.as_ref().map_or_else(
                || format!("environment variable {}", environment::variable(&key)),
                |metadata| origin::named(metadata, &key).replacen("env ", "environment variable ", 1),
            );
            format!("{place}: {}", fault.kind)
        });
        Self::Merged(faults.collect::<Vec<_>>().join("\n"))
    }
}

/// Faults that only show when all is merged: file (or variable), line where the file has it, and key.
pub(super) fn out_of_range(
    figment: &Figment,
    invalid: &InvalidSettings,
    texts: &[(PathBuf, String)],
) -> ConfigError {
    let lines = invalid.0.iter().map(|fault| {
        let place = origin::of(figment, &fault.key);
        let line = texts
            .iter()
            .rev()
            .find(|(path, _)| path.display().to_string() == place)
            .and_then(|(_, text)| line_of(text, &fault.key));
        let place = match line {
            Some(line) => format!("{place}: line {line}"),
            None => place.replacen("env ", "environment variable ", 1),
        };
        format!("{place}: {fault}")
    });
    ConfigError::Merged(lines.collect::<Vec<_>>().join("\n"))
}

/// The line of `a.b.c`: the `c:` that comes after a less indented `b:`, and so on.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut path: Vec<(usize, &str)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let Some((name, _)) = trimmed.split_once(':') else { continue };
        if trimmed.starts_with('#') {
            continue;
        }
        let indent = line.len() - trimmed.len();
        path.retain(|(outer, _)| *outer < indent);
        path.push((indent, name.trim().trim_matches(['"', '\''])));
        if path.iter().map(|(_, name)| *name).eq(key.split('.')) {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn finds_the_line_of_a_nested_key() {
        let text = "performance:\n  # max_retries: 9\n  timeouts:\n    download: 1\n  network_retry:\n    max_retries: 0\n";
        assert_eq!(line_of(text, "performance.network_retry.max_retries"), Some(6));
        assert_eq!(line_of(text, "performance.network_retry.jitter"), None);
    }
}
