//! Words as a shell takes them, for commands that are shown to be copied.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use vps_ops::foreign::is_unfit;

/// A word in quotes where it needs them. What cannot be shown as it is, as bytes that are no text, is written as what
/// bash, zsh and ksh make the same bytes of: `$'a\xff'`.
pub(crate) fn quoted(word: &OsStr) -> String {
    if let Some(text) = word.to_str()
        && !text.contains(is_unfit)
    {
        // No word of a command line can have the one character that cannot be quoted.
        return shlex::try_quote(text).unwrap_or_default().into_owned();
    }
    let mut quoted = String::from("$'");
    for chunk in word.as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' | '\'' => quoted.extend(['\\', letter]),
                letter if is_unfit(letter) => {
                    quoted.push_str(&escaped(letter.encode_utf8(&mut [0; 4]).as_bytes()));
                }
                letter => quoted.push(letter),
            }
        }
        quoted.push_str(&escaped(chunk.invalid()));
    }
    quoted.push('\'');
    quoted
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// The same of a path that stands alone, where it would be taken for an option; `-` alone is standard input.
pub(crate) fn quoted_path(path: &OsStr) -> String {
    if path != "-" && path.as_bytes().starts_with(b"-") {
        let mut here = OsString::from("./");
        here.push(path);
        return quoted(&here);
    }
    quoted(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a shell that is asked what it makes of a word")]
    fn a_shell_makes_the_same_word_of_it() {
        for word in [
            &b"plain"[..],
            b"two words",
            b"it's",
            b"-p.yaml",
            b"\xff.yaml",
            b"a\n'\\\xc3.\xe2\x80\xae0",
            b"$x",
        ] {
            let word = OsStr::from_bytes(word);
            let line = quoted(word);
            assert!(!line.contains(is_unfit) && !line.contains('\u{fffd}'), "{line}");
            let mut bash = std::process::Command::new("bash");
            let output = bash.args(["-c", &format!("printf %s {line}")]).output();
            let Ok(output) = output else { return println!("skipped: no bash") };
            if !word.as_bytes().starts_with(b"-") {
                assert_eq!(OsStr::from_bytes(&output.stdout), word, "{line}");
            }
        }
        assert_eq!(quoted(OsStr::from_bytes(b"\xff")), r"$'\xff'");
    }

    #[test]
    fn a_path_is_no_option() {
        let of = |path: &str| quoted_path(path.as_ref());
        assert_eq!([of("-p.yaml"), of("-"), of("a-b"), of("-a b")], ["./-p.yaml", "-", "a-b", "'./-a b'"]);
    }
}
