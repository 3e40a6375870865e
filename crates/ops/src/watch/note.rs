//! What is known of a service's health, as it stands in the store: so that other processes see it, and the next one
//! goes on with it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vps_health::{
    Certificate, Clocks, Damped, History, LONGEST_PAUSE, LastCertificate, Level, Moment, Outcome, Phases,
    Reason, Remembered, Sample, Target, Timing, Verdict,
};

use super::clock::{clocks, moment};
use super::results::Results;
use super::service::{Round, Watched};
use crate::env::Env;
use crate::foreign::Foreign;
use crate::service::ServiceName;
use crate::store::{Store, StoreError, mark};

/// Where the notes begin in the store, and the histories.
const NOTES: &str = "health/";
const HISTORIES: &str = "history/";
/// Of this layout; a note of another one is not read.
const LAYOUT: u32 = 1;
/// Targets of one service that are noted.
const MOST_TARGETS: usize = 64;

// Small enough, it is one page of the store and not two; so what is as it begins is left out.
#[derive(Serialize, Deserialize)]
struct Note {
    layout: u32,
    boot: [u8; 16],
    /// When it was written: milliseconds since that boot, and seconds since the Unix epoch.
    since_boot: u64,
    wall: i64,
    status: Remembered,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
    /// How much longer it wants to be left alone, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pause: u64,
    targets: Vec<TargetNote>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bad: Vec<Foreign>,
    /// Missing where the version that wrote it did not count.
    #[serde(default)]
    results: Results,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The last sample of one target.
#[derive(Serialize, Deserialize)]
struct TargetNote {
    name: Foreign,
    /// How long ago it began when it was noted, in milliseconds.
    ago: u64,
    /// In milliseconds.
    took: u64,
    level: Option<Level>,
    reason: Reason,
    phases: Phases,
    address: Option<IpAddr>,
    via_proxy: bool,
}

/// The bytes of a service's note and of its history.
pub(super) struct Written {
    pub(super) service: ServiceName,
    pub(super) note: Option<Vec<u8>>,
    pub(super) history: Option<Vec<u8>>,
}

impl Watched {
    /// What is to be written of it.
    pub(super) fn written(&self, env: &Env, with_history: bool) -> Written {
        let (now, clocks) = (moment(env), clocks(env));
        let round = self.round.as_ref();
        let samples = round.map(|round| round.samples.as_slice()).unwrap_or_default();
        let targets = self.targets.iter().zip(samples).take(MOST_TARGETS);
        let note = Note {
            layout: LAYOUT,
            boot: clocks.boot.0,
            since_boot: millis(clocks.since_boot),
            wall: clocks.wall_seconds,
            status: self.damped.remember(now),
            certificate: self.certificate.certificate,
            pause: self.pause_left(now).map_or(0, millis),
            targets: targets.map(|(target, sample)| TargetNote::of(target, sample, now)).collect(),
            bad: round
                .map(|round| round.bad.iter().map(|name| name.as_str().into()).collect())
                .unwrap_or_default(),
            results: self.results,
        };
        Written {
            service: self.service.clone(),
            note: serde_json::to_vec(&note).ok(),
            history: with_history.then(|| self.history.encode(&clocks)),
        }
    }

    /// Goes on with what the store has of this service, as far as it is fit for that; else from the beginning.
    pub(super) fn read(
        service: ServiceName,
        targets: Arc<[Target]>,
        timing: Timing,
        env: &Env,
        store: &dyn Store,
    ) -> Result<Self, StoreError> {
        let mut watched = Self::new(service, targets, timing, env);
        let (now, clocks) = (moment(env), clocks(env));
        let timing = *watched.damped.timing();
        let key = |prefix: &str| format!("{prefix}{}", watched.service);
        let load = |prefix: &str| store.load(&key(prefix));
        // What another version wrote, or nobody, is as good as nothing: health begins anew without it.
        let history =
            load(HISTORIES)?.and_then(|bytes| History::decode(&bytes, timing.interval(), &clocks, now).ok());
        let note = load(NOTES)?;
        let mark = note.as_deref().map(|note| mark(&key(NOTES), note));
        watched.mark = mark;
        let note = note.and_then(|bytes| Note::decode(&bytes));
        if let Some(history) = history {
            watched.history = history;
        }
        if let Some(note) = note {
            note.restore(&mut watched, timing, &clocks, now);
        }
        watched.history.begin(&watched.damped, now);
        Ok(watched)
    }
}

/// What tells each service's note from the one that was there before; none where there is no note.
pub(super) fn marks(store: &dyn Store) -> Result<BTreeMap<ServiceName, u64>, StoreError> {
    let all = store.marks(NOTES)?.into_iter();
    Ok(all.filter_map(|(key, mark)| Some((key.strip_prefix(NOTES)?.into(), mark))).collect())
}

impl Note {
    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|note| note.layout == LAYOUT)
    }

    fn restore(self, watched: &mut Watched, timing: Timing, clocks: &Clocks, now: Moment) {
        let elapsed = clocks.elapsed_since(&Clocks {
            boot: vps_health::BootId(self.boot),
            since_boot: Duration::from_millis(self.since_boot),
            wall_seconds: self.wall,
        });
        watched.damped = Damped::restore(timing, &self.status, elapsed, now);
        watched.certificate = LastCertificate { certificate: self.certificate };
        watched.results = self.results;
        // Of another boot nobody knows how long ago it was.
        let Some(elapsed) = elapsed else { return };
        let pause = Duration::from_millis(self.pause).min(LONGEST_PAUSE).saturating_sub(elapsed);
        watched.not_before = (!pause.is_zero()).then(|| now.after(pause));
        let known: Vec<Sample> = self.targets.iter().map(|target| target.sample(elapsed, now)).collect();
        let same =
            self.targets.iter().map(|note| &*note.name).eq(watched.targets.iter().map(|t| t.name.as_str()));
        if same && !known.is_empty() {
            let bad = self.bad.iter().map(ToString::to_string).collect();
            watched.round = Some(Round { samples: known, bad });
        }
    }
}

impl TargetNote {
    fn of(target: &Target, sample: &Sample, now: Moment) -> Self {
        Self {
            name: target.name.as_str().into(),
            ago: millis(now.since(sample.at)),
            took: millis(sample.took),
            level: sample.outcome.level,
            reason: sample.outcome.reason,
            phases: sample.phases,
            address: sample.address,
            via_proxy: sample.via_proxy,
        }
    }

    fn sample(&self, elapsed: Duration, now: Moment) -> Sample {
        let at = now.before(elapsed.saturating_add(Duration::from_millis(self.ago)));
        // What a circuit was told of it, it was told then.
        let outcome = Outcome::new(self.level, self.reason, Verdict::Neutral);
        let mut sample = Sample::new(at, Duration::from_millis(self.took), outcome);
        (sample.phases, sample.address, sample.via_proxy) = (self.phases, self.address, self.via_proxy);
        sample
    }
}

/// Puts all of them into the store, in one transaction: a second's looks are one write to the disk.
pub(super) fn write(store: &dyn Store, all: Vec<Written>) -> Result<(), StoreError> {
    let of = |Written { service, note, history }: Written| {
        [(NOTES, note), (HISTORIES, history)]
            .map(|(prefix, bytes)| Some((format!("{prefix}{service}"), bytes?)))
    };
    let entries: Vec<(String, Vec<u8>)> = all.into_iter().flat_map(of).flatten().collect();
    if entries.is_empty() {
        return Ok(());
    }
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(key, bytes)| (&**key, &**bytes)).collect();
    store.put_all(&entries)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
