//! Clones that come before the turn of their steps: how long is waited for them, and what they cost where they fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::ahead::{Ends, Slow, slow};
use super::machine::{Heard, ends, id, step};
use crate::NetworkOperationWrapper;
use crate::env::Env;
use crate::git::GitError;
use crate::plan::run::{ApplyOptions, apply};
use crate::plan::{Action, Condition, GitAction, Needs, Plan, Step};
use crate::settings::Settings;
use crate::store::{MemoryStore, StoreHandle};
use crate::testing::scripted_git::ScriptedGit;
use crate::testing::world_on;

/// A machine in virtual time, whose files are real.
struct World {
    place: tempfile::TempDir,
    env: Env,
    network: NetworkOperationWrapper,
    heard: Heard,
    ends: Arc<Ends>,
    attempts: Arc<AtomicUsize>,
}

impl World {
    /// One whose attempts at clones take so many milliseconds each, and are cut where `false` is said; all later ones take
    /// no time and are right.
    fn new(attempts: &'static [(u64, bool)]) -> Self {
        let env = world_on(Arc::clone(Env::real().fs()), 1, 1, false);
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let outcome = move |_: &_, _| match attempts.get(ended.fetch_add(1, Ordering::Relaxed)) {
            Some((_, false)) => Err(GitError::CutOff),
            _ => Ok("x".to_owned()),
        };
        let count = Arc::clone(&begun);
        let takes = move || {
            let took = attempts.get(count.fetch_add(1, Ordering::Relaxed));
            Duration::from_millis(took.map_or(0, |(millis, _)| *millis))
        };
        let ends = Arc::new(Ends::default());
        let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
            .env(env.clone())
            .runner(Arc::new(Slow))
            .git(Arc::new(ScriptedGit::new(outcome).taking(&env, takes)))
            .observer(Arc::clone(&ends) as _)
            .build();
        let place = tempfile::tempdir().unwrap();
        Self { place, env, network, heard: Heard::default(), ends, attempts: begun }
    }

    /// How each step ended, and after how many seconds all of them had.
    async fn run(&self, steps: Vec<Step>) -> (Vec<String>, u64) {
        let plan = Arc::new(Plan::new("test", self.place.path(), steps));
        let store = StoreHandle::inline(MemoryStore::outliving());
        let began = self.env.now();
        let applied =
            apply(&self.network, &store, plan, &ApplyOptions::default(), &self.heard).await.unwrap();
        assert_eq!(self.names().iter().filter(|name| name.contains(".clone-")).count(), 0);
        (ends(&applied), self.env.now().since(began).as_secs())
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.place.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }
}

fn clone() -> Step {
    let url = "https://example.com/a.git".to_owned();
    // The double says of nothing that it is there, so that only the server knows.
    let action = GitAction { url, dest: "clone".into(), update: true, ..GitAction::default() };
    step("g", Action::Git(action))
}

fn is_done(ended: &[String]) -> bool {
    ended.last().unwrap().starts_with("g changed")
}

#[tokio::test(start_paused = true)]
async fn while_a_server_answers_the_step_waits_for_it_and_asks_nobody_else() {
    let world = World::new(&[(20_000, true)]);
    let run = world.run(vec![slow("c", 5), clone()]);
    let seen = async {
        world.env.sleep(Duration::from_secs(4)).await;
        assert_eq!(world.names().len(), 1, "hidden");
        assert!(!world.place.path().join("clone").exists());
    };
    let ((ended, took), ()) = tokio::join!(run, seen);
    assert!(is_done(&ended), "{ended:?}");
    assert_eq!((world.attempts(), took), (1, 20));
    assert_eq!(world.heard.of("g"), ["Fetching", "Fetched", "Began", "Ended"]);
    assert_eq!(std::fs::read_to_string(world.place.path().join("clone/file")).unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn one_that_pauses_or_fails_is_taken_over_by_the_turn_which_begins_to_count_anew() {
    // In its pause.
    let world = World::new(&[(3_900, false)]);
    let (ended, took) = world.run(vec![slow("c", 4), clone()]).await;
    assert!(is_done(&ended) && took == 4, "{ended:?} {took}");
    assert_eq!(*world.ends.0.lock().unwrap(), ["not fetched: cancelled"]);
    assert_eq!(world.heard.of("g"), ["Fetching", "NotFetched", "Began", "Ended"]);

    // In its attempt, which the turn waits for: the pause after it is nobody's.
    let world = World::new(&[(20_000, false), (0, false), (0, true)]);
    let mut steps = vec![slow("c", 5), clone()];
    steps[1].attempts = std::num::NonZeroU32::new(2);
    let (ended, _) = world.run(steps).await;
    assert!(is_done(&ended), "two attempts are the turn's own: {ended:?}");
    assert_eq!(world.attempts(), 3);
    assert_eq!(*world.ends.0.lock().unwrap(), ["not fetched: cancelled"]);
    assert_eq!(world.heard.of("g"), ["Fetching", "NotFetched", "Began", "Ended"]);

    // Before its turn, for good.
    let world = World::new(&[(1_000, false), (1_000, false), (1_000, false)]);
    let (ended, took) = world.run(vec![slow("c", 600), clone()]).await;
    assert!(is_done(&ended) && took == 600, "{ended:?} {took}");
    assert_eq!(world.attempts(), 4);
    assert_eq!(world.heard.of("g"), ["Fetching", "NotFetched", "Began", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_failure_before_its_turn_is_not_the_steps() {
    let world = World::new(&[(100_000, true), (8_000, true)]);
    let mut steps = vec![slow("c", 60), clone()];
    steps[1].timeout = Some(Duration::from_secs(10));
    let (ended, took) = world.run(steps).await;
    assert!(is_done(&ended), "{ended:?}");
    assert_eq!((world.attempts(), took), (2, 68));
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_for_what_is_not_done_or_hangs_on_a_command() {
    let mut not = clone();
    not.when = vec![Condition::Known(false)];
    let world = World::new(&[]);
    assert_eq!(world.run(vec![slow("c", 60), not]).await.0[1], "g skipped");
    assert_eq!(world.attempts(), 0);
    let mut needs = clone();
    needs.needs = Needs::Steps(vec![id("c")]);
    let world = World::new(&[]);
    let (ended, _) = world.run(vec![slow("c", 60), needs]).await;
    assert!(is_done(&ended), "{ended:?}");
    assert_eq!(world.heard.of("g"), ["Began", "Ended"]);
    // One on this machine is made by whoever comes before it.
    let mut near = clone();
    if let Action::Git(git) = &mut near.action {
        git.url = "/srv/a.git".to_owned();
    }
    let world = World::new(&[]);
    world.run(vec![slow("c", 60), near]).await;
    assert_eq!(world.heard.of("g"), ["Began", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_clone_in_the_folder_of_another_waits_for_it_though_they_are_neighbours() {
    let at = |name: &str, dest: &str| {
        let action = GitAction {
            url: format!("https://example.com/{name}.git"),
            dest: dest.into(),
            update: true,
            ..GitAction::default()
        };
        step(name, Action::Git(action))
    };
    let world = World::new(&[(20_000, true)]);
    let (ended, took) = world.run(vec![at("x", "x"), at("in", "x/in"), at("other", "y")]).await;
    assert!(ended.iter().all(|ended| ended.contains(" changed")), "{ended:?}");
    assert_eq!((world.attempts(), took), (3, 20));
    for file in ["x/file", "x/in/file", "y/file"] {
        assert_eq!(std::fs::read_to_string(world.place.path().join(file)).unwrap(), "x", "{file}");
    }
    // Where what they need is said, that is all that they wait for.
    let mut alone = at("in", "x/in");
    alone.needs = Needs::Steps(Vec::new());
    let (ended, _) = World::new(&[(20_000, true)]).run(vec![at("x", "x"), alone]).await;
    assert!(ended[0].starts_with("x failed") && ended[1].starts_with("in changed"), "{ended:?}");
}
