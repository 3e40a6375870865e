//! Files that are not what their names promise.

use url::Url;

use super::warning::DownloadWarning;

/// What makes a file that nobody has a digest of look like another one than its name promises.
pub(super) fn oddity(bytes: u64, page: bool, url: &Url) -> Option<DownloadWarning> {
    const NO_PAGES: [&str; 20] = [
        "7z", "apk", "appimage", "bin", "bz2", "deb", "exe", "gpg", "gz", "img", "iso", "jar", "rpm", "sh",
        "tar", "tgz", "whl", "xz", "zip", "zst",
    ];
    let name = super::file_name(url).ok()?.to_string_lossy().to_ascii_lowercase();
    let (_, ending) = name.rsplit_once('.')?;
    if !NO_PAGES.contains(&ending) {
        return None;
    }
    match (bytes, page) {
        (0, _) => Some(DownloadWarning::Empty { name: name.into() }),
        (_, true) => Some(DownloadWarning::WebPage { name: name.into() }),
        _ => None,
    }
}
