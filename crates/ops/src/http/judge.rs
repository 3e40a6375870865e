//! What an HTTP failure means to the retry, to the breaker and for the exit code: its rows of the table in
//! `docs/failures.md`.

use std::time::Duration;

use http::StatusCode;
use vps_retry::{Blame, Class, Classify, Judgement, Kind};

use super::error::HttpError;
use super::fact::Fact;

impl Classify for HttpError {
    fn judge(&self) -> Judgement {
        let judgement = match self.fact() {
            Fact::ProxyStatus(status) => judge_proxy_status(status, self.retry_after()),
            fact => fact.judge(),
        };
        match self.proxy() {
            // Whoever is behind the proxy was never asked.
            Some(_) => judgement.blaming(Blame::Elsewhere),
            None => judgement,
        }
    }
}

impl Fact {
    /// Its row of the table in `docs/failures.md`.
    #[must_use]
    pub fn judge(self) -> Judgement {
        use Blame::{Elsewhere, Service};
        match self {
            Self::ConnectTimeout => Judgement::new(Class::NotSent, Service, Kind::Timeout),
            Self::Refused | Self::HandshakeCut => Judgement::new(Class::NotSent, Service, Kind::Failed),
            Self::NoRoute | Self::ResolverDown => Judgement::new(Class::NotSent, Elsewhere, Kind::Offline),
            Self::NameUnknown => Judgement::new(Class::NotSent, Elsewhere, Kind::Failed),
            Self::Reset | Self::EarlyEnd | Self::BrokenFraming => {
                Judgement::new(Class::Transient, Service, Kind::Failed)
            }
            Self::NoAnswer | Self::Idle => Judgement::new(Class::Transient, Service, Kind::Timeout),
            Self::Certificate => Judgement::new(Class::Permanent, Service, Kind::Failed),
            Self::NoRoots | Self::Local | Self::ProxyUnusable => {
                Judgement::new(Class::Local, Elsewhere, Kind::Local)
            }
            Self::RedirectRefused | Self::ForeignScheme | Self::HeaderFlood => {
                Judgement::new(Class::Permanent, Elsewhere, Kind::Failed)
            }
            Self::ProxyStatus(status) => judge_proxy_status(status, None),
            Self::NotHttp | Self::NotTls | Self::ProxyRefused | Self::Unknown => {
                Judgement::new(Class::Permanent, Elsewhere, Kind::Failed)
            }
        }
    }
}

/// What a proxy's status means where it was asked for the way to a host: to the retry what it would mean of the
/// host, which itself was never asked.
fn judge_proxy_status(status: StatusCode, retry_after: Option<Duration>) -> Judgement {
    judge_status(status, retry_after).blaming(Blame::Elsewhere).not_done(true)
}

/// What a status that is no success means. `retry_after` is what the server asked to wait.
#[must_use]
pub fn judge_status(status: StatusCode, retry_after: Option<Duration>) -> Judgement {
    let answered = Judgement::new(Class::Permanent, Blame::Request, Kind::Failed);
    let throttled = Judgement::new(Class::Throttled { at_least: retry_after }, Blame::Service, Kind::Failed);
    match status.as_u16() {
        429 => throttled.not_done(true),
        // One that says when to come back has not begun; any other may have.
        503 => throttled.not_done(retry_after.is_some()),
        // A limit of requests, said as a refusal: it is ours to keep, and the service is well.
        403 if retry_after.is_some() => throttled.blaming(Blame::Elsewhere),
        // Only a proxy asks for that.
        407 => Judgement::new(Class::Permanent, Blame::Elsewhere, Kind::Failed),
        400..=424 | 426..=499 if status.as_u16() != 408 => answered,
        501 | 505 | 506 | 508 | 510 => answered,
        511 => Judgement::new(Class::Permanent, Blame::Elsewhere, Kind::Offline),
        408 | 425 | 500..=599 => {
            let class = match retry_after {
                // The wish to wait holds on any status that is tried again.
                Some(_) => Class::Throttled { at_least: retry_after },
                None => Class::Transient,
            };
            Judgement::new(class, Blame::Service, Kind::Failed)
        }
        // No row names it: it is no answer, and no failure that we know.
        _ => Judgement::new(Class::Permanent, Blame::Elsewhere, Kind::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> Judgement {
        judge_status(StatusCode::from_u16(code).unwrap(), None)
    }

    #[test]
    fn every_status_is_pinned() {
        let transient = [vec![408, 425, 500, 502, 504, 507, 509], (512..=599).collect()].concat();
        for code in 100..=999 {
            let got = status(code);
            let class = match code {
                429 | 503 => Class::Throttled { at_least: None },
                code if transient.contains(&code) => Class::Transient,
                _ => Class::Permanent,
            };
            let blame = match (code, class) {
                (407 | 511 | 100..400 | 600.., _) => Blame::Elsewhere,
                (_, Class::Permanent) => Blame::Request,
                _ => Blame::Service,
            };
            let kind = if code == 511 { Kind::Offline } else { Kind::Failed };
            assert_eq!(got, Judgement::new(class, blame, kind).not_done(code == 429), "{code}");
        }
    }

    /// What must not happen twice is repeated after these alone.
    #[test]
    fn only_a_refusal_is_certain_that_nothing_was_done() {
        let certain = |wait| {
            (100..=599).filter(move |code| judge_status(StatusCode::from_u16(*code).unwrap(), wait).not_done)
        };
        assert_eq!(certain(None).collect::<Vec<_>>(), [429]);
        assert_eq!(certain(Some(Duration::from_secs(1))).collect::<Vec<_>>(), [429, 503]);
    }

    #[test]
    fn a_wish_to_wait_holds_on_every_status_that_is_tried_again_and_on_no_other() {
        let wait = Some(Duration::from_secs(9));
        let limited = judge_status(StatusCode::FORBIDDEN, wait);
        assert_eq!((limited.class, limited.blame), (Class::Throttled { at_least: wait }, Blame::Elsewhere));
        for code in (100..=599).filter(|code| *code != 403) {
            let status = StatusCode::from_u16(code).unwrap();
            let (with, without) = (judge_status(status, wait), judge_status(status, None));
            assert_eq!((with.blame, with.kind), (without.blame, without.kind), "{code}");
            match without.class {
                Class::Permanent => assert_eq!(with.class, Class::Permanent, "{code}"),
                _ => assert_eq!(with.class, Class::Throttled { at_least: wait }, "{code}"),
            }
        }
    }

    #[test]
    fn what_is_unknown_is_permanent_and_says_nothing_about_the_service() {
        let got = Fact::Unknown.judge();
        assert_eq!((got.class, got.blame), (Class::Permanent, Blame::Elsewhere));
    }

    #[test]
    fn what_is_the_proxys_is_not_held_against_the_host() {
        for fact in [Fact::Refused, Fact::ConnectTimeout, Fact::HandshakeCut, Fact::ProxyRefused] {
            let error = HttpError::new(fact).by_proxy("proxy.example.com:3128");
            assert_eq!((error.judge().class, error.judge().blame), (fact.judge().class, Blame::Elsewhere));
            let said = error.to_string();
            assert!(said.contains("the proxy ") && said.contains("proxy.example.com:3128"), "{said}");
        }
    }

    /// The rows of the table, written down a second time.
    #[test]
    fn every_fact_has_its_row() {
        use Blame::{Elsewhere, Service};
        use Kind::{Failed, Local, Offline, Timeout};
        let rows = [
            (Fact::Refused, Class::NotSent, Service, Failed),
            (Fact::ConnectTimeout, Class::NotSent, Service, Timeout),
            (Fact::HandshakeCut, Class::NotSent, Service, Failed),
            (Fact::NoRoute, Class::NotSent, Elsewhere, Offline),
            (Fact::ResolverDown, Class::NotSent, Elsewhere, Offline),
            (Fact::NameUnknown, Class::NotSent, Elsewhere, Failed),
            (Fact::Reset, Class::Transient, Service, Failed),
            (Fact::EarlyEnd, Class::Transient, Service, Failed),
            (Fact::NoAnswer, Class::Transient, Service, Timeout),
            (Fact::Idle, Class::Transient, Service, Timeout),
            (Fact::Certificate, Class::Permanent, Service, Failed),
            (Fact::RedirectRefused, Class::Permanent, Elsewhere, Failed),
            (Fact::ForeignScheme, Class::Permanent, Elsewhere, Failed),
            (Fact::HeaderFlood, Class::Permanent, Elsewhere, Failed),
            (Fact::NotHttp, Class::Permanent, Elsewhere, Failed),
            (Fact::NotTls, Class::Permanent, Elsewhere, Failed),
            (Fact::ProxyRefused, Class::Permanent, Elsewhere, Failed),
            (Fact::ProxyUnusable, Class::Local, Elsewhere, Local),
            (Fact::BrokenFraming, Class::Transient, Service, Failed),
            (Fact::NoRoots, Class::Local, Elsewhere, Local),
            (Fact::Local, Class::Local, Elsewhere, Local),
            (Fact::Unknown, Class::Permanent, Elsewhere, Failed),
        ];
        for (fact, class, blame, kind) in rows {
            assert_eq!(fact.judge(), Judgement::new(class, blame, kind), "{fact:?}");
        }
    }

    #[test]
    fn a_proxys_status_is_tried_again_like_a_hosts_and_blames_nobody() {
        let wait = Some(Duration::from_secs(7));
        for code in 100..=999 {
            let code = StatusCode::from_u16(code).unwrap();
            for asked in [None, wait] {
                let error = HttpError::new(Fact::ProxyStatus(code)).by_proxy("p:1").asking_to_wait(asked);
                let (got, hosts) = (error.judge(), judge_status(code, asked));
                assert_eq!((got.class, got.kind), (hosts.class, hosts.kind), "{code}");
                assert_eq!((got.blame, got.not_done), (Blame::Elsewhere, true), "{code}");
            }
            let without = judge_status(code, None);
            assert_eq!(Fact::ProxyStatus(code).judge().class, without.class, "{code}");
        }
        let denied = HttpError::new(Fact::ProxyStatus(StatusCode::FORBIDDEN)).by_proxy("p:1");
        assert_eq!(denied.to_string(), "the proxy answered 403 Forbidden: p:1");
    }
}
