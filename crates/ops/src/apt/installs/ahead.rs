//! The archives of an install, fetched before its turn: bytes alone, and no word of what the install itself will say.

use super::fetch::Fetch;
use super::rounds::check;
use super::steps::{AptFailed, Steps};
use crate::apt::outcome::AptFetched;
use crate::apt::request::{InstallRequest, Wanted};
use crate::download::Downloads;
use crate::workflow::Workflow;

/// Looks, resolves by the indexes there are, and fetches: as the install will, once. Nothing is cured and nothing
/// waited for that is not a server's.
pub(super) async fn fetch(
    steps: &Steps,
    downloads: &Downloads,
    workflow: &Workflow,
    request: &InstallRequest,
) -> Result<AptFetched, AptFailed> {
    let installed = steps.installed(workflow).await?;
    let missing = request.missing(&installed);
    if missing.is_empty() {
        return Ok(AptFetched::Archives { count: 0, bytes: 0 });
    }
    let setup = steps.setup(workflow).await?;
    if request.updates() && !steps.is_fresh(&setup) {
        return Ok(AptFetched::OldLists);
    }
    let wanted = Wanted::Packages(missing);
    let plan = steps.plan(workflow, &wanted).await?;
    check(request, &installed, &plan).map_err(|error| workflow.error(error))?;
    let fetch = Fetch { steps, downloads, workflow, setup: &setup, wanted: &wanted };
    let bytes = fetch.bring_ahead(&plan).await?;
    Ok(AptFetched::Archives { count: plan.archives.len(), bytes })
}
