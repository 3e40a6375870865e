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

/// The head of a file in a tar.
pub(in crate::plan::kinds) fn tar_header(name: &str, mode: &str, len: usize) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, name);
    field(100, mode);
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{len:011o}\0"));
    field(136, "00000000000\0");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
