//! What every workflow works with.

use std::fmt;
use std::sync::Arc;

use crate::env::Env;
use crate::event::Observer;
use crate::pipeline::Pipeline;
use crate::process::Runner;
use crate::settings::Policies;

/// The loop, what holds for each service, and who runs processes; cheap to clone.
#[derive(Clone)]
pub struct Context {
    pipeline: Pipeline,
    policies: Arc<Policies>,
    runner: Arc<dyn Runner>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

impl Context {
    /// One over these parts.
    #[must_use]
    pub fn new(pipeline: Pipeline, policies: Arc<Policies>, runner: Arc<dyn Runner>) -> Self {
        Self { pipeline, policies, runner }
    }

    /// The loop that all operations go through.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// What holds for each service.
    #[must_use]
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// Who runs processes.
    #[must_use]
    pub fn runner(&self) -> &Arc<dyn Runner> {
        &self.runner
    }

    /// The world it works in.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.pipeline.env
    }

    /// The same with other limits.
    #[must_use]
    pub(crate) fn with_policies(&self, policies: Arc<Policies>) -> Self {
        Self { policies, ..self.clone() }
    }

    /// The same, watched by somebody else.
    #[must_use]
    pub(crate) fn with_pipeline(&self, pipeline: Pipeline) -> Self {
        Self { pipeline, ..self.clone() }
    }

    /// The same, watched by what `watch` makes of who watches now.
    #[must_use]
    pub(crate) fn watched(&self, watch: impl FnOnce(Arc<dyn Observer>) -> Arc<dyn Observer>) -> Self {
        let watched = self.pipeline.observed_by(watch(Arc::clone(&self.pipeline.observer)));
        self.with_pipeline(watched)
    }

    /// Waits for processes that were told to end.
    pub(crate) async fn settle(&self) {
        self.runner.settle(&self.pipeline.env).await;
    }
}
