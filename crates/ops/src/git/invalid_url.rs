//! What keeps a text from being a URL to clone from.

use crate::foreign::Foreign;
use thiserror::Error;

/// Why something is no URL to clone from. It shows no credentials.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidGitUrl {
    /// Nothing at all.
    #[error("the URL is empty")]
    Empty,
    /// It begins as an option does, and a program that gets it could take it for one.
    #[error("a URL must not begin with `-`")]
    OptionLike,
    /// A line break or another control character.
    #[error("a URL must not hold control characters")]
    Control,
    /// `ext::`, `fd::`: a program of the URL's own choice would run.
    #[error("`{0}::` URLs run programs and are refused")]
    Helper(Foreign),
    /// Not one of http, https, ssh, file.
    #[error("`{0}` URLs are not cloned: use https, http, ssh, file or a path")]
    Scheme(Foreign),
    /// `NAME:PASSWORD@HOST` without a scheme: what a host would be, and a password.
    #[error(
        "what stands before `@` looks like a password, and the URL has no scheme: write it as `https://HOST/PATH`"
    )]
    Password,
    /// No host, or one that no host has.
    #[error("the URL has no usable host")]
    Host,
    /// No path, or one that a program could take for an option.
    #[error("the URL has no usable path")]
    Path,
    /// A module of a repository that came over the network may not name a place on this machine.
    #[error("a repository from the network must not have modules on this machine")]
    LocalModule,
}
