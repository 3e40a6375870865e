//! Values that several options read.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use vps_ops::settings::parse_duration;

/// A limit: any duration but none at all.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than nothing".to_owned()),
        Ok(limit) => Ok(limit),
        Err(error) => Err(error.to_string()),
    }
}

/// A number of attempts; none would do nothing.
pub(crate) fn attempts(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "must be a whole number, at least 1: the first attempt counts too".to_owned())
}

/// A file's path as it was given. One that ends in `/` is a folder's: the system would say so, but the name without the
/// slash, which is all that is left of it in a [`PathBuf`]'s parts, is another file's.
pub(crate) fn file() -> impl TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(|path| {
        let bytes = path.as_bytes();
        if bytes.ends_with(b"/") || bytes.ends_with(b"/.") {
            return Err("that names a folder; write the name of a file in it");
        }
        Ok(path)
    })
}

/// The same as a path.
pub(crate) fn file_path() -> impl TypedValueParser<Value = PathBuf> {
    file().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_no_limit() {
        assert_eq!(limit("90s"), Ok(Duration::from_secs(90)));
        for text in ["0", "0s", "-1", "soon", ""] {
            assert!(limit(text).is_err(), "{text}");
        }
    }
}
