//! Downloads through the pipeline.

use std::sync::Arc;

use url::Url;

use super::error::Fault;
use super::{DownloadError, DownloadRequest, Downloaded, Downloader, Expected};
use crate::context::Context;
use crate::event::Observer;
use crate::operation::{Operation, OperationKind, Role};
use crate::pipeline::{OperationError, Request, Under};
use crate::service::ServiceName;
use crate::settings::{Options, ServicePolicy};

/// Downloads files; cheap to clone.
///
/// ```no_run
/// use vps_ops::NetworkOperationWrapper;
/// use vps_ops::download::{Dest, DownloadRequest, Expected, parse_url};
/// use vps_ops::settings::{Options, Settings};
///
/// # async fn show() -> Result<(), Box<dyn std::error::Error>> {
/// let network = NetworkOperationWrapper::builder(Settings::default().check()?).build();
/// let url = parse_url("URL", "https://example.com/app.tar.gz")?;
/// let list = parse_url("LIST", "https://example.com/SHA256SUMS")?;
/// let mut request = DownloadRequest::new(url, Dest::Folder("/opt".into()));
/// request.expected = Some(Expected::ListedAt(list.into()));
/// let done = network.downloads().run(request, &Options::new()).await?;
/// assert!(done.verified);
/// # Ok(()) }
/// ```
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
    /// Where the request says that a list names the file's digest ([`Expected::ListedAt`]), the list is fetched
    /// and read first, and both are steps of one operation under one limit.
    ///
    /// # Errors
    /// [`OperationError`] with the last attempt's [`DownloadError`]. Its operation is what could not be
    /// downloaded: the file, or the list.
    ///
    /// # Cancel safety
    /// What was received is kept, and the next download to the same DEST goes on from there.
    pub async fn run(
        &self,
        request: DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, OperationError<DownloadError>> {
        match &request.expected {
            Some(Expected::ListedAt(list)) => match self.there(&request).await {
                Ok(None) => self.run_listed(list, &request, options).await,
                // Whether DEST is kept, or cannot be replaced, no list decides.
                Ok(Some(_)) | Err(_) => {
                    self.run_for(None, DownloadRequest { expected: None, ..request }, options).await
                }
            },
            _ => self.run_for(None, request, options).await,
        }
    }

    /// What a download of `request` would find at DEST, by looking only: the result, where nothing has to be
    /// fetched. Where a list names the digest, it is not held against what stands there. Nobody is told of it.
    ///
    /// # Errors
    /// What the download would fail with before it asked anybody; also that the look was stopped, or took longer than
    /// the download may.
    ///
    /// # Cancel safety
    /// Dropping the future ends the look.
    pub async fn look(
        &self,
        request: &DownloadRequest,
        options: &Options,
    ) -> Result<Option<Downloaded>, OperationError<DownloadError>> {
        let policy = self.policy(request, options);
        let total = options.total_or(policy.timeouts.download);
        let wanted = Request::of(operation(request)).under(&policy, options).total(total);
        let unseen = self.context.pipeline().observed_by(Arc::new(()));
        unseen.look(&wanted, self.there(request)).await
    }

    async fn there(&self, request: &DownloadRequest) -> Result<Option<Downloaded>, DownloadError> {
        let mut request = request.clone();
        if matches!(request.expected, Some(Expected::ListedAt(_))) {
            if let Err(error) = request.listed_name() {
                return Err(DownloadError::of(Fault::Invalid(error), request.url.as_url()));
            }
            request.expected = None;
        }
        self.downloader.begin(request).prepare().await
    }

    /// The same as a step of the workflow `under`, if it is for one. The digest is known, or there is none.
    pub(crate) async fn run_for(
        &self,
        under: Option<&Under>,
        request: DownloadRequest,
        options: &Options,
    ) -> Result<Downloaded, OperationError<DownloadError>> {
        let part = under.map(|under| (under, Role::Step));
        self.fetch(part, request, options).await.map(|(done, _)| done)
    }

    /// Fetches one file, as a root or as part of one; with how many attempts it took.
    pub(super) async fn fetch(
        &self,
        part: Option<(&Under, Role)>,
        mut request: DownloadRequest,
        options: &Options,
    ) -> Result<(Downloaded, u32), OperationError<DownloadError>> {
        let policy = self.policy(&request, options);
        request.limits.connect = policy.timeouts.connect;
        request.limits.head = policy.timeouts.http_request;
        request.limits.idle = policy.timeouts.idle;
        request.limits.min_speed = options.min_speed.unwrap_or(self.context.policies().min_speed());

        let mut operation = operation(&request);
        if part.is_none() {
            operation = operation.with_replay(request.clone(), options);
        }
        let mut wanted =
            Request::of(operation).under(&policy, options).total(options.total_or(policy.timeouts.download));
        if let Some((under, role)) = part {
            wanted = wanted.part_of(under, role);
        }
        let services = self.services(&request, options);
        let pipeline = self.context.pipeline();
        // Where the file is put in its place is told by who does that: so is that it cannot be.
        let looking = if request.hold { &pipeline.observed_by(Arc::new(())) } else { pipeline };
        let download = self.downloader.begin(request);
        // The look is a part of what `total` limits.
        wanted.began = Some(pipeline.env.now());
        if let Some(done) = looking.look(&wanted, download.prepare()).await? {
            pipeline.done(&wanted);
            return Ok((done, 0));
        }
        for service in services {
            wanted = wanted.service(service);
        }
        let download = &*download;
        let mut attempts = 0_u32;
        let attempt = |attempt| {
            attempts = attempts.saturating_add(1);
            async move { download.attempt(&attempt).await }
        };
        let done = pipeline.run(&wanted, attempt).await?;
        Ok((done, attempts))
    }

    /// The service of each source.
    fn services(&self, request: &DownloadRequest, options: &Options) -> Vec<ServiceName> {
        let urls = request.candidates();
        let service = |url: &Url| options.service.clone().unwrap_or_else(|| self.service_of(url));
        urls.iter().map(service).collect()
    }

    /// What holds for it: the policy of its first source.
    pub(super) fn policy(&self, request: &DownloadRequest, options: &Options) -> ServicePolicy {
        let service = options.service.clone().unwrap_or_else(|| self.service_of(request.url.as_url()));
        options.over(self.context.policies().of(&service))
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// The service that a URL's host belongs to.
    #[must_use]
    pub fn service_of(&self, url: &Url) -> ServiceName {
        let port = url.port_or_known_default().unwrap_or(0);
        self.context.policies().table().of_host(url.host_str().unwrap_or_default(), port, url.scheme())
    }
}

/// What a download of `request` is, for those who watch.
pub(super) fn operation(request: &DownloadRequest) -> Operation {
    Operation::new(OperationKind::Download, request.url.to_string())
}
