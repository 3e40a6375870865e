//! A digest that is looked up in a list first: two steps of one operation.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::lab::{Lab, request, sha256};
use crate::download::{DownloadError, DownloadRequest, Downloaded, Expected, Fault, InvalidRequest};
use crate::event::{Event, EventKind, Observer};
use crate::http::{Fact, HttpRequest};
use crate::operation::Role;
use crate::pipeline::{Cause, OperationError};
use crate::settings::{Options, Settings};
use crate::testing::scripted_http::{Script, ScriptedFile};
use crate::{Classify, Kind, NetworkOperationWrapper};

const LIST: &str = "https://lists.example/SHA256SUMS";

fn listed() -> DownloadRequest {
    let expected = Expected::parse("list", LIST).unwrap();
    DownloadRequest { expected: Some(expected), ..request() }
}

fn file() -> ScriptedFile {
    ScriptedFile::new("hello")
}

/// Beginnings and ends, with whose they are, and what the root could do again.
#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    replays: Mutex<Vec<DownloadRequest>>,
}

impl Observer for Told {
    fn on(&self, event: &Event<'_>) {
        let role = match event.operation.role {
            Role::Root => "root",
            Role::Step => "step",
            Role::Look => "look",
        };
        let what = match &event.kind {
            EventKind::Started => "started".to_owned(),
            EventKind::Succeeded { attempts, .. } => format!("succeeded after {attempts}"),
            EventKind::Failed(failed) => format!("failed: {} after {}", failed.kind, failed.attempts),
            _ => return,
        };
        let replay = event.operation.replay.as_ref().and_then(|replay| replay.request::<DownloadRequest>());
        self.replays.lock().unwrap_or_else(PoisonError::into_inner).extend(replay.cloned());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{role} {what}"));
    }
}

struct Ran {
    outcome: Result<Downloaded, OperationError<DownloadError>>,
    told: Arc<Told>,
    lab: Lab,
}

impl Ran {
    fn lines(&self) -> Vec<String> {
        self.told.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn error(&self) -> &OperationError<DownloadError> {
        self.outcome.as_ref().unwrap_err()
    }

    fn fault(&self) -> &Fault {
        match &self.error().cause {
            Cause::Operation(error) => error.fault(),
            cause => panic!("{cause:?}"),
        }
    }
}

async fn run(
    options: &Options,
    answer: impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static,
) -> Ran {
    let (lab, told) = (Lab::new(answer), Arc::new(Told::default()));
    let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
        .env(lab.env.clone())
        .http(Arc::new(lab.http.clone()))
        .observer(Arc::clone(&told) as _)
        .build();
    let outcome = network.download_with_retry(listed(), options).await;
    Ran { outcome, told, lab }
}

/// A server that lists `line` and has the file.
fn lists(line: String) -> impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static {
    move |request, _| match request.url.host_str() {
        Some("lists.example") => ScriptedFile::new(line.clone().into_bytes()).answer(request),
        _ => file().answer(request),
    }
}

fn right() -> String {
    format!("{}  file.bin\n", sha256(b"hello").hex())
}

#[tokio::test(start_paused = true)]
async fn list_and_file_are_steps_of_one_operation_with_one_end() {
    let ran = run(&Options::new(), lists(right())).await;
    let done = ran.outcome.as_ref().unwrap();
    assert_eq!((done.bytes, done.verified, &done.digest), (5, true, &Some(sha256(b"hello"))));
    assert_eq!(ran.lab.content().unwrap(), b"hello");
    let expected = [
        "root started",
        "look started",
        "look succeeded after 1",
        "step started",
        "step succeeded after 1",
        "root succeeded after 1",
    ];
    assert_eq!(ran.lines(), expected);
    // Only the root can be done again, list and all.
    let replays = ran.told.replays.lock().unwrap();
    assert_eq!(replays.len(), 2, "its beginning and its end");
    assert_eq!(replays[0].expected, listed().expected);
}

#[tokio::test(start_paused = true)]
async fn the_end_says_how_many_attempts_the_file_took() {
    let ran = run(&Options::new(), |request, number| match number {
        1 => ScriptedFile::new(right().into_bytes()).answer(request),
        2 => Script::fails(Fact::Reset),
        _ => file().answer(request),
    })
    .await;
    assert_eq!(ran.lines().last().unwrap(), "root succeeded after 2");
    assert!(ran.outcome.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_list_without_the_file_fails_its_integrity_before_the_file_is_asked_for() {
    for line in [format!("{}  other\n", "0".repeat(64)), String::new(), "<html>".to_owned()] {
        let ran = run(&Options::new(), lists(line)).await;
        assert!(matches!(ran.fault(), Fault::Unlisted(_)), "{:?}", ran.fault());
        assert_eq!((ran.error().kind(), ran.error().attempts()), (Kind::Integrity, 0));
        assert_eq!(ran.lines().last().unwrap(), "root failed: integrity after 0");
        assert_eq!(ran.lab.http.asked().len(), 1);
    }
    let binary = |_: &HttpRequest, _| Script::status(200).header("content-length", "2").sends(b"\xff\xff");
    let ran = run(&Options::new(), binary).await;
    assert_eq!(ran.fault().to_string(), "the list of checksums cannot be read: it is not text");
    assert_eq!(ran.error().kind(), Kind::Integrity);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_had_is_what_the_error_names() {
    let ran = run(&Options::new(), |_, _| Script::status(404)).await;
    assert_eq!(ran.error().operation.target.as_str(), LIST);
    assert_eq!(ran.error().attempts(), 1);
    assert_eq!(
        ran.lines(),
        ["root started", "look started", "look failed: failed after 1", "root failed: failed after 1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_is_small() {
    let ran = run(&Options::new(), |_, _| Script::status(200).header("content-length", "5000000")).await;
    assert!(matches!(ran.fault(), Fault::TooLarge { .. }), "{:?}", ran.fault());
}

#[tokio::test(start_paused = true)]
async fn both_have_one_limit() {
    let options = Options::new().total(Duration::from_secs(10));
    let ran = run(&options, |request, number| match number {
        1 => ScriptedFile::new(right().into_bytes()).answer(request).waits(Duration::from_secs(8)),
        _ => file().answer(request).waits(Duration::from_secs(8)),
    })
    .await;
    assert_eq!((ran.error().kind(), ran.error().took), (Kind::Timeout, Duration::from_secs(10)));
}

#[tokio::test(start_paused = true)]
async fn an_adapter_downloads_nothing_whose_digest_was_not_looked_up() {
    let lab = Lab::new(|request, _| file().answer(request));
    let error = lab.operation(listed()).prepare().await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Invalid(InvalidRequest::UnreadList { .. })), "{error:?}");
    let error = lab.run(listed()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(lab.http.asked().is_empty() && lab.content().is_none());
}
