//! The one loop: who is due is looked at, and what was found is taken in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vps_breaker::Tick;
use vps_health::{After, Connection, Due, Finished, Outcome, Plan, Reason, Run, Sample, name_number};

use super::change::{Changed, LoggedChange};
use super::clock::moment;
use super::round::{Found, Round};
use super::service::is_news;
use super::watch::{State, Watch};
use crate::env::Task;
use crate::service::ServiceName;

/// How often what others did is looked at, and what was found is written.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Without automatic looks a service is looked at when somebody asks: this is as good as never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Watch {
    /// Watches until `cancel`. Of the processes that share a store one looks; the others read once a second what it
    /// found, and one of them takes over when it is gone. Ends with everything written.
    pub async fn run(&self, cancel: &CancellationToken) {
        let (tell, mut told) = mpsc::unbounded_channel::<Found>();
        let mut flying: BTreeMap<u32, Task> = BTreeMap::new();
        let mut next_housekeeping = self.env.now();
        while !cancel.is_cancelled() {
            self.ticked.store(self.env.now().as_nanos(), Ordering::Relaxed);
            if self.env.now() >= next_housekeeping {
                if self.housekeeping().await {
                    // Another process looks now: what we have under way is nobody's.
                    flying.clear();
                }
                next_housekeeping = self.env.now().after(HOUSEKEEPING);
            }
            let next = self.start_due(&tell, &mut flying);
            let wake = next.map_or(next_housekeeping, |next| next.min(next_housekeeping));
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(found) = told.recv() => {
                    flying.remove(&found.run.target.0);
                    self.take(found).await;
                }
                () = self.env.bell(wake) => {}
            }
        }
        drop(flying);
        self.end().await;
    }

    /// Puts all services into the schedule: we are the one who looks.
    pub(super) fn begin_to_look(&self, state: &mut State) {
        let now = moment(&self.env);
        let important = |name: &ServiceName| self.policy.services.contains(name);
        let interval = if self.policy.enabled { self.timing.interval() } else { NEVER };
        let mut hosts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut plans = Vec::with_capacity(state.services.len());
        for one in &state.services {
            let host = one.targets.first().map(|target| target.host.as_str()).unwrap_or_default();
            let number = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
            plans.push(Plan {
                number: name_number(one.service.as_str()),
                host: *hosts.entry(host).or_insert(number),
                interval,
                is_important: important(&one.service),
                is_private: one.targets.iter().all(|target| target.is_private),
            });
        }
        let at_once = self.policy.enabled && self.policy.check_on_startup;
        state.ids = if at_once {
            state.schedule.add_all(plans, now)
        } else {
            state.schedule.add_all_in_turn(plans, now)
        };
        state.looked_at.clear();
    }

    /// Another process looks: nothing is due here any more.
    pub(super) fn end_to_look(state: &mut State) {
        for id in std::mem::take(&mut state.ids) {
            state.schedule.remove(id);
        }
    }

    /// Starts what is due; when the next is.
    fn start_due(
        &self,
        tell: &mpsc::UnboundedSender<Found>,
        flying: &mut BTreeMap<u32, Task>,
    ) -> Option<Tick> {
        let mut state = self.state();
        if !state.is_mine {
            return None;
        }
        let now = moment(&self.env);
        if let Some(slept) = state.schedule.slept(self.env.slept(), now) {
            tracing::debug!(seconds = slept.as_secs(), "the machine slept: all services are looked at anew");
            flying.clear();
            for one in &mut state.services {
                one.history.slept(slept, now);
            }
        }
        loop {
            match state.schedule.next(now) {
                Due::Probe(run) => {
                    let Some(round) = self.round(&state, run) else { continue };
                    let tell = tell.clone();
                    let task = self.env.spawn("health", async move {
                        // Nobody listens any more once the watch has ended.
                        let _ = tell.send(round.make(run).await);
                    });
                    flying.insert(run.target.0, task);
                }
                Due::At(at) => return Some(self.env.now().after(at.since(now))),
                Due::Idle => return None,
            }
        }
    }

    fn round(&self, state: &State, run: Run) -> Option<Round> {
        let at = state.ids.iter().position(|id| *id == run.target)?;
        let one = state.services.get(at)?;
        let is_closed = state
            .circuits
            .get(&one.service)
            .is_none_or(|circuit| circuit.state == vps_breaker::State::Closed);
        // Asked for only where it may be due: a circuit that is looked at is one that is in use.
        let circuit = (!is_closed).then(|| (self.circuits.circuit(&one.service), one.damped.clone()));
        Some(Round {
            env: self.env.clone(),
            probe: Arc::clone(&self.probe),
            targets: one.targets.as_slice().into(),
            limit: self.timing.timeout(),
            circuit,
        })
    }

    /// Takes in what a round found.
    async fn take(&self, found: Found) {
        let pre_open = {
            let mut state = self.state();
            self.take_in(&mut state, found)
        };
        self.touched();
        if let Some(service) = pre_open
            && self.circuits.circuit(&service).pre_open().await
        {
            tracing::debug!(service = service.as_str(), "circuit opened by health probes");
        }
    }

    /// The service whose circuit is to be opened, if that is what comes of it.
    fn take_in(&self, state: &mut State, found: Found) -> Option<ServiceName> {
        let Found { run, mut samples } = found;
        let at = state.ids.iter().position(|id| *id == run.target)?;
        let now = moment(&self.env);
        self.ask_the_gate(state, at, &mut samples);
        let connection = state.connection;
        let one = state.services.get_mut(at)?;
        let change = one.take(samples, connection, now);
        let pause = one
            .round
            .as_ref()
            .and_then(|round| round.samples.iter().filter_map(|sample| sample.outcome.next_not_before).max());
        let after = After { recheck: one.damped.recheck(), not_before: pause };
        let (damped, service) = (one.damped.clone(), one.service.clone());
        if state.schedule.finished(run, after, moment(&self.env)) == Finished::Dropped {
            return None;
        }
        state.dirty.insert(at);
        state.dirty_histories.insert(at);
        state.looked_at.insert(at);
        if state.looked_at.len() == state.services.len() {
            self.is_ready.store(true, Ordering::Relaxed);
        }
        if let Some(change) = change.filter(is_news) {
            let wall = self.env.wall().as_secs_f64();
            self.log(
                state,
                LoggedChange {
                    at: wall,
                    what: Changed::Status {
                        service: service.as_str().into(),
                        from: change.from,
                        to: change.to,
                        since: wall - now.since(change.since).as_secs_f64(),
                        samples: change.samples,
                        reason: change.reason,
                    },
                },
            );
        }
        self.wants_open(state, &service, &damped).then_some(service)
    }

    /// Whether it is this machine that has no connection, by what was found of these targets.
    fn ask_the_gate(&self, state: &mut State, at: usize, samples: &mut [Sample]) {
        let now = moment(&self.env);
        let Some(one) = state.services.get(at) else { return };
        let targets: Vec<(u32, bool)> =
            one.targets.iter().map(|target| (short(name_number(&target.host)), target.is_private)).collect();
        let (mut all_silent, mut is_portal) = (false, false);
        for (sample, (host, _)) in samples.iter().zip(&targets).filter(|(_, (_, private))| !private) {
            let outcome = &sample.outcome;
            let dns = vps_health::Phase::Dns;
            let is_silent = matches!(outcome.reason, Reason::ResolverSilent)
                || matches!(outcome.reason, Reason::TimedOut { phase, .. } if phase == dns);
            if is_silent || sample.phases.dns.is_some() {
                all_silent = state.gate.resolved(*host, is_silent);
            }
            if let Some(to) = &sample.sent_to {
                is_portal |= state.gate.redirected(*host, to, now);
            }
            if !outcome.is_local() {
                state.gate.heard(*host, outcome.is_bad(), now);
            }
        }
        for sample in samples.iter_mut() {
            let reason = sample.outcome.reason;
            let is_name = matches!(reason, Reason::ResolverSilent)
                || matches!(reason, Reason::TimedOut { phase: vps_health::Phase::Dns, .. });
            if all_silent && is_name {
                sample.outcome = Outcome::local(Reason::NoResolver);
            } else if is_portal && sample.sent_to.is_some() {
                sample.outcome = Outcome::local(Reason::Portal);
            }
        }
        let connection = state.gate.connection(now);
        if connection != Connection::Online {
            let witnesses = state.gate.witnesses();
            let now = moment(&self.env);
            for (id, one) in state.ids.iter().zip(&state.services) {
                let is_witness =
                    one.targets.iter().any(|target| witnesses.contains(&short(name_number(&target.host))));
                if is_witness {
                    state.schedule.ask(*id, now);
                }
            }
        }
        let from = std::mem::replace(&mut state.connection, connection);
        // That it is being decided is no news.
        let is_news =
            from != connection && (from == Connection::Offline || connection == Connection::Offline);
        if is_news {
            let what = Changed::Machine { from, to: connection };
            self.log(state, LoggedChange { at: self.env.wall().as_secs_f64(), what });
        }
    }

    /// Keeps a change and tells of it.
    pub(super) fn log(&self, state: &mut State, change: LoggedChange) {
        let service = change.what.service().map(ServiceName::from);
        let is_muted =
            service.is_some_and(|service| state.muted.get(&service).is_some_and(|until| *until > change.at));
        if let Some(told) = self.told.as_ref().filter(|_| !is_muted) {
            // Who listens no more has ended.
            let _ = told.send(change.clone());
        }
        state.unwritten.push(change.clone());
        state.changes.push(change);
        let over = state.changes.len().saturating_sub(super::change::MOST_CHANGES);
        state.changes.drain(..over);
        self.touched();
    }
}

/// A host's number where there are few of them.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn short(number: u64) -> u32 {
    (number ^ (number >> 32)) as u32
}
