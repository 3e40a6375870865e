//! Histories of services that are asked each 30 s.

use std::vec;
use std::vec::Vec;

use vps_breaker::Verdict;

use super::*;
use crate::answer::{Outcome, Reason, ReasonKind};
use crate::level::{Level, Timing};

const INTERVAL: Duration = Duration::from_secs(30);

impl History {
    /// The hours or days of the window that something is known of, the oldest first, with what is still open.
    fn slots(&self, window: Window) -> impl Iterator<Item = Bucket> + '_ {
        let length = window.length();
        (window.first(self.now)..=self.now / length).filter_map(move |index| {
            let empty = Bucket::new(u32::try_from(index).ok()?);
            let kept = self.buckets(window).find(|bucket| bucket.index == empty.index);
            let (mut slot, begin) = (kept.copied().unwrap_or(empty), index.saturating_mul(length));
            for piece in &self.open {
                let open =
                    piece.until.min(begin.saturating_add(length)).saturating_sub(piece.from.max(begin));
                slot.time(self.status, u32::try_from(open).unwrap_or(u32::MAX));
            }
            (slot != Bucket { unknown: slot.unknown, ..empty }).then_some(slot)
        })
    }

    /// What it takes in memory.
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.ring.bytes()
            + (self.hours.capacity() + self.days.capacity()) * size_of::<Bucket>()
            + self.open.capacity() * size_of::<Piece>()
    }
}

/// A service with its status and its history.
struct Lab {
    damped: Damped,
    history: History,
    now: Moment,
}

impl Lab {
    fn new() -> Self {
        let now = Moment::from_millis(-7_000_000);
        Self { damped: Damped::new(Timing::new()), history: History::new(INTERVAL, now), now }
    }

    fn sample(&mut self, level: Option<Level>, reason: Reason, millis: u64) {
        let took = Duration::from_millis(millis);
        let sample = Sample::new(self.now, took, Outcome::new(level, reason, Verdict::Neutral));
        let change = self.damped.sample(&sample, sample.ended());
        self.history.sample(&sample, &self.damped, change, sample.ended());
        self.now = sample.ended();
    }

    /// Samples of an interval each; the letters are those of the statuses.
    fn run(&mut self, letters: &str) -> &mut Self {
        for letter in letters.chars() {
            let at = self.now;
            match letter {
                '.' => self.sample(Some(Level::Healthy), Reason::Answered, 100),
                's' => self.sample(
                    Some(Level::Degraded),
                    Reason::Slow { phase: None, part: INTERVAL, took: INTERVAL },
                    1_200,
                ),
                'x' => self.sample(Some(Level::Unhealthy), Reason::Refused, 1),
                'L' => self.sample(None, Reason::NoRoute, 1),
                other => panic!("{other}"),
            }
            self.now = at.after(INTERVAL);
        }
        self.history.pass(self.now);
        self
    }

    fn pass(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.history.pass(self.now);
        self
    }

    /// Seconds up and seen.
    fn uptime(&self) -> (u64, u64) {
        let uptime = self.history.uptime(Window::Hours(48));
        let days = self.history.uptime(Window::Days(90));
        assert_eq!(uptime, days, "hours and days are the same time");
        (uptime.up.as_secs(), uptime.seen.as_secs())
    }
}

#[test]
fn uptime_is_by_time_and_dated_back() {
    let mut lab = Lab::new();
    assert_eq!(lab.run("").uptime(), (0, 0));
    assert_eq!(lab.run("....").uptime(), (119, 119), "from the end of the first answer");
    assert_eq!(lab.run("xx").uptime(), (179, 179), "nothing has changed yet");
    assert_eq!(lab.run("x").uptime(), (119, 209), "and now it has, since the first of them");
    assert_eq!(lab.run(".").uptime(), (119, 239));
    assert_eq!(lab.run(".").uptime(), (179, 269));
    let slot = lab.history.slots(Window::Hours(1)).next().unwrap();
    assert_eq!((slot.count(), slot.lost, slot.max), (6, 3, 100));
    assert_eq!((slot.healthy / 1_000, slot.degraded, slot.unhealthy / 1_000), (179, 0, 90));
}

#[test]
fn a_change_reaches_back_before_the_one_before() {
    // Degraded by the third, unhealthy by the fourth, since the second.
    let mut lab = Lab::new();
    lab.run(".sxx");
    let slot = |lab: &Lab| {
        let slot = lab.history.slots(Window::Hours(1)).next().unwrap();
        [slot.healthy, slot.degraded, slot.unhealthy].map(|millis| millis / 1_000)
    };
    assert_eq!(slot(&lab), [29, 90, 0]);
    lab.run("x");
    assert_eq!(slot(&lab), [29, 30, 90]);
    assert_eq!(lab.uptime(), (59, 149));
}

#[test]
fn slow_is_up() {
    let mut lab = Lab::new();
    lab.run(".sss");
    let slot = lab.history.slots(Window::Days(1)).next().unwrap();
    assert_eq!((slot.healthy / 1_000, slot.degraded / 1_000), (29, 90));
    lab.run("sssssssss");
    assert_eq!(lab.history.slots(Window::Days(1)).next().unwrap().unhealthy, 0);
    assert_eq!(lab.uptime(), (389, 389));
}

#[test]
fn what_nobody_saw_is_neither_up_nor_down() {
    // A sample is good for two intervals.
    let mut lab = Lab::new();
    assert_eq!(lab.run(".").pass(3_600).uptime(), (60, 60));
    assert_eq!(lab.run(".").uptime(), (89, 89));
    // Nothing is known from a LOCAL one on.
    assert_eq!(lab.run("L").pass(600).uptime(), (89, 89));
    assert_eq!(lab.run("x").uptime(), (119, 119), "still healthy");
    // A machine that slept, a little after the last sample.
    lab.now = lab.now.after(Duration::from_secs(50));
    lab.history.slept(Duration::from_secs(45), lab.now);
    assert_eq!(lab.uptime(), (124, 124));
    assert_eq!(lab.pass(50).uptime(), (124, 124));
    // Down for an hour, with nobody looking in between.
    let mut lab = Lab::new();
    assert_eq!(lab.run("xxx").uptime(), (0, 89), "from the end of the first one");
    assert_eq!(lab.pass(3_600).uptime(), (0, 120));
    assert_eq!(lab.history.slots(Window::Hours(3)).count(), 1);
    assert_eq!(lab.pass(3_600).history.slots(Window::Hours(2)).count(), 0);
}

#[test]
fn uptime_is_cut_and_never_rounded_up() {
    let text = |up, seen| {
        let [up, seen] = [up, seen].map(Duration::from_secs);
        std::format!("{}", Uptime { up, seen })
    };
    assert_eq!(text(0, 0), "-");
    assert_eq!(text(86_400, 86_400), "100%");
    assert_eq!(text(7_775_999, 7_776_000), "99.99%");
    assert_eq!(text(2, 3), "66.66%");
    assert_eq!(text(0, 5), "0.00%");
    let lost = |lost, asked| Lost { lost, asked }.percent();
    assert_eq!(
        [lost(0, 0), lost(0, 9), lost(1, 900), lost(899, 900), lost(1, 8), lost(4, 4)],
        [0, 0, 1, 99, 13, 100]
    );
}

#[test]
fn old_hours_and_days_go() {
    let mut lab = Lab::new();
    for _ in 0..100 {
        lab.run("..").pass(86_400 - 60);
    }
    // Of each day: 30 s between the two, and two intervals after the second.
    let days = lab.history.uptime(Window::Days(90)).seen.as_secs();
    assert!((89 * 89..=90 * 90).contains(&days), "{days}");
    assert!(lab.history.uptime(Window::Hours(48)).seen.as_secs() <= 180);
    assert_eq!(lab.history.days.len(), DAYS);
    assert_eq!(lab.history.slots(Window::Days(90)).count(), 89, "on the last one nobody looked yet");
    assert!(lab.history.bytes() <= 8 << 10, "{}", lab.history.bytes());
}

#[test]
fn a_service_takes_8_kib() {
    let mut lab = Lab::new();
    for _ in 0..RECENT {
        lab.run("...xxxs");
        lab.pass(86_400);
    }
    for _ in 0..60 {
        lab.run("...xxx").pass(3_600);
    }
    assert_eq!((lab.history.ring.len(), lab.history.days.len()), (RECENT, DAYS));
    assert!(lab.history.hours.len() > 40);
    assert!(lab.history.bytes() <= 8 << 10, "{}", lab.history.bytes());
    assert!(lab.history.encode(&Clocks::default()).len() <= MOST_BYTES);
}

#[test]
fn quantiles_say_of_how_many() {
    let mut lab = Lab::new();
    let all = |lab: &Lab| {
        [Share::P50, Share::P95, Share::P99].map(|share| {
            let quantile = lab.history.quantile(share)?;
            Some((quantile.value.as_millis(), quantile.n, quantile.kind))
        })
    };
    assert_eq!(all(&lab), [None; 3]);
    // 4 of 1 to 4 ms, 59 of 1 to 59 ms, and so on.
    let answer = |lab: &mut Lab, n: u64| {
        for millis in 1..=n {
            lab.sample(Some(Level::Healthy), Reason::Answered, millis);
            lab.now = lab.now.after(INTERVAL);
        }
    };
    answer(&mut lab, 4);
    assert_eq!(all(&lab), [Some((4, 4, QuantileKind::Max)); 3]);
    let mut lab = Lab::new();
    answer(&mut lab, 59);
    lab.run("xxx");
    let max = Some((59, 59, QuantileKind::Max));
    assert_eq!(all(&lab), [Some((30, 59, QuantileKind::Exact)), max, max], "failures are not in them");
    let mut lab = Lab::new();
    answer(&mut lab, 60);
    assert_eq!(all(&lab)[1], Some((57, 60, QuantileKind::Exact)));
    answer(&mut lab, 239);
    // The last 120 are 120 to 239 ms; two days hold 299.
    assert_eq!(all(&lab)[0], Some((179, 120, QuantileKind::Exact)));
    assert_eq!(all(&lab)[1], Some((233, 120, QuantileKind::Exact)));
    assert_eq!(all(&lab)[2], Some((239, 299, QuantileKind::Max)));
    answer(&mut lab, 1);
    assert_eq!(all(&lab)[2], Some((239, 300, QuantileKind::AtMost)), "no bound is above the longest");
    let middle = lab.history.quantile_of(Share::P50, Window::Hours(48)).unwrap();
    assert_eq!((middle.value.as_millis(), middle.n), (125, 300));
}

#[test]
fn losses_are_counted() {
    let mut lab = Lab::new();
    lab.run("..x.L");
    assert_eq!(lab.history.recent_lost(), Lost { lost: 1, asked: 4 });
    assert_eq!(lab.history.lost(Window::Hours(24)), Lost { lost: 1, asked: 4 });
    assert!((lab.history.recent_lost().ratio() - 0.25).abs() < f64::EPSILON);
    // An error is an answer, with a time; a garbled one is none.
    lab.sample(Some(Level::Unhealthy), Reason::Status { status: 503 }, 40);
    assert_eq!(lab.history.recent_lost(), Lost { lost: 1, asked: 5 });
    let last = lab.history.recent().next_back().unwrap();
    assert_eq!((last.level, last.reason), (Some(Level::Unhealthy), ReasonKind::Status));
    assert_eq!(last.took, Some(Duration::from_millis(40)));
    let reasons: Vec<_> = lab.history.recent().map(|recent| recent.reason.as_str()).collect();
    assert_eq!(reasons, ["answered", "answered", "refused", "answered", "no_route", "status"]);
    // A time that is longer than fits is cut, and stays the longest.
    lab.sample(Some(Level::Unhealthy), Reason::Status { status: 500 }, 100_000);
    assert_eq!(lab.history.slots(Window::Hours(1)).last().unwrap().max, 65_535);
}

const BOOT: BootId = BootId([1; 16]);

fn clocks(boot: BootId, since_boot: u64, wall_seconds: i64) -> Clocks {
    Clocks { boot, since_boot: Duration::from_secs(since_boot), wall_seconds }
}

#[test]
fn another_process_reads_what_was_written() {
    let mut lab = Lab::new();
    lab.run("....xxx..sLxs");
    let bytes = lab.history.encode(&clocks(BOOT, 1_000, 5));
    // The wall's clock was set by a day meanwhile: nobody minds.
    for wall in [5, 5 + 86_400, 5 - 86_400, i64::MIN, i64::MAX] {
        let now = Moment::from_millis(42);
        let read = History::decode(&bytes, INTERVAL, &clocks(BOOT, 1_600, wall), now).unwrap();
        assert_eq!(read.uptime(Window::Hours(48)), lab.history.uptime(Window::Hours(48)));
        assert_eq!(read.now, lab.history.now + 600_000);
        let ago = |history: &History| history.recent().map(|recent| recent.ago.as_secs()).collect::<Vec<_>>();
        assert_eq!(ago(&read), ago(&lab.history).into_iter().map(|ago| ago + 600).collect::<Vec<_>>());
        // Again the same, once nothing is open.
        let mut again = History::decode(
            &read.encode(&clocks(BOOT, 1_600, wall)),
            INTERVAL,
            &clocks(BOOT, 1_600, wall),
            now,
        );
        assert_eq!(again.as_mut().unwrap(), &read);
    }
    // Nobody saw the time between.
    let mut read = History::decode(&bytes, INTERVAL, &clocks(BOOT, 4_600, 0), Moment::ORIGIN).unwrap();
    read.begin(&lab.damped, Moment::ORIGIN);
    read.pass(Moment::ORIGIN.after(INTERVAL));
    assert_eq!(read.uptime(Window::Hours(48)), lab.history.uptime(Window::Hours(48)));
}

#[test]
fn after_another_boot_the_wall_says_how_long_nobody_looked() {
    let mut lab = Lab::new();
    lab.run("....");
    let bytes = lab.history.encode(&clocks(BOOT, 1_000, 50_000));
    let gap = |since_boot, wall| {
        let clocks = clocks(BootId([2; 16]), since_boot, wall);
        let read = History::decode(&bytes, INTERVAL, &clocks, Moment::ORIGIN).unwrap();
        assert_eq!(read.uptime(Window::Days(90)).up, read.uptime(Window::Days(90)).seen);
        (read.now - lab.history.now) / 1_000
    };
    assert_eq!(gap(20, 50_100), 100);
    assert_eq!(gap(20, 50_000 - 86_400), 20, "at least since the boot");
    assert_eq!(gap(20, i64::MAX), LONGEST_DAYS * 86_400);
    assert_eq!(clocks(BootId([2; 16]), 2_000, 1).elapsed_since(&clocks(BOOT, 1_000, 0)), None, "never sure");
    assert_eq!(clocks(BOOT, 900, 1).elapsed_since(&clocks(BOOT, 1_000, 0)), None);
}

const LONGEST_DAYS: u64 = 400;

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let mut lab = Lab::new();
    lab.run("..x.");
    let good = lab.history.encode(&clocks(BOOT, 10, 0));
    let read =
        |bytes: &[u8]| History::decode(bytes, INTERVAL, &clocks(BOOT, 10, 0), Moment::ORIGIN).map(|_| ());
    assert_eq!(read(&good), Ok(()));
    assert_eq!(read(b""), Err(Unreadable::NotAHistory));
    assert_eq!(read(b"VX\x01"), Err(Unreadable::NotAHistory));
    assert_eq!(read(b"VH\x02"), Err(Unreadable::Version(2)));
    for length in 2..good.len() {
        assert_eq!(read(&good[..length]), Err(Unreadable::CutOff), "{length}");
    }
    assert_eq!(read(&[&good[..], &[0]].concat()), Err(Unreadable::TooLong));
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        read(&changed)
    };
    let (samples, first) = (43, 46);
    assert_eq!(with(samples, &[121]), Err(Unreadable::TooMany));
    assert_eq!(with(samples + 1, &[49]), Err(Unreadable::TooMany));
    assert_eq!(with(samples + 2, &[91]), Err(Unreadable::TooMany));
    assert_eq!(with(first, &[255; 4]), Err(Unreadable::Sample), "in the future");
    assert_eq!(with(first + 6, &[7]), Err(Unreadable::Sample), "no level");
    assert_eq!(with(first + 7, &[255]), Err(Unreadable::Sample), "no reason");
    let hour = first + 4 * 8;
    assert_eq!(with(hour, &[1, 0, 0, 0]), Err(Unreadable::Bucket), "in the future");
    assert_eq!(with(hour + 4, &[255; 4]), Err(Unreadable::Bucket), "more than there was");
    let two = vec![0_u8; 48];
    let mut twice = [&good[..hour], &two, &good[hour..]].concat();
    twice[samples + 1] = 2;
    assert_eq!(read(&twice), Err(Unreadable::Bucket), "twice the same hour");
}

#[test]
fn any_bytes_are_read_or_refused() {
    use vps_retry::{Rng, SplitMix64};

    let mut lab = Lab::new();
    lab.run("....xxx..sLxs").pass(90_000).run("..x.");
    let good = lab.history.encode(&clocks(BOOT, 10, 0));
    let mut rng = SplitMix64::new(3);
    let mut below = |most: usize| usize::try_from(rng.next_u64() % most as u64).unwrap();
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes.insert(at, u8::try_from(below(256)).unwrap()),
                2 => bytes[at] = [0, 1, 127, 128, 255][below(5)],
                _ => bytes[at] ^= 1 << below(8),
            }
        }
        let now = clocks(BOOT, u64::try_from(below(100_000)).unwrap(), 7);
        let Ok(mut read) = History::decode(&bytes, INTERVAL, &now, Moment::ORIGIN) else { continue };
        accepted += 1;
        read.begin(&lab.damped, Moment::ORIGIN);
        for window in [Window::Hours(48), Window::Days(90), Window::Days(0)] {
            let uptime = read.uptime(window);
            assert!(uptime.up <= uptime.seen && uptime.hundredths().is_none_or(|share| share <= 10_000));
            assert!(read.slots(window).count() <= DAYS);
            let _any = read.quantile_of(Share::P99, window);
        }
        read.pass(Moment::ORIGIN.after(INTERVAL));
        let again = History::decode(&read.encode(&now), INTERVAL, &now, Moment::ORIGIN);
        assert!(again.is_ok(), "{again:?}");
    }
    assert!(accepted > 1_000, "{accepted}: the changes are too coarse to try anything");
}

#[test]
fn what_is_shown_of_a_moment_is_what_there_is_once_its_time_went_on_to_it() {
    let mut lab = Lab::new();
    lab.run("..ss..LL.xxxx");
    // Within what the last look is good for, beyond it, into the next hour, the next day, and out of all windows.
    for seconds in [0, 1, 29, 45, 59, 61, 600, 3_601, 86_400, 3 * 86_400, 91 * 86_400] {
        let now = lab.now.after(Duration::from_millis(seconds * 1_000 + 7));
        let mut passed = lab.history.clone();
        passed.pass(now);
        for window in [Window::Hours(24), Window::Hours(1), Window::Days(90), Window::Days(1)] {
            assert_eq!(lab.history.uptime_at(window, now), passed.uptime(window), "{seconds} s, {window:?}");
        }
        assert!(lab.history.recent_at(now).eq(passed.recent()), "{seconds} s");
    }
}

#[test]
fn a_quantile_of_two_days_forgets_what_is_older_though_nobody_looks() {
    let mut lab = Lab::new();
    lab.run(&".".repeat(400));
    let p99 = |lab: &Lab| lab.history.quantile(Share::P99).map(|found| found.n);
    assert_eq!(p99(&lab), Some(400), "more than the last samples");
    // All but the last hour of them are too old then, and a restored one knows as much.
    lab.pass(47 * 3_600);
    assert!(p99(&lab).is_some_and(|n| n < 200), "{:?}", p99(&lab));
    assert_eq!(lab.pass(2 * 3_600).history.quantile(Share::P99), None);
    assert!(lab.history.quantile(Share::P50).is_some(), "of the last samples, whenever they were");
    let clocks = clocks(BOOT, 1_600, 0);
    let read = History::decode(&lab.history.encode(&clocks), INTERVAL, &clocks, lab.now).unwrap();
    for share in [Share::P50, Share::P95, Share::P99] {
        assert_eq!(read.quantile(share), lab.history.quantile(share), "{share:?}");
    }
}
