//! Which repositories an update reads: from the URLs it would fetch, and what is known of each already.
//!
//! `apt-get indextargets` would tell as much, but builds apt's whole package cache to do so: half a
//! second on many a machine, against a fiftieth.

use std::path::Path;

use crate::apt::facts::{Repository, SourceFile};

/// The repositories of `apt-get update --print-uris`. `index` gives the beginning of a file among the
/// indexes that were fetched before.
pub(in crate::apt) fn repositories(
    uris: &str,
    sources: &[SourceFile],
    mut index: impl FnMut(&str) -> Option<String>,
) -> Vec<Repository> {
    let mut stanzas = String::new();
    for (url, name) in uris.lines().filter_map(url_and_name) {
        let Some((uri, release)) = uri_and_release(url) else { continue };
        stanzas.push_str(&format!("Repo-URI: {uri}\nRelease: {release}\n"));
        if let Some(file) = written_in(sources, &uri) {
            stanzas.push_str(&format!("Sourcesentry: {}:1\n", file.display()));
        }
        // A comment line of the signature's armour holds no such field before the first of these.
        let known = index(name).or_else(|| index(&format!("{}Release", name.strip_suffix("InRelease")?)));
        for line in known.iter().flat_map(|text| text.lines()) {
            if ["Origin:", "Label:", "Suite:", "Codename:"].iter().any(|field| line.starts_with(field)) {
                stanzas.push_str(line);
                stanzas.push('\n');
            }
        }
        stanzas.push('\n');
    }
    Repository::parse(&stanzas)
}

/// `'URL' NAME SIZE HASH`.
fn url_and_name(line: &str) -> Option<(&str, &str)> {
    let (url, rest) = line.strip_prefix('\'')?.split_once("' ")?;
    Some((url, rest.split(' ').next()?))
}

/// `http://host/debian/` and `stable` of `http://host/debian/dists/stable/InRelease`; a flat repository has
/// its release file beside its archives.
fn uri_and_release(url: &str) -> Option<(String, String)> {
    let folder = url.strip_suffix("/InRelease")?;
    match folder.split_once("/dists/") {
        Some((uri, release)) => Some((format!("{uri}/"), release.to_owned())),
        None => match folder.strip_suffix("/.") {
            Some(uri) => Some((format!("{uri}/"), "./".to_owned())),
            // `deb URI /` and `deb URI folder/`: which part was written as what is not to be seen.
            None => Some((format!("{folder}/"), "/".to_owned())),
        },
    }
}

fn written_in<'s>(sources: &'s [SourceFile], uri: &str) -> Option<&'s Path> {
    let uri = uri.trim_end_matches('/');
    let named = |line: &str| {
        !line.trim_start().starts_with('#')
            && line.split_whitespace().any(|word| word.trim_end_matches('/') == uri)
    };
    sources.iter().find(|source| source.text.lines().any(named)).map(|source| source.path.as_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URIS: &str = "'http://a.example.com/debian/dists/stable/InRelease' a.example.com_debian_dists_stable_InRelease 0 \n\
        'http://a.example.com/debian/dists/stable/main/binary-amd64/Packages.xz' a.example.com_x_Packages 0 \n\
        'http://me:pw@third.example.com/apt/dists/a/b/InRelease' third_InRelease 0 \n\
        'http://flat.example.com/repo/./InRelease' flat_InRelease 0 \n\
        'http://flat.example.com/deb/InRelease' other_InRelease 0 \n\
        'file:/srv/repo/dists/stable/InRelease' _srv_InRelease 0 \n";

    fn all() -> Vec<Repository> {
        let sources = [SourceFile {
            path: "/etc/apt/sources.list".into(),
            text: "# deb http://third.example.com/apt x\ndeb [a=b] http://a.example.com/debian stable main\n"
                .into(),
        }];
        repositories(URIS, &sources, |name| {
            (name == "a.example.com_debian_dists_stable_InRelease").then(|| {
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nSuite: oldstable\n"
                    .into()
            })
        })
    }

    #[test]
    fn each_release_file_is_a_repository() {
        let all = all();
        let named: Vec<_> = all.iter().map(|found| (&*found.uri, &*found.release)).collect();
        assert_eq!(
            named,
            [
                ("http://a.example.com/debian/", "stable"),
                ("http://third.example.com/apt/", "a/b"),
                ("http://flat.example.com/repo/", "./"),
                ("http://flat.example.com/deb/", "/"),
                ("file:/srv/repo/", "stable"),
            ]
        );
        assert_eq!(all[0].origin.as_deref(), Some("Debian"));
        assert!(all[0].has_index && !all[1].has_index);
        assert_eq!(all[4].host, None);
    }

    #[test]
    fn a_release_file_beside_its_signature_tells_as_much() {
        let all = repositories(URIS, &[], |name| {
            (name == "third_Release").then(|| "Origin: Third\nSuite: b\n".to_owned())
        });
        assert_eq!((all[1].has_index, all[1].origin.as_deref()), (true, Some("Third")));
        assert!(!all[0].has_index);
    }

    #[test]
    fn the_distributions_own_is_known_before_the_first_update() {
        let sources = [SourceFile {
            path: "/etc/apt/sources.list".into(),
            text: "deb http://a.example.com/debian/ x".into(),
        }];
        let fresh = repositories(URIS, &sources, |_| None);
        let own: Vec<_> = fresh.iter().map(|found| found.is_distributions_own("ID=debian\n")).collect();
        assert_eq!(own, [true, false, false, false, false]);
    }
}
