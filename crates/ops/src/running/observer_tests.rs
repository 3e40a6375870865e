use std::sync::Arc;
use std::time::Duration;

use super::super::running;
use super::*;
use crate::event::Teller;
use crate::operation::{Operation, OperationKind};
use crate::store::{MemoryStore, Store as _};
use crate::testing::sim::Simulation;

struct Lab {
    env: Env,
    other: Env,
    store: StoreHandle,
    memory: MemoryStore,
    observer: Arc<Running>,
    kill: Box<dyn Fn()>,
}

fn lab() -> Lab {
    let simulation = Simulation::without_chance(7);
    let host = simulation.host();
    let process = host.process();
    let (env, other) = (process.env(), host.process().env());
    let memory = MemoryStore::new();
    let store = StoreHandle::inline(memory.clone());
    let observer = Arc::new(Running::new(env.clone(), store.clone()));
    Lab { env, other, store, memory, observer, kill: Box::new(move || process.crash()) }
}

impl Lab {
    fn begin(&self, id: u64) -> Teller {
        let operation = Operation::new(OperationKind::Download, "https://example.com/x");
        Teller::begin(self.env.clone(), self.observer.clone(), OperationId(id), None, operation)
    }

    async fn seen(&self) -> Vec<RunningOperation> {
        running(&self.other, &self.store).await.unwrap()
    }
}

fn progress(done: u64) -> EventKind {
    EventKind::Progress { done, total: Some(1_000), resumed_from: 0 }
}

async fn paused(test: impl AsyncFnOnce(Lab)) {
    test(lab()).await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_shows_after_its_first_second_at_most_once_a_second_and_goes_with_its_end() {
    paused(async |lab| {
        let teller = lab.begin(1);
        teller.voice().tell(None, progress(100));
        lab.env.sleep(Duration::from_millis(999)).await;
        teller.voice().tell(None, progress(200));
        assert_eq!(lab.seen().await, []);
        lab.env.sleep(Duration::from_millis(1)).await;
        teller.voice().tell(None, progress(300));
        let seen = lab.seen().await;
        assert_eq!((seen[0].done_bytes, seen[0].total_bytes), (Some(300), Some(1_000)));
        assert_eq!(seen[0].operation, "download");
        lab.env.sleep(Duration::from_millis(500)).await;
        teller.voice().tell(None, progress(400));
        assert_eq!(lab.seen().await[0].done_bytes, Some(300), "not yet again");
        lab.env.sleep(Duration::from_millis(500)).await;
        teller.voice().tell(None, progress(500));
        let seen = lab.seen().await;
        assert_eq!((seen[0].done_bytes, seen[0].bytes_per_second), (Some(500), Some(200)));
        teller.succeeded(1);
        assert_eq!(lab.seen().await, []);
        assert!(lab.memory.list("").unwrap().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_it_waits_for_and_which_attempt_it_is_at_is_told() {
    paused(async |lab| {
        let teller = lab.begin(1);
        let voice = teller.voice();
        lab.env.sleep(Duration::from_secs(1)).await;
        voice.tell(None, EventKind::AttemptStarted { number: 2, of: 3 });
        let seen = lab.seen().await;
        assert_eq!((seen[0].attempt, seen[0].of), (2, 3));
        assert_eq!(seen[0].doing, Doing::Working { step: None, percent: None });
        lab.env.sleep(Duration::from_secs(1)).await;
        voice.tell(None, EventKind::Retrying { after: Duration::from_millis(1_200), left: 1 });
        assert_eq!(lab.seen().await[0].doing, Doing::Retrying { after_millis: 1_200 });
        lab.env.sleep(Duration::from_secs(1)).await;
        lab.observer.note_silent();
        assert_eq!(lab.seen().await[0].doing, Doing::Retrying { after_millis: 200 }, "it counts down");
        lab.env.sleep(Duration::from_secs(1)).await;
        let what = Awaited::Circuit { service: "github".into() };
        voice.tell(Some("github".into()), EventKind::Waiting { after: Duration::ZERO, what });
        let seen = lab.seen().await;
        assert_eq!(seen[0].doing, Doing::Waiting { what: Waits::Circuit });
        assert_eq!(seen[0].service.as_deref(), Some("github"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_processes_line_goes() {
    paused(async |lab| {
        let teller = lab.begin(1);
        lab.env.sleep(Duration::from_secs(1)).await;
        teller.voice().tell(None, progress(1));
        assert_eq!(lab.seen().await.len(), 1);
        (lab.kill)();
        drop(teller);
        assert_eq!(lab.seen().await, []);
        assert!(lab.memory.list("").unwrap().is_empty(), "who looked took it out");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_no_operation_and_is_taken_out() {
    paused(async |lab| {
        lab.memory.update("running/1-1-1", &mut |_| Some(b"{\"future\":true}".to_vec())).unwrap();
        assert_eq!(lab.seen().await, []);
        assert!(lab.memory.list("").unwrap().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_is_seen_all_the_same_where_somebody_asks_each_second() {
    paused(async |lab| {
        let teller = lab.begin(1);
        lab.observer.note_silent();
        assert_eq!(lab.seen().await, [], "not in its first second");
        lab.env.sleep(Duration::from_secs(1)).await;
        lab.observer.note_silent();
        assert_eq!(lab.seen().await.len(), 1);
        let (first, _) = (lab.seen().await[0].at, lab.env.sleep(Duration::from_secs(60)).await);
        lab.observer.note_silent();
        assert!((lab.seen().await[0].at - first - 60.0).abs() < 0.01, "its age is seen");
        teller.succeeded(1);
        lab.observer.note_silent();
        assert_eq!(lab.seen().await, [], "and it goes with its end");
    })
    .await;
}
