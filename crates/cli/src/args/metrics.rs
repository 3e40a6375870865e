//! Where a command's figures go.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;

use super::values::file;

/// The option of every command that uses the network but `serve`, `dashboard` and `dead-letter retry`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MetricsArgs {
    /// Write metrics to this file at the end, for Prometheus' node_exporter
    #[arg(long, env = "VPS_CONFIGURATOR_METRICS_FILE", value_name = "FILE", value_parser = file(), help_heading = "Metrics")]
    metrics_file: Option<OsString>,
}

impl MetricsArgs {
    /// The file that was named; an empty variable names none.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.metrics_file.as_deref().filter(|path| !path.is_empty()).map(Path::new)
    }
}
