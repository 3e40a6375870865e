//! What is known of a plan from its runs, for who asks, and how it is forgotten.

use std::collections::BTreeSet;

use super::journal::{Journal, prefix_of, set_aside};
use super::memo::{Head, Memo, Stage};
use crate::env::Env;
use crate::foreign::Foreign;
use crate::store::{LONG_ANSWER_LIMIT, StoreError, StoreHandle};

/// What is known of a plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KnownPlan {
    /// The last run that noted something, from 1.
    pub run: u64,
    /// How often something changed.
    pub changes: u64,
    /// Where its last run read it from; nothing where that was standard input.
    pub path: Option<Foreign>,
    /// When something was noted last, in seconds since the Unix epoch.
    pub at: f64,
    /// Its steps, in the order of their names.
    pub steps: Vec<KnownStep>,
}

/// What is known of a step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KnownStep {
    /// Its name.
    pub id: String,
    /// Where it is. One that is begun while no run is at work was interrupted.
    pub stage: Stage,
    /// The hash of what it did, [`Step::hash`](crate::plan::Step::hash): an edited step has another one.
    pub hash: String,
    /// The run that noted this.
    pub run: u64,
    /// When this was noted, in seconds since the Unix epoch.
    pub at: f64,
    /// How often it was begun since it was last done.
    pub attempts: u32,
    /// How often it failed in the same way, one after the other, where trying again could not help.
    pub equal_failures: u32,
    /// Its change mark: the number, among the plan's changes, of the last one that it made; 0 where it made none.
    pub change: u64,
    /// The plan's count of changes when it was last done, or found to be: what it watches and has a greater mark, it is
    /// yet to be told of.
    pub seen: u64,
    /// What it failed with last; nothing once it was done.
    pub failure: Option<Foreign>,
}

impl KnownStep {
    fn of(id: &str, memo: &Memo) -> Self {
        Self {
            id: id.to_owned(),
            stage: memo.stage,
            hash: memo.hash.clone(),
            run: memo.run,
            at: memo.at,
            attempts: memo.attempts,
            equal_failures: memo.equal_failures,
            change: memo.change,
            seen: memo.seen,
            failure: memo.failure.clone(),
        }
    }
}

/// What is known of the plan that is remembered by `plan`; nothing where none of its runs noted anything.
///
/// # Errors
/// When the store does not answer.
pub async fn known(env: &Env, store: &StoreHandle, plan: &str) -> Result<Option<KnownPlan>, StoreError> {
    let journal = Journal::read(env, store, plan).await?;
    let (head, rows) = journal.all();
    let steps: Vec<_> = rows.map(|(id, memo)| KnownStep::of(id, memo)).collect();
    let is_known = head.run > 0 || !steps.is_empty();
    Ok(is_known.then(|| KnownPlan {
        run: head.run,
        changes: head.change,
        path: head.path.clone(),
        at: head.at,
        steps,
    }))
}

/// Forgets these steps of a plan, or all that is known of it where `steps` is nothing; the names of those that were known.
/// The caller holds the plan's [`ApplyLock`](super::ApplyLock), so that no run is at work.
///
/// # Errors
/// When the store cannot be written. Then nothing is forgotten.
///
/// # Cancel safety
/// Dropped, it is forgotten all the same, or not at all.
pub async fn forget(
    env: &Env,
    store: &StoreHandle,
    plan: &str,
    steps: Option<&BTreeSet<String>>,
) -> Result<Vec<String>, StoreError> {
    let (prefix, steps) = (prefix_of(plan), steps.cloned());
    let forgotten = store.ask_within(env, LONG_ANSWER_LIMIT, move |store| {
        let mut keys: Vec<String> = store.list(&prefix)?.into_iter().map(|(key, _)| key).collect();
        let id = |key: &str| key.strip_prefix(&prefix).unwrap_or_default().to_owned();
        keys.retain(|key| steps.as_ref().is_none_or(|steps| steps.contains(&id(key))));
        // Nor is it to be remembered that something was lost.
        let lost_with = set_aside(store)?.filter(|_| steps.is_none());
        let head = lost_with.and_then(|lost_with| serde_json::to_vec(&Head::anew(lost_with)).ok());
        if !keys.is_empty() {
            let named: Vec<&str> = keys.iter().map(String::as_str).collect();
            store.update_all_durably(&named, &mut |values| {
                for (key, value) in named.iter().zip(values) {
                    *value = head.clone().filter(|_| *key == prefix);
                }
                true
            })?;
        }
        // The row of the plan as a whole has no name.
        Ok(keys.iter().map(|key| id(key)).filter(|id| !id.is_empty()).collect())
    });
    forgotten.await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StepId;

    #[tokio::test]
    async fn it_is_known_until_it_is_forgotten_and_other_plans_stay() {
        let (env, store) = (Env::real(), StoreHandle::in_memory());
        assert!(known(&env, &store, "web").await.unwrap().is_none());
        for plan in ["web", "web2"] {
            let mut journal = Journal::open(&env, &store, plan, Some("/srv/web.yaml".into())).await.unwrap();
            journal.next_change();
            for id in ["a", "b"] {
                let id: StepId = id.parse().unwrap();
                journal.note(&id, None, |memo| (memo.stage, memo.change) = (Stage::Failed, 1));
            }
            journal.sync().await.unwrap();
        }
        let found = known(&env, &store, "web").await.unwrap().unwrap();
        assert_eq!((found.run, found.changes, found.path.as_deref()), (1, 1, Some("/srv/web.yaml")));
        let ids: Vec<_> =
            found.steps.iter().map(|step| (step.id.as_str(), step.stage, step.change)).collect();
        assert_eq!(ids, [("a", Stage::Failed, 1), ("b", Stage::Failed, 1)]);
        let some = ["a".to_owned(), "c".to_owned()].into();
        assert_eq!(forget(&env, &store, "web", Some(&some)).await.unwrap(), ["a"]);
        let left = known(&env, &store, "web").await.unwrap().unwrap();
        assert_eq!((left.steps.len(), left.changes), (1, 1), "marks of others still count");
        assert_eq!(forget(&env, &store, "web", None).await.unwrap(), ["b"]);
        assert!(known(&env, &store, "web").await.unwrap().is_none());
        assert_eq!(known(&env, &store, "web2").await.unwrap().unwrap().steps.len(), 2);
    }
}
