//! Snapshots, records of older layouts, and what other processes did.

use vps_breaker::{Factor, Hold, Machine, Rule, Settled, Snapshot, State, Tick, Verdict, Why};

use super::{F, Lab, S, half_open, opened_by};
use crate::breaker_model::{Over, Rules, duration};

#[test]
fn a_snapshot_grows_older_elsewhere() {
    let mut lab = Lab::new(Rules { lease: 30, forget: Some(600), ..Rules::default() }).open();
    let snapshot = lab.machine.snapshot(lab.now);
    assert!(!snapshot.is_closed());
    assert_eq!(snapshot.generation(), 1);
    let policy = lab.policy;
    let read = |snapshot: Snapshot, seconds, now| {
        let machine = Machine::restore(&policy, &snapshot.aged(duration(seconds)), now);
        machine.peek(&policy, now)
    };
    let young = Tick::from_millis(5);
    assert_eq!(read(snapshot.clone(), 0, young).retry_after(), Some(duration(60)));
    assert_eq!(read(snapshot.clone(), 20, young).retry_after(), Some(duration(40)));
    assert_eq!(read(snapshot.clone(), 60, young).state(), State::HalfOpen);
    assert_eq!(read(snapshot, 20, lab.now).opened_for(), Some(duration(20)));
    // Leases, holds and runs too.
    lab.pass(60);
    let _probe = lab.admit();
    let snapshot = lab.machine.snapshot(lab.now);
    assert_eq!(read(snapshot.clone(), 10, young).retry_after(), Some(duration(20)));
    assert_eq!(read(snapshot, 30, young).retry_after(), None);
    lab.machine.hold(&lab.policy, Hold::Open, Some(duration(100)), lab.now);
    let snapshot = lab.machine.snapshot(lab.now);
    assert_eq!(read(snapshot.clone(), 70, young).held_for(), Some(duration(30)));
    assert_eq!(read(snapshot, 100, young).hold(), None);
    let mut lab = Lab::new(Rules { forget: Some(600), ..Rules::default() });
    lab.calls(&[F, F]);
    let snapshot = lab.machine.snapshot(lab.now);
    assert!(snapshot.is_closed());
    let failures = |seconds| {
        let snapshot = snapshot.clone().aged(duration(seconds));
        Machine::restore(&lab.policy, &snapshot, young).peek(&lab.policy, young).failure_count()
    };
    assert_eq!([failures(599), failures(600)], [2, 0]);
}

#[test]
fn no_record_makes_anybody_wait_longer_than_the_policy_allows() {
    // Written under a policy of an hour, read under one of a minute.
    let long = Rules { timeout: 3_600, lease: 3_600, ..Rules::default() };
    let mut lab = Lab::new(long).open();
    let open = lab.machine.snapshot(lab.now);
    lab.pass(3_600);
    let _probe = lab.admit();
    let probing = lab.machine.snapshot(lab.now);
    let policy = Rules::default().policy();
    for snapshot in [open, probing] {
        let machine = Machine::restore(&policy, &snapshot, lab.now);
        assert_eq!(machine.peek(&policy, lab.now).retry_after(), Some(duration(60)));
    }
}

#[test]
fn what_another_process_did_is_taken_over() {
    let mut mine = Lab::new(Rules::default());
    mine.calls(&[F, F]);
    let theirs = Lab::new(Rules::default()).open();
    let (policy, now) = (mine.policy, mine.now);
    assert!(mine.machine.adopt(&policy, &theirs.machine, now));
    assert_eq!(mine.state(), State::Open);
    // An older generation is refused.
    assert!(!mine.machine.adopt(&policy, &Machine::new(), now));
    assert_eq!(mine.state(), State::Open);
    // Of the same one, the longer run and the own window stay, and no token is given out twice.
    let window = Some((Over::Count(5), 5, Some(1_000), None));
    let rules = Rules { window, threshold: 9, ..Rules::default() };
    let (mut mine, mut other) = (Lab::new(rules), Lab::new(rules));
    mine.calls(&[F, F]);
    other.calls(&[F]);
    let (policy, now) = (mine.policy, mine.now);
    assert!(mine.machine.adopt(&policy, &other.machine, now));
    assert_eq!((mine.view().failure_count(), mine.view().window().calls), (2, 2));
    assert!(other.machine.adopt(&policy, &mine.machine, now));
    assert_eq!((other.view().failure_count(), other.view().window().calls), (2, 1));
    other.call(S);
    assert!(mine.machine.adopt(&policy, &other.machine, now));
    assert_eq!(mine.view().failure_count(), 0, "a newer run, though shorter");

    let (mut mine, first) = half_open(10);
    let other = mine.machine.clone();
    mine.settle(first, Verdict::Neutral);
    let second = mine.admit();
    assert!(mine.machine.adopt(&mine.policy, &other, mine.now));
    mine.machine.leases().for_each(|token| assert_ne!(Some(token), second.token()));
    mine.pass(10);
    assert!(mine.admit().token() > second.token());
}

#[test]
fn a_pass_survives_a_record() {
    let mut lab = Lab::new(Rules { successes: 2, ..Rules::default() });
    let pass = lab.opened();
    // Its name is not that of the state that is written.
    lab.pass(60).call(F);
    lab.goes_on(pass, S);
    let late = lab.enter(pass).unwrap();
    let mut other = Lab::new(Rules { successes: 2, ..Rules::default() });
    let snapshot = lab.machine.snapshot(lab.now);
    other.now = Tick::from_millis(7);
    other.machine = Machine::restore(&other.policy, &snapshot, other.now);
    assert_eq!((other.view().outage(), other.view().success_count()), (Some(pass), 1));
    assert!(other.enter(pass).unwrap().is_opener());
    // The other process's probe fails; then a result of here still counts there.
    other.pass(60).call(F);
    assert!(lab.machine.adopt(&lab.policy, &other.machine, lab.now));
    lab.now = other.now;
    assert_eq!(lab.settle(late, S), Settled::Counted);
    assert!(matches!(lab.goes_on(pass, S), Settled::Moved(_)));
}

#[test]
fn a_record_of_before_passes_is_read() {
    let read = |state: &str, failures: u32, left: u64, successes: u32, slots: &str| {
        let text = format!(
            r#"{{"generation":7,"state":"{state}","rule":"consecutive","failures":{failures},"run":2,"level":1,
            "since":5000000000,"left":{left},"last_token":4,"successes":{successes},"probe_failures":0,
            "slots":{slots},"held":null}}"#
        );
        let mut lab =
            Lab::new(Rules { successes: 2, backoff: Some((Factor::whole(2), 600)), ..Rules::default() });
        let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
        lab.machine = Machine::restore(&lab.policy, &snapshot, lab.now);
        assert!(!lab.view().is_on_probation() && lab.view().trusts_health_probes());
        lab
    };
    let mut lab = read("closed", 2, 0, 0, "[]");
    assert_eq!((lab.state(), lab.view().failure_count(), lab.view().outage()), (State::Closed, 2, None));
    assert_eq!(opened_by(lab.call(F)), Some(Rule::Consecutive));
    assert_eq!(lab.refused(), (Why::Open, 60));
    let mut lab = read("open", 3, 40_000_000_000, 0, "[]");
    assert_eq!(lab.refused(), (Why::Open, 40));
    let outage = lab.view().outage().unwrap();
    lab.pass(40);
    assert!(matches!(lab.call(F), Settled::Moved(moved) if moved.outage == Some(outage)));
    assert_eq!(lab.refused(), (Why::Open, 240), "twice longer already");
    let mut lab = read("half_open", 3, 0, 1, "[[4,30000000000]]");
    assert_eq!(lab.refused(), (Why::Probing, 30));
    lab.pass(30);
    assert!(matches!(lab.health(S), Settled::Moved(_)));
    assert!(!lab.view().is_on_probation(), "the first success was a call's");
}

#[test]
fn a_damaged_record_puts_nothing_where_it_cannot_be() {
    for state in ["closed", "open", "half_open"] {
        let mut written =
            serde_json::to_value(Lab::new(Rules::default()).machine.snapshot(Tick::ZERO)).unwrap();
        written["state"] = state.into();
        written["level"] = 9.into();
        written["trust"] = serde_json::json!({"on_probation": state != "closed", "lost": 200});
        let snapshot: Snapshot = serde_json::from_value(written).unwrap();
        let mut lab = Lab::new(Rules::default());
        lab.machine = Machine::restore(&lab.policy, &snapshot, lab.now);
        assert!(!lab.view().is_on_probation(), "{state}");
        assert_eq!(lab.machine.is_clean(&lab.policy), state == "closed");
        lab.pass(60).call(S);
        assert!(lab.machine.is_clean(&lab.policy) && lab.view().trusts_health_probes());
    }
}
