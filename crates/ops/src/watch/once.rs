//! One look at everything, now: what the command `health` does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vps_health::{
    Connection, Gate, HealthCheckService, InvalidTiming, Level, Moment, Probe, Sample, Status, Target,
    Timing, shown,
};

use super::board::{Board, order};
use super::clock::moment;
use super::prober;
use super::service::{Targets, Watched, together};
use super::watch::{Parts, Watch};
use super::{note, own_connection};
use crate::service::ServiceName;

/// A look of another process is as good as one of ours for so long.
const FRESH: Duration = Duration::from_secs(5);

/// What one look at everything found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Once {
    /// All there is to see; each row's status is that of this look.
    pub board: Board,
    /// How each service is by this look alone.
    pub now: BTreeMap<ServiceName, Status>,
    /// Whether nothing was found of any service, because of this machine.
    pub is_all_local: bool,
}

/// Looks at everything at once; what is bad is looked at once more after half a second, and the better look counts.
/// What was found under five seconds ago by another process is not looked at again. Ends within twice the timeout
/// and a second, for each 256 targets that there are.
///
/// What it finds goes to the store, unless a process is watching: that knows more than one look.
///
/// # Errors
/// [`InvalidTiming`] for times that make no sense, which checked settings never are.
///
/// # Cancel safety
/// Dropped, it closes what it opened, and nothing is kept.
pub async fn check_once(parts: Parts) -> Result<Once, InvalidTiming> {
    let (env, store, probe) = (parts.env.clone(), parts.store.clone(), Arc::clone(&parts.probe));
    let watch = Watch::new(parts).await?;
    let timing = watch.timing;
    let (now, asker, place) = (moment(&env), env.clone(), watch.place.clone());
    let holder = store.ask(&env, move |store| prober::holder(store, &place, &asker)).await;
    let is_watched = holder.is_ok_and(|holder| holder.is_ok_and(|holder| holder.is_some()));
    let stale: Targets = {
        let state = watch.state();
        // Nor is one that wants to be left alone.
        let is_fresh = |one: &Watched| {
            one.age(now).is_some_and(|age| age < FRESH)
                || one.pause_left(now).is_some_and(|_| one.round.is_some())
        };
        let all = state.services.iter().filter(|one| !is_fresh(one));
        all.map(|one| (one.service.clone(), one.targets.clone())).collect()
    };
    let mut found = look(&*probe, &env, timing, &stale).await;
    {
        let mut state = watch.state();
        state.connection = own_connection(timing, &mut found, moment(&env));
        let connection = state.connection;
        let mut written = Vec::new();
        for (service, rounds) in found {
            let Some(at) = state.place_of(&service) else { continue };
            // One whose history the store did not give would be written over it.
            let is_known = !state.unread.contains(&at);
            let Some(one) = state.services.get_mut(at) else { continue };
            let now = moment(&env);
            for samples in rounds {
                let samples = samples.into_iter().map(|(_, sample)| sample).collect();
                one.take(samples, connection, now);
            }
            if is_known && !is_watched {
                written.push(one.written(&env, true));
            }
        }
        // A store that does not take it has said so; what was found is shown all the same.
        store.tell(move |store| drop(note::write(store, written)));
    }
    watch.look_around().await;
    Ok(verdict(&watch))
}

/// Rounds of a service: of each target its sample.
type Rounds = Vec<Vec<(Target, Sample)>>;

async fn look(
    probe: &dyn Probe,
    env: &crate::env::Env,
    timing: Timing,
    services: &Targets,
) -> Vec<(ServiceName, Rounds)> {
    let targets = services.iter().flat_map(|(_, targets)| targets.iter().map(|one| (one.clone(), timing)));
    let mut check = HealthCheckService::new(probe, env.clone(), targets.collect());
    check.check_all().await;
    let mut all: Vec<(ServiceName, Rounds)> = Vec::new();
    // In the order that they were given.
    let mut checked = check.checked().iter();
    for (service, targets) in services {
        let checked: Vec<_> = checked.by_ref().take(targets.len()).collect();
        let most = checked.iter().map(|one| one.samples.len()).max().unwrap_or(0);
        let mut rounds = Vec::new();
        for round in 0..most {
            let of_round = checked.iter().filter_map(|one| {
                // What was not asked twice was well.
                let sample = one.samples.get(round).or_else(|| one.samples.last())?;
                Some((one.target.clone(), sample.clone()))
            });
            rounds.push(of_round.collect::<Vec<_>>());
        }
        // The better look is the one that counts, and that all views show.
        rounds.sort_by_key(|round| std::cmp::Reverse(badness(round)));
        all.push((service.clone(), rounds));
    }
    all
}

fn badness(round: &[(Target, Sample)]) -> Level {
    round.iter().filter_map(|(_, sample)| sample.outcome.level).max().unwrap_or(Level::Healthy)
}

/// Whether all went bad together, by the last look at each target; what was this machine's fault is taken back.
fn own_connection(timing: Timing, found: &mut [(ServiceName, Rounds)], now: Moment) -> Connection {
    let mut gate = Gate::new(timing.interval());
    // Those that answered first: one of them is enough. And all once more, when all are known.
    found.sort_by_key(|(_, rounds)| rounds.last().map(|round| badness(round)));
    for _ in 0..2 {
        for round in found.iter_mut().flat_map(|(_, rounds)| rounds.last_mut()) {
            let (targets, mut samples): (Vec<Target>, Vec<Sample>) =
                std::mem::take(round).into_iter().unzip();
            own_connection::hear(&mut gate, &targets, &mut samples, now);
            *round = targets.into_iter().zip(samples).collect();
        }
    }
    let all = found.iter().flat_map(|(_, rounds)| rounds.last()).flatten();
    let mut others = all.filter(|(target, sample)| !target.is_private && !sample.outcome.is_local());
    // All were asked at once: where one answered, it is not this machine.
    if others.any(|(_, sample)| !sample.outcome.is_bad()) { Connection::Online } else { gate.connection(now) }
}

fn verdict(watch: &Watch) -> Once {
    let now: BTreeMap<ServiceName, Status> = {
        let state = watch.state();
        let is_offline = state.connection == Connection::Offline;
        let status = |one: &Watched| {
            let samples = &one.round.as_ref()?.samples;
            let (sample, _) = together(&one.targets, samples)?;
            sample.outcome.level.filter(|_| !is_offline).map(Status::from)
        };
        state.services.iter().map(|one| (one.service.clone(), status(one).unwrap_or_default())).collect()
    };
    let is_all_local = !now.is_empty() && now.values().all(|status| *status == Status::Unknown);
    let mut board = watch.board();
    // Who looks once wants to know how it is now; what is damped needs more looks than one.
    for row in &mut board.rows {
        if let Some(now) = now.get(&row.service).filter(|now| **now != Status::Unknown) {
            row.status = shown(*now, row.disagreement);
        }
    }
    order(&mut board.rows);
    Once { board, now, is_all_local }
}
