//! What looking at many services costs: `serve` with 1,000 of them on loopback beside a loop of curl that asks the same.
//!
//! Both ask each service once in 30 s, at the same time and of the same server, so that a slow machine is slow for both.

pub(crate) mod bare;
mod dashboard;
mod page;
mod secured;
mod served;
mod usage;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::download::binary;
use crate::instructions;
use crate::table::{head, note, row};

use served::Served;
use usage::Usage;

/// Services that are looked at.
const SERVICES: usize = 1_000;
/// How often each is.
const INTERVAL: Duration = Duration::from_secs(30);
/// Figures are of so long: each service is looked at twice.
const MEASURED: Duration = Duration::from_secs(60);

pub(crate) fn print() {
    let Some(binary) = binary() else {
        println!("\nno release binary: run `cargo xtask bench health`");
        return;
    };
    let folder = std::env::temp_dir().join(format!("vps-bench-health-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    head(&format!("health: {SERVICES} services over plain http at {} s", INTERVAL.as_secs()));
    for (name, what) in [
        ("a_look_taken_in", "a look, judged and taken into status and history"),
        ("a_quantile_shown", "a p95 of 120 looks"),
        ("an_uptime_shown", "uptime of 90 days"),
    ] {
        note(what, &instructions::shown(name).0);
    }
    let asked = page::serve();
    let config = config(&folder, asked);
    match Served::start(&binary, &config, SERVICES, &[]) {
        Ok(served) => {
            beside_curl(&served, asked);
            answers(&served);
            dashboard::print(&binary, &config, &format!("{SERVICES} services that `serve` looks at"));
            // Ends it, so that the next one looks for itself.
            drop(served);
        }
        Err(error) => note("`serve`", &error.to_string()),
    }
    secured::print(&binary, &folder);
    dashboard::print(&binary, &few(&folder, asked), "10 services that it looks at itself");
    let _ = std::fs::remove_dir_all(&folder);
}

/// One of loopback for each service.
fn address(number: usize) -> String {
    format!("127.0.{}.{}", number / 250, number % 250 + 1)
}

/// A configuration with services at `port`, written into `folder`.
fn written(folder: &Path, name: &str, scheme: &str, port: u16, services: usize) -> PathBuf {
    let names: Vec<String> = (0..services).map(|number| format!("\"s{number}\"")).collect();
    let probes: Vec<String> = (0..services)
        .map(|number| {
            let host = if scheme == "https" { address(number) } else { address(0) };
            format!("\"s{number}\": {{\"probe\": {{\"url\": \"{scheme}://{host}:{port}/{number}\"}}}}")
        })
        .collect();
    let text = format!(
        "{{\"performance\": {{\"health_checks\": {{\"interval\": \"{}s\", \"services\": [{}]}}, \"services\": {{{}}}}}, \
         \"state\": {{\"dir\": \"{}\"}}}}\n",
        INTERVAL.as_secs(),
        names.join(", "),
        probes.join(", "),
        folder.join(name).display(),
    );
    let path = folder.join(format!("{name}.yaml"));
    std::fs::write(&path, text).unwrap();
    path
}

fn config(folder: &Path, port: u16) -> PathBuf {
    written(folder, "many", "http", port, SERVICES)
}

fn few(folder: &Path, port: u16) -> PathBuf {
    written(folder, "few", "http", port, 10)
}

/// CPU and memory of `serve` while it looks at each service twice, and CPU of curl, which is started for each.
fn beside_curl(served: &Served, port: u16) {
    let bare = bare::start(port);
    let bare_pid = bare.as_ref().map_or(0, std::process::Child::id);
    let before = (Usage::of(served.pid()), Usage::children(), Usage::of(bare_pid));
    let began = Instant::now();
    let has_curl = curls(port, began);
    while began.elapsed() < MEASURED {
        std::thread::sleep(MEASURED.saturating_sub(began.elapsed()));
    }
    let seconds = began.elapsed().as_secs_f64();
    let (after, curl) = (Usage::of(served.pid()), Usage::children() - before.1);
    let (cpu, bare_cpu) = (after.seconds - before.0.seconds, Usage::of(bare_pid).seconds - before.2.seconds);
    if let Ok(mut bare) = bare {
        let _ = bare.kill();
        let _ = bare.wait();
    }
    let percent = 100.0 * cpu / seconds;
    row("`serve`, CPU of a core", &format!("{percent:.2} % here"), "<= 0.3 %", percent <= 0.3);
    // What was planned with: 27 us for a bare look, 0.3 % of a core for a thousand of ours each 30 s.
    let ratio = cpu / bare_cpu;
    row("CPU beside bare sockets that ask the same", &format!("{ratio:.2}x"), "<= 3.3x", ratio <= 3.3);
    let percent = 100.0 * bare_cpu / seconds;
    note("bare sockets, CPU of a core: the least there can be", &format!("{percent:.2} % here"));
    let each = 1e6 * cpu / (SERVICES as f64 * seconds / INTERVAL.as_secs_f64());
    note("the same for each look, all that goes with it included", &format!("{each:.0} us here"));
    if has_curl {
        let ratio = cpu / curl;
        row("CPU beside `curl -sI` for each look", &format!("{ratio:.3}x"), "<= 0.1x", ratio <= 0.1);
    } else {
        note("CPU beside `curl -sI` for each look", "curl is not installed");
    }
    let mebibytes = after.resident as f64 / (1 << 20) as f64;
    row("`serve`, resident memory", &format!("{mebibytes:.1} MiB"), "<= 32 MiB", mebibytes <= 32.0);
}

/// Asks each service as often as `serve` does, spread as evenly, for as long as is measured. `false` without curl.
fn curls(port: u16, began: Instant) -> bool {
    let rounds = MEASURED.as_secs() / INTERVAL.as_secs();
    for (number, at) in (0..rounds).flat_map(|_| 0..SERVICES).zip(0_u32..) {
        let due = INTERVAL / u32::try_from(SERVICES).unwrap() * at;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let url = format!("http://127.0.0.1:{port}/{number}");
        let ended = Command::new("curl")
            .args(["-sI", &url])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if ended.is_err() {
            return false;
        }
    }
    true
}

/// How long it takes to be told of all services, and that there is nothing new.
fn answers(served: &Served) {
    match served.all() {
        Some((millis, bytes)) => row(
            "`GET /api/status`, all of it, each time anew",
            &format!("{millis:.1} ms here, {:.2} MB", bytes as f64 / 1e6),
            "<= 5 ms",
            millis <= 5.0,
        ),
        None => note("`GET /api/status`", "it was not answered"),
    }
    match served.nothing_new() {
        Some(millis) => note("the same where nothing is new (304)", &format!("{millis:.2} ms here")),
        None => note("the same where nothing is new (304)", "it was not answered"),
    }
}
