//! A failure that is nothing but its class.

use std::fmt;

use vps_retry::{Class, Classify, Judgement};

use crate::hint::Advise;

/// A failure of a class.
///
/// ```
/// use vps_ops::testing::Failed;
/// use vps_retry::{Class, Classify as _};
///
/// assert_eq!(Failed(Class::Transient).judge().class, Class::Transient);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Failed(pub Class);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl Classify for Failed {
    fn judge(&self) -> Judgement {
        self.0.into()
    }
}

impl Advise for Failed {}
