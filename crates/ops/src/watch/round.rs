//! One round of one service: a look at each of its targets, and what its circuit is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use vps_health::{Moment, Outcome, PROBE_GRACE, Probe, Reason, Run, Sample, Target, takes_ticket};

use super::service::together;
use crate::circuit::{Circuit, Permit};
use crate::env::Env;

/// What a round needs.
pub(super) struct Round {
    pub(super) env: Env,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) targets: Arc<[Target]>,
    /// Of each look.
    pub(super) limit: Duration,
    /// Hosts that several services have, each with its one place.
    pub(super) hosts: Arc<Hosts>,
    /// The circuit, where it is not closed.
    pub(super) circuit: Option<Arc<Circuit>>,
    /// Whether nothing speaks against this machine's own connection.
    pub(super) is_online: bool,
}

/// Hosts that several services have, by `host:port`: one look at a time for each.
pub(super) type Hosts = BTreeMap<String, tokio::sync::Mutex<()>>;

/// What it came to.
pub(super) struct Found {
    pub(super) run: Run,
    /// A sample of each target, in their order.
    pub(super) samples: Vec<Sample>,
}

impl Round {
    /// Looks at all targets; those of one host one after the other.
    ///
    /// Cancel safe: dropped, it closes what it opened, and gives its circuit's slot back.
    pub(super) async fn make(self, run: Run) -> Found {
        let permit = self.ticket().await;
        let samples = self.samples().await;
        if let Some(permit) = permit {
            let verdict = together(&self.targets, &samples).map(|(sample, _)| sample.outcome.verdict);
            // Where it may be us who are offline, a failure is not the service's.
            let verdict =
                verdict.filter(|verdict| self.is_online || *verdict == vps_health::Verdict::Success);
            permit.settle_health(verdict.unwrap_or(vps_health::Verdict::Neutral)).await;
        }
        Found { run, samples }
    }

    /// A probe's place in the circuit, where it is due for one: by normal admission, so that there is one in all
    /// processes.
    async fn ticket(&self) -> Option<Permit> {
        let circuit = self.circuit.as_ref()?;
        // An open one that is not due refuses the look, too, and is none of ours.
        circuit.peek().await.ok()?;
        if !takes_ticket(&circuit.view()) {
            return None;
        }
        let permit = circuit.enter().await.ok()?;
        // Closed meanwhile: what a probe finds is nothing to a closed circuit.
        permit.is_probe().then_some(permit)
    }

    async fn samples(&self) -> Vec<Sample> {
        let mut hosts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, target) in self.targets.iter().enumerate() {
            hosts.entry(&target.host).or_default().push(at);
        }
        let mut hosts = hosts.into_values();
        let (first, others) = (hosts.next().unwrap_or_default(), hosts);
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut beside = Vec::new();
        for group in others {
            let (asker, tell) = (self.asker(), tell.clone());
            beside.push(self.env.spawn("health-round", async move { asker.in_turn(&group, &tell).await }));
        }
        self.asker().in_turn(&first, &tell).await;
        drop(tell);
        let mut samples: Vec<Option<Sample>> = self.targets.iter().map(|_| None).collect();
        while let Some((at, sample)) = told.recv().await {
            if let Some(place) = samples.get_mut(at) {
                *place = Some(sample);
            }
        }
        let now = Moment::from(self.env.now());
        let none = || Sample::new(now, Duration::ZERO, Outcome::local(Reason::Cancelled));
        samples.into_iter().map(|sample| sample.unwrap_or_else(none)).collect()
    }
}

/// What looks at some of the targets need.
struct Asker {
    env: Env,
    probe: Arc<dyn Probe>,
    targets: Arc<[Target]>,
    hosts: Arc<Hosts>,
    limit: Duration,
}

impl Round {
    fn asker(&self) -> Asker {
        Asker {
            env: self.env.clone(),
            probe: Arc::clone(&self.probe),
            targets: Arc::clone(&self.targets),
            hosts: Arc::clone(&self.hosts),
            limit: self.limit,
        }
    }
}

impl Asker {
    /// Looks at targets of one host, one after the other: it is asked one thing at a time.
    async fn in_turn(&self, group: &[usize], tell: &mpsc::UnboundedSender<(usize, Sample)>) {
        let Self { env, probe, targets, hosts, limit } = self;
        let limit = *limit;
        let host = group.first().and_then(|at| targets.get(*at)).and_then(|target| hosts.get(&target.host));
        // Waiting for it is no time of the service's.
        let _place = match host {
            Some(host) => Some(host.lock().await),
            None => None,
        };
        let mut down: Option<Sample> = None;
        for &at in group {
            let Some(target) = targets.get(at) else { continue };
            let began = env.now();
            let sample = match &down {
                // Nobody is there: asking for another thing would only take as long again.
                Some(down) => down.clone(),
                None => {
                    let deadline = began.after(limit);
                    match env.until(deadline.after(PROBE_GRACE), probe.sample(target, deadline.into())).await
                    {
                        Some(sample) => sample,
                        // A probe that does not keep its time.
                        None => Sample::late(began.into(), limit),
                    }
                }
            };
            if !was_reached(&sample) {
                down = Some(sample.clone());
            }
            // Nobody listens any more to a round that was dropped.
            let _ = tell.send((at, sample));
        }
    }
}

/// Whether its host was there at all.
fn was_reached(sample: &Sample) -> bool {
    use vps_health::Phase;
    !matches!(
        sample.outcome.reason,
        Reason::Refused
            | Reason::Unreachable
            | Reason::NoSuchName
            | Reason::NoRoute
            | Reason::TimedOut { phase: Phase::Dns | Phase::Connect, .. }
    )
}
