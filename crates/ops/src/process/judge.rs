//! What a command's failure means to the retry, to the breaker and for the exit code.

use vps_retry::{Blame, Class, Classify, Judgement};

use super::error::CommandError;

impl Classify for CommandError {
    fn judge(&self) -> Judgement {
        match self {
            Self::NotFound { .. } | Self::NotExecutable { .. } => Class::Permanent.into(),
            // Somebody wanted it to end: SIGINT, SIGTERM, SIGKILL from outside.
            Self::Signal { signal: 2 | 9 | 15, .. } => Class::Permanent.into(),
            Self::Code { retried: false, .. } => Judgement::of(Class::Permanent).blaming(Blame::Service),
            Self::Code { .. } | Self::Signal { .. } => Class::Transient.into(),
        }
    }
}
