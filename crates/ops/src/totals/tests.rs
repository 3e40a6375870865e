use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use vps_retry::{Class, Classify, Judgement, Kind};

use super::*;
use crate::NetworkOperationWrapper;
use crate::hint::Advise;
use crate::service::ServiceName;
use crate::settings::{Options, Settings};
use crate::store::{MemoryStore, Opened};
use crate::testing::sim::Simulation;
use crate::testing::{Access, GuardedStore};

#[derive(Debug, thiserror::Error)]
#[error("failed")]
struct Failed(Kind);

impl Classify for Failed {
    fn judge(&self) -> Judgement {
        Judgement::of(Class::Transient).kind(self.0)
    }
}

impl Advise for Failed {}

fn network_over(store: StoreHandle) -> NetworkOperationWrapper {
    let env = Simulation::without_chance(7).host().process().env();
    let settings = serde_json::json!({"performance": {"services": {"own": {"hosts": ["own.example.com"]}}}});
    let settings: Settings = serde_json::from_value(settings).unwrap();
    NetworkOperationWrapper::builder(settings.check().unwrap()).env(env).store(store).build()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test)
}

async fn call(network: &NetworkOperationWrapper, service: &str, ends: Result<(), Kind>) {
    let work = |_attempt| async move { ends.map_err(Failed) };
    let _ = network.execute_with_retry(service, "x", &Options::new(), work).await;
}

#[test]
fn an_outage_is_counted_from_the_first_attempt_to_the_refusal() {
    run(async {
        let network = network_over(StoreHandle::in_memory());
        call(&network, "own", Ok(())).await;
        call(&network, "own", Err(Kind::Failed)).await;
        call(&network, "own", Ok(())).await;
        network.close().await;
        let totals = network.totals().snapshot().await.unwrap();
        let own = totals.of("own").unwrap();
        let kind = &own.kinds["execute"];
        assert_eq!(Outcome::ALL.map(|outcome| kind.operations.of(outcome)), [1, 1, 1, 0]);
        assert_eq!(kind.durations.count(), 3);
        assert_eq!(kind.attempts["none"].of(Outcome::Success), 1);
        assert_eq!(kind.attempts["transient"].of(Outcome::Failure), 3);
        assert_eq!(kind.attempt_durations.count(), 4);
        assert_eq!((own.rejected, own.retries_exhausted, own.received_bytes), (1, 1, 0));
        assert!(own.retry_delay() > Duration::from_millis(100), "{:?}", own.retry_delay());
        assert_eq!(own.transitions["closed"]["open"], 1);
        assert_eq!(totals.iter().count(), 1);
    });
}

#[test]
fn time_outs_are_told_apart_and_one_attempt_exhausts_no_retries() {
    run(async {
        let network = network_over(StoreHandle::in_memory());
        let mut options = Options::new();
        options.attempts = Some(std::num::NonZeroU32::MIN);
        let work = |_attempt| async { Err::<(), _>(Failed(Kind::Timeout)) };
        let _ = network.execute_with_retry("own", "x", &options, work).await;
        let totals = network.totals().snapshot().await.unwrap();
        let own = totals.of("own").unwrap();
        assert_eq!(own.kinds["execute"].operations.of(Outcome::Timeout), 1);
        assert_eq!(own.kinds["execute"].attempts["transient"].of(Outcome::Timeout), 1);
        assert_eq!(own.retries_exhausted, 0);
    });
}

#[test]
fn an_operation_that_is_dropped_is_counted_once() {
    run(async {
        let network = network_over(StoreHandle::in_memory());
        {
            let work = |_attempt| std::future::pending::<Result<(), Failed>>();
            let options = Options::new();
            let mut operation = pin!(network.execute_with_retry("own", "x", &options, work));
            let mut polls = Context::from_waker(Waker::noop());
            assert!(matches!(operation.as_mut().poll(&mut polls), Poll::Pending));
        }
        network.close().await;
        network.close().await;
        let totals = network.totals().snapshot().await.unwrap();
        let kind = &totals.of("own").unwrap().kinds["execute"];
        assert_eq!(Outcome::ALL.map(|outcome| kind.operations.of(outcome)), [0, 1, 0, 0]);
        assert_eq!(kind.attempts["cancelled"].of(Outcome::Failure), 1);
        assert_eq!(kind.attempts.len(), 1);
        assert!(network.totals().inner.counting().is_idle());
    });
}

#[test]
fn names_are_bounded_configured_ones_are_always_told_apart_and_nothing_is_lost() {
    run(async {
        let memory = MemoryStore::new();
        let network = network_over(StoreHandle::inline(memory.clone()));
        for number in 0..260 {
            call(&network, ServiceName::external(&format!("{number}.example.com")).as_str(), Ok(())).await;
            if number % 100 == 0 {
                network.close().await;
            }
        }
        call(&network, &"long".repeat(100), Ok(())).await;
        call(&network, "own", Ok(())).await;
        for _ in 0..2 {
            let totals = network.totals().snapshot().await.unwrap();
            let of = |label: &str| totals.of(label).unwrap().kinds["execute"].operations.of(Outcome::Success);
            assert_eq!(totals.iter().count(), LISTED + 2, "the listed, the configured one, all others");
            assert_eq!((of("own"), of(OTHERS), of("external_downloads/0.example.com")), (1, 61, 1));
            assert_eq!(totals.iter().map(|(label, _)| of(label)).sum::<u64>(), 262);
            assert_eq!(totals.label("external_downloads/0.example.com"), "external_downloads/0.example.com");
            assert_eq!(totals.label("external_downloads/new.example.com"), OTHERS);
            assert_eq!(totals.label("github"), "github");
            // The same from the store alone.
            network.close().await;
        }
        // Who has another configuration is not told of services that are only in ours.
        let totals =
            Totals::new(network.env().clone(), StoreHandle::inline(memory), ServiceTable::without_hosts());
        assert!(totals.snapshot().await.unwrap().of("own").is_none());
    });
}

/// A store that fails to take totals as often as it is told.
fn failing(store: &MemoryStore, times: u32) -> StoreHandle {
    let left = AtomicU32::new(times);
    let guard = move |access: Access<'_>| match access {
        Access::Write(keys) if keys.iter().any(|key| key.starts_with("metrics/")) => {
            let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            taken.map_or(Ok(()), |_| Err(StoreError::Busy))
        }
        _ => Ok(()),
    };
    StoreHandle::inline(GuardedStore { store: store.clone(), guard })
}

#[test]
fn what_the_store_did_not_take_is_written_the_next_time_and_once() {
    run(async {
        let memory = MemoryStore::new();
        let network = network_over(failing(&memory, 2));
        for _ in 0..3 {
            call(&network, "own", Ok(())).await;
            network.close().await;
        }
        network.close().await;
        let other = network_over(StoreHandle::inline(memory));
        let totals = other.totals().snapshot().await.unwrap();
        assert_eq!(totals.of("own").unwrap().kinds["execute"].operations.of(Outcome::Success), 3);
    });
}

#[test]
fn what_is_on_its_way_to_the_store_is_not_there_yet() {
    run(async {
        let network = network_over(StoreHandle::in_memory());
        call(&network, "own", Ok(())).await;
        let (totals, writes) = (network.totals().clone(), AtomicU32::new(0));
        let guard = |_: Access<'_>| {
            writes.fetch_add(1, Ordering::Relaxed);
            assert!(!totals.is_written());
            Ok(())
        };
        totals.inner.write(&GuardedStore { store: MemoryStore::new(), guard });
        assert!(writes.load(Ordering::Relaxed) > 0 && totals.is_written());
    });
}

#[test]
fn what_is_counted_is_written_ten_seconds_later_and_not_before() {
    run(async {
        let memory = MemoryStore::new();
        let network = network_over(StoreHandle::in_memory());
        let inner = &network.totals().inner;
        let mut written = network.env().now();
        call(&network, "own", Ok(())).await;
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(inner.write_if_due(&memory, &mut written), Duration::from_secs(6));
        assert_eq!(memory.list("").unwrap(), []);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(inner.write_if_due(&memory, &mut written), WRITTEN_EVERY);
        assert!(memory.load("metrics/1/service/own").unwrap().is_some());
        assert_eq!(inner.write_if_due(&memory, &mut written), WRITTEN_EVERY);
    });
}

#[test]
fn the_stores_thread_looks_after_totals_until_they_are_gone() {
    run(async {
        let (tell, told) = mpsc::channel();
        let store = StoreHandle::on_thread(|| Opened { store: Box::new(MemoryStore::new()) });
        let mut times = 0;
        store.attend(Box::new(move |_| {
            times += 1;
            tell.send(times).unwrap();
            (times < 3).then_some(Duration::from_millis(1))
        }));
        // Once when it begins, after the job that begins it, and then by itself.
        assert_eq!(told.iter().collect::<Vec<_>>(), [1, 2, 3]);
    });
}
