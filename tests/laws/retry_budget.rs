//! The budget: exact under threads, and given back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use proptest::prelude::*;
use vps_retry::{Budget, BudgetPolicy};

use crate::runner;

#[test]
fn it_is_a_number_between_nothing_and_its_most() {
    let steps = prop::collection::vec(0_u8..3, 0..600);
    let size = prop_oneof![Just((10, 200, 100)), (0_u32..20, 0_u32..3_000, 20_u32..120)];
    runner(500)
        .run(&(size, steps), |((start, deposit, max), steps)| {
            let policy = BudgetPolicy::new().with_start(start).with_deposit(deposit).with_max(max);
            prop_assert!(policy.check().is_ok());
            let budget = Budget::with(policy);
            let mut model: u32 = start * 1_000;
            for step in steps {
                match step {
                    0 => {
                        budget.deposit();
                        model = (model + deposit).min(max * 1_000);
                    }
                    1 => {
                        let got = budget.withdraw();
                        prop_assert_eq!(got.is_some(), model >= 1_000);
                        if let Some(token) = got {
                            token.spend();
                            model -= 1_000;
                        }
                    }
                    // Taken and given back.
                    _ => drop(budget.withdraw()),
                }
                prop_assert_eq!(budget.thousandths(), model);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_usual_one_is_ten_a_fifth_and_a_hundred() {
    let (usual, budget) = (BudgetPolicy::new(), Budget::new());
    assert_eq!((usual.start(), usual.deposit(), usual.max()), (10, 200, 100));
    assert_eq!(budget.thousandths(), 10_000);
    budget.deposit();
    assert_eq!(budget.thousandths(), 10_200);
    for _ in 0..1_000 {
        budget.deposit();
    }
    assert_eq!(budget.thousandths(), 100_000);
}

#[test]
fn numbers_that_make_no_sense_are_named_and_harmless() {
    for (policy, key) in [
        (BudgetPolicy::new().with_max(0), "max"),
        (BudgetPolicy::new().with_max(u32::MAX), "max"),
        (BudgetPolicy::new().with_start(101), "start"),
        (BudgetPolicy::new().with_deposit(u32::MAX), "deposit"),
    ] {
        assert_eq!(policy.check().unwrap_err().key, key);
        let budget = Budget::with(policy);
        budget.deposit();
        assert!(budget.thousandths() <= policy.max().saturating_mul(1_000), "{policy:?}");
    }
}

#[test]
fn threads_never_overdraw_it() {
    for _ in 0..50 {
        let budget = Budget::new();
        let taken = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        if let Some(token) = budget.withdraw() {
                            token.spend();
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 10);
        assert_eq!(budget.thousandths(), 0);
    }
}

#[test]
fn nothing_is_lost_or_made_between_threads() {
    for _ in 0..20 {
        let (budget, spent) = (Budget::new(), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for call in 0..100 {
                        budget.deposit();
                        match budget.withdraw() {
                            Some(token) if call % 3 == 0 => {
                                token.spend();
                                spent.fetch_add(1, Ordering::Relaxed);
                            }
                            other => drop(other),
                        }
                    }
                });
            }
        });
        // 400 calls earn 80 retries, and the limit of 100 is out of reach.
        assert_eq!(budget.thousandths(), 10_000 + 400 * 200 - 1_000 * spent.into_inner());
    }
}
