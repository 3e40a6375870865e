//! What a plan needs, brought into the archive folder: downloaded, copied, or left to apt-get.

use std::cmp::Reverse;
use std::path::PathBuf;

use url::Url;

use super::beside::{Beside, Whose};
use super::steps::{AptFailed, Steps};
use crate::apt::facts::{AptSetup, Archive, Plan};
use crate::apt::request::Wanted;
use crate::download::Downloads;
use crate::http::SafeUrl;
use crate::workflow::Workflow;

/// Fetches for one workflow.
#[derive(Clone, Copy)]
pub(super) struct Fetch<'f> {
    pub(super) steps: &'f Steps,
    pub(super) downloads: &'f Downloads,
    pub(super) workflow: &'f Workflow,
    pub(super) setup: &'f AptSetup,
    pub(super) wanted: &'f Wanted,
}

/// What was fetched.
pub(super) struct Fetched {
    /// Bytes that came over the network.
    pub(super) bytes: u64,
    /// The plan's archives, with the strongest digests there are.
    pub(super) archives: Vec<Archive>,
}

/// By whom each archive of a plan is brought.
#[derive(Default)]
struct Ways<'p> {
    ours: Vec<(Url, Archive)>,
    local: Vec<(Url, &'p Archive)>,
    /// The first that only apt-get can bring, and why.
    apts: Option<(&'p Archive, &'static str)>,
}

impl Fetch<'_> {
    /// Brings what the plan needs: by our own means what they can do, the rest by apt-get, said once.
    pub(super) async fn bring(&self, plan: &Plan) -> Result<Fetched, AptFailed> {
        self.steps.neighbours().take(&plan.archives);
        // The strongest digests take another look, which costs nothing beside the network.
        let (bytes, archives) = tokio::try_join!(self.archives(plan), self.strongest(plan))?;
        Ok(Fetched { bytes, archives })
    }

    /// Brings what the plan of a later install needs, by our own means alone: apt-get would take dpkg's lock for it.
    /// How many bytes that took.
    pub(super) async fn bring_ahead(&self, plan: &Plan) -> Result<u64, AptFailed> {
        let ways = Ways { apts: None, ..self.ways(plan) };
        self.by(ways, Whose::Later).await
    }

    /// The archives with the strongest digests that the index has. Where it cannot be asked, those of the plan:
    /// what came was held against them already.
    async fn strongest(&self, plan: &Plan) -> Result<Vec<Archive>, AptFailed> {
        if plan.archives.is_empty() {
            return Ok(Vec::new());
        }
        match self.steps.strongest(self.workflow, self.setup, self.wanted).await {
            Ok(strongest) => Ok(plan.archives_with_digests_of(&strongest)),
            Err(_) => Ok(plan.archives.clone()),
        }
    }

    /// Room first, for a full disk is known before a byte came. Then what is here already, for it takes no
    /// time. apt-get comes last: it fetches whatever is missing, and would fetch what is ours to fetch too.
    async fn archives(&self, plan: &Plan) -> Result<u64, AptFailed> {
        self.by(self.ways(plan), Whose::Now).await
    }

    async fn by(&self, ways: Ways<'_>, whose: Whose) -> Result<u64, AptFailed> {
        let Ways { ours, local, apts } = ways;
        let bytes = ours.iter().fold(0, |sum: u64, (_, archive)| sum.saturating_add(archive.size));
        if !(ours.is_empty() && local.is_empty() && apts.is_none()) {
            let there =
                ours.iter().filter(|(_, archive)| self.is_there(archive)).map(|(_, archive)| archive.size);
            self.steps.make_room(self.workflow, bytes.saturating_sub(there.sum())).await?;
        }
        for (url, archive) in local {
            self.workflow.note(format!("{} is copied from {}", archive.filename, SafeUrl::new(&url)));
            let from = url.to_file_path().unwrap_or_else(|()| PathBuf::from(url.path()));
            self.steps.copy(self.workflow, archive, &from).await?;
        }
        let beside = Beside { steps: self.steps, workflow: self.workflow, setup: self.setup };
        let fetched = beside.download(self.downloads, ours, bytes, whose).await?;
        if let Some((archive, reason)) = apts {
            self.workflow.note(format!("apt-get fetches {} itself: {reason}", archive.filename));
            self.steps.fetch(self.workflow, self.wanted, archive).await?;
        }
        Ok(fetched)
    }

    fn ways<'p>(&self, plan: &'p Plan) -> Ways<'p> {
        let mut ways = Ways::default();
        for archive in &plan.archives {
            match self.setup.own_way_to(archive) {
                Ok(url) if url.scheme() == "file" => ways.local.push((url, archive)),
                Ok(url) => ways.ours.push((url, archive.clone())),
                Err(reason) => ways.apts = ways.apts.or(Some((archive, reason))),
            }
        }
        // The largest first: a short one fills the gap at the end.
        ways.ours.sort_by_key(|(_, archive)| Reverse(archive.size));
        ways
    }

    /// Whether a file of that length is in its place: whether it is right is looked at later.
    fn is_there(&self, archive: &Archive) -> bool {
        let fs = self.steps.context().env().fs();
        fs.look(&self.steps.place(archive)).is_ok_and(|meta| meta.len == archive.size)
    }
}
