//! What only the dashboard says.

use std::net::IpAddr;
use std::time::Duration;

use vps_health::{Family, Lost, Phase, Phases, Quantile, QuantileKind, Uptime};
use vps_ops::circuit::CircuitStatus;
use vps_ops::watch::{Board, LastLook, Row, TargetLook};

use super::{family, millis, moment, part, quantile, reason, seconds, seconds_of, short, status};

use crate::observe::words::NOTHING_RESET;

/// Keys, and what they are for: as many as fit, in this order, help always.
pub(crate) const KEYS: [(&str, &str); 8] = [
    ("q", "quit"),
    ("up/dn", "select"),
    ("enter", "details"),
    ("p", "probe"),
    ("r", "reset"),
    ("f", "freeze"),
    ("/", "find"),
    ("?", "help"),
];

/// The same where details are shown.
pub(crate) const KEYS_OF_DETAILS: [(&str, &str); 5] =
    [("q", "quit"), ("esc", "back"), ("up/dn", "scroll"), ("p", "probe"), ("r", "reset")];

/// The same where help is shown.
pub(crate) const KEYS_OF_HELP: [(&str, &str); 2] = [("q", "quit"), ("esc", "back")];

/// The same where a part of a name is typed.
pub(crate) const KEYS_OF_FIND: &str = "enter keep  esc show all";

pub(crate) const NAME: &str = "vps-configurator";

/// Before anything is known.
pub(crate) const STARTING: &str = "starting";

/// That not all are shown.
pub(crate) fn filtered(part: &str) -> String {
    format!("only services with `{part}` in their name; esc shows all")
}

/// All keys, and what the words of the table mean.
pub(crate) const HELP: [&str; 22] = [
    "q, Esc, Ctrl-C     quit; Esc first goes back, or ends a search",
    "up, down, j, k     select a service; PgUp, PgDn, Home and End too",
    "enter              details of the selected service",
    "p                  probe it now, by whichever process looks",
    "r                  reset its circuit: asks first",
    "f                  freeze: the screen stands still until f again",
    "/                  find services by a part of their name",
    "Ctrl-Z             stop; `fg` goes on",
    "",
    "HEALTHY            answers sooner than degraded_after (by default 1 s)",
    "DEGRADED           slow, only partly there, or calls and probes disagree",
    "UNHEALTHY          3 looks in a row failed or took over unhealthy_after (3 s)",
    "UNKNOWN            too few looks so far to tell",
    "stale              no look has said anything of it for two intervals",
    "NOW                how long the last look took, or that it failed",
    "P95                95 of 100 answers came sooner; of fewer than 60, all did",
    "LOST               looks without an answer, of the last 120",
    "UP 24h             how much of the last day it was up",
    "CIRCUIT            whether calls go through",
    "LAST               the last looks: how long each took,",
    "                   x failed, . nothing is known",
    "RUNNING            operations of all processes of this machine",
];

/// Who looks, how often: `looked at every 30s by this process (4242)`.
pub(crate) fn who(board: &Board, us: u32) -> String {
    let every = short(board.interval);
    match board.prober {
        Some(pid) if pid == us => format!("looked at every {every} by this process ({pid})"),
        Some(pid) => format!("looked at every {every} by process {pid}"),
        None => "looked at by nobody".to_owned(),
    }
}

/// When the next look is due.
pub(crate) fn next(board: &Board) -> Option<String> {
    let wait = board.next_in?;
    Some(match wait.is_zero() {
        true => "next probe now".to_owned(),
        false => format!("next probe {}", moment(board.at + wait.as_secs_f64(), board.at)),
    })
}

/// How old what is shown is: when it was found, or that it is too old.
pub(crate) fn age(board: &Board) -> String {
    let looks = board.rows.iter().filter(|row| row.is_probed).filter_map(|row| row.last.as_ref());
    let Some(age) = looks.map(|last| last.ago).min() else { return "nothing looked at yet".to_owned() };
    if age > board.interval * 2 {
        return format!("stale, {} old", short(age));
    }
    format!("as of {} UTC", moment(board.at - age.as_secs_f64(), board.at))
}

/// How long the screen has stood still.
pub(crate) fn frozen(ago: Duration) -> String {
    format!("FROZEN, {} old", short(ago))
}

/// Rows that are there and not seen.
pub(crate) fn hidden(above: usize, below: usize) -> Option<String> {
    match (above, below) {
        (0, 0) => None,
        (0, below) => Some(format!("{below} more below")),
        (above, 0) => Some(format!("{above} more above")),
        (above, below) => Some(format!("{above} more above, {below} below")),
    }
}

/// Where nothing is to be listed.
pub(crate) const NO_SERVICES: &str = "no service is configured to be looked at: see health_checks.services";

/// Where none has the name that is looked for.
pub(crate) fn none_found(part: &str) -> String {
    format!("no service has `{part}` in its name; esc shows all")
}

/// What is asked before a circuit is reset.
pub(crate) fn reset_question(service: &str) -> String {
    format!("reset the circuit of {service}? y yes  n no")
}

/// What was reset: itself, and its hosts.
pub(crate) fn was_reset(services: &[String]) -> String {
    match services {
        [] => NOTHING_RESET.to_owned(),
        [one] => format!("reset the circuit of {one}"),
        [one, others @ ..] => format!("reset the circuits of {one} and {} others", others.len()),
    }
}

pub(crate) fn not_reset(service: &str, why: &str) -> String {
    format!("could not reset the circuit of {service}: {why}")
}

pub(crate) fn asked_for(service: &str) -> String {
    format!("{service} is looked at now")
}

pub(crate) fn not_asked_for(service: &str, why: &str) -> String {
    format!("could not have {service} looked at: {why}")
}

/// Why a service without a target cannot be looked at.
pub(crate) fn has_no_target(service: &str) -> String {
    format!("{service} has no target to look at")
}

/// `resolver 3 ms, connecting 12 ms, TLS 40 ms, server 1.20 s`.
pub(crate) fn phases(phases: &Phases) -> Option<String> {
    let took = |took: Duration| if took.as_secs() > 0 { seconds(took) } else { millis(took) };
    let all = Phase::ALL.into_iter().filter_map(|phase| Some((part(phase), phases.get(phase)?)));
    let all: Vec<String> = all.map(|(name, length)| format!("{name} {}", took(length))).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// `1.31s at 22:41:02: slow, server 1.20 s of 1.31 s`.
pub(crate) fn look(last: &LastLook, wall: f64) -> String {
    let when = moment(wall - last.ago.as_secs_f64(), wall);
    format!("{} at {when}: {}", seconds_of(last.took), reason(&last.reason))
}

/// `min 0.20s  p50 0.30s  p95 1.60s  max 2.10s, 12% lost of 120`.
pub(crate) fn spread(row: &Row) -> Option<String> {
    let took = || row.recent.iter().filter_map(|one| one.took);
    // Of too few it is the largest, which is said already.
    let quantile = |name: &str, value: Option<&Quantile>| {
        let value = value.filter(|value| value.kind != QuantileKind::Max);
        value.map(|value| format!("  {name} {}", quantile(Some(value)))).unwrap_or_default()
    };
    let mut text = match (took().min(), took().max()) {
        (Some(min), Some(max)) => format!(
            "min {}{}{}  max {}, ",
            seconds_of(min),
            quantile("p50", row.p50.as_ref()),
            quantile("p95", row.p95.as_ref()),
            seconds_of(max)
        ),
        _ => String::new(),
    };
    let Lost { asked, .. } = row.lost;
    if asked == 0 {
        return None;
    }
    text.push_str(&format!("{}% lost of {asked}", row.lost.percent()));
    Some(text)
}

/// `99.93% of 22h 10m seen`.
pub(crate) fn uptime(uptime: &Uptime) -> String {
    match uptime.hundredths() {
        Some(_) => format!("{uptime} of {} seen", short(uptime.seen)),
        None => "nothing seen".to_owned(),
    }
}

/// What probes alone say.
pub(crate) fn verdict_of_probes(row: &Row, wall: f64) -> String {
    if !row.is_probed {
        return "not probed: it has no target".to_owned();
    }
    let why = row.reason.as_ref().map(|why| format!(", {}", reason(why))).unwrap_or_default();
    let since = row.since.map(|since| format!(" since {}", moment(since, wall))).unwrap_or_default();
    format!("{}{since}{why}", status(row.damped))
}

/// What calls alone say.
pub(crate) fn verdict_of_circuit(circuit: &CircuitStatus, wall: f64) -> String {
    let last = circuit.succeeded_at.map(|at| format!("; last call that worked {}", moment(at, wall)));
    format!("{}: {}{}", super::circuit(circuit), circuit.explanation, last.unwrap_or_default())
}

/// `127.0.0.1 (v4)`.
pub(crate) fn address(target: &TargetLook) -> Option<String> {
    let address = target.address?;
    let of = match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    let proxy = if target.via_proxy { ", via proxy" } else { "" };
    Some(format!("{address} ({}{proxy})", family(of)))
}
