//! Who the user is to servers, from `~/.netrc`.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use vps_ops::http::Netrc;

use crate::app::App;

/// Bytes of a file with secrets.
const LARGEST: u64 = 1 << 20;

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

/// The content of a file with secrets: a regular file, and no large one. Neither a pipe nor a device is waited for.
pub(super) fn read(path: &Path) -> std::io::Result<String> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let mut text = String::new();
    // What is read counts: some files have no length.
    if !file.metadata()?.is_file() || file.take(LARGEST + 1).read_to_string(&mut text)? as u64 > LARGEST {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "it is not a regular file of at most 1 MiB",
        ));
    }
    Ok(text)
}
