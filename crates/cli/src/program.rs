//! What this program is called where it tells what to type: somebody who built one of his own types another name.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::OnceLock;

/// As it is called where nobody renamed it.
const NAME: &str = "vps-configurator";
/// Longer than any name that is typed.
const LONGEST: usize = 64;

static CALLED: OnceLock<String> = OnceLock::new();

/// Takes the name from the first word of the command line; once, before anything is said.
pub(crate) fn is_called(first: Option<&OsStr>) {
    CALLED.get_or_init(|| plain(first).to_owned());
}

/// What to type to run it.
pub(crate) fn name() -> &'static str {
    CALLED.get().map_or(NAME, String::as_str)
}

/// A name that needs no quotes in a shell and does nothing to a terminal; whatever else it is called by is not told.
fn plain(first: Option<&OsStr>) -> &str {
    let name = first.and_then(|word| Path::new(word).file_name()).and_then(OsStr::to_str).unwrap_or(NAME);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._+-".contains(letter);
    let is_name = name.len() <= LONGEST && name.chars().all(is_plain) && !name.starts_with('-');
    if is_name { name } else { NAME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_by_the_name_it_was_run_by_if_that_is_one() {
        let of = |word: &str| plain(Some(OsStr::new(word))).to_owned();
        assert_eq!(of("/opt/site/bin/site-setup"), "site-setup");
        assert_eq!(of("./v2.0+x"), "v2.0+x");
        for odd in ["", "/", "a b", "a\u{1b}[2Jb", "-x", "$(id)", "ä", &"x".repeat(65)] {
            assert_eq!(of(odd), NAME, "{odd:?}");
        }
        assert_eq!(plain(None), NAME);
    }
}
