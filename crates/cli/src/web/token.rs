//! `--token-file`: who has to say a secret before anything is shown.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use vps_ops::env::fs::Fs;

use crate::cmd::secret_file::{self, SecretFileError};

/// Below this many characters it could be found by trying.
const SHORT: usize = 16;

/// What has to be said.
#[derive(Clone, Debug)]
pub(crate) struct Token(SecretString);

/// Why there is no token. Its content is not in it.
#[derive(Debug, Error)]
pub(crate) enum TokenError {
    #[error(transparent)]
    File(#[from] SecretFileError),
    #[error("it has no token in it")]
    Empty,
    #[error("its token has spaces or other characters that cannot be sent")]
    Characters,
}

impl Token {
    /// The one line of a file that nobody else can write.
    pub(crate) fn read(fs: &dyn Fs, path: &Path) -> Result<Self, TokenError> {
        let content = SecretString::from(secret_file::read(fs, path)?);
        let token = content.expose_secret().trim_end_matches(['\n', '\r']);
        if token.is_empty() {
            return Err(TokenError::Empty);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        if token.len() < SHORT {
            tracing::warn!("the token is short: {SHORT} random characters cannot be guessed");
        }
        Ok(Self(token.into()))
    }

    /// Whether a request says it: `Bearer TOKEN`, or as the password of `Basic`, whatever the user. Takes as long
    /// for a wrong one of its length as for the right one.
    pub(super) fn is_said(&self, headers: &HeaderMap) -> bool {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let (Some(said), None) = (all.next(), all.next()) else { return false };
        let Ok(said) = said.to_str() else { return false };
        let Some((scheme, rest)) = said.split_once(' ') else { return false };
        let rest = rest.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.is(rest.as_bytes());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return false;
        }
        let Ok(pair) = STANDARD.decode(rest) else { return false };
        let mut parts = pair.splitn(2, |byte| *byte == b':');
        parts.next();
        parts.next().is_some_and(|password| self.is(password))
    }

    fn is(&self, said: &[u8]) -> bool {
        self.0.expose_secret().as_bytes().ct_eq(said).into()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn is_said(said: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for one in said {
            headers.append(AUTHORIZATION, HeaderValue::from_str(one).unwrap());
        }
        Token("correct-horse:battery".into()).is_said(&headers)
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn it_is_said_as_bearer_or_as_a_password() {
        assert!(is_said(&["Bearer correct-horse:battery"]));
        assert!(is_said(&["bearer  correct-horse:battery"]));
        assert!(is_said(&[&basic("anybody:correct-horse:battery")]));
        assert!(is_said(&[&basic(":correct-horse:battery")]));
        for wrong in [
            "Bearer correct-horse:batterz",
            "Bearer correct-horse:batter",
            "Bearer correct-horse:battery2",
            "Bearer",
            "Bearer ",
            "correct-horse:battery",
            "Basic correct-horse:battery",
            "Digest correct-horse:battery",
            &basic("correct-horse:battery"),
            &basic("correct-horse:battery:"),
            &basic(""),
        ] {
            assert!(!is_said(&[wrong]), "{wrong}");
        }
        assert!(!is_said(&[]));
        assert!(!is_said(&["Bearer correct-horse:battery", "Bearer correct-horse:battery"]));
    }

    #[test]
    fn its_file_has_one_token_and_it_is_never_shown() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |content: &str| {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            Token::read(&**vps_ops::env::Env::real().fs(), &path)
        };
        assert_eq!(read("canary-canary-canary\n").unwrap().0.expose_secret(), "canary-canary-canary");
        assert!(!format!("{:?}", read("canary-canary-canary").unwrap()).contains("canary"));
        assert!(matches!(read("\n"), Err(TokenError::Empty)));
        for content in ["two words", "two\nlines", "ümlaut"] {
            assert!(matches!(read(content), Err(TokenError::Characters)), "{content}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let error = Token::read(&**vps_ops::env::Env::real().fs(), &path).unwrap_err();
        assert!(matches!(error, TokenError::File(SecretFileError::WritableByOthers)), "{error}");
    }
}
