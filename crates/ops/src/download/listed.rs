//! A download whose digest is looked up first, in a list on a server: two steps of one operation.

use std::io;
use std::sync::OnceLock;

use super::checksum::Checksum;
use super::downloads::operation;
use super::error::{DownloadError, Fault};
use super::parse::DownloadUrl;
use super::request::{DownloadRequest, Expected, MAX_CHECKSUM_FILE};
use super::sums::find_checksum;
use super::{Downloaded, Downloads, Saved};
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
        let operation = operation(request).with_replay(request.clone());
        let root = Request::of(operation).under(&policy, options).total(total);
        let missed = &MissedList::new();
        let done = Workflow::run(self.context(), root, |workflow| async move {
            let digest = self.look_up(&workflow, list, request, options, missed).await?;
            let request = DownloadRequest { expected: Some(Expected::Digest(digest)), ..request.clone() };
            let options = self.within(&workflow, &request, options);
            let (done, attempts) = self.fetch(Some((workflow.root(), Role::Step)), request, &options).await?;
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
        let fetched = self.fetch(Some((workflow.root(), Role::Look)), of_list, &options).await;
        let (fetched, _) = fetched.inspect_err(|error| {
            missed.get_or_init(|| error.operation.clone());
        })?;
        let useless = |fault| workflow.error(DownloadError::of(fault, list.as_url()));
        let Saved::Spool(spool) = &fetched.saved else {
            return Err(useless(Fault::UnreadableList(io::Error::other("it was not kept"))));
        };
        let text = spool.read_to_string(MAX_CHECKSUM_FILE);
        let text = text.map_err(|error| useless(Fault::UnreadableList(error)))?;
        find_checksum(&text, &name).map_err(|error| useless(Fault::Unlisted(error)))
    }

    /// The options of a part: no longer than what is left of the whole.
    fn within(&self, workflow: &Workflow, request: &DownloadRequest, options: &Options) -> Options {
        let own = options.total_or(self.policy(request, options).timeouts.download);
        Options { total: Some(workflow.left(own)), ..options.clone() }
    }
}
