//! Many archives downloaded beside each other.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::steps::{AptFailed, Steps};
use super::tally::Tally;
use crate::apt::cure;
use crate::apt::error::AptError;
use crate::apt::facts::{AptSetup, Archive};
use crate::download::{Dest, DownloadError, DownloadRequest, Downloaded, Downloads};
use crate::env::Task;
use crate::event::EventKind;
use crate::pipeline::{Cause, OperationError};
use crate::settings::Options;
use crate::workflow::Workflow;

/// Downloads at once, whoever serves them; each service has its own bulkhead beside. Half as many once a
/// server refused one or said that it is too much.
const AT_ONCE: usize = 8;

/// Downloads for one workflow.
#[derive(Clone, Copy)]
pub(super) struct Beside<'f> {
    pub(super) steps: &'f Steps,
    pub(super) workflow: &'f Workflow,
    pub(super) setup: &'f AptSetup,
}

/// For which install they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// That which is going on.
    Now,
    /// A later one: what another has taken meanwhile is none of its any more.
    Later,
}

/// One download's end: which archive, and what came of it.
type Ended = (Archive, Result<Downloaded, OperationError<DownloadError>>);

impl Beside<'_> {
    /// Downloads archives of `bytes` in all, the first ones first, and says how many bytes that took.
    pub(super) async fn download(
        &self,
        downloads: &Downloads,
        archives: Vec<(Url, Archive)>,
        bytes: u64,
        whose: Whose,
    ) -> Result<u64, AptFailed> {
        let observer = Arc::clone(&self.steps.context().pipeline().observer);
        let tally = Arc::new(Tally::new(observer, self.workflow.voice().clone(), bytes));
        let downloads = downloads.observed_by(Arc::clone(&tally) as _);
        // One that fails for good ends the others: what they have is kept.
        let stop = self.workflow.cancel().child_token();
        let (tell, mut told) = mpsc::unbounded_channel::<Ended>();
        let mut files = (0, archives.len());
        self.tell(files);
        let mut waiting: VecDeque<_> = archives.into();
        let mut under_way: Vec<Task> = Vec::new();
        let (mut running, mut fetched, mut failed) = (0, 0_u64, None);
        loop {
            let at_once = if tally.is_overloaded() { AT_ONCE / 2 } else { AT_ONCE };
            while running < at_once && failed.is_none() {
                let Some((url, archive)) = waiting.pop_front() else { break };
                if whose == Whose::Later && self.steps.neighbours().has_taken(&archive) {
                    files.1 -= 1;
                    tally.was_there(archive.size);
                    continue;
                }
                running += 1;
                under_way.push(self.begin(&downloads, url, archive, &stop, tell.clone()));
            }
            if running == 0 {
                break;
            }
            let Some((archive, outcome)) = told.recv().await else { break };
            running -= 1;
            match outcome {
                Ok(done) => {
                    fetched = fetched.saturating_add(done.fetched);
                    files.0 += 1;
                    self.tell(files);
                    if done.unchanged {
                        tally.was_there(done.bytes);
                    }
                }
                Err(error) if failed.is_none() => {
                    // A file that is gone or wrong is looked for again, and then the others are needed.
                    if !is_of_old_lists(&error) {
                        stop.cancel();
                    }
                    failed = Some((archive, error));
                }
                // Ended by us, or no news.
                Err(_) => {}
            }
        }
        match failed {
            None => Ok(fetched),
            Some((archive, error)) => {
                let file = archive.filename;
                Err(error.map(|source| AptError::Download { file: file.into(), source: Box::new(source) }))
            }
        }
    }

    /// Says how many of its files are there.
    fn tell(&self, (done, total): (usize, usize)) {
        if total > 0 {
            self.workflow.voice().tell(None, EventKind::Files { done, total });
        }
    }

    fn begin(
        &self,
        downloads: &Downloads,
        url: Url,
        archive: Archive,
        stop: &CancellationToken,
        tell: mpsc::UnboundedSender<Ended>,
    ) -> Task {
        let (downloads, root) = (downloads.clone(), self.workflow.under());
        let options = self.options(&archive, stop);
        let mut request = DownloadRequest::new(url, Dest::Path(self.steps.place(&archive)));
        request.expected = archive.hash.clone().map(Into::into);
        request.size = Some(archive.size);
        request.mode = Some(0o644);
        // dpkg gets none that was not looked at again, and each is gone once it is installed.
        request.durable = archive.hash.is_none();
        self.steps.context().env().spawn("archive", async move {
            let outcome = downloads.run_for(Some(&root), request, &options).await;
            // Nobody listens any more once the whole was given up.
            let _ = tell.send((archive, outcome));
        })
    }

    fn options(&self, archive: &Archive, stop: &CancellationToken) -> Options {
        let workflow = self.workflow;
        let mut options = Options::new()
            .total(workflow.left(workflow.whole()))
            .attempts(workflow.strategy().max_attempts())
            .wait_for_circuit(workflow.waits_for_circuit())
            .cancel(stop.clone());
        options.inherits_attempts = !workflow.is_asked_for();
        options.service = self.setup.service_of_file(&archive.url, self.steps.context().policies().table());
        options
    }
}

/// Whether a download failed because the indexes do not know better.
fn is_of_old_lists(error: &OperationError<DownloadError>) -> bool {
    matches!(&error.cause, Cause::Operation(error) if cure::lists(error).is_some())
}
