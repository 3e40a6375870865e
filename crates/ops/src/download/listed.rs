//! A download whose digest is looked up first, in a list on a server: two steps of one operation.

use std::borrow::Cow;
use std::io;
use std::sync::OnceLock;

use super::checksum::{Algorithm, Checksum};
use super::downloads::operation;
use super::error::{DownloadError, Fault};
use super::parse::DownloadUrl;
use super::request::{DownloadRequest, Expected, MAX_CHECKSUM_FILE};
use super::sums::{Wanted, find, is_list};
use super::{Downloaded, Downloads, Saved};
use crate::http::decoded;
use crate::operation::{Operation, Role};
use crate::pipeline::{OperationError, Request};
use crate::settings::Options;
use crate::workflow::Workflow;

type Failed = OperationError<DownloadError>;

/// The list, where it could not be downloaded.
type MissedList = OnceLock<Operation>;

impl Downloads {
    /// The list at `list` and then the file, under one limit.
    pub(super) async fn run_listed(
        &self,
        list: &DownloadUrl,
        request: &DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, Failed> {
        let policy = self.policy(request, options);
        let total = options.total_or(policy.timeouts.download);
        let operation = operation(request).with_replay(request.clone(), options);
        let root = Request::of(operation).under(&policy, options).total(total);
        let missed = &MissedList::new();
        let done = Workflow::run(self.context(), root, |workflow| async move {
            let digest = self.look_up(&workflow, list, request, options, missed).await?;
            let request = DownloadRequest { expected: Some(Expected::Digest(digest)), ..request.clone() };
            let options = self.within(&workflow, &request, options);
            let (done, attempts) =
                self.fetch(Some((&workflow.under(), Role::Step)), request, &options).await?;
            workflow.took_attempts(attempts);
            Ok(done)
        });
        done.await.map_err(|mut error| {
            // That the file could not be had would send a reader to the wrong server.
            if let Some(list) = missed.get() {
                error.operation.clone_from(list);
            }
            error
        })
    }

    /// The digest that the list gives the file.
    async fn look_up(
        &self,
        workflow: &Workflow,
        list: &DownloadUrl,
        request: &DownloadRequest,
        options: &Options,
        missed: &MissedList,
    ) -> Result<Checksum, Failed> {
        let name = request.listed_name().map_err(|error| {
            let error = DownloadError::of(Fault::Invalid(error), request.url.as_url());
            workflow.error(error)
        })?;
        let of_list = request.for_checksum_file(list.as_url().clone());
        let options = self.within(workflow, &of_list, options);
        let fetched = self.fetch(Some((&workflow.under(), Role::Look)), of_list, &options).await;
        let (fetched, _) = fetched.inspect_err(|error| {
            missed.get_or_init(|| error.operation.clone());
        })?;
        let useless = |fault| workflow.error(DownloadError::of(fault, list.as_url()));
        let Saved::Spool(spool) = &fetched.saved else {
            return Err(useless(Fault::UnreadableList(io::Error::other("it was not kept"))));
        };
        let content = spool.read(MAX_CHECKSUM_FILE);
        let content = content.map_err(|error| useless(Fault::UnreadableList(error)))?;
        // One name in another encoding spoils no other line.
        let text = String::from_utf8_lossy(&content);
        if matches!(text, Cow::Owned(_)) && !is_list(&text) {
            let error = io::Error::new(io::ErrorKind::InvalidData, "it is not text");
            return Err(useless(Fault::UnreadableList(error)));
        }
        let path = decoded(request.url.as_url().path());
        let path = String::from_utf8_lossy(&path);
        let wanted = Wanted { name: &name, path: &path, unnamed: algorithm_of(list) };
        find(&text, &wanted).map_err(|error| useless(Fault::Unlisted(error)))
    }

    /// The options of a part: no longer than what is left of the whole.
    fn within(&self, workflow: &Workflow, request: &DownloadRequest, options: &Options) -> Options {
        let own = options.total_or(self.policy(request, options).timeouts.download);
        Options { total: Some(workflow.left(own)), ..options.clone() }
    }
}

/// Lists of `b3sum` look as those of `sha256sum` do; only their names tell them apart.
fn algorithm_of(list: &DownloadUrl) -> Algorithm {
    let name = list.as_url().path().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let by_blake3 = ["b3", "blake3"].iter().any(|word| name.contains(word));
    if by_blake3 && !name.contains("sha256") { Algorithm::Blake3 } else { Algorithm::Sha256 }
}
