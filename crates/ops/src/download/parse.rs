//! From what was typed to what can be asked for; bad input ends here, before any request.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;

use thiserror::Error;
use url::Url;

use super::checksum::ChecksumError;
use crate::foreign::Foreign;
use crate::http::{SafeUrl, decoded, names_host};

/// A request that makes no sense. Names the argument, and shows no secret of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The text is no URL.
    #[error("{argument} is not a URL: {reason}; write it as `https://host/path/file`")]
    MalformedUrl {
        /// What the caller calls it.
        argument: Foreign,
        /// What is wrong with it.
        reason: Foreign,
    },
    /// The URL is neither of http nor of https.
    #[error("{argument} is a `{scheme}` URL; only http and https can be downloaded")]
    ForeignScheme {
        /// What the caller calls it.
        argument: Foreign,
        /// The scheme it has instead.
        scheme: Foreign,
    },
    /// A URL that ends in no usable file name, and none was given.
    #[error("{url} ends in no file name; give one as DEST")]
    NoFileName {
        /// The URL, without its secrets.
        url: SafeUrl,
    },
    /// A list that the file's digest is in was not read yet.
    #[error("the file's digest is still to be looked up in {url}")]
    UnreadList {
        /// The list, without its secrets.
        url: SafeUrl,
    },
    /// The text is no checksum.
    #[error("{argument}: {source}")]
    Checksum {
        /// What the caller calls it.
        argument: Foreign,
        /// What is wrong with it.
        #[source]
        source: ChecksumError,
    },
}

/// Reads a URL; `argument` is what the error calls it.
///
/// ```
/// use vps_ops::download::parse_url;
///
/// assert!(parse_url("URL", "https://example.com/a").is_ok());
/// assert!(parse_url("mirror", "ftp://x/a").unwrap_err().to_string().starts_with("mirror is a `ftp` URL"));
/// ```
///
/// # Errors
/// [`InvalidRequest::MalformedUrl`] or [`InvalidRequest::ForeignScheme`].
pub fn parse_url(argument: &str, text: &str) -> Result<Url, InvalidRequest> {
    let malformed =
        |reason: String| InvalidRequest::MalformedUrl { argument: argument.into(), reason: reason.into() };
    let text = text.trim();
    let url = Url::parse(text).map_err(|error| malformed(error.to_string()))?;
    if matches!(url.scheme(), "http" | "https") && !names_host(text) {
        return Err(malformed("it names no host after `//`".to_owned()));
    }
    match url.scheme() {
        "http" | "https" if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(url),
        "http" | "https" => Err(malformed("it has no host".to_owned())),
        scheme => {
            let (argument, scheme) = (argument.to_owned(), scheme.to_owned());
            Err(InvalidRequest::ForeignScheme { argument: argument.into(), scheme: scheme.into() })
        }
    }
}

/// The name a URL's file would have here: the last part of its path, decoded, never a way out of a
/// folder. What a server sends as a name is never used.
///
/// ```
/// use vps_ops::download::file_name;
///
/// assert_eq!(file_name(&"https://example.com/d/a%20b.iso?x=1".parse().unwrap()).unwrap(), "a b.iso");
/// assert!(file_name(&"https://example.com/d/".parse().unwrap()).is_err());
/// assert!(file_name(&"https://example.com/..%2fetc".parse().unwrap()).is_err());
/// ```
///
/// # Errors
/// [`InvalidRequest::NoFileName`].
pub fn file_name(url: &Url) -> Result<OsString, InvalidRequest> {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let name = decoded(last);
    let usable = !name.is_empty()
        && !matches!(name.as_slice(), b"." | b"..")
        && !name.iter().any(|byte| *byte == b'/' || byte.is_ascii_control());
    if usable {
        Ok(OsString::from_vec(name))
    } else {
        Err(InvalidRequest::NoFileName { url: SafeUrl::new(url) })
    }
}

/// A URL whose `Debug` and `Display` show no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct DownloadUrl(Url);

impl DownloadUrl {
    /// The URL itself, secrets included.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl From<Url> for DownloadUrl {
    fn from(url: Url) -> Self {
        Self(url)
    }
}

impl fmt::Display for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SafeUrl::new(&self.0).fmt(f)
    }
}

impl fmt::Debug for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SafeUrl::new(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_urls_name_the_argument_and_show_no_secret() {
        for text in ["", "nonsense", "http://", "/a/b", "https://u:canary@:99999/x", "http://a b/"] {
            let error = parse_url("URL", text).unwrap_err();
            assert!(matches!(error, InvalidRequest::MalformedUrl { .. }), "{text}");
            assert!(
                error.to_string().starts_with("URL ") && !error.to_string().contains("canary"),
                "{error}"
            );
        }
        // Parsers for browsers find a host in each of these: an empty variable in a script named another one.
        for text in
            ["http:///install.sh", "http:/h", "http:h", "http:\\\\h/a", "https://\\h/a", "https:\t//h"]
        {
            assert!(matches!(parse_url("URL", text), Err(InvalidRequest::MalformedUrl { .. })), "{text}");
        }
        for text in ["ftp://x/a", "file:///etc/passwd", "data:,x", "javascript:x"] {
            assert!(matches!(parse_url("URL", text), Err(InvalidRequest::ForeignScheme { .. })), "{text}");
        }
    }

    #[test]
    fn a_name_never_leaves_its_folder() {
        for path in ["", "a/", "a/..", "%2e%2e", "a%2fb", "a%00b", "a%0ab", "."] {
            let url = format!("http://example.com/{path}").parse().unwrap();
            assert!(file_name(&url).is_err(), "{path}: {:?}", file_name(&url));
        }
        let url = "http://example.com/%ff%20x?a/b#c/d".parse().unwrap();
        assert_eq!(file_name(&url).unwrap().into_vec(), b"\xff x");
    }
}
