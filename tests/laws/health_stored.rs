//! What is stored of health: as JSON, and as bytes of anybody's.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is drawn is small")]

use std::time::Duration;

use vps_health::{
    Clocks, Damped, History, Level, MOST_BYTES, Moment, Outcome, Phase, Reason, ReasonKind, Remembered,
    Sample, Status, Timing, Verdict, Window,
};
use vps_retry::{Rng, SplitMix64};

use crate::health_damping::below;
use crate::seeds;

#[test]
fn reasons_are_told_by_name_and_number() {
    let ms = Duration::from_millis;
    for (reason, json) in [
        (Reason::Refused, r#"{"kind":"refused"}"#),
        (
            Reason::Slow { phase: Some(Phase::Wait), part: ms(1_200), took: ms(1_310) },
            r#"{"kind":"slow","phase":"wait","part_seconds":1.2,"took_seconds":1.31}"#,
        ),
        (
            Reason::TimedOut { phase: Phase::Connect, after: ms(5_000) },
            r#"{"kind":"timed_out","phase":"connect","after_seconds":5.0}"#,
        ),
        (
            Reason::Throttled { status: 429, retry_after: Some(ms(60_000)) },
            r#"{"kind":"throttled","status":429,"retry_after_seconds":60.0}"#,
        ),
        (Reason::Status { status: 503 }, r#"{"kind":"status","status":503}"#),
    ] {
        assert_eq!(serde_json::to_string(&reason).unwrap(), json);
        assert_eq!(serde_json::from_str::<Reason>(json).unwrap(), reason);
        let kind: ReasonKind = serde_json::from_value(serde_json::json!(reason.as_str())).unwrap();
        assert_eq!(kind, reason.kind());
    }
    for kind in ReasonKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert!(
        serde_json::from_str::<Reason>(r#"{"kind":"timed_out","phase":"wait","after_seconds":-1}"#).is_err()
    );
}

#[test]
fn a_status_survives_as_json() {
    let mut damped = Damped::new(Timing::new());
    for second in [0, 30, 32, 40] {
        let level = if second == 0 { Level::Healthy } else { Level::Unhealthy };
        let reason = if second == 0 { Reason::Answered } else { Reason::Refused };
        let at = Moment::from_millis(second * 1_000);
        damped.sample(
            &Sample::new(at, Duration::ZERO, Outcome::new(Some(level), reason, Verdict::Neutral)),
            at,
        );
    }
    let now = Moment::from_millis(45_000);
    let json = serde_json::to_string(&damped.remember(now)).unwrap();
    let read: Remembered = serde_json::from_str(&json).unwrap();
    let damped = Damped::restore(Timing::new(), &read, Some(Duration::ZERO), now);
    assert_eq!((damped.status(), damped.since()), (Status::Unhealthy, Some(Moment::from_millis(30_000))));
    assert_eq!(damped.last_good(), Some(Moment::ORIGIN));
    for name in ["status", "since_seconds", "last_good_seconds", "changes_seconds", "since_slow"] {
        assert!(json.contains(&format!("\"{name}\":")), "{name} in {json}");
    }
}

#[test]
fn any_bytes_are_a_history_or_are_refused() {
    let (clocks, interval) = (Clocks::default(), Duration::from_secs(30));
    let (mut read, mut all) = (0, 0);
    for seed in seeds(20_000, 1_000_000) {
        all += 1;
        let mut rng = SplitMix64::new(seed);
        let length = below(&mut rng, if seed % 10 == 0 { 2 * MOST_BYTES as u64 } else { 120 });
        let mut bytes: Vec<u8> = (0..length).map(|_| rng.next_u64().to_le_bytes()[0]).collect();
        // Half of them begin well, and with counts that may be right.
        if seed % 2 == 0 && bytes.len() >= 46 {
            bytes[..3].copy_from_slice(b"VH\x01");
            bytes[40..43].fill(0);
            bytes[43..46].copy_from_slice(&[below(&mut rng, 3) as u8, 0, 0]);
            bytes.truncate(46 + 8 * usize::from(bytes[43]));
        }
        let Ok(mut history) = History::decode(&bytes, interval, &clocks, Moment::ORIGIN) else { continue };
        read += 1;
        history.pass(Moment::ORIGIN.after(interval));
        assert_eq!(history.uptime(Window::Days(90)).seen, Duration::ZERO, "seed {seed}: nobody saw anything");
        assert!(history.encode(&clocks).len() <= MOST_BYTES);
    }
    assert!(read * 20 > all, "{read} of {all}");
}
