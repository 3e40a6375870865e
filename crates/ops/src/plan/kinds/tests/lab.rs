//! What the tests of kinds run on.

use std::sync::Arc;

use crate::NetworkOperationWrapper;
use crate::env::Env;
use crate::plan::run::{Ground, StepContext};
use crate::plan::{Action, Plan, Step, StepId};
use crate::process::Runner;
use crate::settings::Settings;

pub(in crate::plan::kinds) fn id(name: &str) -> StepId {
    name.parse().unwrap()
}

pub(in crate::plan::kinds) fn network(env: Env, runner: Option<Arc<dyn Runner>>) -> NetworkOperationWrapper {
    let builder = NetworkOperationWrapper::builder(Settings::default().check().unwrap()).env(env);
    match runner {
        Some(runner) => builder.runner(runner).build(),
        None => builder.build(),
    }
}

/// The only step of a plan whose folder is `folder`.
pub(in crate::plan::kinds) async fn alone(
    network: &NetworkOperationWrapper,
    folder: &std::path::Path,
    action: Action,
) -> StepContext {
    let step = Step::new(id("it"), action);
    let plan = Plan::new("test", folder, vec![step]);
    StepContext::first(Ground::of(network, plan, std::path::Path::new("/")).0)
}
