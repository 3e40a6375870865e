//! Several letters one after another: no storm on a service that has only just come back.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::letter::Letter;
use crate::env::Env;

/// How many operations a minute are begun at most, on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(NonZeroU32);

impl Rate {
    /// So many a minute.
    #[must_use]
    pub const fn a_minute(operations: NonZeroU32) -> Self {
        Self(operations)
    }

    /// The pause before the next, half as long to half as long again, so that many machines do not go in step.
    fn pause(self, env: &Env) -> Duration {
        let mean = Duration::from_secs(60) / self.0.get();
        // 53 bits are what a float holds exactly.
        let share = (env.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        mean.mul_f64(0.5 + share)
    }
}

impl Default for Rate {
    /// 10 a minute.
    fn default() -> Self {
        Self(NonZeroU32::MIN.saturating_add(9))
    }
}

/// What came of doing a letter again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// Its circuit refused it, and nothing was tried.
    Refused,
    /// It was not to be had: somebody else is doing it, or it is parked. That says nothing of its service.
    NotHad,
}

/// What became of a letter when its turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Turn {
    /// It was tried.
    Tried(Outcome),
    /// The first of its service was not done, so that this one was left.
    Left,
    /// Somebody stopped us before its turn.
    Stopped,
}

/// Does letters again by `retry`, service by service, the oldest first: of each service one, and the others only if that
/// one was done. The steps of a plan are together, as if of one service. Between two there is a pause by `rate`. Tells what became of each, in the order it was their turn.
///
/// # Cancel safety
/// Dropping the future drops what `retry` is doing; `stop` ends it between two.
pub async fn in_turn<F, Fut>(
    env: &Env,
    letters: Vec<Letter>,
    rate: Rate,
    stop: &CancellationToken,
    mut retry: F,
) -> Vec<(Letter, Turn)>
where
    F: FnMut(Letter) -> Fut,
    Fut: Future<Output = Outcome>,
{
    let mut turns = Vec::new();
    let mut is_first = true;
    for group in by_service(letters) {
        let mut canary = None;
        for letter in group {
            let is_of_service = letter.group().is_some();
            let turn = match canary {
                Some(outcome) if outcome != Outcome::Done && is_of_service => Turn::Left,
                _ => {
                    if !is_first {
                        // Over sooner where somebody stops us.
                        env.until(env.now().after(rate.pause(env)), stop.cancelled()).await;
                    }
                    is_first = false;
                    if stop.is_cancelled() {
                        Turn::Stopped
                    } else {
                        let outcome = retry(letter.clone()).await;
                        if outcome != Outcome::NotHad {
                            canary.get_or_insert(outcome);
                        }
                        Turn::Tried(outcome)
                    }
                }
            };
            turns.push((letter, turn));
        }
    }
    turns
}

/// Letters of one service after those of another, in the order in which the services' oldest failed first.
fn by_service(mut letters: Vec<Letter>) -> Vec<Vec<Letter>> {
    letters.sort_by(|a, b| a.first_at.total_cmp(&b.first_at).then_with(|| a.id.cmp(&b.id)));
    let mut places: BTreeMap<Option<(bool, String)>, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<Letter>> = Vec::new();
    for letter in letters {
        let group = letter.group().map(|(is_plan, name)| (is_plan, name.to_owned()));
        let place = *places.entry(group).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(letter),
            None => groups.push(vec![letter]),
        }
    }
    groups
}
