//! Sequences of samples, and the statuses that they make.

use std::string::String;
use std::vec::Vec;

use vps_breaker::Verdict;

use super::*;
use crate::answer::Outcome;

const SECOND: Duration = Duration::from_secs(1);

/// A service, asked once a second of its own time.
struct Lab {
    damped: Damped,
    now: Moment,
}

impl Lab {
    fn new() -> Self {
        Self { damped: Damped::new(Timing::new()), now: Moment::ORIGIN }
    }

    /// `.` healthy and quick, `h` healthy and nearly slow, `s` slow, `S` too slow, `x` failed, `t` throttled,
    /// `L` LOCAL.
    fn one(&mut self, letter: char) -> Option<Change> {
        self.while_(Connection::Online, letter)
    }

    fn while_(&mut self, connection: Connection, letter: char) -> Option<Change> {
        let (level, reason, millis) = match letter {
            '.' => (Some(Level::Healthy), Reason::Answered, 100),
            'h' => (Some(Level::Healthy), Reason::Answered, 900),
            's' => (Some(Level::Degraded), slow(), 1_200),
            'S' => (Some(Level::Unhealthy), slow(), 3_500),
            'x' => (Some(Level::Unhealthy), Reason::Refused, 1),
            't' => (Some(Level::Degraded), Reason::Throttled { status: 429, retry_after: None }, 100),
            'L' => (None, Reason::NoRoute, 1),
            other => panic!("{other}"),
        };
        let outcome = Outcome::new(level, reason, Verdict::Neutral);
        let sample = Sample::new(self.now, Duration::from_millis(millis), outcome);
        let change = self.damped.sample_while(connection, &sample, sample.ended());
        self.now = self.now.after(10 * SECOND);
        change
    }

    /// The status after each.
    fn run(&mut self, letters: &str) -> String {
        let status = |letter| {
            self.one(letter);
            match self.damped.status() {
                Status::Unknown => '?',
                Status::Healthy => 'H',
                Status::Degraded => 'D',
                Status::Unhealthy => 'U',
            }
        };
        letters.chars().map(status).collect()
    }
}

fn slow() -> Reason {
    Reason::Slow { phase: None, part: SECOND, took: SECOND }
}

#[test]
fn statuses_are_damped() {
    for (samples, statuses) in [
        // The first good answer is enough to begin with; bad ones are three.
        (".", "H"),
        ("xxx", "??U"),
        ("sss", "??D"),
        ("xx.", "??H"),
        ("xs.", "??H"),
        ("xsx", "??D"),
        // Worse takes three in a row at that level.
        (".xx.xx.xx.", "HHHHHHHHHH"),
        (".xxx", "HHHU"),
        (".sxxx", "HHHDU"),
        (".sxsxx.", "HHHDDDD"),
        (".xxLx", "HHHHU"),
        (".ttt", "HHHD"),
        // Better is two answers after failures: the worse of the two.
        (".xxx.x..", "HHHUUUUH"),
        (".xxx.s", "HHHUUD"),
        (".xxxss.", "HHHUUDD"),
        // Answers that are slow make it slowness that is wrong; being asked too much does not.
        (".xxxs.....", "HHHUUDDDDH"),
        (".xxxt..", "HHHUUDH"),
        (".xxxL.L.", "HHHUUUUH"),
        (".ttt..", "HHHDDH"),
        // And five that are clearly quick after slowness.
        (".sss.....", "HHHDDDDDH"),
        (".sss..h.....", "HHHDDDDDDDDH"),
        (".sss....x.....", "HHHDDDDDDDDDDH"),
        (".SSSsssss", "HHHUUUUUD"),
        (".SSS.....", "HHHUUUUUH"),
        (".SSS....s", "HHHUUUUUD"),
        // One failure among slow answers proves nothing, three do.
        (".SSSx....s", "HHHUUUUUUD"),
        (".SSSxxx..", "HHHUUUUUH"),
        // A slow answer among failures is not the end of slowness either.
        (".xxx.S.....", "HHHUUUUUUUH"),
    ] {
        assert_eq!(Lab::new().run(samples), statuses, "{samples}");
    }
}

#[test]
fn a_change_says_since_when_and_why() {
    let mut lab = Lab::new();
    lab.run("..sx");
    let change = lab.one('x').unwrap();
    assert_eq!((change.from, change.to, change.samples), (Status::Healthy, Status::Degraded, 3));
    assert_eq!((change.since, change.reason), (Moment::ORIGIN.after(20 * SECOND), Reason::Refused));
    let change = lab.one('x').unwrap();
    assert_eq!((change.to, change.since), (Status::Unhealthy, Moment::ORIGIN.after(30 * SECOND)));
    assert_eq!(lab.damped.first_bad(), Some(change.since));
    assert_eq!(lab.damped.last_good(), Some(Moment::ORIGIN.after(10 * SECOND)));
    lab.run("L.");
    assert_eq!(lab.damped.first_bad(), Some(change.since), "it is still unhealthy");
    assert_eq!(lab.damped.reason(), Some(Reason::Refused));
    assert_eq!(lab.one('.').unwrap().since, Moment::ORIGIN.after(70 * SECOND));
    assert_eq!((lab.damped.first_bad(), lab.damped.reason()), (None, Some(Reason::Answered)));
}

#[test]
fn progress_is_visible_at_once() {
    let progress = |lab: &Lab| lab.damped.progress().map(|to| (to.toward, to.count, to.needed));
    let mut lab = Lab::new();
    assert_eq!(progress(&lab), None);
    for (letter, expected) in [
        ('x', Some((Level::Unhealthy, 1, 3))),
        ('s', Some((Level::Degraded, 2, 3))),
        ('.', None),
        ('x', Some((Level::Unhealthy, 1, 3))),
        ('x', Some((Level::Unhealthy, 2, 3))),
        ('x', None),
        ('s', Some((Level::Degraded, 1, 2))),
        ('x', None),
        ('.', Some((Level::Healthy, 1, 2))),
        ('.', None),
        ('s', Some((Level::Degraded, 1, 3))),
        ('s', Some((Level::Degraded, 2, 3))),
        ('s', None),
        ('.', Some((Level::Healthy, 1, 5))),
    ] {
        lab.one(letter);
        assert_eq!(progress(&lab), expected, "{letter}");
    }
    let mut lab = Lab::new();
    lab.run(".SSSs");
    assert_eq!(progress(&lab), Some((Level::Degraded, 1, 5)));
}

#[test]
fn bad_ones_are_confirmed_soon() {
    let mut lab = Lab::new();
    let seconds = |lab: &Lab| lab.damped.recheck().map(|wait| wait.as_millis());
    for (letter, wait) in [
        ('.', None),
        ('x', Some(2_000)),
        ('x', Some(8_000)),
        ('x', None),
        ('x', None),
        ('.', Some(2_000)),
        ('x', None),
        ('.', Some(2_000)),
        ('.', None),
        ('s', None),
        ('S', Some(2_000)),
        // One that says nothing asks for nothing, or it would be asked without end.
        ('L', None),
        ('L', None),
        ('x', Some(8_000)),
    ] {
        lab.one(letter);
        assert_eq!(seconds(&lab), wait, "{letter}");
    }
    // An interval of five seconds halves them.
    let [interval, timeout] = [5_000, 4_000].map(Duration::from_millis);
    lab.damped = Damped::new(Timing::of(interval, timeout, SECOND, 3 * SECOND).unwrap());
    lab.one('x');
    assert_eq!(seconds(&lab), Some(1_000));
    lab.one('x');
    assert_eq!(seconds(&lab), Some(4_000));
}

#[test]
fn nothing_gets_worse_while_it_may_be_this_machine() {
    let mut lab = Lab::new();
    lab.one('.');
    for _ in 0..5 {
        assert_eq!(lab.while_(Connection::Undecided, 'x'), None);
        assert!(lab.damped.recheck().is_some(), "it is to be decided soon");
    }
    assert_eq!(lab.damped.progress().unwrap().count, 3);
    // It was not: it takes three of its own, and is bad since the first of all. One may have been on its way.
    let mut other = Lab { damped: lab.damped.clone(), now: lab.now };
    assert_eq!((other.one('x'), other.damped.progress().unwrap().count), (None, 1));
    assert_eq!(other.one('x'), None);
    let change = other.one('x').unwrap();
    assert_eq!((change.to, change.since), (Status::Unhealthy, Moment::ORIGIN.after(10 * SECOND)));
    // It was: they never happened, and neither does anything else.
    for letter in "xxxxss..".chars() {
        assert_eq!(lab.while_(Connection::Offline, letter), None);
        assert_eq!((lab.damped.status(), lab.damped.recheck()), (Status::Healthy, None));
    }
    assert_eq!(lab.run("xx.xx"), "HHHHH");
    // What gets better does so at any time but offline, and to begin well is not to get worse.
    let mut lab = Lab::new();
    assert!(lab.while_(Connection::Undecided, '.').is_some());
    lab.run("xxx.");
    assert_eq!(lab.while_(Connection::Undecided, '.').unwrap().to, Status::Healthy);
}

#[test]
fn samples_with_a_gap_between_are_not_in_a_row() {
    let mut lab = Lab::new();
    lab.run(".xx");
    let ended = lab.damped.last().unwrap().ended;
    lab.now = ended.after(60 * SECOND);
    assert!(!lab.damped.is_stale(lab.now));
    assert!(lab.damped.clone().sample(&failed(lab.now), lab.now).is_some());
    lab.now = lab.now.after(Duration::from_nanos(1));
    assert!(lab.damped.is_stale(lab.now));
    assert_eq!(lab.run("xx"), "HH");
    assert!(!lab.damped.is_stale(lab.now));
    assert_eq!(lab.run("x"), "U");
    // Unless the service wished for it.
    let mut lab = Lab::new();
    lab.one('.');
    for _ in 0..3 {
        let reason = Reason::Throttled { status: 429, retry_after: None };
        let mut outcome = Outcome::new(Some(Level::Degraded), reason, Verdict::Failure);
        outcome.next_not_before = Some(Duration::from_secs(600));
        lab.damped.sample(&Sample::new(lab.now, SECOND, outcome), lab.now);
        lab.now = lab.now.after(Duration::from_secs(620));
    }
    assert_eq!(lab.damped.status(), Status::Degraded);
}

fn failed(at: Moment) -> Sample {
    Sample::new(at, SECOND, Outcome::new(Some(Level::Unhealthy), Reason::Refused, Verdict::Failure))
}

#[test]
fn too_many_changes_are_a_word_beside_the_status() {
    let mut lab = Lab::new();
    lab.run(".xxx..xxx.");
    assert_eq!(lab.damped.unstable(lab.now), None, "three changes");
    lab.one('.');
    let last = lab.damped.last().unwrap().ended;
    assert_eq!(lab.damped.unstable(lab.now), Some(4));
    // The first leave the hour; the word stays until there was none for an hour.
    assert_eq!(lab.damped.unstable(last.after(3_590 * SECOND)), Some(1));
    assert_eq!(lab.damped.unstable(last.after(3_600 * SECOND)), None);
    lab.now = last.after(3_600 * SECOND);
    assert_eq!(lab.run("xxx"), "HHU");
    assert_eq!(lab.damped.unstable(lab.now), None, "a new beginning");
    // To begin is no change.
    let mut lab = Lab::new();
    lab.run("xxx..xxx");
    assert_eq!(lab.damped.unstable(lab.now), None);
    lab.run("..xxx");
    assert_eq!(lab.damped.unstable(lab.now), Some(4));
}

#[test]
fn another_process_goes_on_while_it_is_fresh() {
    for history in ["", ".", ".x", ".xx", "xxx.", ".sss..", ".SSSs", "xxx..xxx..xxx.", "LLL", ".L"] {
        let mut lab = Lab::new();
        lab.run(history);
        let kept = lab.damped.remember(lab.now);
        // Its clock has another origin.
        let elsewhere = Moment::from_millis(-5_000_000);
        let restored = Damped::restore(Timing::new(), &kept, Some(Duration::ZERO), elsewhere);
        let mut other = Lab { damped: restored, now: elsewhere };
        for letter in "xxx..s.sss......".chars() {
            let ago = |lab: &Lab| {
                let damped = &lab.damped;
                let moments = [damped.since(), damped.last_good(), damped.first_bad()];
                let ago: Vec<_> = moments.into_iter().map(|at| at.map(|at| lab.now.since(at))).collect();
                (damped.status(), damped.progress(), damped.recheck(), damped.unstable(lab.now), ago)
            };
            lab.one(letter);
            other.one(letter);
            assert_eq!(ago(&lab), ago(&other), "after {history:?}");
        }
    }
}

#[test]
fn what_is_too_old_is_unknown_and_never_a_guess() {
    let mut lab = Lab::new();
    lab.run(".xxx");
    let ended = lab.damped.last().unwrap().ended;
    let kept = lab.damped.remember(ended);
    let restored = |elapsed| Damped::restore(Timing::new(), &kept, elapsed, Moment::ORIGIN);
    let young = restored(Some(59 * SECOND));
    assert_eq!((young.status(), young.reason()), (Status::Unhealthy, Some(Reason::Refused)));
    for elapsed in [Some(60 * SECOND), Some(Duration::MAX), None] {
        let old = restored(elapsed);
        assert_eq!(
            (old.status(), old.since(), old.reason(), old.progress()),
            (Status::Unknown, None, None, None)
        );
        assert!(old.last().is_none() && old.recheck().is_none() && !old.is_stale(Moment::ORIGIN));
    }
    assert!(restored(Some(60 * SECOND)).last_good().is_some() && restored(None).last_good().is_none());
}
