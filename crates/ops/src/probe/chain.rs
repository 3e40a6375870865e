//! Until when a server's certificates hold: the first of its own and of the intermediates it shows.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use vps_health::Certificate;
use x509_cert::der::Decode;

/// How many certificates of a chain are looked at; the TLS library bounds their size.
const MOST: usize = 16;

/// When the chain that a server showed, its own certificate first, is valid: the last beginning and the first end.
/// `wall` is now, since the Unix epoch. Nothing where its own certificate cannot be read.
///
/// What is signed by its own name (a root that is sent along) or has expired already counts for nothing: trust was
/// found without it.
pub(super) fn validity(chain: &[CertificateDer<'_>], wall: Duration) -> Option<Certificate> {
    let mut dates = chain.iter().take(MOST).map(|certificate| dates(certificate.as_ref()));
    let own = dates.next()??;
    let others = dates.flatten().filter(|other| !other.is_own_issuer && other.until > wall);
    let (from, until) = others
        .fold((own.from, own.until), |(from, until), other| (from.max(other.from), until.min(other.until)));
    Some(Certificate { not_before_seconds: seconds(from), not_after_seconds: seconds(until) })
}

fn seconds(since_epoch: Duration) -> i64 {
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

#[derive(Clone, Copy)]
struct Dates {
    from: Duration,
    until: Duration,
    is_own_issuer: bool,
}

fn dates(der: &[u8]) -> Option<Dates> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let certificate = certificate.tbs_certificate();
    let validity = certificate.validity();
    Some(Dates {
        from: validity.not_before.to_unix_duration(),
        until: validity.not_after.to_unix_duration(),
        is_own_issuer: certificate.issuer() == certificate.subject(),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

    use super::*;

    /// Day 20,000 and so many since the epoch is 2024-10-04 and later.
    const DAY: i64 = 24 * 60 * 60;

    fn der(
        subject: &str,
        issuer: Option<&Issuer<'_, KeyPair>>,
        years: (i32, i32),
        is_ca: bool,
    ) -> (Vec<u8>, CertificateParams, KeyPair) {
        let mut params = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, subject);
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let made = match issuer {
            Some(issuer) => params.signed_by(&key, issuer).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        (made.der().to_vec(), params, key)
    }

    #[test]
    fn the_first_end_counts_and_neither_roots_nor_what_is_over() {
        let (root, root_params, root_key) = der("root", None, (2020, 2026), true);
        let root_issuer = Issuer::new(root_params, root_key);
        let (late, late_params, late_key) = der("late", Some(&root_issuer), (2021, 2028), true);
        let (over, ..) = der("over", Some(&root_issuer), (2015, 2022), true);
        let late_issuer = Issuer::new(late_params, late_key);
        let (own, ..) = der("own", Some(&late_issuer), (2025, 2030), false);
        let chain = [&own, &late, &over, &root].map(|der| CertificateDer::from(der.clone()));
        // 2027-01-01.
        let wall = Duration::from_secs(20_819 * DAY.unsigned_abs());
        let valid = validity(&chain, wall).unwrap();
        assert_eq!(valid.not_after_seconds, 21_184 * DAY, "the intermediate's, 2028-01-01");
        assert_eq!(valid.not_before_seconds, 20_089 * DAY, "its own, 2025-01-01");
        let alone = validity(&chain[..1], wall).unwrap();
        assert_eq!(alone.not_after_seconds, 21_915 * DAY, "2030-01-01");
    }

    #[test]
    fn what_cannot_be_read_is_nothing_and_never_a_panic() {
        let junk = CertificateDer::from(vec![0x30, 0x82, 0xff, 0xff, 1, 2, 3]);
        assert_eq!(validity(std::slice::from_ref(&junk), Duration::ZERO), None);
        assert_eq!(validity(&[], Duration::ZERO), None);
        let (own, ..) = der("own", None, (2025, 2030), false);
        let chain = [CertificateDer::from(own), junk];
        assert!(
            validity(&chain, Duration::ZERO).is_some(),
            "an intermediate that nobody can read is passed over"
        );
    }
}
