//! Finding a file's digest in a `SHA256SUMS` file.

use super::checksum::{Algorithm, Checksum, ChecksumError};

/// The digest of `name` in the text of a checksum file.
///
/// Read are `HEX  NAME` and `HEX *NAME` (coreutils), `ALGO (NAME) = HEX` (BSD), and a file that is
/// nothing but one digest. A NAME with folders counts by its last part. Other lines, such as a
/// signature's, are passed over.
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
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if let [only] = lines.as_slice()
        && let Some(checksum) = by_length(only)
    {
        return Ok(checksum);
    }
    let mut listed = lines.iter().filter_map(|line| coreutils(line).or_else(|| bsd(line)));
    let mut found: Option<Checksum> = None;
    for (_, checksum) in listed.by_ref().filter(|(listed, _)| last_part(listed) == name) {
        match &found {
            Some(other) if other.algorithm() == checksum.algorithm() && *other != checksum => {
                return Err(ChecksumError::Ambiguous(name.to_owned()));
            }
            Some(_) => {}
            None => found = Some(checksum),
        }
    }
    found.ok_or_else(|| ChecksumError::NotListed(name.to_owned()))
}

fn coreutils(line: &str) -> Option<(&str, Checksum)> {
    let (hex, name) = line.split_once([' ', '\t'])?;
    let name = name.trim_start();
    Some((name.strip_prefix('*').unwrap_or(name), by_length(hex)?))
}

fn bsd(line: &str) -> Option<(&str, Checksum)> {
    let (algorithm, rest) = line.split_once(" (")?;
    let (name, hex) = rest.rsplit_once(") = ")?;
    Some((name, Checksum::new(Algorithm::named(algorithm)?, hex).ok()?))
}

/// A checksum file does not say its algorithm: its digits do.
fn by_length(hex: &str) -> Option<Checksum> {
    let algorithm =
        if hex.len() == Algorithm::Sha512.digits() { Algorithm::Sha512 } else { Algorithm::Sha256 };
    Checksum::new(algorithm, hex).ok()
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
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
}
