//! Headers from a file, so that a token never stands on a command line.

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// A header file that cannot be used. Names the line, never its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderFileError {
    /// A line that is not `Name: value`.
    #[error("line {0} of the header file is not `Name: value`")]
    Malformed(usize),
    /// A header that the transfer itself decides.
    #[error("line {0} of the header file sets a header that the download sets itself")]
    Reserved(usize),
}

/// One `Name: value` a line; empty lines and lines that begin with `#` are left out. All values
/// are marked as sensitive.
///
/// ```
/// let headers = vps_ops::http::parse_header_file(&"Authorization: Bearer x\n".into()).unwrap();
/// assert!(headers["authorization"].is_sensitive());
/// ```
///
/// # Errors
/// [`HeaderFileError`] names the first line that cannot be used.
pub fn parse_header_file(content: &SecretString) -> Result<HeaderMap, HeaderFileError> {
    const RESERVED: [&str; 8] = [
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "if-range",
        "range",
        "te",
        "transfer-encoding",
    ];
    let mut headers = HeaderMap::new();
    for (at, line) in content.expose_secret().lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let malformed = HeaderFileError::Malformed(at + 1);
        let (name, value) = line.split_once(':').ok_or(malformed)?;
        let name: HeaderName = name.trim().parse().map_err(|_| malformed)?;
        if RESERVED.contains(&name.as_str()) {
            return Err(HeaderFileError::Reserved(at + 1));
        }
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| malformed)?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_left_out_and_values_hidden() {
        let content = "# token\n\nX-Token: canary: 1\nx-token: canary 2\n";
        let headers = parse_header_file(&content.into()).unwrap();
        assert_eq!(headers.get_all("x-token").iter().count(), 2);
        assert!(!format!("{headers:?}").contains("canary"));
    }

    #[test]
    fn the_line_is_named_and_the_transfers_own_headers_are_refused() {
        assert_eq!(parse_header_file(&"a: b\nnonsense".into()), Err(HeaderFileError::Malformed(2)));
        assert_eq!(parse_header_file(&"a b: c".into()), Err(HeaderFileError::Malformed(1)));
        assert_eq!(parse_header_file(&"\nRange: bytes=0-1".into()), Err(HeaderFileError::Reserved(2)));
    }
}
