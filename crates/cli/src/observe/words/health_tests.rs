use std::time::Duration;

use vps_health::{Connection, Headline, Level, Phase, Progress, Reason, Status};

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn every_reason_has_its_words() {
    let day = Duration::from_secs(86_400);
    for (why, words) in [
        (Reason::Answered, "answered in time"),
        (
            Reason::Slow { phase: Some(Phase::Wait), part: ms(1_200), took: ms(1_310) },
            "slow, server 1.20 s of 1.31 s",
        ),
        (
            Reason::Slow { phase: Some(Phase::Dns), part: ms(1_200), took: ms(1_310) },
            "slow, resolver 1.20 s of 1.31 s",
        ),
        (Reason::Slow { phase: None, part: ms(1_310), took: ms(1_310) }, "slow, 1.31 s"),
        (Reason::Throttled { status: 429, retry_after: None }, "throttled, answered 429"),
        (
            Reason::Throttled { status: 429, retry_after: Some(ms(90_000)) },
            "throttled, answered 429; asks to be left alone for 1m 30s",
        ),
        (Reason::Partly { bad: 1, of: 2 }, "1 of 2 targets bad"),
        (Reason::Status { status: 503 }, "answered 503"),
        (Reason::Unexpected { status: 404 }, "answered 404, which is not expected"),
        (Reason::Refused, "connection refused"),
        (Reason::Unreachable, "host unreachable"),
        (Reason::TimedOut { phase: Phase::Dns, after: ms(5_000) }, "timed out after 5s while resolving"),
        (Reason::TimedOut { phase: Phase::Connect, after: ms(5_000) }, "timed out after 5s while connecting"),
        (Reason::TimedOut { phase: Phase::Tls, after: ms(5_000) }, "timed out after 5s in the TLS handshake"),
        (
            Reason::TimedOut { phase: Phase::Wait, after: ms(5_000) },
            "timed out after 5s while waiting for an answer",
        ),
        (Reason::CertificateExpired { ago: day * 3 }, "certificate expired 3 d ago"),
        (
            Reason::CertificateNotYetValid { starts_in: ms(7_200_000) },
            "certificate not valid for another 2 h",
        ),
        (Reason::ProxyRefused { status: 403 }, "the proxy answered 403"),
        (Reason::ClockBehind { by: day * 2 }, "this machine's clock is 2 d behind"),
    ] {
        assert_eq!(reason(&why), words, "{why:?}");
    }
}

#[test]
fn the_first_sentence_says_how_many_and_whether_it_is_me() {
    let of = |services: &[(&str, Status)], connection| {
        sentence(&Headline::of(services.iter().copied(), connection))
    };
    use Status::{Degraded, Healthy, Unhealthy, Unknown};
    let online = |services: &[(&str, Status)]| of(services, Connection::Online);
    assert_eq!(online(&[]), "no service is looked at");
    assert_eq!(online(&[("a", Healthy)]), "the 1 service is HEALTHY");
    assert_eq!(online(&[("a", Healthy), ("b", Healthy)]), "all 2 services are HEALTHY");
    assert_eq!(online(&[("a", Healthy), ("b", Unknown)]), "1 of 2 services UNKNOWN, 1 HEALTHY");
    assert_eq!(online(&[("a", Degraded), ("b", Healthy)]), "1 of 2 services DEGRADED: a");
    let many = [("a", Unhealthy), ("b", Unhealthy), ("c", Unhealthy), ("d", Unhealthy), ("e", Degraded)];
    assert_eq!(online(&many), "4 of 5 services UNHEALTHY: a, b, c and others");
    assert_eq!(of(&many, Connection::Offline), "this machine seems offline; 5 services not judged");
    assert_eq!(counts(&Headline::of(many, Connection::Online)), "4 UNHEALTHY, 1 DEGRADED");
}

#[test]
fn durations_are_short() {
    for (duration, words) in [
        (ms(0), "0s"),
        (ms(1), "1s"),
        (ms(41_000), "41s"),
        (ms(60_000), "1m"),
        (ms(90_000), "1m 30s"),
        (ms(7_500_000), "2h 5m"),
        (ms(86_400_000), "1d"),
        (ms(90_000_000), "1d 1h"),
    ] {
        assert_eq!(short(duration), words);
    }
    assert_eq!(clock(1_767_312_245.9), "00:04:05");
}

/// Midnight between 2 and 3 January 2026.
const MIDNIGHT: f64 = 1_767_398_400.0;

#[test]
fn a_moment_of_another_day_has_its_date() {
    for (at, now, words) in [
        (MIDNIGHT + 3_600.0, MIDNIGHT + 3_600.0, "01:00:00"),
        (MIDNIGHT, MIDNIGHT + 86_399.0, "00:00:00"),
        (MIDNIGHT - 1.0, MIDNIGHT, "2026-01-02 23:59:59"),
        (MIDNIGHT, MIDNIGHT - 1.0, "2026-01-03 00:00:00"),
        (MIDNIGHT - 364.0 * 86_400.0, MIDNIGHT, "2025-01-04 00:00:00"),
    ] {
        assert_eq!(moment(at, now), words);
    }
}

#[test]
fn what_has_lasted_since_yesterday_says_so_in_every_line() {
    let refused =
        vps_health::Outcome::new(Some(Level::Unhealthy), Reason::Refused, vps_health::Verdict::Failure);
    let sample = vps_health::Sample::new(vps_health::Moment::ORIGIN, ms(1), refused);
    let rounds: Vec<_> = [5 * 3_600, 5 * 3_600 - 30, 5 * 3_600 - 60]
        .map(|ago| (Duration::from_secs(ago), vec![sample.clone()]))
        .into();
    let mut row = vps_ops::watch::staged::row(MIDNIGHT, &[target()], &rounds);
    (row.is_stale, row.last_good) = (false, Some(MIDNIGHT - 86_400.0));
    row.muted_until = Some(MIDNIGHT + 7_200.0);
    let said = detail(&row, MIDNIGHT).unwrap();
    assert_eq!(
        said,
        "since 2026-01-02 19:00:00: connection refused; last good 2026-01-02 00:00:00; muted until 02:00:00"
    );
    #[cfg(feature = "tui")]
    assert_eq!(
        dashboard::verdict_of_probes(&row, MIDNIGHT),
        "UNHEALTHY since 2026-01-02 19:00:00, connection refused"
    );
}

#[test]
fn how_far_it_is_is_said_at_once() {
    let mut damped = vps_health::Damped::new(vps_health::Timing::new());
    let refused =
        vps_health::Outcome::new(Some(Level::Unhealthy), Reason::Refused, vps_health::Verdict::Failure);
    let sample = vps_health::Sample::new(vps_health::Moment::ORIGIN, ms(1), refused);
    damped.sample(&sample, vps_health::Moment::ORIGIN);
    let progress: Progress = damped.progress().unwrap();
    assert_eq!(super::progress(&progress), "failing 1/3");
}

fn target() -> vps_health::Target {
    vps_health::Target {
        service: "github".to_owned(),
        name: "https://example.com/".to_owned(),
        host: "example.com:443".to_owned(),
        kind: vps_health::Kind::Https,
        expect: None,
        family: vps_health::FamilyChoice::Any,
        is_private: false,
    }
}

#[test]
fn an_open_circuit_that_is_answered_closes_by_itself_unless_a_hand_holds_it() {
    let answered =
        vps_health::Outcome::new(Some(Level::Healthy), Reason::Answered, vps_health::Verdict::Success);
    let sample = vps_health::Sample::new(vps_health::Moment::ORIGIN, ms(20), answered);
    let at = 1_767_312_245.0;
    let mut row = vps_ops::watch::staged::row(at, &[target()], &[(ms(5_000), vec![sample])]);
    assert_eq!(detail(&row, at), None);
    row.circuit.state = State::Open;
    row.circuit.retry_after = Some(ms(41_000));
    assert_eq!(detail(&row, at).as_deref(), Some("answers, circuit open; closes in 41s at the earliest"));
    let by_hand = serde_json::json!({ "state": "open", "reason": null, "by": null, "since": at });
    row.circuit.by_hand = Some(serde_json::from_value(by_hand).unwrap());
    assert_eq!((detail(&row, at), circuit(&row.circuit)), (None, "held open".to_owned()));
}

#[test]
fn a_circuit_that_closed_says_no_more_than_that() {
    let told = |why: &str| {
        let told = serde_json::json!({
            "at": 0.0, "what": "circuit", "service": "github", "from": "open", "to": "closed", "why": why,
        });
        change(&serde_json::from_value(told).unwrap())
    };
    assert_eq!(told(""), "github circuit open -> closed");
    assert_eq!(told("held closed by hand"), "github circuit open -> closed, held closed by hand");
}
