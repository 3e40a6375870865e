//! Events as log lines: the seed's text as the message, the same facts as fields.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::{debug, error, info, warn};
use vps_breaker::{Tick, Transition};
use vps_ops::event::{Awaited, Event, EventKind, Observer, OperationId};
use vps_ops::operation::{OperationKind, Role};
use vps_ops::service::ServiceName;
use vps_ops::{Class, Kind, State};

use super::held::{Held, Said, What};
use super::words::{self, Words};
use crate::args::LogFormat;

/// A wait is looked at every second, and worth a line less often.
const WAITING_EVERY: Duration = Duration::from_secs(10);

/// A lock that is looked at this often is soon free, or soon given up: the wait is no news.
const BRIEF: Duration = Duration::from_millis(100);

/// The one observer that logs.
#[derive(Debug)]
pub(super) struct Log {
    words: Words,
    /// Lines that the next event decides about; none for programs, which want each fact by itself.
    held: Option<Held>,
    /// What was said about waiting of late, and when.
    waiting: Mutex<Vec<(Tick, Wait)>>,
}

/// One wait of which one line is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wait {
    /// For a place at a service, whoever of the many it is.
    Place(ServiceName),
    /// Of an operation, for whatever it is.
    Of(OperationId),
}

impl Wait {
    fn of(event: &Event<'_>, what: &Awaited) -> Self {
        match what {
            Awaited::Place { service, .. } => Self::Place(service.clone()),
            _ => Self::Of(event.id),
        }
    }
}

impl Log {
    pub(super) fn new(words: Words, format: LogFormat) -> Self {
        let held = (format == LogFormat::Human).then(Held::default);
        Self { words, held, waiting: Mutex::default() }
    }

    fn attempt_failed(
        &self,
        (operation, service): (&str, Option<&ServiceName>),
        (number, of): (u32, u32),
        class: Class,
        error: &str,
    ) {
        let (service, class) = (service.map(tracing::field::display), tracing::field::display(class));
        let line = self.words.attempt_failed(number, error);
        warn!(operation, service, attempt = number, attempts_max = of, %error, class, "{line}");
    }

    fn circuit_moved((operation, service): (&str, Option<&ServiceName>), transition: &Transition) {
        let (circuit_state, name) = (transition.to.as_str(), service.map(ToString::to_string));
        let (service, name) = (service.map(tracing::field::display), name.unwrap_or_default());
        if transition.to == State::Open {
            warn!(operation, service, circuit_state, "circuit breaker opened: {name} ({})", transition.rule);
        } else {
            info!(operation, service, circuit_state, "circuit breaker {circuit_state}: {name}");
        }
    }

    fn say_held(&self, said: &Said) {
        let (Said::InFull(line) | Said::ByTheError(line)) = said;
        let of = (line.operation, line.service.as_ref());
        match (&line.what, said) {
            (What::Circuit(transition), _) => Self::circuit_moved(of, transition),
            (What::Attempt { number, of: all, class, error }, Said::InFull(_)) => {
                self.attempt_failed(of, (*number, *all), *class, error);
            }
            (What::Attempt { number, of: all, .. }, Said::ByTheError(_)) => {
                let (operation, service) = (of.0, of.1.map(tracing::field::display));
                debug!(
                    operation,
                    service,
                    attempt = number,
                    attempts_max = all,
                    "attempt {} failed",
                    words::attempt_of(*number, *all)
                );
            }
        }
    }

    /// Whether a line about waiting is due.
    fn is_news(&self, event: &Event<'_>, what: &Awaited) -> bool {
        let wait = Wait::of(event, what);
        let mut said = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|(at, _)| event.at.since(*at) < WAITING_EVERY);
        let is_news = said.iter().all(|(_, other)| *other != wait);
        if is_news {
            said.push((event.at, wait));
        }
        is_news
    }
}

impl Observer for Log {
    fn on(&self, event: &Event<'_>) {
        if let Some(held) = &self.held {
            if held.keep(event) {
                return;
            }
            for said in held.before(event) {
                self.say_held(&said);
            }
        }
        let operation = event.operation.kind.as_str();
        let whose = (operation, event.service.as_ref());
        let service = event.service.as_ref().map(tracing::field::display);
        let words = self.words;
        match &event.kind {
            EventKind::Started if is_detail(event) => {
                debug!(operation, service, "{}", words::to_do(event.operation));
            }
            EventKind::Succeeded { .. } | EventKind::Failed(_) if is_detail(event) => {
                debug!(operation, service, "{}", event.kind.name());
            }
            EventKind::Started => {
                info!(operation, service, "{}", words.started(event.operation));
            }
            EventKind::AttemptStarted { number, of } => {
                let which = words::attempt_of(*number, *of);
                debug!(operation, service, attempt = number, attempts_max = of, "attempt {which}");
            }
            // Whoever stopped it knows; somebody's lock is waited for, which is said.
            EventKind::AttemptFailed { class: Class::Cancelled | Class::Busy { .. }, .. } => {}
            EventKind::AttemptFailed { number, of, class, error, .. } => {
                self.attempt_failed(whose, (*number, *of), *class, error);
            }
            EventKind::Retrying { after, left } => {
                let delay_seconds = after.as_secs_f64();
                info!(
                    operation,
                    service,
                    retries_left = left,
                    delay_seconds,
                    "{}",
                    words.retrying(*after, *left)
                );
            }
            EventKind::Waiting { after, what: Awaited::Lock { .. } } if *after < BRIEF => {}
            EventKind::Waiting { after, what } => {
                let delay_seconds = after.as_secs_f64();
                if self.is_news(event, what) {
                    info!(operation, service, delay_seconds, "waiting: {}", words::awaited(what));
                }
            }
            EventKind::CircuitMoved { transition } => {
                Self::circuit_moved(whose, transition);
            }
            EventKind::CircuitRejected { retry_after } => {
                debug!(
                    operation,
                    service,
                    retry_after_seconds = retry_after.as_secs_f64(),
                    "circuit breaker refused"
                );
            }
            EventKind::LeftOut { retry_after } => {
                let name = event.service.as_ref().map_or("", |service| service.as_str());
                warn!(operation, service, "{}", words::left_out(name, *retry_after));
            }
            EventKind::Step { text, .. } => debug!(operation, service, "{text}"),
            EventKind::Note { text } => info!(operation, service, "{text}"),
            EventKind::Warning { what } => warn!(operation, service, "{}", words::warning(what)),
            // What the command prints says what there is: that nothing was done is no success to tell of.
            EventKind::Succeeded { attempts: 0, .. } => {
                debug!(operation, service, "nothing was left to do");
            }
            EventKind::Succeeded { attempts, took } => {
                let duration_seconds = took.as_secs_f64();
                info!(
                    operation,
                    attempts,
                    duration_seconds,
                    "{}",
                    words.succeeded(event.operation.kind, *attempts)
                );
            }
            EventKind::Failed(failed) => match failed.kind {
                Kind::CircuitOpen => {
                    let name = service.as_ref().map(ToString::to_string).unwrap_or_default();
                    error!(operation, service, circuit_state = "open", "{}", words.circuit_open(&name));
                }
                Kind::Cancelled => {}
                _ if failed.attempts > 1 => {
                    let attempts = failed.attempts;
                    error!(operation, service, attempts, "{}", words.all_failed(attempts));
                }
                _ => debug!(operation, service, error = %failed.error, "failed"),
            },
            _ => {}
        }
    }
}

/// Whether beginning and end of an operation are only a part of another one's, whose lines say enough.
fn is_detail(event: &Event<'_>) -> bool {
    match event.operation.role {
        Role::Root => false,
        // What an install reads first is news; when an update is all there is, it is told of as that.
        Role::Step if event.operation.kind == OperationKind::AptUpdate => {
            event.root.kind == OperationKind::AptUpdate || matches!(event.kind, EventKind::Failed(_))
        }
        // The list that a download looks its digest up in is news; that it failed is told of the download.
        Role::Look if event.operation.kind == OperationKind::Download => {
            matches!(event.kind, EventKind::Failed(_))
        }
        _ => true,
    }
}
