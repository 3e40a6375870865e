//! The seam to the network.

use std::fmt;

use async_trait::async_trait;

use super::{HttpError, HttpRequest, HttpResponse};

/// Sends one request, once. Follows nothing, repeats nothing, decodes nothing.
#[async_trait]
pub trait HttpClient: fmt::Debug + Send + Sync + 'static {
    /// The response's head, with its body still to come.
    ///
    /// Cancel safe: dropping the future closes what it opened.
    ///
    /// # Errors
    /// Whatever kept the head of a response from arriving. A status is no error here.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError>;
}
