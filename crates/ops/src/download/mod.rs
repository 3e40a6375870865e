//! Downloads that are complete and right, or leave DEST exactly as it was.
//!
//! Bytes go to a part beside DEST, with a record of what they are; an attempt that fails leaves
//! them for the next one, in this process or another. What is complete is verified, synced and
//! renamed in one step: at no instant can another process see half a file.
//!
//! An operation makes attempts for the [pipeline](crate::pipeline), which retries, waits and talks
//! to the circuits; here nothing is repeated but a request whose answer was no use.
//!
//! ```no_run
//! use std::sync::Arc;
//! use vps_ops::download::{Dest, DownloadRequest, HttpDownloader, parse_url};
//! use vps_ops::env::Env;
//! use vps_ops::http::{ReqwestClient, Trust};
//!
//! # async fn show(attempt: vps_ops::Attempt) -> Result<(), Box<dyn std::error::Error>> {
//! let downloads = HttpDownloader::new(Env::real(), Arc::new(ReqwestClient::new(Trust::default())));
//! let url = parse_url("URL", "https://example.com/a.tar.gz")?;
//! let operation = downloads.operation(DownloadRequest::new(url, Dest::Path("/tmp/a.tar.gz".into())));
//! if operation.prepare().await?.is_none() {
//!     let downloaded = operation.attempt(&attempt).await?;
//!     println!("{} bytes", downloaded.bytes);
//! }
//! # Ok(()) }
//! ```

mod adapter;
mod ask;
mod attempt;
mod ceiling;
mod checksum;
mod commit;
mod content_range;
mod downloaded;
mod downloads;
mod error;
mod existing;
mod hash;
mod held;
mod hint;
mod http_downloader;
mod judge;
mod listed;
mod memory;
mod names;
mod oddity;
mod open_part;
mod parse;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod parsers;
mod part;
mod place;
mod plan;
mod receive;
mod record;
mod request;
mod seal;
mod size;
mod speed;
mod sums;
mod sweep;
mod sync;
mod validator;
mod warning;
mod words;

pub use adapter::{Download, Downloader};
pub use checksum::{Algorithm, Checksum, ChecksumError};
pub use downloaded::{Downloaded, Saved, Spool};
pub use downloads::Downloads;
pub use error::{DownloadError, Fault};
pub(crate) use hash::Running;
pub use held::Held;
pub use hint::DownloadHint;
pub use http_downloader::{DownloadOperation, HttpDownloader};
pub use parse::{DownloadUrl, InvalidRequest, file_name, parse_url};
pub use request::{Dest, DownloadRequest, Expected, Limits, MAX_CHECKSUM_FILE};
pub use seal::SealKey;
pub use sums::find_checksum;
pub use warning::DownloadWarning;

#[cfg(test)]
mod tests;
