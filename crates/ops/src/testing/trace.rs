//! What happened, one ASCII line an event: `tick process operation kind fields`, integers only.
//!
//! ```
//! use vps_ops::testing::trace::Trace;
//!
//! let trace = Trace::default();
//! trace.line("1 0 0 note");
//! assert_eq!(trace.lines(), ["1 0 0 note"]);
//! assert_eq!(trace.digest().len(), 64);
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use vps_breaker::State;

use crate::event::{Event, EventKind, Observer};

/// The lines of all processes, in the order in which they happened.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Trace {
    /// Adds a line.
    pub fn line(&self, line: impl Into<String>) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A fingerprint that does not change between releases, machines or threads.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.lines().join("\n").as_bytes()).to_hex().to_string()
    }

    /// Writes down what process `pid` does; `begin` is the tick that counts as zero.
    #[must_use]
    pub fn observer(&self, pid: u32, begin: vps_breaker::Tick) -> Recorder {
        Recorder { trace: self.clone(), pid, begin }
    }
}

/// Writes one process's events into a trace.
#[derive(Clone, Debug)]
pub struct Recorder {
    trace: Trace,
    pid: u32,
    begin: vps_breaker::Tick,
}

impl Observer for Recorder {
    fn on(&self, event: &Event) {
        let tick = event.at.since(self.begin).as_millis();
        let service = event.service.as_ref().map_or("-", |service| service.as_str());
        let fields = match &event.kind {
            EventKind::AttemptStarted { number, of } => format!(" {number} {of}"),
            EventKind::AttemptFailed { number, class, took, .. } => {
                format!(" {number} {} {}", class.as_str(), took.as_millis())
            }
            EventKind::Retrying { after, left } => format!(" {} {left}", after.as_millis()),
            EventKind::Waiting { after, .. } => format!(" {}", after.as_millis()),
            EventKind::CircuitMoved { transition } => {
                format!(" {} {} {}", state(transition.from), state(transition.to), transition.generation)
            }
            EventKind::CircuitRejected { retry_after } => format!(" {}", retry_after.as_millis()),
            EventKind::Progress { done, .. } => format!(" {done}"),
            EventKind::Succeeded { attempts, took } => format!(" {attempts} {}", took.as_millis()),
            EventKind::Failed(failed) => {
                format!(" {} {} {:?}", failed.attempts, failed.took.as_millis(), failed.kind)
            }
            _ => String::new(),
        };
        let name = event.kind.name();
        self.trace.line(format!("{tick} {} {} {service} {name}{fields}", self.pid, event.operation));
    }
}

fn state(state: State) -> &'static str {
    state.as_str()
}
