//! Who the user is to servers, from `~/.netrc`.

use std::path::Path;
use std::sync::Arc;

use vps_ops::http::Netrc;

use crate::app::App;

/// The user's netrc file; one that cannot be used is warned of.
pub(super) fn netrc(app: &App) -> Option<Arc<Netrc>> {
    let named = app.environment.netrc.clone();
    let path = named.or_else(|| app.environment.home.as_ref().map(|home| home.join(".netrc")))?;
    if !path.is_file() {
        return None;
    }
    let text = read(&path).map_err(|error| error.to_string());
    match text.and_then(|text| Netrc::parse(&text).map_err(|error| error.to_string())) {
        Ok(netrc) => Some(Arc::new(netrc)),
        Err(error) => {
            tracing::warn!("{} is not used: {error}", path.display());
            None
        }
    }
}

/// The content of a file with secrets: a regular file, and no large one.
pub(super) fn read(path: &Path) -> std::io::Result<String> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() || meta.len() > 1 << 20 {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "it is not a regular file of at most 1 MiB",
        ));
    }
    std::fs::read_to_string(path)
}
