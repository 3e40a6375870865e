//! A plan, read from where the user said.

use std::path::Path;
use std::sync::Arc;

use vps_ops::Kind;
use vps_ops::plan::{Facts, OpenPlanError, Plan, open_trusted, read_plan_file, read_plan_stream};

use crate::app::App;
use crate::exit::Exit;
use crate::report::{Failure, FailureKind};

/// Reads and checks a plan whole; nothing of `-` but what comes on standard input.
pub(crate) fn read(app: &App, path: Option<&Path>) -> Result<Arc<Plan>, Failure> {
    let fs = &**app.env.fs();
    let opened = match path {
        Some(path) => read_plan_file(fs, path),
        None => {
            let folder = std::env::current_dir()
                .map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?;
            read_plan_stream(std::io::stdin().lock(), folder)
        }
    };
    let (text, origin) = opened.map_err(|error| unusable(&error))?;
    let (plan, hints) = Plan::parse(&text, &origin, &Facts::read(fs), &[])
        .map_err(|error| Failure::of_error(Exit::Config, FailureKind::Config, &error))?;
    for hint in hints {
        tracing::warn!("{hint:?}");
    }
    for (_, source) in plan.sources() {
        open_trusted(fs, source).map_err(|error| unusable(&error))?;
    }
    Ok(Arc::new(plan))
}

fn unusable(error: &OpenPlanError) -> Failure {
    match error {
        OpenPlanError::Invalid(_) => Failure::of_error(Exit::Config, FailureKind::Config, error),
        _ => Failure::of_error(Exit::Local, Kind::Local, error),
    }
}
