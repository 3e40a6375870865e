//! What `apt-get install --print-uris` would fetch: the plan, one archive a line.

use std::collections::BTreeMap;

use crate::apt::facts::{Archive, InvalidPlan, PlanReason, show};
use crate::download::{Algorithm, Checksum};

/// All archives of a plan. Prose is passed over; a line that starts like an archive must be one.
///
/// ```
/// let plan = format!("'http://example.com/a_1%3a2_all.deb' a_1%3a2_all.deb 7 SHA256:{}\n", "0".repeat(64));
/// let archives = vps_ops::apt::archives(&plan)?;
/// assert_eq!((&*archives[0].filename, archives[0].size), ("a_1%3a2_all.deb", 7));
/// assert!(vps_ops::apt::archives("'http://example.com/x' ../../x.deb 7 ").is_err());
/// # Ok::<_, vps_ops::apt::InvalidPlan>(())
/// ```
///
/// # Errors
/// [`InvalidPlan`] at the first line that cannot be trusted.
pub fn archives(text: &str) -> Result<Vec<Archive>, InvalidPlan> {
    let (mut archives, mut seen) = (Vec::<Archive>::new(), BTreeMap::new());
    for (at, line) in text.lines().enumerate() {
        let invalid =
            |reason| InvalidPlan { line: at.saturating_add(1), shown: show::bounded(line, 200), reason };
        let Some(rest) = line.strip_prefix('\'') else { continue };
        let archive = archive(rest).map_err(invalid)?;
        let known = *seen.entry(archive.filename.clone()).or_insert(archives.len());
        match archives.get(known) {
            None => archives.push(archive),
            Some(earlier) if earlier.size == archive.size && earlier.hash == archive.hash => {}
            Some(_) => return Err(invalid(PlanReason::Twice)),
        }
    }
    Ok(archives)
}

/// A line without its first quote.
fn archive(rest: &str) -> Result<Archive, PlanReason> {
    // A URL may hold a quote itself, what follows it cannot.
    let (url, rest) = rest.rsplit_once("' ").ok_or(PlanReason::Url)?;
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        || !scheme.chars().all(of_scheme)
        || url.contains(|c: char| c.is_control() || c.is_whitespace())
    {
        return Err(PlanReason::Url);
    }
    let mut fields = rest.split_ascii_whitespace();
    let filename = fields.next().filter(|name| is_archive_name(name)).ok_or(PlanReason::Filename)?;
    let size = fields.next().filter(|size| size.bytes().all(|b| b.is_ascii_digit()));
    let size = size.and_then(|size| size.parse().ok()).ok_or(PlanReason::Size)?;
    let mut hash = None::<Checksum>;
    for text in fields {
        let Some(found) = strong(text)? else { continue };
        if hash.as_ref().is_none_or(|best| found.algorithm().digits() > best.algorithm().digits()) {
            hash = Some(found);
        }
    }
    Ok(Archive { url: url.to_owned(), filename: filename.to_owned(), size, hash })
}

/// A plain name: what cannot lead anywhere, not even after its `%` are decoded.
fn is_archive_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._+~-%:".contains(c);
    let lower = name.to_ascii_lowercase();
    name.len() <= 255
        && name.ends_with(".deb")
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(fits)
        && !["..", "%2f", "%2e", "%00"].iter().any(|part| lower.contains(part))
}

/// MD5 and SHA-1 can be forged, so they are no digests; a digest that is cut is an error.
fn strong(text: &str) -> Result<Option<Checksum>, PlanReason> {
    let (name, hex) = text.split_once(':').ok_or(PlanReason::Hash)?;
    let algorithm = match name {
        "SHA512" => Algorithm::Sha512,
        "SHA256" => Algorithm::Sha256,
        _ => return Ok(None),
    };
    Checksum::new(algorithm, hex).map(Some).map_err(|_| PlanReason::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(filename: &str, size: &str, hash: &str) -> String {
        format!("'http://example.com/p' {filename} {size} {hash}")
    }

    #[test]
    fn a_line_is_read_and_the_strongest_digest_taken() {
        let (short, long) = ("a".repeat(64), "b".repeat(128));
        let text = format!(
            "Reading package lists...\n'http://example.com/it's' a_1%3a2_all.deb 12 SHA256:{short} SHA512:{long} MD5Sum:00 \n"
        );
        let found = archives(&text).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&*found[0].url, &*found[0].filename, found[0].size),
            ("http://example.com/it's", "a_1%3a2_all.deb", 12)
        );
        assert_eq!(found[0].hash.as_ref().unwrap().to_string(), format!("sha512:{long}"));
    }

    #[test]
    fn what_can_be_forged_is_no_digest() {
        for hash in ["MD5Sum:a2152b2c635db6d5dea51e6a1457daee", "SHA1:00", "", "Checksum-FileSize:12"] {
            assert_eq!(archives(&line("a.deb", "1", hash)).unwrap()[0].hash, None, "{hash}");
        }
    }

    #[test]
    fn a_hostile_line_is_an_error_that_names_it() {
        let good = format!("SHA256:{}", "0".repeat(64));
        for (text, reason) in [
            ("'http://example.com/a.deb a.deb 1 ".to_owned(), PlanReason::Url),
            ("'' a.deb 1 ".into(), PlanReason::Url),
            ("'-o:x' a.deb 1 ".into(), PlanReason::Url),
            ("'http://example.com/a b' a.deb 1 ".into(), PlanReason::Url),
            ("'http://example.com/\x1b' a.deb 1 ".into(), PlanReason::Url),
            (line("../a.deb", "1", &good), PlanReason::Filename),
            (line("/etc/a.deb", "1", &good), PlanReason::Filename),
            (line("a..b.deb", "1", &good), PlanReason::Filename),
            (line("a%2Fb.deb", "1", &good), PlanReason::Filename),
            (line("-a.deb", "1", &good), PlanReason::Filename),
            (line(".a.deb", "1", &good), PlanReason::Filename),
            (line("a.deb.exe", "1", &good), PlanReason::Filename),
            (line(&format!("{}.deb", "a".repeat(300)), "1", &good), PlanReason::Filename),
            (line("a.deb", "-1", &good), PlanReason::Size),
            (line("a.deb", "+1", &good), PlanReason::Size),
            (line("a.deb", "99999999999999999999999", &good), PlanReason::Size),
            ("'http://example.com/p' a.deb".into(), PlanReason::Size),
            (line("a.deb", "1", "SHA256:00"), PlanReason::Hash),
            (line("a.deb", "1", &good.replace('0', "g")), PlanReason::Hash),
            (line("a.deb", "1", "x"), PlanReason::Hash),
            (format!("{}\n{}", line("a.deb", "1", &good), line("a.deb", "2", &good)), PlanReason::Twice),
        ] {
            assert_eq!(archives(&format!("prose\n{text}")).unwrap_err().reason, reason, "{text:?}");
        }
        assert_eq!(archives("a\n'").unwrap_err().line, 2);
        let twice = format!("{0}\n{0}", line("a.deb", "1", &good));
        assert_eq!(archives(&twice).unwrap().len(), 1);
    }

    #[test]
    fn a_password_is_not_shown() {
        let text = "'http://me:canary@example.com/a.deb' a.deb 1 ";
        let found = archives(text).unwrap();
        assert!(found[0].url.contains("canary"), "it is needed to fetch");
        assert!(!format!("{found:?}").contains("canary"));
        let error = archives(&text.replace("a.deb 1", "a.deb x")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
