//! A machine to download on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use vps_retry::Class;

use crate::attempt::Attempt;
use crate::download::{
    Dest, DownloadError, DownloadOperation, DownloadRequest, Downloaded, HttpDownloader, SealKey, parse_url,
};
use crate::env::Env;
use crate::event::{Event, EventKind, Observer, OperationId, Teller};
use crate::http::HttpRequest;
use crate::operation::{Operation, OperationKind};
use crate::testing::disk::Disk;
use crate::testing::disk_world;
use crate::testing::scripted_http::{Script, ScriptedHttp};
use vps_retry::Classify;

#[derive(Default)]
pub(super) struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn on(&self, event: &Event<'_>) {
        let line = match &event.kind {
            EventKind::Progress { done, total, resumed_from } => {
                format!(
                    "progress {done} {} {resumed_from}",
                    total.map_or("?".into(), |total| total.to_string())
                )
            }
            EventKind::Note { text } => format!("note {text}"),
            EventKind::Warning { what } => format!("warning {what}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

impl Told {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.lines().iter().any(|line| line.contains(word))
    }
}

/// One process of one boot of a machine, and the server it talks to.
pub(super) struct Lab {
    pub(super) disk: Disk,
    pub(super) env: Env,
    pub(super) http: ScriptedHttp,
    pub(super) told: Arc<Told>,
    teller: Teller,
}

/// Where the key of this machine's seals lies; most tests have no such folder.
pub(super) const STATE: &str = "/state";

pub(super) const DEST: &str = "/data/file.bin";

impl Lab {
    pub(super) fn new(answer: impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static) -> Self {
        Self::on(Disk::new(), 1, answer)
    }

    pub(super) fn on(
        disk: Disk,
        boot: u64,
        answer: impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        let env = disk_world(&disk, boot, boot, true);
        disk.set_now(env.wall());
        let http = ScriptedHttp::new(env.clone(), answer);
        let told = Arc::new(Told::default());
        let operation = Operation::new(OperationKind::Download, "test");
        let observer = Arc::clone(&told) as Arc<dyn Observer>;
        let teller = Teller::begin(env.clone(), observer, OperationId(1), None, operation);
        Self { disk, env, http, told, teller }
    }

    pub(super) fn operation(&self, request: DownloadRequest) -> DownloadOperation {
        let downloader = HttpDownloader::new(self.env.clone(), Arc::new(self.http.clone()));
        downloader.with_seal_key(SealKey::in_folder(STATE)).operation(request)
    }

    pub(super) fn attempt(&self, candidate: usize) -> Attempt {
        Attempt { candidate, ..Attempt::alone(self.teller.voice().clone()) }
    }

    /// Attempts until success, a stop, or 20, as the pipeline would without its pauses.
    pub(super) async fn run(&self, request: DownloadRequest) -> Result<Downloaded, DownloadError> {
        let operation = self.operation(request);
        let mut tries = 0;
        loop {
            tries += 1;
            match operation.attempt(&self.attempt(0)).await {
                Err(error) if tries < 20 && is_retried(error.class()) => {}
                done => return done,
            }
        }
    }

    pub(super) fn content(&self) -> Option<Vec<u8>> {
        self.disk.content(Path::new(DEST))
    }

    /// The files there are beside DEST.
    pub(super) fn others(&self) -> Vec<PathBuf> {
        self.disk.names().into_iter().filter(|name| name != Path::new(DEST)).collect()
    }
}

pub(super) fn is_retried(class: Class) -> bool {
    matches!(class, Class::Transient | Class::NotSent | Class::Throttled { .. } | Class::Busy { .. })
}

pub(super) fn request() -> DownloadRequest {
    let url = parse_url("URL", "https://example.com/file.bin?token=canary").unwrap();
    DownloadRequest::new(url, Dest::Path(DEST.into()))
}

pub(super) fn sha256(content: &[u8]) -> crate::download::Checksum {
    use sha2::Digest;
    let hex = crate::download::hash::hex(&sha2::Sha256::digest(content));
    format!("sha256:{hex}").parse().unwrap()
}

/// The value of a header that was asked with.
pub(super) fn asked(request: &HttpRequest, name: &str) -> Option<String> {
    request.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}
