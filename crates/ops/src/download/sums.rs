//! Finding a file's digest in a `SHA256SUMS` file.

use std::cmp::Reverse;

use super::checksum::{Algorithm, Checksum, ChecksumError};

/// The digest of `name` in the text of a checksum file.
///
/// Read are `HEX  NAME` and `HEX *NAME` (coreutils), `ALGO (NAME) = HEX` (BSD), and a file that is
/// nothing but one digest. A NAME with folders counts by its last part. Other lines, such as a
/// signature's, are passed over, and so is the mark that some editors put first.
///
/// ```
/// use vps_ops::download::find_checksum;
///
/// let text = format!("{}  other.tar\n{} *dist/a.tar\n", "1".repeat(64), "2".repeat(64));
/// assert_eq!(find_checksum(&text, "a.tar").unwrap().hex(), "2".repeat(64));
/// assert!(find_checksum(&text, "b.tar").is_err());
/// ```
///
/// # Errors
/// [`ChecksumError::NotListed`], or [`ChecksumError::Ambiguous`] where two lines disagree.
pub fn find_checksum(text: &str, name: &str) -> Result<Checksum, ChecksumError> {
    find(text, &Wanted { name, path: "", unnamed: Algorithm::Sha256 })
}

/// Whose digest is looked for.
pub(super) struct Wanted<'a> {
    /// The file's name.
    pub(super) name: &'a str,
    /// The path of its URL, which decides where the list has that name in several folders.
    pub(super) path: &'a str,
    /// What 64 digits are that nothing else is said of.
    pub(super) unnamed: Algorithm,
}

impl Wanted<'_> {
    /// How well a listed name fits: by how much of the path it ends in. `None` is another file.
    fn fits(&self, listed: &str) -> Option<usize> {
        let parts = || listed.split('/').filter(|part| !matches!(*part, "" | "."));
        let of_path = self.path.rsplit('/').skip(1);
        if parts().next_back() != Some(self.name) {
            return None;
        }
        let folders = parts().rev().skip(1);
        let same = folders.clone().zip(of_path).take_while(|(a, b)| a == b).count();
        // One of another folder is taken only where there is no better one.
        Some(if same == folders.count() { same + 1 } else { 0 })
    }
}

pub(super) fn find(text: &str, wanted: &Wanted<'_>) -> Result<Checksum, ChecksumError> {
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if let [only] = lines.as_slice() {
        // `sha256sum < FILE` calls it `-`.
        let (hex, name) = only.split_once([' ', '\t']).unwrap_or((only, "-"));
        if let Some(checksum) =
            by_length(hex, wanted.unnamed).filter(|_| name.trim_start_matches([' ', '*']) == "-")
        {
            return Ok(checksum);
        }
    }
    let listed = lines.iter().filter_map(|line| coreutils(line).or_else(|| tagged(line)));
    let mut fitting: Vec<_> =
        listed.filter_map(|(algorithm, name, hex)| Some((wanted.fits(name)?, algorithm, hex))).collect();
    fitting.sort_by_key(|(fit, ..)| Reverse(*fit));
    let mut found: Option<(usize, Checksum)> = None;
    let mut other_sort = None;
    for (fit, algorithm, hex) in fitting {
        let checksum = match algorithm {
            Some(algorithm) => Algorithm::named(algorithm).and_then(|known| Checksum::new(known, hex).ok()),
            None => by_length(hex, wanted.unnamed),
        };
        let Some(checksum) = checksum else {
            other_sort = other_sort.or_else(|| algorithm.map(str::to_owned).or_else(|| sort_of(hex)));
            continue;
        };
        match &found {
            Some((best, _)) if *best > fit => break,
            Some((_, other)) if other.algorithm() == checksum.algorithm() && *other != checksum => {
                return Err(ChecksumError::Ambiguous(wanted.name.to_owned().into()));
            }
            Some(_) => {}
            None => found = Some((fit, checksum)),
        }
    }
    let name = wanted.name.to_owned();
    match (found, other_sort) {
        (Some((_, checksum)), _) => Ok(checksum),
        (None, Some(sort)) => Err(ChecksumError::OnlyBy { name: name.into(), sort: sort.into() }),
        (None, None) => Err(ChecksumError::NotListed(name.into())),
    }
}

/// Whether a line of `text` is of a digest at all.
pub(super) fn is_list(text: &str) -> bool {
    text.lines().any(|line| coreutils(line.trim()).or_else(|| tagged(line.trim())).is_some())
}

/// `HEX  NAME` or `HEX *NAME`: no algorithm, the name, the digits.
fn coreutils(line: &str) -> Option<(Option<&str>, &str, &str)> {
    let (hex, name) = line.split_once([' ', '\t'])?;
    let name = name.trim_start();
    let is_digest = hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| (None, name.strip_prefix('*').unwrap_or(name), hex))
}

/// `ALGO (NAME) = HEX`, or without its blanks, as openssl writes it.
fn tagged(line: &str) -> Option<(Option<&str>, &str, &str)> {
    let (algorithm, rest) = line.split_once('(')?;
    let (name, hex) = rest.rsplit_once(')')?;
    let hex = hex.trim_start().strip_prefix('=')?.trim();
    let algorithm = algorithm.trim();
    let is_digest =
        !algorithm.is_empty() && hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then_some((Some(algorithm), name, hex))
}

/// Most lists do not say their algorithm: the number of digits does, as far as it can.
fn by_length(hex: &str, unnamed: Algorithm) -> Option<Checksum> {
    let algorithm = if hex.len() == Algorithm::Sha512.digits() { Algorithm::Sha512 } else { unnamed };
    Checksum::new(algorithm, hex).ok()
}

/// What digests of other lengths are by.
fn sort_of(hex: &str) -> Option<String> {
    let sort = match hex.len() {
        32 => "MD5",
        40 => "SHA-1",
        56 => "SHA-224",
        96 => "SHA-384",
        _ => return None,
    };
    Some(sort.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_common_form_is_read() {
        let (a, b) = ("a".repeat(64), "b".repeat(128));
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{a}  one.iso\n{a} *./dir/two x.iso\n\
             SHA512 (three(1).iso) = {b}\nSHA256 (four.iso) = {a}\nnonsense four.iso\n"
        );
        for name in ["one.iso", "two x.iso", "four.iso"] {
            assert_eq!(find_checksum(&text, name).unwrap().hex(), a, "{name}");
        }
        assert_eq!(find_checksum(&text, "three(1).iso").unwrap().to_string(), format!("sha512:{b}"));
        assert!(matches!(find_checksum(&text, "five.iso"), Err(ChecksumError::NotListed(_))));
    }

    #[test]
    fn a_lone_digest_is_enough() {
        let hex = "C".repeat(64);
        assert_eq!(find_checksum(&format!("{hex}\n"), "any").unwrap().hex(), hex.to_lowercase());
    }

    #[test]
    fn two_different_digests_are_no_answer_and_two_equal_ones_are() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let text = format!("{a}  x\n{b}  x\n{a}  y\n{a}  d/y\n");
        assert!(matches!(find_checksum(&text, "x"), Err(ChecksumError::Ambiguous(_))));
        assert_eq!(find_checksum(&text, "y").unwrap().hex(), a);
    }

    #[test]
    fn the_urls_path_decides_between_folders() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let text = format!("{b}  ./net/gtk/x.gz\n{a}  ./net/x.gz\n");
        let find = |path| find(&text, &Wanted { name: "x.gz", path, unnamed: Algorithm::Sha256 });
        assert_eq!(find("/i/net/x.gz").unwrap().hex(), a);
        assert_eq!(find("/i/net/gtk/x.gz").unwrap().hex(), b);
        assert!(matches!(find("/elsewhere/x.gz"), Err(ChecksumError::Ambiguous(_))));
    }

    #[test]
    fn lists_as_other_programs_write_them() {
        let a = "a".repeat(64);
        for text in [
            format!("\u{feff}{a}  x.gz\r\n"),
            format!("\u{feff}{a}\r\n"),
            format!("SHA256(x.gz)= {a}\n"),
            format!("SHA2-256(dist/x.gz)= {a}\nSHA256(x.gz)= {a}\n"),
            format!("{a}  -\n"),
            format!("{a} *-\n"),
        ] {
            assert_eq!(find_checksum(&text, "x.gz").unwrap().hex(), a, "{text}");
        }
        let blake3 = Wanted { name: "x.gz", path: "", unnamed: Algorithm::Blake3 };
        assert_eq!(find(&format!("{a}  x.gz\n"), &blake3).unwrap().algorithm(), Algorithm::Blake3);
        let tagged = find_checksum(&format!("BLAKE3 (x.gz) = {a}\n"), "x.gz").unwrap();
        assert_eq!(tagged.algorithm(), Algorithm::Blake3);
    }

    #[test]
    fn a_digest_that_is_of_no_use_is_told_from_none() {
        let (md5, sha1) = ("a".repeat(32), "b".repeat(40));
        let only = |text: String| find_checksum(&text, "x").unwrap_err().to_string();
        assert!(only(format!("{md5}  x\n")).contains("MD5"));
        assert!(only(format!("{sha1}  x\n{sha1}  y\n")).contains("SHA-1"));
        assert!(only(format!("RMD160 (x) = {sha1}\n")).contains("RMD160"));
        assert!(only(format!("{md5}  y\n")).contains("no line"));
    }
}
