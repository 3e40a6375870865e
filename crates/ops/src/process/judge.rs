//! What a command's failure means to the retry, to the breaker and for the exit code.

use vps_retry::{Blame, Class, Classify, Judgement};

use super::error::CommandError;

impl Classify for CommandError {
    fn judge(&self) -> Judgement {
        match self {
            Self::NotFound { .. } | Self::NotExecutable { .. } => {
                Judgement::of(Class::Permanent).not_done(true)
            }
            Self::NotBegun { .. } => Class::Local.into(),
            Self::TooMuchSaid { .. } => Class::Permanent.into(),
            // Somebody wanted it to end: SIGINT, SIGTERM, SIGKILL from outside.
            Self::Signal { signal: 2 | 9 | 15, .. } => Class::Permanent.into(),
            Self::Code { retried: false, .. } => Judgement::of(Class::Permanent).blaming(Blame::Service),
            Self::Code { .. } | Self::Signal { .. } => Class::Transient.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use vps_retry::Kind;

    use super::*;

    #[test]
    fn every_error_has_its_row() {
        use Blame::{Elsewhere, Service};
        let program = || "x".to_owned();
        let signal = |signal| CommandError::Signal { program: program().into(), signal };
        let code = |retried| CommandError::Code { program: program().into(), code: 7, retried };
        let source = io::ErrorKind::PermissionDenied.into();
        let refused = CommandError::NotExecutable { program: program().into(), source };
        for (error, class, blame) in [
            (CommandError::NotFound { program: program().into() }, Class::Permanent, Elsewhere),
            (refused, Class::Permanent, Elsewhere),
            (CommandError::TooMuchSaid { program: program().into(), limit: 1 }, Class::Permanent, Elsewhere),
            (code(true), Class::Transient, Service),
            (code(false), Class::Permanent, Service),
            (signal(2), Class::Permanent, Elsewhere),
            (signal(9), Class::Permanent, Elsewhere),
            (signal(15), Class::Permanent, Elsewhere),
            (signal(11), Class::Transient, Service),
        ] {
            let never_ran =
                matches!(error, CommandError::NotFound { .. } | CommandError::NotExecutable { .. });
            let row = Judgement::new(class, blame, Kind::Failed).not_done(never_ran);
            assert_eq!(error.judge(), row, "{error}");
        }
        let not_begun = CommandError::NotBegun { program: program().into() };
        assert_eq!(not_begun.judge(), Judgement::of(Class::Local));
    }
}
