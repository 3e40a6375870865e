//! Parts of a fault's sentence.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::package_failure::PackageFailure;
use crate::foreign::{Foreign, shown};

pub(super) struct Failures<'a>(pub(super) &'a [PackageFailure]);

impl fmt::Display for Failures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else { return f.write_str("a package it does not name") };
        write!(f, "`{}`", first.package)?;
        if !first.text.is_empty() {
            write!(f, ": {}", first.text)?;
        }
        if !first.printed.is_empty() {
            write!(f, " (it printed: {})", first.printed.join("; "))?;
        }
        match self.0.len() {
            0 | 1 => Ok(()),
            more => write!(f, " (and {} more)", more.saturating_sub(1)),
        }
    }
}

pub(super) struct In<'a>(pub(super) Option<&'a PathBuf>);

impl fmt::Display for In<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |path| write!(f, " for `{}`", shown(path)))
    }
}

pub(super) struct Of<'a>(pub(super) Option<&'a str>);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |package| write!(f, " for `{package}`"))
    }
}

pub(super) struct Quoted<'a>(pub(super) &'a [Foreign]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            write!(f, "{}`{name}`", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

pub(super) struct Times(pub(super) Option<Duration>);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(early) => write!(f, "is valid only in {}", humantime::format_duration(early)),
            None => f.write_str("and others have all expired"),
        }
    }
}
