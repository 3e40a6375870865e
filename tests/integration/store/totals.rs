//! Totals that several processes add to, in one store.

use std::path::Path;
use std::process::Child;
use std::time::Instant;

use tests::wait_until;
use vps_ops::NetworkOperationWrapper;
use vps_ops::settings::{Options, Settings};
use vps_ops::totals::{LISTED, OTHERS, Outcome, TotalsSnapshot};

use crate::child;
use crate::lab::{Lab, network, wait};

async fn call(network: &NetworkOperationWrapper, service: &str) {
    let options = Options::new();
    let work = |_| async { Ok::<_, std::convert::Infallible>(()) };
    network.execute_with_retry(service, "x", &options, work).await.unwrap();
}

/// The child's part: so many operations for one service, and as many for a host each; 0 is one, and no writing by hand.
#[expect(clippy::print_stdout, reason = "the test waits for it")]
pub(crate) fn operate(folder: &Path, times: u32) {
    wait(async {
        let network = network(folder, &Settings::default());
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
    let network = network(lab.path(), &Settings::default());
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
    if !tests::is_slow() {
        tests::skip("takes long; run `cargo xtask test --slow`");
        return;
    }
    let lab = Lab::new();
    let mut child = child::start("operate 0", lab.path());
    child::wait_for(&mut child, "counted");
    let (counted, reader) = (Instant::now(), network(lab.path(), &Settings::default()));
    wait_until("its count in the store", || {
        let totals = wait(reader.totals().snapshot()).ok()?;
        (successes(&totals, "github") > 0).then_some(())
    });
    let took = counted.elapsed().as_secs();
    assert!((8..13).contains(&took), "{took} s");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(successes(&totals(&lab), "github"), 1);
}
