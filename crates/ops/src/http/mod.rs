//! One HTTP exchange at a time, with every rule of ours above the library that carries it.
//!
//! [`HttpClient`] sends one request and gives back one response: no redirect, no retry, no
//! decompression. Redirects are followed by [`follow`] under our own rules. [`ReqwestClient`] is
//! the real one, and the only file that knows reqwest; through a proxy https goes by `tunnel`, which knows what
//! the proxy answered, and `tunnel_client`. What an error is, is read in `words`; what
//! that means for the retry and the breaker is said in `judge`.
//!
//! ```no_run
//! use std::time::Duration;
//! use url::Url;
//! use vps_ops::env::Env;
//! use vps_ops::http::{HttpClient, HttpRequest, ReqwestClient, Trust, follow};
//!
//! # async fn show() -> Result<(), Box<dyn std::error::Error>> {
//! let client = ReqwestClient::new(Trust::default());
//! let request = HttpRequest::get(Url::parse("http://localhost/file")?);
//! let response = follow(&Env::real(), &client, request, Duration::from_secs(30)).await?;
//! println!("{}", response.status);
//! # Ok(()) }
//! ```

mod adapter;
mod connections;
mod cookies;
mod credentials;
mod error;
mod fact;
mod follow;
mod header_file;
mod hint;
mod judge;
mod netrc;
mod one_answer;
mod proxies;
mod request;
mod reqwest_client;
mod response;
mod retry_after;
mod roots;
mod safe_url;
mod tls;
mod tunnel;
mod tunnel_client;
mod typed_url;
mod words;

pub use adapter::HttpClient;
pub(crate) use connections::USER_AGENT;
pub(crate) use credentials::decoded;
pub use credentials::{Credentials, Unnamed};
pub use error::HttpError;
pub use fact::Fact;
pub(crate) use follow::silent;
pub use follow::{MAX_REDIRECTS, follow};
#[cfg(feature = "git")]
pub(crate) use follow::{no_answer, same_origin};
pub use header_file::{HeaderFileError, parse_header_file};
pub use hint::HttpHint;
pub use judge::judge_status;
pub use netrc::{Netrc, NetrcError};
pub(crate) use one_answer::head_of;
pub use proxies::{Proxies, Proxy, ProxyError};
pub use request::{Connection, HttpRequest, Verify};
pub use reqwest_client::ReqwestClient;
pub use response::{Body, BodySource, HttpResponse};
pub use retry_after::retry_after;
pub(crate) use roots::LazyVerifier;
pub use roots::Trust;
pub(crate) use safe_url::names_host;
pub use safe_url::{SafeUrl, host_and_port};
pub(crate) use tls::config as tls_config;
pub use tls::install_crypto_provider;
pub use typed_url::safe_word;
pub(crate) use typed_url::{safe_urls, strip_user};
pub(crate) use words::Phase;
