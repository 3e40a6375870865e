//! The archives of a plan, fetched beside each other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{AptFailed, Installs};
use crate::apt::{AptError, AptSetup, Archive, Plan, Tally, Wanted, is_stale};
use crate::download::{Dest, DownloadError, DownloadRequest, Downloaded, Downloads};
use crate::env::Task;
use crate::event::Root;
use crate::http::SafeUrl;
use crate::operation::OperationKind;
use crate::pipeline::{Cause, OperationError};
use crate::settings::Options;
use crate::workflow::Workflow;

/// Downloads at once, whoever serves them; each service has its own bulkhead beside.
const AT_ONCE: usize = 8;

/// What came over the network for a plan.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fetched {
    /// Bytes.
    pub(super) bytes: u64,
}

/// One download's end: which archive, and what came of it.
type Ended = (Archive, Result<Downloaded, OperationError<DownloadError>>);

impl Installs {
    /// Fetches what the plan needs into the archive folder: by our own means what they can do, the rest
    /// by apt-get, said once.
    pub(super) async fn fetch(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        wanted: &Wanted,
        plan: &Plan,
    ) -> Result<(Fetched, Vec<Archive>), AptFailed> {
        // The strongest digests take another look, which costs nothing beside the network.
        tokio::try_join!(
            self.bring(workflow, setup, wanted, plan),
            self.strongest(workflow, setup, wanted, plan)
        )
    }

    /// The archives with the strongest digests that the index has. Where it cannot be asked, those of the plan:
    /// what came was held against them already.
    async fn strongest(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        wanted: &Wanted,
        plan: &Plan,
    ) -> Result<Vec<Archive>, AptFailed> {
        if plan.archives.is_empty() {
            return Ok(Vec::new());
        }
        match self.resolve_strongest(workflow, setup, wanted).await {
            Ok(strongest) => Ok(plan.archives_with_digests_of(&strongest)),
            Err(_) => Ok(plan.archives.clone()),
        }
    }

    async fn bring(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        wanted: &Wanted,
        plan: &Plan,
    ) -> Result<Fetched, AptFailed> {
        let (mut ours, mut local) = (Vec::new(), Vec::new());
        let mut why = None;
        for archive in &plan.archives {
            match setup.own_way_to(archive) {
                Ok(url) if url.scheme() == "file" => local.push((url, archive)),
                Ok(url) => ours.push((url, archive.clone())),
                Err(reason) => why = why.or(Some((archive, reason))),
            }
        }
        // The largest first: a short one fills the gap at the end.
        ours.sort_by_key(|(_, archive)| std::cmp::Reverse(archive.size));
        let bytes = ours.iter().fold(0, |sum: u64, (_, archive)| sum.saturating_add(archive.size));
        if !plan.archives.is_empty() {
            let there =
                ours.iter().filter(|(_, archive)| self.is_there(archive)).map(|(_, archive)| archive.size);
            self.make_room(workflow, bytes.saturating_sub(there.sum())).await?;
        }
        for (url, archive) in local {
            workflow.note(format!("{} is copied from {}", archive.filename, SafeUrl::new(&url)));
            let from = url.to_file_path().unwrap_or_else(|()| PathBuf::from(url.path()));
            self.copy(workflow, archive, &from).await?;
        }
        let fetched = self.download(workflow, setup, ours, bytes).await?;
        if let Some((archive, reason)) = why {
            workflow.note(format!("apt-get fetches {} itself: {reason}", archive.filename));
            let request = workflow.step(OperationKind::AptFetch, archive.filename.as_str(), workflow.whole());
            let apt = &self.apt;
            self.pipeline().run(&request, |attempt| async move { apt.fetch(&attempt, wanted).await }).await?;
        }
        Ok(fetched)
    }

    /// Whether a file of that length is in its place: whether it is right is looked at later.
    fn is_there(&self, archive: &Archive) -> bool {
        self.context.env().fs().look(&self.apt.place(archive)).is_ok_and(|meta| meta.len == archive.size)
    }

    async fn make_room(&self, workflow: &Workflow, bytes: u64) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptRoom, "", workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.make_room(bytes) }).await
    }

    async fn copy(&self, workflow: &Workflow, archive: &Archive, from: &Path) -> Result<(), AptFailed> {
        let request = workflow.step(OperationKind::AptCopy, archive.filename.as_str(), workflow.whole());
        let apt = &self.apt;
        self.pipeline().run(&request, |_| async move { apt.copy(archive, from) }).await
    }

    async fn download(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        archives: Vec<(Url, Archive)>,
        bytes: u64,
    ) -> Result<Fetched, AptFailed> {
        let observer = Arc::clone(&self.pipeline().observer);
        let tally = Arc::new(Tally::new(observer, workflow.voice().clone(), bytes));
        let downloads = self.downloads.observed_by(Arc::clone(&tally) as _);
        // One that fails for good ends the others: what they have is kept.
        let stop = workflow.cancel().child_token();
        let (tell, mut told) = mpsc::unbounded_channel::<Ended>();
        let mut waiting: VecDeque<_> = archives.into();
        let mut under_way: Vec<Task> = Vec::new();
        let (mut running, mut fetched, mut failed) = (0, Fetched::default(), None);
        loop {
            while running < AT_ONCE && failed.is_none() {
                let Some((url, archive)) = waiting.pop_front() else { break };
                running += 1;
                let options = self.archive_options(workflow, setup, &archive, &stop);
                let begun =
                    self.begin_archive(&downloads, workflow.root(), url, archive, options, tell.clone());
                under_way.push(begun);
            }
            if running == 0 {
                break;
            }
            let Some((archive, outcome)) = told.recv().await else { break };
            running -= 1;
            match outcome {
                Ok(done) => {
                    fetched.bytes = fetched.bytes.saturating_add(done.fetched);
                    if done.unchanged {
                        tally.was_there(done.bytes);
                    }
                }
                Err(error) if failed.is_none() => {
                    // A file that is gone or wrong is looked for again, and then the others are needed.
                    if !is_cured_by_update(&error) {
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
                Err(error.map(|source| AptError::Download { file, source: Box::new(source) }))
            }
        }
    }

    fn archive_options(
        &self,
        workflow: &Workflow,
        setup: &AptSetup,
        archive: &Archive,
        stop: &CancellationToken,
    ) -> Options {
        let mut options = Options::new()
            .total(workflow.left(workflow.whole()))
            .attempts(workflow.strategy().max_attempts())
            .wait_for_circuit(workflow.waits_for_circuit())
            .cancel(stop.clone());
        options.service = setup.service_of_file(&archive.url, self.context.policies().table());
        options
    }

    fn begin_archive(
        &self,
        downloads: &Downloads,
        root: Root,
        url: Url,
        archive: Archive,
        options: Options,
        tell: mpsc::UnboundedSender<Ended>,
    ) -> Task {
        let downloads = downloads.clone();
        let mut request = DownloadRequest::new(url, Dest::Path(self.apt.place(&archive)));
        request.expected = archive.hash.clone().map(Into::into);
        request.size = Some(archive.size);
        request.mode = Some(0o644);
        // dpkg gets none that was not looked at again, and each is gone once it is installed.
        request.durable = archive.hash.is_none();
        self.context.env().spawn("archive", async move {
            let outcome = downloads.run_for(Some(root), request, &options).await;
            // Nobody listens any more once the whole was given up.
            let _ = tell.send((archive, outcome));
        })
    }
}

fn is_cured_by_update(error: &OperationError<DownloadError>) -> bool {
    match &error.cause {
        Cause::Operation(error) => is_stale(error),
        _ => false,
    }
}
