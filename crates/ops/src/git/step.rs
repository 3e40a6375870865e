//! What the attempts at one repository are to bring, and what they know of each other.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::pieces::Pieces;
use super::{GitUrl, Want};
use crate::http::Credentials;

/// One repository to bring into one folder, in as many attempts as it takes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// Where it is.
    pub url: GitUrl,
    /// What is checked out.
    pub want: Want,
    /// Commits of history; `None` is all of it.
    pub depth: Option<NonZeroU32>,
    /// Where it goes; emptied by each attempt that does not go on with another's pieces.
    pub folder: PathBuf,
    /// Who we are to its server.
    pub credentials: Credentials,
    /// Limit of connecting.
    pub connect: Duration,
    /// Limit of an answer's first byte.
    pub head: Duration,
    /// Limit of silence.
    pub idle: Duration,
    /// How often what came was damaged.
    pub(super) damaged: AtomicU32,
    /// How often there was no such host.
    pub(super) unknown: AtomicU32,
    /// What is there of a repository that is fetched in pieces.
    pub(super) pieces: Arc<Pieces>,
    /// Not removed while an attempt works in it.
    pub(super) place: Option<Alive>,
}

impl Step {
    pub(crate) fn new(url: GitUrl, folder: PathBuf, place: Option<Alive>) -> Self {
        Self {
            url,
            want: Want::Default,
            depth: None,
            folder,
            credentials: Credentials::none(),
            connect: Duration::from_secs(30),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            damaged: AtomicU32::new(0),
            unknown: AtomicU32::new(0),
            pieces: Arc::default(),
            place,
        }
    }
}

/// A folder that goes away with its last owner.
pub(crate) type Alive = Arc<dyn fmt::Debug + Send + Sync>;
