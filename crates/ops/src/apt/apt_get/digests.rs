//! Whether it is worth another resolve to ask for digests by SHA-512.

use std::path::Path;

use crate::env::Env;
use crate::env::fs::Open;

/// Of an index, what is looked at: a few packages, and an index writes the same fields for all.
const BEGINNING: usize = 16 << 10;

/// Whether any index has such digests, or is compressed and cannot be looked into. The distributions' own
/// have none, and are not compressed unless somebody asked for it: then a second of work is saved.
pub(super) fn may_have_sha512(env: &Env, lists: &Path) -> bool {
    let Ok(names) = env.fs().list(lists) else { return true };
    names.iter().filter(|name| is_packages(name.as_encoded_bytes())).any(|name| {
        if !name.as_encoded_bytes().ends_with(b"_Packages") {
            return true;
        }
        let mut buffer = vec![0; BEGINNING];
        let read = env.fs().open(&lists.join(name), Open::Read).and_then(|file| file.read_at(&mut buffer, 0));
        read.map_or(true, |read| {
            let text = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default());
            text.lines().any(|line| line.starts_with("SHA512:"))
        })
    })
}

/// `..._binary-amd64_Packages`, and the same with an ending where it is compressed.
fn is_packages(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    name.rsplit('_').next().is_some_and(|last| last == "Packages" || last.starts_with("Packages."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_without_them_is_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let may = || may_have_sha512(&Env::real(), folder.path());
        write("a_dists_stable_InRelease", "SHA512:\n 00 1 main/binary-amd64/Packages\n");
        assert!(!may());
        write("a_main_binary-amd64_Packages", "Package: a\nSHA256: 00\n\nPackage: b\nSHA256: 00\n");
        assert!(!may());
        write("b_main_binary-amd64_Packages", "Package: a\nSHA256: 00\nSHA512: 00\n");
        assert!(may());
    }

    #[test]
    fn a_compressed_index_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a_main_binary-amd64_Packages.lz4"), "?").unwrap();
        assert!(may_have_sha512(&Env::real(), folder.path()));
    }
}
