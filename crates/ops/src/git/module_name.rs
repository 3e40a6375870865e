//! What names a module and its folder: the only texts of a repository that become a part of a path of ours.

use std::fmt;
use std::ops::Deref;

use crate::foreign::{Foreign, escaped};

/// Why something is no name or folder of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidModule {
    /// Nothing, or nothing between two slashes, or in front of the first one: it is absolute.
    #[error("has an empty part")]
    Empty,
    /// `.` or `..`, which lead elsewhere.
    #[error("has a part `.` or `..`")]
    Dots,
    /// `.git`, which is git's own.
    #[error("has a part `.git`")]
    Git,
    /// A backslash, which is a slash to others.
    #[error("has a backslash")]
    Backslash,
    /// A line break or another control character.
    #[error("has a control character")]
    Control,
    /// It begins as an option does.
    #[error("begins with `-`")]
    OptionLike,
    /// It is not UTF-8.
    #[error("is no text")]
    NoText,
}

/// The name of a module in `.gitmodules`, below which its git folder is kept: plain parts, and no way out.
///
/// ```
/// use vps_ops::git::ModuleName;
///
/// assert!(ModuleName::new(b"libs/zlib").is_ok());
/// assert!(ModuleName::new(b"/etc/nologin").is_err());
/// assert!(ModuleName::new(b"a/../../b").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(String);

/// The folder of a module, below its repository's: plain parts, and no way out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(String);

impl ModuleName {
    /// As `.gitmodules` has it.
    ///
    /// # Errors
    /// [`InvalidModule`] says what is wrong with it.
    pub fn new(name: &[u8]) -> Result<Self, InvalidModule> {
        let name = plain(name)?;
        if name.contains('\\') { Err(InvalidModule::Backslash) } else { Ok(Self(name.to_owned())) }
    }
}

impl ModulePath {
    /// As the tree has it.
    ///
    /// # Errors
    /// [`InvalidModule`] says what is wrong with it.
    pub fn new(path: &[u8]) -> Result<Self, InvalidModule> {
        Ok(Self(plain(path)?.to_owned()))
    }
}

/// What may be joined to a path: parts that name something below, and nothing else.
fn plain(bytes: &[u8]) -> Result<&str, InvalidModule> {
    let text = str::from_utf8(bytes).map_err(|_| InvalidModule::NoText)?;
    if text.chars().any(char::is_control) {
        return Err(InvalidModule::Control);
    }
    if text.starts_with('-') {
        return Err(InvalidModule::OptionLike);
    }
    for part in text.split('/') {
        match part {
            "" => return Err(InvalidModule::Empty),
            "." | ".." => return Err(InvalidModule::Dots),
            part if part.eq_ignore_ascii_case(".git") => return Err(InvalidModule::Git),
            _ => {}
        }
    }
    Ok(text)
}

/// Both are used as text and shown as words of others.
macro_rules! as_text {
    ($($kind:ident),+) => {$(
        impl Deref for $kind {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&escaped(&self.0))
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*escaped(&self.0), f)
            }
        }

        impl From<&$kind> for Foreign {
            fn from(text: &$kind) -> Self {
                Self::new(&text.0)
            }
        }
    )+};
}

as_text!(ModuleName, ModulePath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_refused_by_its_kind() {
        use InvalidModule as I;
        for (text, why) in [
            (&b""[..], I::Empty),
            (b"/", I::Empty),
            (b"/etc/nologin", I::Empty),
            (b"//srv/x", I::Empty),
            (b"a//b", I::Empty),
            (b"a/", I::Empty),
            (b".", I::Dots),
            (b"..", I::Dots),
            (b"./a", I::Dots),
            (b"a/./b", I::Dots),
            (b"a/../../b", I::Dots),
            (b"a/..", I::Dots),
            (b".git", I::Git),
            (b"a/.GIT/hooks", I::Git),
            (b"-x", I::OptionLike),
            (b"--upload-pack=id", I::OptionLike),
            (b"a\nb", I::Control),
            (b"a\0b", I::Control),
            (b"a\x1b[2J", I::Control),
            (b"a\xc2\x9b31m", I::Control),
            (b"a\xff", I::NoText),
        ] {
            let shown = Foreign::of_bytes(text);
            assert_eq!(ModuleName::new(text), Err(why), "{shown}");
            assert_eq!(ModulePath::new(text), Err(why), "{shown}");
        }
        assert_eq!(ModuleName::new(b"a\\..\\b"), Err(I::Backslash));
        assert!(ModulePath::new(b"a\\b").is_ok(), "a file may be called so");
        for plain in ["a", "a/b", "...", "a..b", "a b", "x.git", ".github", "a-", "\u{fc}n\u{ef}"] {
            assert_eq!(&*ModuleName::new(plain.as_bytes()).unwrap(), plain);
        }
    }

    #[test]
    fn what_hides_in_one_is_shown() {
        let name = ModuleName::new("a\u{202e}b".as_bytes()).unwrap();
        assert_eq!(
            (name.to_string(), format!("{name:?}")),
            (r"a\u{202e}b".into(), r#""a\\u{202e}b""#.into())
        );
    }
}
