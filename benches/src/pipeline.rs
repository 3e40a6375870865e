//! What the whole pipeline costs around an operation that succeeds at once.

use std::convert::Infallible;
use std::time::Instant;

use vps_ops::NetworkOperationWrapper;
use vps_ops::settings::{Options, Settings};

use crate::allocations;
use crate::interleaved::median;
use crate::table::{head, row};

const CALLS: u32 = 2_000;

pub(crate) fn print() {
    head("pipeline, memory store");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap()).build();
    let options = Options::new();
    let work = || {
        runtime.block_on(async {
            for _ in 0..CALLS {
                network
                    .execute_with_retry("github", "x", &options, |_| async { Ok::<(), Infallible>(()) })
                    .await
                    .unwrap();
            }
        });
    };
    work();
    let mut times: Vec<f64> = (0..31)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
        })
        .collect();
    let micros = median(&mut times);
    row("an operation, all layers", &format!("{micros:.2} us here"), "<= 5 us", micros <= 5.0);
    let made = allocations::of(work) as f64 / f64::from(CALLS);
    row("allocations an operation", &format!("{made:.1}"), "<= 2", made <= 2.0);
}
