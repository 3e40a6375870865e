//! A plan's steps and ends in words.

use std::time::Duration;

use vps_ops::download::DownloadHint;
use vps_ops::foreign::Foreign;
use vps_ops::plan::run::{Deferral, Outcome, StepError, Would};
use vps_ops::plan::{ActionKind, FileChange, NotShown};
use vps_ops::{Class, Hint};

/// `18.2s`, `1m02s`.
pub(crate) fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1}s", duration.as_secs_f64()),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Why a step is left.
pub(crate) fn deferral(why: &Deferral) -> String {
    match why {
        Deferral::CircuitOpen { service: Some(service), retry_after } => {
            format!("the circuit of {service} is open for another {}s", retry_after.as_secs().max(1))
        }
        Deferral::CircuitOpen { service: None, retry_after } => {
            format!("a circuit is open for another {}s", retry_after.as_secs().max(1))
        }
        Deferral::Offline => "this machine has no network".to_owned(),
        Deferral::OutOfTime => "the time was up".to_owned(),
        Deferral::Needs { by } => format!("needs {by}, which is left"),
        Deferral::NotSelected => "not asked for".to_owned(),
        Deferral::Stopped => "the run was stopped before it was done".to_owned(),
        Deferral::Ended { by } => format!("not begun: {by} is not done, and ends the run"),
        Deferral::NoJournal => {
            "what earlier runs did is not known: the state store cannot be used".to_owned()
        }
        Deferral::Unheard { by } => {
            format!("{by} is done when it changes, and would not hear of it: the state store cannot be used")
        }
        Deferral::Lost { by: None } => "whether it was done was lost with a damaged state store".to_owned(),
        Deferral::Lost { by: Some(by) } => {
            format!("{by} is done when it changes, and is left: whether it is due was lost")
        }
        Deferral::Interrupted => {
            "it was begun and ended in the middle, and it may be done only once".to_owned()
        }
        Deferral::Running { pid } => format!("process {pid}, which an earlier run began, is still at it"),
        Deferral::Parked { failure } => {
            let why = failure.as_ref().map(|failure| format!(": {failure}"));
            format!("failed three times in the same way{}", why.unwrap_or_default())
        }
        Deferral::Poison { runs } => {
            format!("{runs} runs came to their end while they were at it: it may be what ends them")
        }
        _ => "left for a later run".to_owned(),
    }
}

/// What becomes of a step, in a few words.
pub(crate) fn outcome(kind: ActionKind, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Satisfied => "ok".to_owned(),
        Outcome::Done { changed: true, what } => done(kind, what.as_ref()),
        Outcome::Done { changed: false, .. } => "unchanged".to_owned(),
        Outcome::Would(would) => would_be(kind, would),
        Outcome::Skipped => "does not apply here".to_owned(),
        Outcome::Failed(error) => failed(error),
        Outcome::Blocked { by } => format!("not done: it needs {by}"),
        Outcome::Deferred(why) if why.is_given_up() => format!("given up: {}", deferral(why)),
        Outcome::Deferred(why) => format!("left: {}", deferral(why)),
        _ => String::new(),
    }
}

/// What can be done about a failure, where a plan says what flags say elsewhere.
pub(crate) fn hint(hint: &Hint) -> String {
    match hint {
        Hint::WaitForCircuit => "wait for it with `--wait=30m`".to_owned(),
        Hint::AllowMoreTime => "allow more time with `timeout` in the step".to_owned(),
        Hint::Download(DownloadHint::Credentials) => {
            "credentials are taken from `~/.netrc` or `headers` in the step".to_owned()
        }
        Hint::Download(DownloadHint::WriteToStdout) => {
            "`dest` is the file itself: name another one, or take away what stands there".to_owned()
        }
        other => super::hint(other),
    }
}

/// What would be another of a file beside its content: `mode 0600 -> 0644`.
pub(crate) fn attributes(change: &FileChange) -> Vec<String> {
    let number = |name, pair: Option<(u32, u32)>| pair.map(|(from, to)| format!("{name} {from} -> {to}"));
    let mode = change.mode.map(|(from, to)| format!("mode {from:04o} -> {to:04o}"));
    [mode, number("user", change.user), number("group", change.group)].into_iter().flatten().collect()
}

/// Why what would become of a content is not shown.
pub(crate) const fn not_shown(why: NotShown) -> &'static str {
    match why {
        NotShown::Secret => "a secret of the plan is in it",
        NotShown::Private => "only its owner may read it",
        NotShown::Binary => "it is no text",
        NotShown::Long => "it is longer than 256 KiB",
        _ => "it cannot be read",
    }
}

fn done(kind: ActionKind, what: Option<&Foreign>) -> String {
    let verb = match kind {
        ActionKind::Packages => "installed",
        ActionKind::AptRepository => "set up",
        ActionKind::Download => "downloaded",
        ActionKind::Git => "cloned",
        ActionKind::File => "wrote",
        ActionKind::Command => "ran",
        ActionKind::Systemd => "now",
        _ => "done",
    };
    match what {
        Some(what) => format!("{verb} {what}"),
        None => verb.to_owned(),
    }
}

fn would_be(kind: ActionKind, would: &Would) -> String {
    let verb = match kind {
        ActionKind::Packages => "would install",
        ActionKind::AptRepository => "would set up",
        ActionKind::Download => "would download",
        ActionKind::Git => "would clone",
        ActionKind::File => "would write",
        ActionKind::Command => "would run",
        ActionKind::Gate => "would be asked",
        _ => "would change",
    };
    match would {
        Would::Change(Some(what)) => format!("{verb} {what}"),
        Would::Change(None) => verb.to_owned(),
        Would::UnknownUntil(step) => format!("unknown until {step}"),
        _ if kind == ActionKind::Git => "unknown: its server would be asked".to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// What failed, why, and how often it was tried.
fn failed(error: &StepError) -> String {
    let why = error.causes.first().unwrap_or(&error.what);
    let class = if error.class == Class::Permanent { "permanent, " } else { "" };
    match error.attempts {
        0 => why.to_string(),
        1 => format!("{why} ({class}1 attempt)"),
        attempts => format!("{why} ({class}{attempts} attempts)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_long_as_they_need_to_be() {
        let of = |millis| took(Duration::from_millis(millis));
        assert_eq!([of(0), of(18_240), of(62_000), of(3_723_000)], ["0.0s", "18.2s", "1m02s", "1h02m"]);
    }

    #[test]
    fn each_end_has_its_words() {
        let kind = ActionKind::Packages;
        let what = || Some(Foreign::from("curl, jq"));
        let say = |end: &Outcome| outcome(kind, end);
        assert_eq!(say(&Outcome::Done { changed: true, what: what() }), "installed curl, jq");
        assert_eq!(say(&Outcome::Would(Would::Change(what()))), "would install curl, jq");
        assert_eq!(say(&Outcome::Would(Would::Unknown)), "unknown");
        let of_clone = outcome(ActionKind::Git, &Outcome::Would(Would::Unknown));
        assert_eq!(of_clone, "unknown: its server would be asked");
        assert_eq!(say(&Outcome::Blocked { by: "a".parse().unwrap() }), "not done: it needs a");
        let open = Deferral::CircuitOpen {
            service: Some("github".into()),
            retry_after: Duration::from_millis(41_500),
        };
        assert_eq!(say(&Outcome::Deferred(open)), "left: the circuit of github is open for another 41s");
    }
}
