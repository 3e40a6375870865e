//! `cargo xtask bench [breaker|retry|pipeline|alone|process|download|git|health|plan]`: tables beside peers, in one run. Ratios travel
//! between machines, times do not: peers run interleaved with ours and the median of the ratios counts.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock itself and starts what it measures"
)]

mod allocations;
mod alone;
mod breaker;
mod counted;
mod download;
mod git;
mod health;
mod instructions;
mod interleaved;
mod memory;
mod peers;
mod pipeline;
mod plan;
mod plan_downloads;
mod process;
mod retry;
mod table;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = args.as_slice()
        && flag == "--count"
    {
        counted::run(name);
        return;
    }
    if let [flag, port] = args.as_slice()
        && flag == health::bare::FLAG
    {
        health::bare::run(port);
        return;
    }
    let wanted = |row: &str| args.is_empty() || args.iter().any(|arg| arg == row);
    if wanted("breaker") {
        breaker::print();
    }
    if wanted("retry") {
        retry::print();
    }
    if wanted("pipeline") {
        pipeline::print();
    }
    if wanted("alone") {
        alone::print();
    }
    if wanted("process") {
        process::print();
    }
    if wanted("download") {
        download::print();
    }
    if wanted("git") {
        git::print();
    }
    if wanted("health") {
        health::print();
    }
    if wanted("plan") {
        plan::print();
    }
}
