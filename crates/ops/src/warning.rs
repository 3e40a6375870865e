//! What is not as it should be, while work goes on.

use std::fmt;

use crate::apt::AptWarning;
use crate::download::DownloadWarning;
use crate::foreign::Foreign;
#[cfg(feature = "git")]
use crate::git::CloneWarning;
use crate::unpack::UnpackWarning;

/// One thing that is not as it should be. It shows itself as one sentence, lower case, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Of a clone.
    #[cfg(feature = "git")]
    Clone(CloneWarning),
    /// Of a download.
    Download(DownloadWarning),
    /// Of packages.
    Apt(AptWarning),
    /// Of an archive that was unpacked.
    Unpack(UnpackWarning),
    /// Of an operation of the caller's own, in its words.
    Text(Foreign),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "git")]
            Self::Clone(warning) => warning.fmt(f),
            Self::Download(warning) => warning.fmt(f),
            Self::Apt(warning) => warning.fmt(f),
            Self::Unpack(warning) => warning.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(feature = "git")]
impl From<CloneWarning> for Warning {
    fn from(warning: CloneWarning) -> Self {
        Self::Clone(warning)
    }
}

impl From<DownloadWarning> for Warning {
    fn from(warning: DownloadWarning) -> Self {
        Self::Download(warning)
    }
}

impl From<AptWarning> for Warning {
    fn from(warning: AptWarning) -> Self {
        Self::Apt(warning)
    }
}

impl From<UnpackWarning> for Warning {
    fn from(warning: UnpackWarning) -> Self {
        Self::Unpack(warning)
    }
}

impl<T: Into<Foreign>> From<T> for Warning {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}
