//! Health of services without a runtime: what a probe found, judged; a status that does not flutter; a history; a
//! schedule; and what a circuit may hear of it all.

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
pub use feed::{Advice, Calls, Disagreement, PreOpen, advise, disagreement, shown, wake_in};
pub use gate::{Connection, Gate};
pub use history::{
    BootId, Clocks, DAYS, HOURS, History, Lost, MOST_BYTES, Quantile, QuantileKind, RECENT, Recent, Share,
    Slot, Unreadable, Uptime, Window,
};
pub use level::{InvalidTiming, Level, Timing};
pub use probe::Probe;
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
