//! Services that are down, and a machine that is offline.

use super::*;

const INTERVAL: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

#[test]
fn all_together_and_for_an_interval_is_offline() {
    let mut gate = Gate::new(INTERVAL);
    for host in 0..5 {
        assert_eq!(gate.heard(host, false, at(0)), Connection::Online);
    }
    assert_eq!(gate.heard(0, true, at(1)), Connection::Online);
    assert_eq!(gate.heard(1, true, at(2)), Connection::Online);
    assert_eq!(gate.heard(1, true, at(3)), Connection::Online, "twice the same is one");
    assert_eq!(gate.heard(2, true, at(4)), Connection::Undecided);
    assert_eq!(gate.connection(at(60)), Connection::Online, "three of five are those three");
    assert_eq!(gate.heard(3, true, at(29)), Connection::Undecided, "one answered in this interval");
    assert_eq!(gate.connection(at(30)), Connection::Offline);
    assert_eq!(gate.heard(3, false, at(31)), Connection::Online, "one answer is enough");
    assert_eq!(gate.heard(0, true, at(62)), Connection::Online);
}

#[test]
fn two_hosts_prove_nothing() {
    let mut gate = Gate::new(INTERVAL);
    for second in 0..100 {
        for host in 0..2 {
            assert_eq!(gate.heard(host, true, at(second)), Connection::Online);
        }
    }
    // A machine that was offline from the beginning.
    assert_eq!(gate.heard(2, true, at(100)), Connection::Offline);
}

#[test]
fn others_are_asked_at_once() {
    let mut gate = Gate::new(INTERVAL);
    for host in 0..9 {
        gate.heard(host, false, at(i64::from(host)));
    }
    assert!(gate.witnesses().is_empty(), "all is well");
    gate.heard(8, true, at(20));
    assert_eq!(gate.witnesses(), [7, 6, 5, 4]);
    gate.heard(7, true, at(21));
    assert_eq!(gate.witnesses(), [6, 5, 4, 3]);
    gate.heard(6, false, at(22));
    assert!(gate.witnesses().is_empty(), "somebody answered: it is not this machine");
}

#[test]
fn a_resolver_that_is_silent_for_every_name_is_ours() {
    let mut gate = Gate::new(INTERVAL);
    assert!(!gate.is_resolver_silent());
    assert!(gate.resolved(0, true), "the only name there is");
    assert!(!gate.resolved(1, false));
    assert!(!gate.resolved(0, true), "one of two: it is that name's");
    assert!(!gate.resolved(0, true));
    assert!(gate.resolved(1, true));
    assert!(!gate.resolved(1, false), "no such name is an answer too");
}

#[test]
fn two_redirects_to_one_foreign_host_are_a_portal() {
    let mut gate = Gate::new(INTERVAL);
    assert!(!gate.redirected(0, "mirror.example.com", at(0)));
    assert!(!gate.redirected(0, "mirror.example.com", at(1)), "one may be a mirror's");
    assert!(!gate.redirected(1, "other.example.com", at(2)));
    assert!(gate.redirected(2, "Other.Example.Com", at(3)));
    assert!(!gate.redirected(0, "other.example.com", at(40)), "those were long ago");
    assert!(gate.redirected(1, "other.example.com", at(41)));
}

#[test]
fn a_sample_says_that_all_is_well_that_it_is_not_or_nothing() {
    use vps_breaker::Verdict;

    use crate::level::Level;

    let real = |level| Outcome::new(Some(level), Reason::Answered, Verdict::Neutral);
    assert_eq!(Gate::says(&real(Level::Healthy)), Some(false));
    assert_eq!(Gate::says(&real(Level::Degraded)), Some(false));
    assert_eq!(Gate::says(&real(Level::Unhealthy)), Some(true));
    assert_eq!(Gate::says(&Outcome::local(Reason::NoRoute)), Some(true));
    assert_eq!(Gate::says(&Outcome::local(Reason::NoResolver)), Some(true));
    assert_eq!(Gate::says(&Outcome::local(Reason::ProxyDead)), None);
}
