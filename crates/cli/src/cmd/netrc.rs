//! Who the user is to servers, from `~/.netrc`.

use std::sync::Arc;

use vps_ops::foreign::shown;
use vps_ops::http::Netrc;

use super::secret_file::read;
use crate::app::App;

/// The user's netrc file; one that cannot be used is warned of.
pub(super) fn netrc(app: &App) -> Option<Arc<Netrc>> {
    let named = app.environment.netrc.clone();
    let path = named.or_else(|| app.environment.home.as_ref().map(|home| home.join(".netrc")))?;
    if !path.is_file() {
        return None;
    }
    let text = read(&**app.env.fs(), &path).map_err(|error| error.to_string());
    match text.and_then(|text| Netrc::parse(&text).map_err(|error| error.to_string())) {
        Ok(netrc) => Some(Arc::new(netrc)),
        Err(error) => {
            tracing::warn!("{} is not used: {error}", shown(&path));
            None
        }
    }
}
