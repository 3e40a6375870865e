//! A plan that comes by an open descriptor: standard input, or what a shell puts there for `<(...)`.

use std::fs::File;
use std::io::stdin;
use std::path::{Path, PathBuf};

use vps_ops::foreign::{Foreign, shown};
use vps_ops::plan::{OpenPlanError, Origin, read_plan_stream};

/// Where the system shows a process its own descriptors, each by its number.
const DESCRIPTORS: [&str; 2] = ["/dev/fd", "/proc/self/fd"];

/// Such a descriptor. It is in no folder: that its name is in is not the plan's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard input, however it is named.
    Input,
    /// Another one, by its name in `/dev/fd`.
    Open(PathBuf),
}

impl Stream {
    /// The one that a path names, if it names one: `-`, `/dev/stdin`, `/dev/fd/N`.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        if [Path::new("-"), Path::new("/dev/stdin")].contains(&path) {
            return Some(Self::Input);
        }
        let number = path.file_name()?.to_str()?.parse::<u32>().ok()?;
        let is_one = DESCRIPTORS.iter().any(|folder| path.parent() == Some(Path::new(folder)));
        is_one.then(|| if number == 0 { Self::Input } else { Self::Open(path.to_owned()) })
    }

    /// What it is called in messages.
    pub(super) fn shown(&self) -> Foreign {
        match self {
            Self::Input => Foreign::from("standard input"),
            Self::Open(path) => shown(path),
        }
    }

    /// The text of a plan whose relative paths start at `folder`.
    pub(super) fn read(&self, folder: PathBuf) -> Result<(String, Origin), OpenPlanError> {
        match self {
            Self::Input => read_plan_stream(stdin().lock(), folder),
            Self::Open(path) => match File::open(path) {
                Ok(file) => read_plan_stream(file, folder),
                Err(source) => Err(OpenPlanError::Unreadable { path: path.clone(), source }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_known_by_its_name() {
        for name in ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
            assert_eq!(Stream::at(Path::new(name)), Some(Stream::Input), "{name}");
        }
        for name in ["/dev/fd/63", "/proc/self/fd/3"] {
            assert_eq!(Stream::at(Path::new(name)), Some(Stream::Open(name.into())));
        }
        for name in
            ["", "./-", "stdin", "/dev/fd", "/dev/fd/x", "/dev/fd/1/2", "fd/3", "/srv/fd/3", "/dev/null"]
        {
            assert_eq!(Stream::at(Path::new(name)), None, "{name}");
        }
    }
}
