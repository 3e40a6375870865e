//! Health of services without a runtime: what a probe saw, judged; a status that does not flutter; a history; a
//! schedule; and what a circuit may hear of it all.
//!
//! ```
//! use std::time::Duration;
//! use vps_health::{After, Due, Fact, Moment, OsFault, Phases, Plan, Sample, Schedule, Timing, judge};
//! use vps_health::{Damped, name_number};
//!
//! let (timing, now) = (Timing::new(), Moment::ORIGIN);
//! let mut schedule = Schedule::new(/* this machine's number */ 7);
//! let number = name_number("mirror.example.com");
//! let plan = Plan { number, host: 0, interval: timing.interval(), is_important: true, is_private: false };
//! schedule.add_all([plan], now);
//! let mut damped = Damped::new(timing);
//!
//! let Due::Probe(run) = schedule.next(now) else { panic!("it is due at once") };
//! // ... ask it; here it refused ...
//! let took = Duration::from_millis(2);
//! let outcome = judge(&Fact::Os(OsFault::Refused), None, &timing, took, &Phases::NONE);
//! let now = now.after(took);
//! damped.sample(&Sample::new(Moment::ORIGIN, took, outcome), now);
//! schedule.finished(run, After { recheck: damped.recheck(), not_before: outcome.next_not_before }, now);
//! assert_eq!(schedule.next(now), Due::At(now.after(Duration::from_secs(2))));
//! ```
//!
//! Everything is a plain value: time comes in as a [`Moment`], what happened goes out. One sample goes through
//! [`judge`] (what was seen -> what it means), [`Gate`] (is it this machine?), [`Damped`] (the status), [`History`]
//! (what there was) and back to [`Schedule`] (when to ask again). What a circuit hears of it says [`advise`].
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `std` | yes | `HealthCheckService`: all services once, over a [`Probe`] and a [`Timer`] |
//! | `serde` | no | `Serialize` and `Deserialize` for what is shown and what is remembered |
//!
//! Without `std` the crate needs `alloc`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod answer;
mod certificate;
#[cfg(feature = "std")]
mod check;
mod feed;
mod gate;
mod history;
mod level;
mod probe;
mod sample;
mod schedule;
mod status;
mod summary;
mod target;
mod time;

pub use vps_breaker::Verdict;
pub use vps_retry::Timer;

pub use answer::{
    CertificateFault, Expect, Fact, HttpAnswer, LONGEST_PAUSE, Method, OsFault, Outcome, ProxyFault, Reason,
    ReasonKind, Verb, judge,
};
pub use certificate::{Certificate, LastCertificate};
#[cfg(feature = "std")]
pub use check::{Checked, HealthCheckService, ServiceHealth};
pub use feed::{Advice, Calls, Disagreement, PreOpen, advise, disagreement, shown, takes_ticket, wake_in};
pub use gate::{Connection, Gate};
pub use history::{
    BootId, Clocks, DAYS, HOURS, History, Lost, MOST_BYTES, Quantile, QuantileKind, RECENT, Recent, Share,
    Unreadable, Uptime, Window,
};
pub use level::{InvalidTiming, LONGEST_INTERVAL, Level, Timing};
pub use probe::{PROBE_GRACE, Probe};
pub use sample::{Family, Phase, Phases, Sample};
pub use schedule::{
    After, Due, Finished, MOST_IN_FLIGHT, Plan, Run, SHORTEST_FOREIGN, Schedule, TargetId, Turn, name_number,
};
pub use status::{
    Change, Damped, FALL, Progress, RISE, RISE_AFTER_SLOWNESS, Remembered, RememberedRun, RememberedSample,
    Seen, Status,
};
pub use summary::{Combined, Headline, Summary, combine, row_order};
pub use target::{FamilyChoice, Kind, Target};
pub use time::Moment;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
