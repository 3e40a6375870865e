//! What a message is about: a URL, or `URI RELEASE ...` as progress lines have it.

use crate::apt::facts::{Repository, show};
use crate::foreign::Foreign;

/// Whether a subject names `repository`, or something of it.
pub(super) fn is_of(subject: &str, repository: &Repository) -> bool {
    let (url, release) = subject.split_once(' ').unwrap_or((subject, ""));
    let base = repository.uri.trim_end_matches('/');
    // `deb URI folder/` is told of as `URI folder/ InRelease`, `deb URI /` as `URI  InRelease`.
    if repository.release == "/" && !release.is_empty() {
        let folder = release.split(' ').next().unwrap_or_default().trim_matches('/');
        let url = show::strip_user(url);
        return format!("{}/{folder}", url.trim_end_matches('/')).trim_end_matches('/') == base;
    }
    let Some(rest) = show::strip_user(url).strip_prefix(base).map(str::to_owned) else { return false };
    if !release.is_empty() {
        let named = release.split(' ').next().unwrap_or_default();
        // `stable/main amd64 Packages` names the release and a component.
        let start = named.strip_prefix(&repository.release);
        return rest.trim_end_matches('/').is_empty()
            && start.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    let Some(rest) = rest.strip_prefix('/') else { return false };
    // A flat repository has its indexes beside the archives.
    let folder = match repository.release.strip_suffix('/') {
        Some(flat) => format!("{}/", flat.trim_start_matches('/')),
        None => format!("dists/{}/", repository.release),
    };
    rest.starts_with(&folder) || folder == "/"
}

/// Whether a message's subject is that of the progress line `URI RELEASE ...`.
pub(super) fn is_same(subject: &str, progress: &str) -> bool {
    let mut words = progress.split(' ');
    let (uri, release) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let release = release.split('/').next().filter(|release| *release != ".").unwrap_or_default();
    subject.strip_prefix(uri.trim_end_matches('/')).is_some_and(|rest| {
        let is_end = rest.is_empty() || rest.starts_with(['/', ' ']);
        // An archive's URL does not name its release.
        is_end
            && (rest.ends_with(".deb")
                || rest.split(['/', ' ']).any(|part| part == release)
                || release.is_empty())
    })
}

/// The subject of a line that says that something came, or is there: `Get:1 SUBJECT ...`, `Hit:1 ...`.
pub(super) fn brought(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("Get:").or_else(|| line.strip_prefix("Hit:"))?;
    Some(rest.split_once(' ')?.1)
}

/// A subject as URI and release.
pub(super) fn uri_and_release(subject: &str) -> (String, String) {
    let shown = show::harmless(subject);
    let (uri, release) = match shown.split_once(' ') {
        Some((uri, rest)) => {
            (uri, rest.split([' ']).next().and_then(|r| r.split('/').next()).unwrap_or_default())
        }
        None => match shown.split_once("/dists/") {
            Some((uri, rest)) => (uri, rest.split('/').next().unwrap_or_default()),
            None => (&*shown, ""),
        },
    };
    (format!("{}/", uri.trim_end_matches('/')), release.to_owned())
}

/// A subject without the file of `URI RELEASE InRelease`, fit for a screen.
pub(super) fn shown(subject: &str) -> Foreign {
    let end = [" InRelease", " Release"].iter().find_map(|end| subject.strip_suffix(end));
    show::harmless(end.unwrap_or(subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_belongs_to_the_repository_it_names() {
        let repository = |uri: &str, release: &str| Repository {
            uri: uri.into(),
            release: release.into(),
            ..Repository::default()
        };
        let stable = repository("http://example.com/debian/", "stable");
        for (subject, own) in [
            ("http://example.com/debian stable InRelease", true),
            ("http://example.com/debian stable/main amd64 Packages", true),
            ("http://me:pw@example.com/debian stable InRelease", true),
            ("http://example.com/debian stable-updates InRelease", false),
            ("http://example.com/debian-security stable InRelease", false),
            ("http://example.com/debian/dists/stable/InRelease", true),
            ("http://example.com/debian/dists/stable-updates/InRelease", false),
            ("http://example.com/debian2/dists/stable/InRelease", false),
            ("http://example.org/debian/dists/stable/InRelease", false),
        ] {
            assert_eq!(is_of(subject, &stable), own, "{subject}");
        }
        let flat = repository("http://example.com/flat/", "./");
        assert!(
            is_of("http://example.com/flat/./Packages", &flat)
                && is_of("http://example.com/flat ./ InRelease", &flat)
        );
        assert!(!is_of("http://example.com/flat/dists/stable/InRelease", &flat));
    }
}
