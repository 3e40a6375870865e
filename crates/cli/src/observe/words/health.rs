//! Health in words: the same for the terminal, the dashboard and the page.

#[cfg(feature = "tui")]
pub(crate) mod dashboard;
mod running;
mod times;

use vps_health::{
    Connection, Disagreement, Family, Headline, Level, Phase, Progress, Quantile, QuantileKind, Reason,
    Status,
};
use vps_ops::State;
use vps_ops::circuit::CircuitStatus;
use vps_ops::watch::{Board, Changed, LoggedChange, Row};

pub(crate) use running::running;
pub(crate) use times::{clock, moment, seconds_of, short};
use times::{long, millis, seconds, whole};

/// A status as it is shown: in capitals, which no other word here is in.
pub(crate) const fn status(status: Status) -> &'static str {
    match status {
        Status::Healthy => "HEALTHY",
        Status::Degraded => "DEGRADED",
        Status::Unhealthy => "UNHEALTHY",
        Status::Unknown => "UNKNOWN",
    }
}

/// A row's status, or that nobody looks there.
pub(crate) const fn status_of(row: &Row) -> &'static str {
    if row.is_probed { status(row.status) } else { "not probed" }
}

/// The sentence that comes first: how many are bad, and is it me.
pub(crate) fn sentence(headline: &Headline) -> String {
    let total = headline.summary.total;
    let services = if total == 1 { "service" } else { "services" };
    if headline.connection == Connection::Offline {
        return format!("this machine seems offline; {total} {services} not judged");
    }
    let summary = &headline.summary;
    if total == 0 {
        return "no service is looked at".to_owned();
    }
    if summary.bad() == 0 && summary.unknown == 0 {
        return if total == 1 {
            "the 1 service is HEALTHY".to_owned()
        } else {
            format!("all {total} services are HEALTHY")
        };
    }
    if summary.bad() == 0 {
        return format!("{} of {total} {services} UNKNOWN, {} HEALTHY", summary.unknown, summary.healthy);
    }
    let (worst, count) = if summary.unhealthy > 0 {
        (Status::Unhealthy, summary.unhealthy)
    } else {
        (Status::Degraded, summary.degraded)
    };
    let named: Vec<&str> = headline.worst.iter().take(3).map(String::as_str).collect();
    let more = if headline.worst.len() > named.len() { " and others" } else { "" };
    format!("{count} of {total} {services} {}: {}{more}", status(worst), named.join(", "))
}

/// The numbers behind the sentence: `1 UNHEALTHY, 1 DEGRADED, 2 HEALTHY`.
#[cfg(any(test, feature = "tui"))]
pub(crate) fn counts(headline: &Headline) -> String {
    let summary = &headline.summary;
    let all = [
        (summary.unhealthy, Status::Unhealthy),
        (summary.degraded, Status::Degraded),
        (summary.unknown, Status::Unknown),
        (summary.healthy, Status::Healthy),
    ];
    let some: Vec<String> = all
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, of)| format!("{count} {}", status(*of)))
        .collect();
    if some.is_empty() { "no service is looked at".to_owned() } else { some.join(", ") }
}

/// What is known of this machine itself: `online, v4 v6, resolver 3 ms`.
pub(crate) fn this_machine(board: &Board) -> String {
    let mut text = match board.connection {
        Connection::Online => "online",
        Connection::Undecided => "online or not, being found out",
        Connection::Offline => "seems offline",
    }
    .to_owned();
    let (v4, v6) = board.families;
    for (answered, family) in [(v4, " v4"), (v6, " v6")] {
        if answered {
            text.push_str(if text.ends_with(" v4") { "" } else { "," });
            text.push_str(family);
        }
    }
    if let Some(took) = board.resolver {
        text.push_str(", resolver ");
        text.push_str(&millis(took));
    }
    text
}

/// What is known of a connection, for programs.
pub(crate) const fn connection(connection: Connection) -> &'static str {
    match connection {
        Connection::Online => "online",
        Connection::Undecided => "undecided",
        Connection::Offline => "offline",
    }
}

/// How a quantile was found, for programs.
pub(crate) const fn quantile_kind(kind: QuantileKind) -> &'static str {
    match kind {
        QuantileKind::Exact => "exact",
        QuantileKind::AtMost => "at_most",
        QuantileKind::Max => "max",
    }
}

/// A family of addresses, for programs.
pub(crate) const fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    }
}

/// What a part of a look is called.
pub(super) const fn part(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "resolver",
        Phase::Connect => "connecting",
        Phase::Tls => "TLS",
        Phase::Wait => "server",
    }
}

const fn while_doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "while resolving",
        Phase::Connect => "while connecting",
        Phase::Tls => "in the TLS handshake",
        Phase::Wait => "while waiting for an answer",
    }
}

/// Why a look was as good as it was.
pub(crate) fn reason(reason: &Reason) -> String {
    let plain = match *reason {
        Reason::Answered => "answered in time",
        Reason::Slow { phase: Some(phase), part: took, took: all } => {
            return format!("slow, {} {} of {}", part(phase), seconds(took), seconds(all));
        }
        Reason::Slow { took, .. } => return format!("slow, {}", seconds(took)),
        Reason::Throttled { status, retry_after: Some(wait) } => {
            return format!("throttled, answered {status}; asks to be left alone for {}", short(wait));
        }
        Reason::Throttled { status, retry_after: None } => return format!("throttled, answered {status}"),
        Reason::Partly { bad, of } => return format!("{bad} of {of} targets bad"),
        Reason::Status { status } => return format!("answered {status}"),
        Reason::Unexpected { status } => return format!("answered {status}, which is not expected"),
        Reason::Refused => "connection refused",
        Reason::Unreachable => "host unreachable",
        Reason::TimedOut { phase, after } => {
            return format!("timed out after {} {}", short(after), while_doing(phase));
        }
        Reason::Reset => "connection reset",
        Reason::Cut => "connection closed before an answer",
        Reason::Garbled => "the answer is not HTTP",
        Reason::NoSuchName => "no such name",
        Reason::ResolverSilent => "the resolver does not answer for this name",
        Reason::CertificateExpired { ago } => return format!("certificate expired {} ago", long(ago)),
        Reason::CertificateNotYetValid { starts_in } => {
            return format!("certificate not valid for another {}", long(starts_in));
        }
        Reason::CertificateWrongName => "certificate is for another name",
        Reason::CertificateUnknownIssuer => "certificate of an unknown issuer",
        Reason::CertificateRevoked => "certificate was revoked",
        Reason::CertificateInvalid => "certificate not acceptable",
        Reason::TlsFailed => "TLS handshake failed",
        Reason::NoRoute => "this machine has no route",
        Reason::NoDescriptors => "this machine could not open a connection",
        Reason::NoResolver => "no resolver of this machine answers",
        Reason::ProxyWantsCredentials => "the proxy wants a user and a password",
        Reason::ProxyDead => "the proxy does not answer",
        Reason::ProxyRefused { status } => return format!("the proxy answered {status}"),
        Reason::Portal => "a network to log in to answers for everybody",
        Reason::ClockBehind { by } => return format!("this machine's clock is {} behind", long(by)),
        Reason::Cancelled => "stopped",
        Reason::NoRoots => "this machine's trusted certificates cannot be read",
        Reason::ProxyUnusable => "what is set as a proxy is none",
        _ => "for a reason that this version has no words for",
    };
    plain.to_owned()
}

/// `failing 1/3`, on the way to a worse or a better status.
pub(crate) fn progress(progress: &Progress) -> String {
    let word = match progress.toward {
        Level::Unhealthy => "failing",
        Level::Degraded => "degrading",
        Level::Healthy => "recovering",
    };
    format!("{word} {}/{}", progress.count, progress.needed)
}

/// How calls and probes contradict each other.
pub(crate) const fn disagreement(what: Disagreement) -> &'static str {
    match what {
        Disagreement::CallsWorkProbeFails => "calls work, probe refused",
        Disagreement::AnswersButCallsFail => "answers, but calls fail",
    }
}

/// The line below a row as it is at `wall`: since when, why, how far. Nothing where all is well.
pub(crate) fn detail(row: &Row, wall: f64) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(what) = row.disagreement {
        parts.push(disagreement(what).to_owned());
    }
    let is_bad = matches!(row.damped, Status::Degraded | Status::Unhealthy);
    if is_bad && let Some(why) = &row.reason {
        let since = row.since.map(|since| format!("since {}: ", moment(since, wall))).unwrap_or_default();
        parts.push(format!("{since}{}", reason(why)));
    }
    if let Some(how_far) = &row.progress {
        let last = row.last.as_ref().filter(|_| !is_bad).map(|last| reason(&last.reason));
        let last = last.map(|why| format!(": {why}")).unwrap_or_default();
        parts.push(format!("{}{last}", progress(how_far)));
    } else if !is_bad && let Some(last) = row.last.as_ref().filter(|last| last.level.is_none()) {
        parts.push(format!("not judged: {}", reason(&last.reason)));
    }
    let bad = row.targets.iter().filter(|target| row.bad.contains(&target.name));
    parts.extend(bad.filter_map(|target| {
        target.last.as_ref().map(|last| format!("{}: {}", target.name, reason(&last.reason)))
    }));
    if is_bad && let Some(at) = row.last_good {
        parts.push(format!("last good {}", moment(at, wall)));
    }
    if row.is_stale {
        let age = row.last.as_ref().map(|last| format!(", last looked at {} ago", short(last.ago)));
        parts.push(format!("stale{}", age.unwrap_or_default()));
    }
    if let Some(changes) = row.unstable {
        parts.push(format!("unstable, {changes} changes in an hour"));
    }
    if let Some(certificate) = row.certificate.filter(|_| row.is_certificate_near) {
        parts.push(format!("certificate {}", expiry(&certificate, wall)));
    }
    if row.circuit.is_on_probation {
        parts.push("circuit on probation: the next call decides".to_owned());
    } else if row.circuit.state == State::Open
        && row.circuit.by_hand.is_none()
        && row.last.as_ref().is_some_and(|last| last.is_answer)
    {
        let wait = row.circuit.retry_after.map(|wait| format!("; closes in {} at the earliest", short(wait)));
        parts.push(format!("answers, circuit open{}", wait.unwrap_or_default()));
    }
    if let Some(until) = row.muted_until {
        parts.push(format!("muted until {}", moment(until, wall)));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Until when a certificate is valid: `ends in 12 d`.
pub(crate) fn expiry(certificate: &vps_health::Certificate, wall: f64) -> String {
    match certificate.left(whole(wall)) {
        Some(left) => format!("ends in {}", long(left)),
        None => "is over".to_owned(),
    }
}

/// What the last look said: `0.21s`, `failed`.
pub(crate) fn now(row: &Row) -> String {
    match &row.last {
        Some(last) if last.is_answer => seconds_of(last.took),
        Some(last) if last.level.is_some() => "failed".to_owned(),
        Some(_) => "local".to_owned(),
        None => "-".to_owned(),
    }
}

/// `0.34s`, of a quantile; with `<` where it is only known to be below.
pub(crate) fn quantile(quantile: Option<&Quantile>) -> String {
    let Some(quantile) = quantile else { return "-".to_owned() };
    match quantile.kind {
        // Where there are too few answers, the longest.
        QuantileKind::Exact | QuantileKind::Max => seconds_of(quantile.value),
        QuantileKind::AtMost => format!("<{}", seconds_of(quantile.value)),
    }
}

/// `12%` of the last looks, `-` before the first.
pub(crate) fn lost(row: &Row) -> String {
    if row.lost.asked == 0 { "-".to_owned() } else { format!("{}%", row.lost.percent()) }
}

/// `closed`, `OPEN 41s`, `half-open`, `held open`.
pub(crate) fn circuit(circuit: &CircuitStatus) -> String {
    if let Some(hand) = &circuit.by_hand {
        return format!("held {}", hand.state);
    }
    match (circuit.state, circuit.retry_after) {
        (State::Closed, _) if circuit.is_on_probation => "probation".to_owned(),
        (State::Closed, _) => "closed".to_owned(),
        (State::Open, Some(wait)) => format!("OPEN {}", short(wait)),
        (State::Open, None) => "OPEN".to_owned(),
        (State::HalfOpen, _) => "half-open".to_owned(),
    }
}

/// One change, without its time.
pub(crate) fn change(change: &LoggedChange) -> String {
    match &change.what {
        Changed::Status { service, from, to, reason: why, .. } => {
            format!("{service} {} -> {}, {}", status(*from), status(*to), reason(why))
        }
        Changed::Circuit { service, from, to, why } => {
            let why = if why.is_empty() { String::new() } else { format!(", {why}") };
            format!("{service} circuit {} -> {}{why}", state(*from), state(*to))
        }
        Changed::Machine { to: Connection::Offline, .. } => "this machine seems offline".to_owned(),
        Changed::Machine { .. } => "this machine is online again".to_owned(),
        _ => "something that this version has no words for".to_owned(),
    }
}

const fn state(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half-open",
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
