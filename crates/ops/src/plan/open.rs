//! A plan's file and those it names: only what nobody else can have written.
//!
//! Whoever can write a plan, or exchange it, runs what he likes as whoever applies it.

use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::action::{Action, AptKeySource, Body};
use super::parse::Origin;
use super::problem::{InvalidPlan, ProblemKind};
use super::read::LARGEST;
use super::step::{Place, Plan};
use crate::env::fs::{Care, FileKind, ForeignLink, Fs, FsFile, OtherHands};
use crate::foreign::shown;

/// Why a file of a plan is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenPlanError {
    /// It cannot be opened or read.
    #[error("{} cannot be read", shown(path))]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is no file.
    #[error("{} is not a regular file", shown(path))]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// Somebody else has a hand in it, or in what leads to it.
    #[error("{} is not used, as others could have written it", shown(path))]
    OtherHands {
        /// Which.
        path: PathBuf,
        /// Whose hands.
        #[source]
        hands: OtherHands,
    },
    /// A link of somebody else's leads to it.
    #[error("{} is not used, as somebody else's link leads to it", shown(path))]
    ForeignLink {
        /// Which.
        path: PathBuf,
        /// Whose link.
        #[source]
        link: ForeignLink,
    },
    /// It is read, and cannot be a plan.
    #[error(transparent)]
    Invalid(InvalidPlan),
}

impl OpenPlanError {
    fn of(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        if let Some(hands) = OtherHands::behind(&error) {
            return Self::OtherHands { path, hands: hands.clone() };
        }
        match ForeignLink::behind(&error) {
            Some(link) => Self::ForeignLink { path, link: link.clone() },
            None => Self::Unreadable { path, source: error },
        }
    }
}

/// Opens a file that is ours or root's alone, in folders that are: nobody else can have written or exchanged it.
///
/// # Errors
/// [`OpenPlanError`] with its path.
pub fn open_trusted(fs: &dyn Fs, path: &Path) -> Result<Box<dyn FsFile>, OpenPlanError> {
    let failed = |error| OpenPlanError::of(path, error);
    let file = fs.open_with(path, Care::Way).map_err(failed)?;
    let meta = file.meta().map_err(failed)?;
    if meta.kind != FileKind::File {
        return Err(OpenPlanError::NotAFile { path: path.to_owned() });
    }
    meta.ours_alone(fs.us(), path).map_err(|hands| OpenPlanError::of(path, hands.into()))?;
    Ok(file)
}

/// A plan's text, and where it comes from: the folder is the one that its path names.
///
/// # Errors
/// [`OpenPlanError`], also where it is too large or no text.
pub fn read_plan_file(fs: &dyn Fs, path: &Path) -> Result<(String, Origin), OpenPlanError> {
    let file = open_trusted(fs, path)?;
    let bytes = file.read_small(LARGEST as u64).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => OpenPlanError::Invalid(InvalidPlan::unreadable(ProblemKind::TooLarge)),
        _ => OpenPlanError::of(path, error),
    })?;
    let failed = |error| OpenPlanError::of(path, error);
    // Of the link, not of what it leads to: beside it is what the plan's author sees.
    let (folder, name) = fs.folder_of_with(path, Care::Way).map_err(failed)?;
    let folder = folder.real_path().map_err(failed)?;
    let origin = Origin { path: Some(folder.join(name)), folder };
    Ok((text_of(bytes)?, origin))
}

/// A plan's text from a stream, which has no folder: `folder` is the one we are in.
///
/// # Errors
/// [`OpenPlanError`], also where it is too large or no text.
pub fn read_plan_stream(stream: impl io::Read, folder: PathBuf) -> Result<(String, Origin), OpenPlanError> {
    let mut bytes = Vec::new();
    let most = (LARGEST as u64).saturating_add(1);
    stream.take(most).read_to_end(&mut bytes).map_err(|error| OpenPlanError::of(Path::new("-"), error))?;
    if bytes.len() > LARGEST {
        return Err(OpenPlanError::Invalid(InvalidPlan::unreadable(ProblemKind::TooLarge)));
    }
    Ok((text_of(bytes)?, Origin { path: None, folder }))
}

fn text_of(bytes: Vec<u8>) -> Result<String, OpenPlanError> {
    String::from_utf8(bytes).map_err(|error| {
        let bytes = error.as_bytes();
        let before = bytes.get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let lines = before.split(|byte| *byte == b'\n');
        let (line, last) = lines.enumerate().last().unwrap_or_default();
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        let mut invalid = InvalidPlan::unreadable(ProblemKind::NotText);
        let column = String::from_utf8_lossy(last).chars().count();
        for problem in &mut invalid.problems {
            problem.place = Place { line: number(line), column: number(column) };
        }
        OpenPlanError::Invalid(invalid)
    })
}

impl Plan {
    /// The files that its steps take something from, each with its step's place: `source` of a file, `file` of a key.
    pub fn sources(&self) -> impl Iterator<Item = (Place, &Path)> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::File(file) => match &file.body {
                Body::Source(source) => Some((step.place, source.as_path())),
                Body::Content(_) => None,
            },
            Action::AptRepository(repository) => match &repository.key.source {
                AptKeySource::File(file) => Some((step.place, file.as_path())),
                _ => None,
            },
            _ => None,
        })
    }
}
