//! Downloads through the pipeline.

use url::Url;

use super::NetworkOperationWrapper;
use crate::download::{DownloadError, DownloadRequest, Downloaded};
use crate::event::OperationId;
use crate::http::SafeUrl;
use crate::pipeline::{OperationError, Request};
use crate::service::ServiceName;
use crate::settings::Options;

impl NetworkOperationWrapper {
    /// Downloads a file (the seed's `download_with_retry`). On success DEST is complete and right; on
    /// any failure it is exactly as it was.
    ///
    /// # Errors
    /// [`OperationError`] with the last attempt's [`DownloadError`].
    ///
    /// # Cancel safety
    /// What was received is kept, and the next download to the same DEST goes on from there.
    pub async fn download_with_retry(
        &self,
        request: DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, OperationError<DownloadError>> {
        self.download_for(None, request, options).await
    }

    /// The same for the operation `root` of a workflow, if it is for one.
    pub(super) async fn download_for(
        &self,
        root: Option<OperationId>,
        mut request: DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, OperationError<DownloadError>> {
        let services: Vec<ServiceName> = match &options.service {
            Some(service) => vec![service.clone(); request.candidates().len()],
            None => request.candidates().iter().map(|url| self.service_of(url)).collect(),
        };
        let first = services.first().cloned().unwrap_or_else(|| ServiceName::EXTERNAL_DOWNLOADS.into());
        let policy = options.over(self.policies.of(&first));
        request.limits.connect = policy.timeouts.connect;
        request.limits.head = policy.timeouts.http_request;
        request.limits.idle = policy.timeouts.idle;

        let action = format!("download {}", SafeUrl::from(request.url.as_url()));
        let mut pipeline_request = Request::new("download", action)
            .strategy(policy.retry)
            .total(options.total_or(policy.timeouts.download))
            .idle(policy.timeouts.idle)
            .cancel(options.cancel.clone());
        if let Some(root) = root {
            pipeline_request = pipeline_request.root(root);
        }
        let download = self.downloader.begin(request);
        match download.prepare().await {
            Ok(Some(done)) => {
                self.pipeline.done(&pipeline_request);
                return Ok(done);
            }
            Ok(None) => {}
            Err(error) => return Err(self.pipeline.refuse(&pipeline_request, error)),
        }
        for service in services {
            pipeline_request = pipeline_request.service(service);
        }
        let download = &*download;
        self.pipeline.run(&pipeline_request, |attempt| async move { download.attempt(&attempt).await }).await
    }

    /// The service that a URL's host belongs to.
    #[must_use]
    pub fn service_of(&self, url: &Url) -> ServiceName {
        let port = url.port_or_known_default().unwrap_or(0);
        self.policies.table().of_host(url.host_str().unwrap_or_default(), port, url.scheme())
    }
}
