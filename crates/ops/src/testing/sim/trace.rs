//! What happened in a world, one line an event: `tick machine operation kind fields`.
//!
//! ASCII and integers only, so that equal worlds have equal bytes wherever they run.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::digest::Digest;

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(u64),
    /// A word out of a fixed list.
    Word(&'static str),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Milliseconds since the world began, awake time of an observer outside it.
    pub tick: u64,
    /// Which process; restarted ones have new numbers.
    pub process: u32,
    /// Which of its operations; 0 where it is about none.
    pub operation: u64,
    /// What happened.
    pub kind: &'static str,
    /// How.
    pub fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// A number among the fields.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.fields.iter().find(|(field, _)| *field == name).and_then(|(_, value)| match value {
            Value::Number(number) => Some(*number),
            Value::Word(_) => None,
        })
    }

    /// A word among the fields.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&'static str> {
        self.fields.iter().find(|(field, _)| *field == name).and_then(|(_, value)| match value {
            Value::Word(word) => Some(*word),
            Value::Number(_) => None,
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.tick, self.process, self.operation, self.kind)?;
        for (name, value) in &self.fields {
            match value {
                Value::Number(number) => write!(f, " {name}={number}")?,
                Value::Word(word) => write!(f, " {name}={word}")?,
            }
        }
        Ok(())
    }
}

/// The lines of a world, in order. Clones are the same trace.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Trace {
    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, line: Line) {
        self.lock().push(line);
    }

    /// Everything so far, leaving nothing behind.
    #[must_use]
    pub fn take(&self) -> Vec<Line> {
        std::mem::take(&mut self.lock())
    }
}

/// The digest of a trace's text.
///
/// ```
/// assert_eq!(vps_ops::testing::sim::digest_of(&[]), 0xcbf2_9ce4_8422_2325);
/// ```
#[must_use]
pub fn digest_of(lines: &[Line]) -> u64 {
    let mut digest = Digest::new();
    for line in lines {
        // A digest takes everything it is given.
        let _ = writeln!(digest, "{line}");
    }
    digest.value()
}
