//! `serve`.

use std::path::PathBuf;

use clap::Args;

use super::values::file_path;
use crate::exit;
use crate::web::{Address, allowed_host};

/// Look at services all the time, and show them on a page, as JSON and as metrics.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = "\
Examples:
  vps-configurator serve
  vps-configurator serve --listen unix:/run/vps-configurator/status.sock
  vps-configurator serve --listen 0.0.0.0:9469 --allow-host status.example.com \\
    --token-file /etc/vps-configurator/token --tls-cert cert.pem --tls-key key.pem

Paths:
  /  the page    /api/status  the same as JSON    /metrics  for Prometheus
  /healthz  whether it works    /readyz  whether each service was looked at once", after_long_help = exit::help(exit::Ends::Serve))]
pub(crate) struct ServeArgs {
    /// Where: IP:PORT (port 0 takes a free one), or unix:PATH (for owner and group)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9469", value_parser = Address::parse)]
    pub(crate) listen: Address,
    /// Also answer for this name or IP in the URL, beside localhost and loopback IPs (may be repeated)
    #[arg(long, value_name = "NAME", value_parser = allowed_host)]
    pub(crate) allow_host: Vec<String>,
    /// Answer only who sends what this file has, as Bearer or as a password; needed beyond this machine
    #[arg(long, value_name = "FILE", value_parser = file_path())]
    pub(crate) token_file: Option<PathBuf>,
    /// Speak TLS with this certificate and those it needs, as PEM
    #[arg(long, value_name = "FILE", value_parser = file_path(), requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of that certificate, as PEM
    #[arg(long, value_name = "FILE", value_parser = file_path(), requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}
