//! Several real processes on one store, some of them killed.

use std::io::Read;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tests::is_slow;
use vps_ops::store::{Store, StoreError};

use crate::child;
use crate::lab::{Lab, number};

fn total(lab: &Lab, key: &str) -> u64 {
    number(lab.open().unwrap().load(key).unwrap().as_deref())
}

fn run(lab: &Lab, processes: u64, times: u64) {
    let mut children: Vec<Child> =
        (0..processes).map(|_| child::start(&format!("count {times}"), lab.path())).collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(total(lab, "count"), processes * times);
    assert_eq!(lab.warnings(), [""; 0]);
}

#[test]
fn two_processes_lose_no_update() {
    run(&Lab::new(), 2, 200);
}

#[test]
fn twenty_processes_lose_no_update() {
    run(&Lab::new(), 20, 20);
}

#[test]
fn eight_processes_may_create_it_at_once() {
    for _ in 0..if is_slow() { 100 } else { 5 } {
        run(&Lab::new(), 8, 1);
    }
}

#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let lab = Lab::new();
    drop(lab.open().unwrap());
    let rounds: u64 = if is_slow() { 2_000 } else { 20 };
    for round in 0..rounds {
        let key = format!("round/{round}");
        let mut child = child::start(&format!("endless {key}"), lab.path());
        child::wait_for(&mut child, &format!("stored {}", 1 + round % 20 * 3));
        child.kill().unwrap();
        let mut rest = String::new();
        child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        child.wait().unwrap();
        let last = rest
            .lines()
            .filter_map(|line| line.strip_prefix("stored "))
            .filter_map(|n| n.parse::<u64>().ok())
            .max();
        let acknowledged = last.unwrap_or(1 + round % 20 * 3);
        let stored = total(&lab, &key);
        assert!(stored >= acknowledged, "{stored} of {acknowledged}");
    }
    assert_eq!(lab.open().unwrap().list("round/").unwrap().len() as u64, rounds);
    assert_eq!(lab.warnings(), [""; 0]);
}

#[test]
fn a_writer_that_is_stopped_inside_its_transaction_holds_nobody_up() {
    let lab = Lab::new();
    let ours = lab.open().unwrap();
    let mut child = child::start("hold key", lab.path());
    child::wait_for(&mut child, "inside");
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    // A reader is not held up at all, nor is who opens it; a writer is told after its limit.
    let took = |act: &mut dyn FnMut()| {
        let started = Instant::now();
        act();
        started.elapsed()
    };
    assert!(took(&mut || assert_eq!(ours.load("key").unwrap(), None)) < Duration::from_secs(1));
    assert!(
        took(&mut || assert_eq!(lab.open().unwrap().load("key").unwrap(), None)) < Duration::from_secs(1)
    );
    for _ in 0..3 {
        let waited = took(&mut || {
            let refused = ours.update("key", &mut |_| Some(vec![1])).unwrap_err();
            assert!(matches!(refused, StoreError::Busy), "{refused}");
        });
        assert!(waited < Duration::from_secs(2), "{waited:?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    ours.update("key", &mut |_| Some(vec![1])).unwrap();
}
