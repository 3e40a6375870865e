//! The seed's names, each by fakes: they work, and what each root leaves to do it again is its request.

mod circuit_keys;
mod retry_keys;
mod time_keys;
mod virtual_lab;

use std::sync::{Arc, Mutex, PoisonError};

use crate::apt::{AptUpdate, InstallRequest, parse_all};
use crate::download::{Dest, DownloadRequest, Expected, parse_url};
use crate::env::Env;
use crate::event::{Event, EventKind, Observer};
use crate::operation::{OperationKind, Replay};
use crate::process::{Captured, Ended, ProcessSpec, RetryOn};
use crate::settings::{Options, Settings};
use crate::testing::scripted_apt::ScriptedApt;
use crate::testing::scripted_download::ScriptedDownloader;
use crate::testing::scripted_http::{Script, ScriptedHttp};
use crate::testing::scripted_runner::ScriptedRunner;
use crate::{NetworkOperationWrapper, State};

/// What each root was and left, at its end.
#[derive(Default)]
struct Roots(Mutex<Vec<(OperationKind, Option<Replay>)>>);

impl Observer for Roots {
    fn on(&self, event: &Event<'_>) {
        if event.is_of_root() && matches!(event.kind, EventKind::Succeeded { .. }) {
            let ended = (event.operation.kind, event.operation.replay.clone());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
        }
    }
}

impl Roots {
    /// The only root that ended since the last time.
    fn only(&self, kind: OperationKind) -> Option<Replay> {
        let mut ended = self.0.lock().unwrap();
        let [(last, replay)] = &ended[..] else { panic!("{ended:?}") };
        assert_eq!(*last, kind);
        let replay = replay.clone();
        ended.clear();
        replay
    }

    /// The request that does it again.
    fn request<R: Clone + 'static>(&self, kind: OperationKind) -> R {
        let replay = self.only(kind).expect("it can be done again");
        replay.request::<R>().expect("it is of its own type").clone()
    }
}

fn network() -> (Arc<Roots>, crate::network::Builder) {
    let roots = Arc::new(Roots::default());
    let env = Env::real();
    let builder = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
        .http(Arc::new(ScriptedHttp::new(env.clone(), |_, _| Script::status(204))))
        .downloader(Arc::new(ScriptedDownloader::new(|_, _| Ok(5))))
        .runner(Arc::new(ScriptedRunner::new(|_| Captured::new(Ended::Code(0), "", ""))))
        .apt(Arc::new(ScriptedApt::new().with_package("curl", "7.88").with_package("git", "2.39")))
        .env(env)
        .observer(Arc::clone(&roots) as _);
    (roots, builder)
}

#[tokio::test]
async fn files_are_downloaded() {
    let (roots, builder) = network();
    let url = parse_url("URL", "https://example.com/a").unwrap();
    let request = DownloadRequest::new(url, Dest::Path("/x".into()));
    let done = builder.build().download_with_retry(request.clone(), &Options::new()).await.unwrap();
    assert_eq!((done.bytes, done.path()), (5, Some("/x".as_ref())));
    let again: DownloadRequest = roots.request(OperationKind::Download);
    assert_eq!((&again.url, &again.dest), (&request.url, &request.dest));
}

#[tokio::test]
async fn a_digest_is_looked_up_in_a_list() {
    let (roots, builder) = network();
    let list = format!("{}  a\n", "1".repeat(64));
    let downloader = ScriptedDownloader::new(|_, _| Ok(5)).with_spooled(list);
    let url = parse_url("URL", "https://example.com/a").unwrap();
    let mut request = DownloadRequest::new(url, Dest::Path("/x".into()));
    request.expected = Some(Expected::parse("list", "https://example.com/SHA256SUMS").unwrap());
    let network = builder.downloader(Arc::new(downloader)).build();
    let done = network.download_with_retry(request.clone(), &Options::new()).await.unwrap();
    assert_eq!(done.digest.unwrap().hex(), "1".repeat(64));
    let again: DownloadRequest = roots.request(OperationKind::Download);
    assert_eq!(again.expected, request.expected);
}

#[tokio::test]
async fn packages_are_updated_and_installed() {
    let (roots, builder) = network();
    let (network, options) = (builder.build(), Options::new());
    assert!(network.apt_update_with_retry(&options).await.unwrap().is_complete());
    assert_eq!(roots.request::<AptUpdate>(OperationKind::AptUpdate), AptUpdate);

    let curl = parse_all(["curl"]).unwrap();
    let done = network.apt_install_with_retry(&curl, false, &options).await.unwrap();
    assert_eq!(done.installed.len(), 1);
    let again: InstallRequest = roots.request(OperationKind::AptInstall);
    assert_eq!(again.packages(), curl);

    let git = parse_all(["git"]).unwrap();
    let done = network.install_packages_resilient(&git, &options).await.unwrap();
    assert_eq!(done.installed.len(), 1);
    let again: InstallRequest = roots.request(OperationKind::AptInstall);
    assert_eq!(again.packages(), git);
}

#[cfg(feature = "git")]
#[tokio::test]
async fn repositories_are_cloned() {
    use crate::git::CloneRequest;
    use crate::testing::scripted_git::ScriptedGit;
    let (roots, builder) = network();
    let place = tempfile::tempdir().unwrap();
    let network = builder.git(Arc::new(ScriptedGit::new(|_, _| Ok("x".to_owned())))).build();
    let request = CloneRequest::new("https://example.com/a".parse().unwrap(), place.path().join("a"));
    let done = network.git_clone_resilient(&request, &Options::new()).await.unwrap();
    assert_eq!(done.bytes, 1);
    let again: CloneRequest = roots.request(OperationKind::GitClone);
    assert_eq!((again.url.to_string(), again.dest), (request.url.to_string(), request.dest));
}

#[tokio::test]
async fn commands_are_run() {
    let (roots, builder) = network();
    let (spec, retry_on) = (ProcessSpec::new("curl").arg("-f"), RetryOn::only([7]));
    builder.build().run_with_retry(&spec, &retry_on, &Options::new()).await.unwrap();
    let again: (ProcessSpec, RetryOn) = roots.request(OperationKind::Run);
    assert!(again.0.arguments() == spec.arguments() && again.1 == retry_on);
    assert!(again.0.input().is_some(), "what it reads is a part of it");
}

#[tokio::test]
async fn anything_is_executed_and_counted() {
    let (roots, builder) = network();
    let (network, options) = (builder.build(), Options::new());
    let answer = network
        .execute_with_retry("github", "ask", &options, |_| async { Ok::<_, std::convert::Infallible>(42) });
    assert_eq!(answer.await.unwrap(), 42);
    assert!(roots.only(OperationKind::Execute).is_none(), "a closure is not kept");
    let circuits = network.get_circuit_breaker_status().await;
    assert_eq!((circuits["github"].state, circuits["github"].total_calls), (State::Closed, 1));
}

#[tokio::test]
async fn the_internet_is_looked_for() {
    let (_, builder) = network();
    let online = builder.build().check_internet_connectivity(&[]).await;
    assert!(online.online && online.targets.iter().any(|target| target.status == Some(204)));
}
