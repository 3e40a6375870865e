use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use vps_breaker::{State, Verdict};

use crate::env::Env;
use crate::guard::CircuitBreakerManager;
use crate::service::ServiceName;
use crate::settings::Settings;
use crate::store::{Job, MemoryStore, Store, StoreHandle};
use crate::testing::sim::{Host, Process, Simulation};

const GROUP: &str = ServiceName::EXTERNAL_DOWNLOADS;

fn in_virtual_time<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { test(Simulation::without_chance(7).host()).await });
}

fn over(env: Env, store: StoreHandle) -> CircuitBreakerManager {
    CircuitBreakerManager::new(env, Arc::new(Settings::default().check().unwrap()), store)
}

/// The manager of a new process of that host.
fn manager(host: &Host) -> (Process, CircuitBreakerManager) {
    let process = host.process();
    (process.clone(), over(process.env(), process.store()))
}

fn host_named(name: &str) -> ServiceName {
    ServiceName::external(name)
}

async fn call(manager: &CircuitBreakerManager, name: &str, verdict: Verdict) {
    let permit = manager.circuit(&host_named(name)).enter().await.unwrap();
    let _ = permit.settle(verdict).await;
}

/// A process that calls the host with these verdicts, and ends.
async fn one_run(host: &Host, name: &str, verdicts: &[Verdict]) {
    let (process, manager) = manager(host);
    for verdict in verdicts {
        call(&manager, name, *verdict).await;
    }
    manager.flush().await;
    process.exit();
}

/// What the store still knows of a host, by the first word of its keys.
fn kept(host: &Host, name: &str) -> Vec<String> {
    let all = host.store().list("").unwrap().into_iter();
    let keys = all.filter_map(|(key, _)| Some(key.strip_suffix(&format!("/{GROUP}/{name}"))?.to_owned()));
    keys.collect()
}

/// Calls and refusals of the whole group.
async fn counted(host: &Host) -> (u64, u64) {
    let group = &manager(host).1.status().await[GROUP];
    (group.total_calls, group.rejected_calls)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn a_host_unused_for_ten_minutes_leaves_the_store_and_its_calls_stay_in_the_sum() {
    in_virtual_time(|host| async move {
        let env = host.process().env();
        one_run(&host, "old", &[Verdict::Failure, Verdict::Success]).await;
        assert_eq!(kept(&host, "old"), ["circuit", "totals", "used"]);
        env.sleep(minutes(9)).await;
        one_run(&host, "new", &[Verdict::Success]).await;
        assert_eq!(kept(&host, "old").len(), 3, "nine minutes are not ten");
        env.sleep(minutes(2)).await;
        one_run(&host, "new", &[Verdict::Success]).await;
        assert_eq!(kept(&host, "old"), [""; 0]);
        assert_eq!(counted(&host).await, (4, 0));
        // Begun anew it counts on.
        one_run(&host, "old", &[Verdict::Failure]).await;
        assert_eq!(counted(&host).await, (5, 0));
        let status = manager(&host).1.status().await;
        assert_eq!(
            (status[&host_named("old")].failure_count, status[&host_named("old")].total_calls),
            (1, 1)
        );
    });
}

#[test]
fn what_is_to_be_remembered_stays_however_old() {
    in_virtual_time(|host| async move {
        one_run(&host, "open", &[Verdict::Failure; 3]).await;
        let (process, by_hand) = manager(&host);
        by_hand.hold(host_named("held").as_str(), vps_breaker::Hold::Closed, None, None, None).await.unwrap();
        process.exit();
        host.process().env().sleep(minutes(60)).await;
        one_run(&host, "new", &[Verdict::Success]).await;
        for name in ["open", "held"] {
            assert!(kept(&host, name).contains(&"circuit".to_owned()), "{name}");
        }
    });
}

#[test]
fn after_a_reset_of_everything_only_what_a_living_process_holds_stays() {
    in_virtual_time(|host| async move {
        one_run(&host, "ended", &[Verdict::Failure; 3]).await;
        let (killed, its) = manager(&host);
        call(&its, "killed", Verdict::Failure).await;
        killed.crash();
        let (_alive, others) = manager(&host);
        let in_flight = others.circuit(&host_named("alive")).enter().await.unwrap();
        let (_resetting, resets) = manager(&host);
        let own = resets.circuit(&host_named("own")).enter().await.unwrap();
        resets.reset_all().await.unwrap();
        for name in ["ended", "killed"] {
            assert_eq!(kept(&host, name), [""; 0], "{name}");
        }
        for name in ["alive", "own"] {
            assert!(kept(&host, name).contains(&"used".to_owned()), "{name}");
        }
        assert!(manager(&host).1.status().await.keys().all(|name| !name.is_host()), "none is told of");
        // What was under way counts in the record that stayed.
        let _ = in_flight.settle(Verdict::Failure).await;
        let _ = own.settle(Verdict::Failure).await;
        let seen = manager(&host).1.status().await;
        for name in ["alive", "own"] {
            assert_eq!(seen[&host_named(name)].failure_count, 1, "{name}");
        }
    });
}

#[test]
fn who_only_looked_sees_a_record_go_and_counts_with_the_next_one() {
    in_virtual_time(|host| async move {
        one_run(&host, "down", &[Verdict::Failure; 3]).await;
        let (_watching, watcher) = manager(&host);
        let circuit = watcher.circuit(&host_named("down"));
        assert!(circuit.peek().await.is_err());
        let (resetting, resets) = manager(&host);
        resets.reset_all().await.unwrap();
        resetting.exit();
        assert_eq!(kept(&host, "down"), [""; 0]);
        host.process().env().sleep(Duration::from_millis(200)).await;
        assert!(circuit.peek().await.is_ok(), "it is still refused");
        // Two of others and one of its own are three, though it once knew a later generation.
        one_run(&host, "down", &[Verdict::Failure; 2]).await;
        call(&watcher, "down", Verdict::Failure).await;
        let status = manager(&host).1.status().await;
        assert_eq!(status[&host_named("down")].state, State::Open);
    });
}

/// A manager whose store does one job at a time, when it is told to.
fn queued(process: &Process, store: &MemoryStore) -> (CircuitBreakerManager, impl Fn() -> bool + use<>) {
    let queue: Arc<Mutex<VecDeque<Job>>> = Arc::default();
    let (behind, store) = (Arc::clone(&queue), store.clone());
    let handle = StoreHandle::delivered_by(move |job| behind.lock().unwrap().push_back(job));
    let run_one = move || {
        let job = queue.lock().unwrap().pop_front();
        job.map(|job| job(&store)).is_some()
    };
    (over(process.env(), handle), run_one)
}

/// Another process sweeps after so many jobs of one that fails twice, and fails once itself: what is stored then of
/// a host that was last used so long ago. `None` where they ended before.
async fn swept_after(jobs: usize, age: Duration) -> Option<(u32, u64)> {
    let host = Simulation::without_chance(7).host();
    one_run(&host, "shared", &[Verdict::Failure, Verdict::Failure, Verdict::Success]).await;
    host.process().env().sleep(age).await;
    let (process, store) = (host.process(), host.store().clone());
    let (manager, run_one) = queued(&process, &store);
    let (mut done, mut swept) = (0, false);
    for _ in 0..2 {
        let mut calling = pin!(call(&manager, "shared", Verdict::Failure));
        let mut context = Context::from_waker(Waker::noop());
        while calling.as_mut().poll(&mut context).is_pending() {
            if done == jobs {
                one_run(&host, "other", &[Verdict::Success]).await;
                one_run(&host, "shared", &[Verdict::Failure]).await;
                swept = true;
            }
            assert!(run_one(), "it waits for something else");
            done += 1;
        }
    }
    manager.circuit(&host_named("shared")).flush();
    while run_one() {}
    let status = self::manager(&host).1.status().await;
    swept.then(|| (status[&host_named("shared")].failure_count, status[GROUP].total_calls))
}

#[test]
fn a_sweep_between_whichever_jobs_of_another_process_loses_no_failure_and_no_count() {
    in_virtual_time(|_| async {
        let mut jobs = 0;
        while let Some(swept) = swept_after(jobs, minutes(11)).await {
            // As if nothing had been old enough to go.
            assert_eq!(Some(swept), swept_after(jobs, Duration::ZERO).await, "after {jobs} jobs");
            assert!(swept.0 >= 2 && swept.1 == 7, "{swept:?}");
            jobs += 1;
        }
        assert!(jobs >= 4, "{jobs}");
    });
}

#[test]
fn a_host_that_a_hand_was_at_first_is_used_once_it_is_called() {
    in_virtual_time(|host| async move {
        let (_process, manager) = manager(&host);
        manager.reset(host_named("both").as_str()).await.unwrap();
        assert!(!manager.status().await.contains_key(&host_named("both")), "a hand is no use");
        call(&manager, "both", Verdict::Success).await;
        assert!(manager.status().await.contains_key(&host_named("both")));
        manager.flush().await;
        assert!(self::manager(&host).1.status().await.contains_key(&host_named("both")));
    });
}
