//! Totals that several processes add to, in one store.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use vps_ops::NetworkOperationWrapper;
use vps_ops::env::Env;
use vps_ops::settings::{Options, Settings};
use vps_ops::store::{SqliteStore, StateFolder, StoreHandle};
use vps_ops::totals::{LISTED, OTHERS, Outcome, TotalsSnapshot};

use crate::child;
use crate::lab::Lab;

fn network(folder: &Path) -> NetworkOperationWrapper {
    let env = Env::real();
    let (opened_in, opener) = (StateFolder::at(folder), env.clone());
    let store = StoreHandle::on_thread(move || {
        SqliteStore::open_or_memory(&opened_in, &opener, |_, _, _| None, |_| {})
    });
    NetworkOperationWrapper::builder(Settings::default().check().unwrap()).env(env).store(store).build()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn call(network: &NetworkOperationWrapper, service: &str) {
    let options = Options::new();
    let work = |_| async { Ok::<_, std::convert::Infallible>(()) };
    network.execute_with_retry(service, "x", &options, work).await.unwrap();
}

/// The child's part: so many operations for one service, and as many for a host each; 0 is one, and no writing by hand.
#[expect(clippy::print_stdout, reason = "the test waits for it")]
pub(crate) fn operate(folder: &Path, times: u32) {
    wait(async {
        let network = network(folder);
        if times == 0 {
            call(&network, "github").await;
            println!("counted");
            std::future::pending::<()>().await;
        }
        for number in 0..times {
            call(&network, "github").await;
            call(&network, &format!("external_downloads/{number}.{}.example.com", std::process::id())).await;
            if number % 7 == 0 {
                network.totals().flush();
            }
        }
        // Others may have the store for longer than anybody waits.
        while !network.totals().is_written() {
            network.close().await;
        }
    });
}

fn totals(lab: &Lab) -> TotalsSnapshot {
    let network = network(lab.path());
    wait(async {
        loop {
            if let Ok(totals) = network.totals().snapshot().await {
                return totals;
            }
        }
    })
}

fn successes(totals: &TotalsSnapshot, label: &str) -> u64 {
    let kind = totals.of(label).and_then(|totals| totals.kinds.get("execute"));
    kind.map_or(0, |kind| kind.operations.of(Outcome::Success))
}

#[test]
fn processes_that_count_at_once_lose_nothing_and_count_nothing_twice() {
    const PROCESSES: u64 = 6;
    const TIMES: u64 = 50;
    let lab = Lab::new();
    let started = (0..PROCESSES).map(|_| child::start(&format!("operate {TIMES}"), lab.path()));
    let mut children: Vec<Child> = started.collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let totals = totals(&lab);
    assert_eq!(successes(&totals, "github"), PROCESSES * TIMES);
    assert_eq!(totals.of("github").unwrap().kinds["execute"].durations.count(), PROCESSES * TIMES);
    // Also the names are bounded by all of them together.
    let of_hosts: u64 = totals
        .iter()
        .filter(|(label, _)| *label != "github")
        .map(|(label, _)| successes(&totals, label))
        .sum();
    assert_eq!(of_hosts, PROCESSES * TIMES);
    assert_eq!(totals.iter().count(), LISTED + 2);
    assert_eq!(successes(&totals, OTHERS), PROCESSES * TIMES - LISTED as u64);
}

#[test]
fn what_a_killed_process_counted_more_than_ten_seconds_before_is_kept() {
    if std::env::var("VPS_CONFIGURATOR_SLOW").as_deref() != Ok("1") {
        return;
    }
    let lab = Lab::new();
    let mut child = child::start("operate 0", lab.path());
    child::wait_for(&mut child, "counted");
    let counted = Instant::now();
    while successes(&totals(&lab), "github") == 0 {
        assert!(counted.elapsed() < Duration::from_secs(13), "it is not written in time");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(counted.elapsed() > Duration::from_secs(8), "{:?}", counted.elapsed());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(successes(&totals(&lab), "github"), 1);
}
