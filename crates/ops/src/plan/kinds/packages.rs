//! Packages are installed.

use std::sync::Arc;

use serde_json::{Map, Value};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use vps_retry::Class;

use super::super::action::{Action, PackagesAction};
use super::super::run::{Done, Proof, StepContext, StepError};
use crate::apt::{
    AptFetched, AptInstalled, InstallRequest, Installed, InvalidPackages, PackageSpec, parse_all,
};
use crate::event::Observer;
use crate::foreign::Foreign;

/// A step whose packages cannot be looked for.
#[derive(Debug, Error)]
enum PackagesError {
    #[error(transparent)]
    Names(#[from] InvalidPackages),
    #[error("dpkg's list of packages cannot be read")]
    Status(#[source] std::io::Error),
}

/// How a package is on this machine.
enum There<'i> {
    /// As it was asked for.
    Right,
    /// Whether it is so is apt's to say: a release was asked for, or only another architecture has it.
    At(&'i str),
    /// Not.
    Not,
}

fn there<'i>(installed: &'i Installed, spec: &PackageSpec) -> There<'i> {
    if installed.satisfies(spec) {
        return There::Right;
    }
    let found = installed.find(spec).or_else(|| installed.foreign(spec));
    match found.filter(|package| spec.accepts(&package.version)) {
        Some(package) => There::At(&package.version),
        None => There::Not,
    }
}

fn specs(action: &PackagesAction) -> Result<Vec<PackageSpec>, StepError> {
    parse_all(action.names.iter().map(String::as_str))
        .map_err(|error| StepError::local(&PackagesError::from(error)))
}

fn named(names: impl IntoIterator<Item = impl ToString>) -> Foreign {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ").into()
}

/// Which of these are not installed, by what dpkg has written down.
pub(in crate::plan) fn lacking(cx: &StepContext, specs: &[PackageSpec]) -> Result<Vec<String>, StepError> {
    let installed = cx.ground.dpkg.installed(cx.env(), &cx.ground.root);
    let installed = installed.map_err(|error| StepError::local(&PackagesError::Status(error)))?;
    let lacking = specs.iter().filter(|spec| matches!(there(&installed, spec), There::Not));
    Ok(lacking.map(ToString::to_string).collect())
}

pub(super) fn prove(cx: &StepContext, action: &PackagesAction) -> Result<Proof, StepError> {
    let specs = specs(action)?;
    let installed = cx.ground.dpkg.installed(cx.env(), &cx.ground.root);
    let installed = installed.map_err(|error| StepError::local(&PackagesError::Status(error)))?;
    let missing: Vec<_> = specs.iter().filter(|spec| matches!(there(&installed, spec), There::Not)).collect();
    if !missing.is_empty() {
        return Ok(Proof::Missing(Some(named(missing))));
    }
    // What apt settled the last time stays settled while the version is the same.
    let is_settled = |spec: &PackageSpec| match there(&installed, spec) {
        There::At(version) => {
            let known = cx.stamp().and_then(|stamp| stamp.get(spec.to_string()));
            known.and_then(Value::as_str) == Some(version)
        }
        _ => true,
    };
    // Whether there is a newer version only the repositories know.
    Ok(match !action.upgrade && specs.iter().all(is_settled) {
        true => Proof::Satisfied(None),
        false => Proof::Unknown,
    })
}

pub(super) async fn effect(cx: &StepContext, action: &PackagesAction) -> Result<Done, StepError> {
    let request = InstallRequest::new(specs(action)?).upgrade(action.upgrade);
    let installed = Box::pin(cx.network().installs().install(&request, &cx.options)).await;
    let installed = installed.map_err(|error| StepError::of(&error))?;
    Ok(part_of(cx, &installed))
}

fn action_of(cx: &StepContext) -> Option<&PackagesAction> {
    match &cx.step()?.action {
        Action::Packages(packages) => Some(packages),
        _ => None,
    }
}

/// Whether two steps can be one install.
pub(in crate::plan) fn can_be_one(one: &StepContext, other: &StepContext) -> bool {
    let upgrades = |cx| action_of(cx).is_some_and(|action| action.upgrade);
    upgrades(one) == upgrades(other) && one.options.service == other.options.service
}

/// Installs what several steps ask for, in one go; nothing where they contradict one another.
///
/// # Errors
/// Why it failed, which may be because of one of them.
pub(in crate::plan) async fn install(
    steps: impl Iterator<Item = &StepContext> + Clone + Send,
) -> Result<Option<AptInstalled>, StepError> {
    let (Some(request), Some(first)) = (request(steps.clone()), steps.clone().next()) else {
        return Ok(None);
    };
    let installed = Box::pin(first.network().installs().install(&request, &first.options)).await;
    installed.map(Some).map_err(|error| StepError::of(&error))
}

/// What several steps ask for, as one; nothing where they contradict one another.
fn request<'s>(steps: impl Iterator<Item = &'s StepContext>) -> Option<InstallRequest> {
    let actions: Vec<&PackagesAction> = steps.filter_map(action_of).collect();
    let names = actions.iter().flat_map(|action| &action.names).map(String::as_str);
    let all = parse_all(names).ok()?;
    Some(InstallRequest::new(all).upgrade(actions.iter().any(|action| action.upgrade)))
}

/// Fetches what several steps will install in one go, seen by what `watch` makes of who sees it now, until `stop`.
///
/// # Errors
/// Why it failed, which may be because of one of them; as for good where they contradict one another.
pub(in crate::plan) async fn fetch(
    steps: &[StepContext],
    stop: &CancellationToken,
    watch: impl FnOnce(Arc<dyn Observer>) -> Arc<dyn Observer>,
) -> Result<AptFetched, Class> {
    let (Some(request), Some(first)) = (request(steps.iter()), steps.first()) else {
        return Err(Class::Permanent);
    };
    let options = first.options.clone().cancel(stop.clone());
    let fetched = first.network().installs().watched(watch).fetch(&request, &options).await;
    fetched.map_err(|error| error.class())
}

/// What of an install was one step's.
pub(in crate::plan) fn part_of(cx: &StepContext, installed: &AptInstalled) -> Done {
    let specs = action_of(cx).and_then(|action| specs(action).ok()).unwrap_or_default();
    let brought = |spec: &PackageSpec| {
        let mut all = installed.packages.iter();
        all.find(|change| change.name == spec.name() && !installed.already.contains(change))
    };
    let own: Vec<String> = specs
        .iter()
        .filter_map(brought)
        .map(|change| format!("{} {}", change.name, change.to.as_deref().unwrap_or_default()))
        .collect();
    let known = cx.ground.dpkg.installed(cx.env(), &cx.ground.root).unwrap_or_default();
    let settled: Map<String, Value> = specs
        .iter()
        .filter_map(|spec| match there(&known, spec) {
            There::At(version) => Some((spec.to_string(), version.into())),
            _ => None,
        })
        .collect();
    Done {
        // What was brought for it may have another name.
        changed: !installed.is_unchanged(),
        what: (!own.is_empty()).then(|| named(own)),
        stamp: (!settled.is_empty()).then_some(Value::Object(settled)),
        later: None,
    }
}
