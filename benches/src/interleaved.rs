//! Times of two things that take turns.

use std::time::{Duration, Instant};

const ROUNDS: usize = 41;

fn time(work: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The median of `ours / theirs`, and of ours in nanoseconds a call where each does `calls` of them.
pub(crate) fn ratio(calls: u32, ours: &mut dyn FnMut(), theirs: &mut dyn FnMut()) -> (f64, f64) {
    let (mut ratios, mut times) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (a, b) = if round % 2 == 0 {
            let a = time(ours);
            (a, time(theirs))
        } else {
            let b = time(theirs);
            (time(ours), b)
        };
        ratios.push(a.as_secs_f64() / b.as_secs_f64());
        times.push(a.as_secs_f64() * 1e9 / f64::from(calls));
    }
    (median(&mut ratios), median(&mut times))
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
