//! From an operation to what it takes to do it again, without its secrets.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use url::Url;

use super::letter::millis;
use super::news::{NotKept, SecretPlace};
use super::request::{DownloadLetter, InstallLetter, LetterOptions, LetterRequest, RunLetter};
use super::secret::has_secret;
use super::text::Word;
use crate::apt::{AptUpdate, InstallRequest};
use crate::download::{Dest, DownloadRequest, Expected};
use crate::http::{Connection, Verify};
use crate::operation::Replay;
use crate::process::{ProcessSpec, RetryOn};
use crate::settings::Options;

/// Where operations are asked for: what they mean by relative paths, and what commands find in their environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    folder: PathBuf,
    variables: Vec<OsString>,
}

impl Surroundings {
    /// In this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), variables: Vec::new() }
    }

    /// With variables of these names in the environment.
    #[must_use]
    pub fn variables(mut self, names: impl IntoIterator<Item = OsString>) -> Self {
        self.variables.extend(names);
        self.variables.sort();
        self
    }

    /// A path that means the same elsewhere. Only its text is looked at.
    fn absolute(&self, path: &Path) -> PathBuf {
        self.folder.join(path).components().collect()
    }

    fn word(&self, path: &Path) -> Word {
        self.absolute(path).as_os_str().into()
    }
}

/// What does the operation again that `replay` is of; nothing where it is of a kind that letters are not of.
pub(super) fn request(replay: &Replay, at: &Surroundings) -> Option<Result<LetterRequest, NotKept>> {
    if let Some(request) = replay.request::<DownloadRequest>() {
        return Some(download(request, at).map(LetterRequest::Download));
    }
    #[cfg(feature = "git")]
    if let Some(request) = replay.request::<crate::git::CloneRequest>() {
        return Some(clone(request, at).map(LetterRequest::GitClone));
    }
    if replay.request::<AptUpdate>().is_some() {
        return Some(Ok(LetterRequest::AptUpdate {}));
    }
    if let Some(request) = replay.request::<InstallRequest>() {
        let packages = request.packages().iter().map(ToString::to_string).collect();
        let (no_update, upgrade) = (!request.updates(), request.upgrades());
        return Some(Ok(LetterRequest::AptInstall(InstallLetter { packages, no_update, upgrade })));
    }
    let (spec, retry_on) = replay.request::<(ProcessSpec, RetryOn)>()?;
    Some(run(spec, retry_on, at).map(LetterRequest::Run))
}

pub(super) fn options(options: &Options) -> LetterOptions {
    // A limit is longer than nothing.
    let millis = |limit| millis(limit).max(1);
    LetterOptions {
        total_millis: options.total.map(millis),
        connect_millis: options.connect.map(millis),
        idle_millis: options.idle.map(millis),
        min_speed: options.min_speed,
        attempts: options.attempts.map(Into::into),
        service: options.service.as_ref().map(ToString::to_string),
        wait_for_circuit: options.wait_for_circuit.waits(),
        wait_at_most_millis: options.wait_for_circuit.limit().map(millis),
    }
}

const SECRET_URL: NotKept = NotKept::Secret { place: SecretPlace::Url };

/// What is shown of no URL is stored of none: user, password, and whatever stands in its query.
fn url(url: &Url) -> Result<String, NotKept> {
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(SECRET_URL);
    }
    let mut url = url.clone();
    // Sent to nobody.
    url.set_fragment(None);
    Ok(url.into())
}

fn download(request: &DownloadRequest, at: &Surroundings) -> Result<DownloadLetter, NotKept> {
    let is_plain = request.size.is_none()
        && !request.follow_link
        && request.durable
        && request.connection == Connection::default();
    if !is_plain {
        return Err(NotKept::Unwritable);
    }
    let headers = request.credentials.header_file();
    let headers = headers.map_err(|_| NotKept::Secret { place: SecretPlace::Headers })?;
    let mirrors = request.mirrors.iter().map(|mirror| url(mirror.as_url())).collect::<Result<_, _>>()?;
    let expected = match &request.expected {
        None => None,
        Some(Expected::Digest(digest)) => Some(digest.to_string()),
        Some(Expected::ListedAt(list)) => Some(url(list.as_url())?),
    };
    Ok(DownloadLetter {
        url: url(request.url.as_url())?,
        mirrors,
        dest: match &request.dest {
            Dest::Path(path) | Dest::File(path) => Some(at.word(path)),
            Dest::Folder(path) => {
                let mut folder = at.absolute(path).into_os_string();
                folder.push("/");
                Some(folder.as_os_str().into())
            }
            Dest::Spool => None,
        },
        path: request.path().map(|path| at.word(&path)),
        expected,
        no_resume: !request.resume,
        no_clobber: request.keep_existing,
        mode: request.mode,
        max_size: request.limits.max_size,
        insecure: request.verify == Verify::Nothing,
        header_file: headers.map(|path| at.word(path)),
    })
}

#[cfg(feature = "git")]
fn clone(
    request: &crate::git::CloneRequest,
    at: &Surroundings,
) -> Result<super::request::CloneLetter, NotKept> {
    use crate::git::Want;

    // A query may have a token in it, whoever serves it; a folder on this machine may be called as it likes.
    let has_query = !request.url.is_local() && request.url.stored().contains(['?', '#']);
    if request.url.has_credentials() || has_query {
        return Err(SECRET_URL);
    }
    if request.credentials.header_file() != Ok(None) {
        return Err(NotKept::Unwritable);
    }
    let (branch, commit) = match &request.want {
        Want::Default => (None, None),
        Want::Named(name) => (Some(name.to_string()), None),
        Want::Commit(id) => (None, Some(id.to_string())),
    };
    Ok(super::request::CloneLetter {
        url: request.url.stored().to_owned(),
        dest: Some(at.word(&request.dest)),
        depth: request.depth.map(Into::into),
        branch,
        commit,
        modules: request.modules,
        update: request.update,
    })
}

fn run(spec: &ProcessSpec, retry_on: &RetryOn, at: &Surroundings) -> Result<RunLetter, NotKept> {
    let words =
        || std::iter::once(spec.program_word()).chain(spec.arguments().iter().map(OsString::as_os_str));
    let said = words().map(|word| Cow::Owned(word.to_string_lossy().into_owned()));
    if has_secret(said) {
        return Err(NotKept::Secret { place: SecretPlace::Command });
    }
    let set = spec.variables().iter().map(|(name, _)| name.as_os_str());
    let mut variables: Vec<&OsStr> = at.variables.iter().map(OsString::as_os_str).chain(set).collect();
    variables.sort_unstable();
    variables.dedup();
    let folder = spec.folder().map_or_else(|| at.folder.clone(), |folder| at.absolute(folder));
    Ok(RunLetter {
        command: words().map(Into::into).collect(),
        retry_on: retry_on.codes().cloned(),
        reads_input: spec.input().is_some_and(crate::process::Input::must_be_given_again),
        folder: Some(folder.as_os_str().into()),
        variables: variables.into_iter().map(Into::into).collect(),
    })
}
