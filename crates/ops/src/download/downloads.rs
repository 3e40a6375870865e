//! Downloads through the pipeline.

use std::sync::Arc;

use url::Url;

use super::{DownloadError, DownloadRequest, Downloaded, Downloader};
use crate::context::Context;
use crate::event::{Observer, Root};
use crate::http::SafeUrl;
use crate::operation::{Operation, OperationKind, Role};
use crate::pipeline::{OperationError, Request};
use crate::service::ServiceName;
use crate::settings::Options;

/// Downloads files; cheap to clone.
#[derive(Clone, Debug)]
pub struct Downloads {
    context: Context,
    downloader: Arc<dyn Downloader>,
}

impl Downloads {
    /// Downloads by `downloader`.
    #[must_use]
    pub fn new(context: Context, downloader: Arc<dyn Downloader>) -> Self {
        Self { context, downloader }
    }

    /// The same under other limits.
    #[must_use]
    pub(crate) fn with_context(&self, context: Context) -> Self {
        Self { context, ..self.clone() }
    }

    /// The same, watched by somebody else.
    #[must_use]
    pub(crate) fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        let pipeline = self.context.pipeline().observed_by(observer);
        self.with_context(self.context.with_pipeline(pipeline))
    }

    /// Downloads a file. On success DEST is complete and right; on any failure it is exactly as it was.
    ///
    /// # Errors
    /// [`OperationError`] with the last attempt's [`DownloadError`].
    ///
    /// # Cancel safety
    /// What was received is kept, and the next download to the same DEST goes on from there.
    pub async fn run(
        &self,
        request: DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, OperationError<DownloadError>> {
        self.run_for(None, request, options).await
    }

    /// The same for the operation `root` of a workflow, if it is for one.
    pub(crate) async fn run_for(
        &self,
        root: Option<Root>,
        mut request: DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, OperationError<DownloadError>> {
        let services: Vec<ServiceName> = match &options.service {
            Some(service) => vec![service.clone(); request.candidates().len()],
            None => request.candidates().iter().map(|url| self.service_of(url)).collect(),
        };
        let policies = self.context.policies();
        let first = services.first().cloned().unwrap_or_else(|| ServiceName::EXTERNAL_DOWNLOADS.into());
        let policy = options.over(policies.of(&first));
        request.limits.connect = policy.timeouts.connect;
        request.limits.head = policy.timeouts.http_request;
        request.limits.idle = policy.timeouts.idle;

        let mut operation =
            Operation::new(OperationKind::Download, SafeUrl::from(request.url.as_url()).to_string());
        if root.is_none() {
            operation = operation.with_replay(request.clone());
        }
        let mut wanted =
            Request::of(operation).under(&policy, options).total(options.total_or(policy.timeouts.download));
        if let Some(root) = root {
            wanted = wanted.for_root(root, Role::Step);
        }
        let pipeline = self.context.pipeline();
        let download = self.downloader.begin(request);
        match download.prepare().await {
            Ok(Some(done)) => {
                pipeline.done(&wanted);
                return Ok(done);
            }
            Ok(None) => {}
            Err(error) => return Err(pipeline.refuse(&wanted, error)),
        }
        for service in services {
            wanted = wanted.service(service);
        }
        let download = &*download;
        pipeline.run(&wanted, |attempt| async move { download.attempt(&attempt).await }).await
    }

    /// The service that a URL's host belongs to.
    #[must_use]
    pub fn service_of(&self, url: &Url) -> ServiceName {
        let port = url.port_or_known_default().unwrap_or(0);
        self.context.policies().table().of_host(url.host_str().unwrap_or_default(), port, url.scheme())
    }
}
