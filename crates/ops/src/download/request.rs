//! What is to be downloaded, from where, to where, and under which limits.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::checksum::Checksum;
use super::names;
use super::parse::{DownloadUrl, InvalidRequest, file_name, parse_url};
use crate::http::{Connection, Credentials, Verify};

/// Where a download goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dest {
    /// To this path, or into it if it is a folder.
    Path(PathBuf),
    /// To this path, which is the file's own: a folder there, or a link to one, is refused.
    File(PathBuf),
    /// Into this folder, under the URL's file name.
    Folder(PathBuf),
    /// To a file without a name, handed over once it is complete and right.
    Spool,
}

impl Dest {
    /// What was typed: nothing is the folder we are in, `-` a spool, `name/` a folder.
    ///
    /// ```
    /// use std::ffi::OsStr;
    /// use vps_ops::download::Dest;
    ///
    /// assert_eq!(Dest::parse(Some(OsStr::new("-"))), Dest::Spool);
    /// assert_eq!(Dest::parse(Some(OsStr::new("a/"))), Dest::Folder("a/".into()));
    /// assert_eq!(Dest::parse(None), Dest::Folder(".".into()));
    /// ```
    #[must_use]
    pub fn parse(typed: Option<&OsStr>) -> Self {
        match typed {
            None => Self::Folder(PathBuf::from(".")),
            Some(typed) if typed.is_empty() => Self::Folder(PathBuf::from(".")),
            Some(typed) if typed == "-" => Self::Spool,
            Some(typed) if typed.as_bytes().ends_with(b"/") => Self::Folder(PathBuf::from(typed)),
            Some(typed) => Self::Path(PathBuf::from(typed)),
        }
    }
}

/// What a file must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// It has this digest.
    Digest(Checksum),
    /// It has the digest that a list at this URL, as of `sha256sum`, gives its name. The list is fetched
    /// first, on the same terms; by [`Downloads`](super::Downloads), and not by a
    /// [`Downloader`](super::Downloader).
    ListedAt(DownloadUrl),
}

impl Expected {
    /// `ALGO:HEX`, or the URL of a list; `argument` is what the error calls it.
    ///
    /// ```
    /// use vps_ops::download::Expected;
    ///
    /// let digest = format!("sha256:{}", "0".repeat(64));
    /// assert!(matches!(Expected::parse("it", &digest), Ok(Expected::Digest(_))));
    /// let list = Expected::parse("it", "https://example.com/SHA256SUMS");
    /// assert!(matches!(list, Ok(Expected::ListedAt(_))));
    /// assert!(Expected::parse("it", "md5:00").unwrap_err().to_string().starts_with("it: "));
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`], of a digest or of a URL.
    pub fn parse(argument: &str, text: &str) -> Result<Self, InvalidRequest> {
        // No algorithm's name is followed by two slashes, and none is called as a scheme is.
        let scheme = text.split_once(':').map(|(scheme, _)| scheme.trim().to_ascii_lowercase());
        if text.contains("://") || matches!(scheme.as_deref(), Some("http" | "https")) {
            return Ok(Self::ListedAt(parse_url(argument, text)?.into()));
        }
        let digest = text.parse();
        digest
            .map(Self::Digest)
            .map_err(|source| InvalidRequest::Checksum { argument: argument.into(), source })
    }
}

impl From<Checksum> for Expected {
    fn from(digest: Checksum) -> Self {
        Self::Digest(digest)
    }
}

/// The limits of one download, beside its total deadline, which is the pipeline's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Resolving, connecting and the TLS handshake together. 30 s.
    pub connect: Duration,
    /// Connecting and the head of each response. 30 s.
    pub head: Duration,
    /// Silence in a body that ends the attempt, and the window of `min_speed`. 30 s.
    pub idle: Duration,
    /// Bytes per second that are too few for a source that has an alternative. 1.
    pub min_speed: u64,
    /// Bytes a body may have. None.
    pub max_size: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        let half_a_minute = Duration::from_secs(30);
        Self {
            connect: half_a_minute,
            head: half_a_minute,
            idle: half_a_minute,
            min_speed: 1,
            max_size: None,
        }
    }
}

/// One file to be downloaded.
///
/// ```
/// use vps_ops::download::{Dest, DownloadRequest, Expected, parse_url};
///
/// let url = parse_url("URL", "https://example.com/a.tar.gz").unwrap();
/// let mut request = DownloadRequest::new(url, Dest::Folder("/opt".into()));
/// request.expected = Some(Expected::parse("digest", &format!("sha256:{}", "0".repeat(64))).unwrap());
/// assert!(request.resume && !request.keep_existing);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DownloadRequest {
    /// The file. Shown nowhere with its query's values.
    pub url: DownloadUrl,
    /// Where the same file can be had.
    pub mirrors: Vec<DownloadUrl>,
    /// Where it goes.
    pub dest: Dest,
    /// What it must be.
    pub expected: Option<Expected>,
    /// How many bytes it must have.
    pub size: Option<u64>,
    /// Whether a part may be kept and gone on with. True.
    pub resume: bool,
    /// Whether a file that is there already is left as it is. False.
    pub keep_existing: bool,
    /// Whether the file is fetched though a right one is there. False.
    pub anew: bool,
    /// Whether a link at DEST is followed, not replaced. False.
    pub follow_link: bool,
    /// The permission bits of the new file; else those of the file it replaces, else what a new file gets there.
    pub mode: Option<u32>,
    /// Whether the complete file survives a power loss. True; false is for files that are looked at by their
    /// digest before use, so that a spoiled one is only fetched again.
    pub durable: bool,
    /// Whether the file becomes DEST only when it is told to: what is brought is [`Held`](super::Held).
    pub hold: bool,
    /// Who we are to the servers.
    pub credentials: Credentials,
    /// Whether servers must prove who they are.
    pub verify: Verify,
    /// Which connections may be used.
    pub connection: Connection,
    /// Its limits.
    pub limits: Limits,
}

impl DownloadRequest {
    /// The file of `url` to `dest`, everything else by default.
    #[must_use]
    pub fn new(url: Url, dest: Dest) -> Self {
        Self {
            url: url.into(),
            mirrors: Vec::new(),
            dest,
            expected: None,
            size: None,
            resume: true,
            keep_existing: false,
            anew: false,
            follow_link: false,
            mode: None,
            durable: true,
            hold: false,
            credentials: Credentials::none(),
            verify: Verify::default(),
            connection: Connection::default(),
            limits: Limits::default(),
        }
    }

    /// A request for the checksum file at `url`, on the same terms: small, spooled, unverified.
    #[must_use]
    pub fn for_checksum_file(&self, url: Url) -> Self {
        let limits = Limits { max_size: Some(MAX_CHECKSUM_FILE), ..self.limits };
        Self {
            credentials: self.credentials.clone(),
            verify: self.verify,
            limits,
            ..Self::new(url, Dest::Spool)
        }
    }

    /// The digest it must have, if that is known.
    #[must_use]
    pub fn digest(&self) -> Option<&Checksum> {
        match &self.expected {
            Some(Expected::Digest(digest)) => Some(digest),
            Some(Expected::ListedAt(_)) | None => None,
        }
    }

    /// All sources in order of preference: the URL and its mirrors.
    #[must_use]
    pub fn candidates(&self) -> Vec<Url> {
        std::iter::once(&self.url).chain(&self.mirrors).map(|url| url.as_url().clone()).collect()
    }

    /// Where the file comes to lie: DEST, or its name in the folder that DEST is. `None` for a spool, and
    /// where the URL has no name to give.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        let named = |folder: &Path| Some(folder.join(file_name(self.url.as_url()).ok()?));
        match &self.dest {
            Dest::Path(path) if path.is_dir() => named(path),
            Dest::Path(path) | Dest::File(path) => Some(path.clone()),
            Dest::Folder(folder) => named(folder),
            Dest::Spool => None,
        }
    }

    /// Whether a part of it is kept beside [`path`](Self::path), to go on from.
    #[must_use]
    pub fn has_part(&self) -> bool {
        let part = |path: PathBuf| Some(path.with_file_name(names::part(path.file_name()?)));
        let part = self.path().and_then(part);
        self.resume && part.is_some_and(|part| part.metadata().is_ok_and(|meta| meta.len() > 0))
    }

    /// The name that checksum files know the file by: the URL's.
    ///
    /// # Errors
    /// [`InvalidRequest::NoFileName`].
    pub fn listed_name(&self) -> Result<String, InvalidRequest> {
        Ok(file_name(self.url.as_url())?.to_string_lossy().into_owned())
    }
}

/// The bytes a checksum file may have.
pub const MAX_CHECKSUM_FILE: u64 = 4 << 20;
