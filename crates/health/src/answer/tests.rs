//! Every fact, and what it means.

use std::vec::Vec;

use super::*;
use crate::level::Level::{Degraded, Healthy, Unhealthy};
use Verdict::{Failure, Neutral, Success};

const QUICK: Duration = Duration::from_millis(200);
const SECOND: Duration = Duration::from_secs(1);

fn judged(fact: &Fact, expect: Option<&Expect>) -> Outcome {
    judge(fact, expect, &Timing::new(), QUICK, &Phases::NONE)
}

#[test]
fn every_status_means_something() {
    // As a row each: up to and with, level, verdict, reason.
    let rows = [
        (99, Some(Unhealthy), Neutral, "status"),
        (199, Some(Healthy), Neutral, "answered"),
        (406, Some(Healthy), Success, "answered"),
        (407, None, Neutral, "proxy_wants_credentials"),
        (408, Some(Unhealthy), Failure, "status"),
        (424, Some(Healthy), Success, "answered"),
        (425, Some(Unhealthy), Failure, "status"),
        (428, Some(Healthy), Success, "answered"),
        (429, Some(Degraded), Failure, "throttled"),
        (499, Some(Healthy), Success, "answered"),
        (500, Some(Unhealthy), Failure, "status"),
        (501, Some(Healthy), Success, "answered"),
        (504, Some(Unhealthy), Failure, "status"),
        (505, Some(Healthy), Success, "answered"),
        (506, Some(Unhealthy), Success, "status"),
        (507, Some(Unhealthy), Failure, "status"),
        (508, Some(Unhealthy), Success, "status"),
        (509, Some(Unhealthy), Failure, "status"),
        (510, Some(Unhealthy), Success, "status"),
        (511, None, Neutral, "portal"),
        (599, Some(Unhealthy), Failure, "status"),
        (999, Some(Unhealthy), Neutral, "status"),
    ];
    let mut from = 0;
    for (until, level, verdict, reason) in rows {
        for status in from..=until {
            let outcome = judged(&Fact::Http(HttpAnswer::of(status)), None);
            let found = (outcome.level, outcome.verdict, outcome.reason.as_str());
            assert_eq!(found, (level, verdict, reason), "{status}");
            assert_eq!(outcome.next_not_before, None);
        }
        from = until + 1;
    }
}

#[test]
fn what_is_expected_is_right_and_all_else_is_not() {
    let expect = Expect::of([200..=299, 401..=401, 500..=500, 407..=407]);
    for (status, level, verdict, reason) in [
        (204, Some(Healthy), Success, "answered"),
        (401, Some(Healthy), Success, "answered"),
        (404, Some(Unhealthy), Success, "unexpected"),
        (301, Some(Unhealthy), Success, "unexpected"),
        // A circuit hears of every status what it would hear of a call's.
        (500, Some(Healthy), Failure, "answered"),
        (503, Some(Unhealthy), Failure, "unexpected"),
        (429, Some(Degraded), Failure, "throttled"),
        (407, None, Neutral, "proxy_wants_credentials"),
        (511, None, Neutral, "portal"),
    ] {
        let outcome = judged(&Fact::Http(HttpAnswer::of(status)), Some(&expect));
        assert_eq!(
            (outcome.level, outcome.verdict, outcome.reason.as_str()),
            (level, verdict, reason),
            "{status}"
        );
    }
}

#[test]
fn who_asks_to_be_left_alone_is_for_an_hour_at_most() {
    let answer = |status, seconds: u64, is_limit_used_up| {
        let retry_after = (seconds > 0).then(|| Duration::from_secs(seconds));
        judged(&Fact::Http(HttpAnswer { status, retry_after, is_limit_used_up }), None)
    };
    for (status, seconds, used_up, pause, reason) in [
        (429, 0, false, None, "throttled"),
        (429, 60, false, Some(60), "throttled"),
        (429, 86_400, false, Some(3_600), "throttled"),
        (503, 60, false, Some(60), "status"),
        (503, 0, false, None, "status"),
        // Others do not mean it, or it means something else: a date of a redirect.
        (500, 60, false, None, "status"),
        (301, 60, false, None, "answered"),
        (403, 60, false, Some(60), "throttled"),
        (403, 0, true, None, "throttled"),
        (403, 0, false, None, "answered"),
    ] {
        let outcome = answer(status, seconds, used_up);
        assert_eq!(outcome.next_not_before, pause.map(Duration::from_secs), "{status}");
        assert_eq!(outcome.reason.as_str(), reason, "{status}");
    }
    assert_eq!((answer(403, 60, false).verdict, answer(403, 0, false).verdict), (Neutral, Success));
    let pause = Some(Duration::from_secs(3_600));
    assert_eq!(answer(429, 7_200, false).reason, Reason::Throttled { status: 429, retry_after: pause });
}

#[test]
fn speed_changes_the_level_and_never_the_verdict() {
    let phases = Phases { dns: Some(QUICK), wait: Some(SECOND), connect: Some(SECOND), tls: None };
    for (millis, level) in [(999, Healthy), (1_000, Degraded), (3_000, Degraded), (3_001, Unhealthy)] {
        let took = Duration::from_millis(millis);
        for fact in [Fact::Reached, Fact::Http(HttpAnswer::of(404))] {
            let outcome = judge(&fact, None, &Timing::new(), took, &phases);
            assert_eq!((outcome.level, outcome.verdict), (Some(level), Success), "{millis}");
            let slow = Reason::Slow { phase: Some(Phase::Wait), part: SECOND, took };
            assert_eq!(outcome.reason, if level == Healthy { Reason::Answered } else { slow });
            assert_eq!(outcome.is_slow(), level != Healthy);
            assert!(outcome.is_answer());
            assert_eq!(outcome.is_bad(), level == Unhealthy);
        }
    }
    let outcome = judge(&Fact::Reached, None, &Timing::new(), SECOND, &Phases::NONE);
    assert_eq!(outcome.reason, Reason::Slow { phase: None, part: SECOND, took: SECOND });
}

#[test]
fn faults_are_the_services_or_ours() {
    use CertificateFault as Certificate;
    let os = Fact::Os;
    let timed_out = |phase| Fact::TimedOut { phase, after: SECOND };
    let not_yet = |behind: Option<u64>| {
        let behind = behind.map(Duration::from_secs);
        Fact::Certificate(Certificate::NotYetValid { starts_in: SECOND, behind })
    };
    let (bad, local) = (Some(Unhealthy), None);
    for (fact, level, verdict, reason) in [
        (os(OsFault::Refused), bad, Failure, "refused"),
        (os(OsFault::Reset), bad, Failure, "reset"),
        (os(OsFault::Cut), bad, Failure, "cut"),
        (os(OsFault::Garbled), bad, Failure, "garbled"),
        (os(OsFault::Unreachable), bad, Neutral, "unreachable"),
        (os(OsFault::NoSuchName), bad, Neutral, "no_such_name"),
        (os(OsFault::ResolverSilent), bad, Neutral, "resolver_silent"),
        (os(OsFault::NoRoute), local, Neutral, "no_route"),
        (os(OsFault::NoDescriptors), local, Neutral, "no_descriptors"),
        (timed_out(Phase::Dns), bad, Neutral, "timed_out"),
        (timed_out(Phase::Connect), bad, Failure, "timed_out"),
        (timed_out(Phase::Tls), bad, Failure, "timed_out"),
        (timed_out(Phase::Wait), bad, Failure, "timed_out"),
        (Fact::TlsFailed, bad, Failure, "tls_failed"),
        (Fact::Certificate(Certificate::Expired { ago: SECOND }), bad, Failure, "certificate_expired"),
        (Fact::Certificate(Certificate::WrongName), bad, Failure, "certificate_wrong_name"),
        (Fact::Certificate(Certificate::UnknownIssuer), bad, Failure, "certificate_unknown_issuer"),
        (Fact::Certificate(Certificate::Revoked), bad, Failure, "certificate_revoked"),
        (Fact::Certificate(Certificate::Other), bad, Failure, "certificate_invalid"),
        (not_yet(None), bad, Failure, "certificate_not_yet_valid"),
        (not_yet(Some(86_399)), bad, Failure, "certificate_not_yet_valid"),
        (not_yet(Some(86_400)), local, Neutral, "clock_behind"),
        (Fact::Proxy(ProxyFault::WantsCredentials), local, Neutral, "proxy_wants_credentials"),
        (Fact::Proxy(ProxyFault::Dead), local, Neutral, "proxy_dead"),
        (Fact::Proxy(ProxyFault::Refused { status: 502 }), local, Neutral, "proxy_refused"),
        (Fact::Proxy(ProxyFault::Unusable), local, Neutral, "proxy_unusable"),
        (Fact::NoRoots, local, Neutral, "no_roots"),
    ] {
        let outcome = judged(&fact, None);
        let found = (outcome.level, outcome.verdict, outcome.reason.as_str());
        assert_eq!(found, (level, verdict, reason), "{fact:?}");
        assert_eq!(outcome.is_local(), level.is_none());
        assert!(!outcome.is_answer());
    }
}

#[test]
fn get_is_tried_where_head_may_be_what_is_refused() {
    let http = |status| Fact::Http(HttpAnswer::of(status));
    for fact in [http(405), http(501), Fact::Os(OsFault::Cut), Fact::Os(OsFault::Reset)] {
        assert!(fact.asks_for_get(), "{fact:?}");
    }
    for fact in [http(200), http(404), http(500), Fact::Os(OsFault::Refused), Fact::TlsFailed] {
        assert!(!fact.asks_for_get(), "{fact:?}");
    }
    let day = Duration::from_secs(86_400);
    let mut method = Method::new();
    assert_eq!(method.at(Moment::ORIGIN), Verb::Head);
    method.get_was_better(Moment::ORIGIN);
    assert_eq!(method.at(Moment::ORIGIN.after(day - SECOND)), Verb::Get);
    assert_eq!(method.at(Moment::ORIGIN.after(day)), Verb::Head, "it may have learned it");
}

#[test]
fn reasons_have_numbers_and_names_of_their_own() {
    let names: alloc::collections::BTreeSet<_> = ReasonKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), ReasonKind::ALL.len());
    for kind in ReasonKind::ALL {
        assert_eq!(ReasonKind::of_code(kind.code()), Some(*kind));
    }
    let unknown: Vec<_> = (0..=255).filter(|code| ReasonKind::of_code(*code).is_none()).collect();
    assert_eq!(unknown.len(), 256 - ReasonKind::ALL.len());
    // They are stored: these must stay what they are.
    let stored = [(ReasonKind::Refused, 5), (ReasonKind::TimedOut, 7), (ReasonKind::Cancelled, 29)];
    assert!(stored.iter().all(|(kind, code)| kind.code() == *code));
}
