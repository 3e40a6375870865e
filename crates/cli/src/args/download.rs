//! `download`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use vps_ops::settings::parse_bytes;

use super::NetworkArgs;
use super::values::limit;
use crate::exit;

const EXAMPLES: &str = "\
Examples:
  vps-configurator download https://example.com/app.tar.gz
  vps-configurator download https://example.com/app.tar.gz /opt/app.tar.gz --sha256 HEX
  vps-configurator download https://a.example.com/f --mirror https://b.example.com/f --checksum https://a.example.com/SHA256SUMS
  vps-configurator download https://example.com/install.sh - | less";

/// Download a file: resumed, verified, complete or not there.
///
/// DEST is replaced in one step when the file is complete and right; on any failure it is as it was.
/// What was received is kept beside it and the same command goes on from there. With a digest given and
/// DEST already right, nothing is fetched.
#[derive(Clone, Debug, Args)]
#[command(before_long_help = EXAMPLES, after_long_help = exit::help(exit::Ends::Download))]
pub(crate) struct DownloadArgs {
    /// http or https
    pub(crate) url: String,
    /// A file, a folder, or - for stdout; by default the URL's file name here
    pub(crate) dest: Option<OsString>,
    /// The file's SHA-256 in hexadecimal
    #[arg(long, value_name = "HEX", conflicts_with_all = ["sha512", "checksum"], help_heading = "Verification")]
    pub(crate) sha256: Option<String>,
    /// The file's SHA-512 in hexadecimal
    #[arg(long, value_name = "HEX", conflicts_with = "checksum", help_heading = "Verification")]
    pub(crate) sha512: Option<String>,
    /// sha256:HEX, sha512:HEX, blake3:HEX, or the URL of a SHA256SUMS file
    #[arg(long, value_name = "ALGO:HEX|URL", help_heading = "Verification")]
    pub(crate) checksum: Option<String>,
    /// Accept any certificate
    #[arg(long, help_heading = "Verification")]
    pub(crate) insecure: bool,
    /// Another source of the same file (repeatable)
    #[arg(long, value_name = "URL", help_heading = "Sources")]
    pub(crate) mirror: Vec<String>,
    /// A file with headers to send, one a line: credentials belong here, not on the command line
    #[arg(long, value_name = "FILE", value_parser = super::values::file_path(), help_heading = "Sources")]
    pub(crate) header_file: Option<PathBuf>,
    /// Begin from zero even if a part is there
    #[arg(long, help_heading = "File")]
    pub(crate) no_resume: bool,
    /// Keep DEST if it is there
    #[arg(long, help_heading = "File")]
    pub(crate) no_clobber: bool,
    /// Refuse a larger file: 2GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, help_heading = "File")]
    pub(crate) max_size: Option<u64>,
    /// The file's permissions in octal: 0644
    #[arg(long, value_name = "MODE", value_parser = parse_mode, help_heading = "File")]
    pub(crate) mode: Option<u32>,
    /// Leave a slower source for a mirror: 10KiB (a second)
    #[arg(long, value_name = "RATE", value_parser = parse_bytes, help_heading = "Limits")]
    pub(crate) min_speed: Option<u64>,
    /// Limit of connecting
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) connect_timeout: Option<Duration>,
    /// Limit of silence
    #[arg(long, value_name = "DURATION", value_parser = limit, allow_negative_numbers = true, help_heading = "Limits")]
    pub(crate) idle_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("must be octal permissions from 0 to 0777".to_owned()),
    }
}
