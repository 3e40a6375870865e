//! Files of headers, whoever names them.

use std::fmt::Display;
use std::path::Path;

use http::HeaderMap;
use secrecy::SecretString;
use vps_ops::foreign::shown;
use vps_ops::http::parse_header_file;

use super::secret_file;
use crate::app::App;
use crate::report::Failure;

/// The headers of the file at `path`, which an option or a key `named`. A line that is none is `malformed`.
pub(super) fn read(
    app: &App,
    named: &str,
    path: &Path,
    malformed: fn(String) -> Failure,
) -> Result<HeaderMap, Failure> {
    let message = |error: &dyn Display| format!("{named} {}: {error}", shown(path));
    let text = secret_file::read(&**app.env.fs(), path).map_err(|error| Failure::local(message(&error)))?;
    parse_header_file(&SecretString::from(text)).map_err(|error| malformed(message(&error)))
}
