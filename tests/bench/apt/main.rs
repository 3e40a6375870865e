//! `cargo xtask bench apt`: 30 packages of 3 MiB, installed by apt-get and by the release binary in turn,
//! each in a fresh root, from one mirror behind a link with a delay and a rate.
//!
//! Ratios of pairs are what counts: the two of a pair run one after the other, so that what else the
//! machine does meets both.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures real time, and a panic says why it cannot"
)]

mod check;
mod condition;
mod link;
mod mirror;
mod repository;
mod round;
mod table;
mod traffic;

use std::path::PathBuf;

use condition::CONDITIONS;
use link::{Link, Shape};
use mirror::Mirror;
use tests::apt::AptLab;

fn main() {
    // `cargo test --benches` and the like: this is nothing to be run in passing.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if wanted.first().is_none_or(|first| first != "apt") {
        println!("skipped: run `cargo xtask bench apt`");
        return;
    }
    println!("\n### apt: {} packages of {} MiB", repository::PACKAGES, repository::BYTES >> 20);
    let Some(program) = release_binary() else {
        println!("\nskipped: no release binary beside this; run `cargo xtask bench apt`");
        return;
    };
    let Some(lab) = AptLab::start_with(&program) else { return };
    versions(&lab);
    drop(lab);
    let folder = tempfile::tempdir().unwrap();
    repository::build(folder.path());
    let mirror = Mirror::of(folder.path());
    let link = Link::to(mirror.address());
    let rows = CONDITIONS
        .iter()
        .filter(|condition| wanted.len() == 1 || wanted[1..].iter().any(|name| name == condition.name));
    let bench = round::Bench { program, mirror, link };
    table::head();
    let mut links = Vec::new();
    for condition in rows {
        if let Some(shape) = condition.shape {
            links.push(table::link(condition, &checked(&bench.link, shape)));
        }
        let pairs: Vec<_> =
            (0..condition.rounds).filter_map(|number| bench.pair(condition, number)).collect();
        table::row(condition, &pairs);
    }
    table::links(&links);
}

fn checked(link: &Link, shape: Shape) -> check::Measured {
    let measured = check::measure(link, shape, "/pool/bench-01_1.0_all.deb", "/dists/stable/Release");
    link.traffic.take();
    measured
}

fn versions(lab: &AptLab) {
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    println!(
        "\n{}, {}",
        first(lab.must(&["apt-get", "--version"])),
        first(lab.must(&["vps-configurator", "--version"]))
    );
    println!("nala, apt-fast: skipped, the lab's root has neither Python nor aria2");
}

/// `TARGET/release/vps-configurator`, where this is `TARGET/debug/deps/apt-...`.
fn release_binary() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let beside = own.ancestors().nth(3)?.join("release/vps-configurator");
    beside.is_file().then_some(beside)
}
