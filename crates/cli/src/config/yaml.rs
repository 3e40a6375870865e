//! One file, read with limits and parsed as what it should be.

use std::io::{self, ErrorKind};

use serde::de::DeserializeOwned;
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy, NonFiniteFloatPolicy};
use vps_ops::env::fs::FileKind;
use vps_ops::settings::Settings;

use super::ConfigError;
use super::discover::{Found, Opened};

/// A configuration is a page; what is larger is something else.
const LARGEST: u64 = 256 * 1024;

pub(super) fn read(found: &Found) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: found.path.clone(), source };
    let file = match &found.opened {
        Opened::File(file) => file,
        Opened::Failed(error) => return Err(unreadable(io::Error::new(error.kind(), error.to_string()))),
        Opened::Nothing => return Err(unreadable(ErrorKind::NotFound.into())),
    };
    // It was opened without waiting for who else might have a pipe open, and is not read if it is one.
    if file.meta().map_err(unreadable)?.kind != FileKind::File {
        return Err(unreadable(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")));
    }
    let bytes = file.read_small(LARGEST).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => unreadable(io::Error::new(error.kind(), "it is larger than 256 KiB")),
        _ => unreadable(error),
    })?;
    String::from_utf8(bytes)
        .map_err(|_| unreadable(io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text")))
}

/// Whether it says what a configuration may say; the message has the line and the key.
pub(super) fn check(found: &Found, text: &str) -> Result<(), ConfigError> {
    if is_empty(text) {
        return Ok(());
    }
    match parse::<Settings>(text) {
        Ok(_) => Ok(()),
        Err(error) if found.is_ours => Err(ConfigError::file(&found.path, text, &error)),
        Err(error) => Err(ConfigError::file_of_others(&found.path, &error)),
    }
}

/// Only comments and blank lines: everything is as built in.
pub(super) fn is_empty(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, limits())
}

/// Also where a key stands twice or a number is none: to say where that is.
pub(super) fn parse_leniently<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let mut options = limits();
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    serde_saphyr::from_str_with_options(text, options)
}

/// Tight, so that an alias bomb is refused in no time.
fn limits() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: Some(256 * 1024),
            max_events: 10_000,
            max_nodes: 10_000,
            max_depth: 16,
            max_anchors: 64,
            max_aliases: 64,
            max_documents: 1,
        },
        alias_limits: alias_limits(),
        strict_booleans: true,
    }
}

fn alias_limits() -> AliasLimits {
    let mut limits = AliasLimits::default();
    limits.max_total_replayed_events = 2_000;
    limits.max_replay_stack_depth = 16;
    limits.max_alias_expansions_per_anchor = 64;
    limits
}
