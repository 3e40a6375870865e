//! A step has its time once: what one part of it took the next has not.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use vps_retry::{Class, Kind};

use super::super::asked::{Unanswered, asked};
use super::super::{apt_key::sha256, effect};
use super::lab::{alone, id, network};
use crate::NetworkOperationWrapper;
use crate::env::Env;
use crate::plan::run::{ApplyOptions, Fetched, Outcome, apply};
use crate::plan::{
    Action, AptKey, AptKeyCheck, AptKeySource, AptRepository, CommandAction, CommandLine, DownloadAction,
    Guards, Plan, Step, Unpack,
};
use crate::process::{Captured, CommandError, Ended, Listener, ProcessSpec, Runner, Shield};
use crate::settings::Settings;
use crate::store::{MemoryStore, StoreHandle};
use crate::testing::disk::Disk;
use crate::testing::disk_world;
use crate::testing::scripted_http::{Script, ScriptedHttp};

const DEST: &str = "/data/file";

/// Each program takes seven seconds, and leaves another file at DEST.
#[derive(Debug)]
struct Slow(Disk);

#[async_trait]
impl Runner for Slow {
    async fn run(&self, _env: &Env, _spec: &ProcessSpec) -> Result<Ended, CommandError> {
        Ok(Ended::Code(1))
    }

    async fn capture(
        &self,
        env: &Env,
        _spec: &ProcessSpec,
        _shield: &Shield,
        _status: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        env.sleep(Duration::from_secs(7)).await;
        self.0.plant(Path::new(DEST), b"changed");
        Ok(Captured::new(Ended::Code(0), "", ""))
    }

    async fn settle(&self, _env: &Env) {}
}

/// How a download ends that may take so long, and is begun before its turn; what was asked for.
async fn begun_early(timeout: u64) -> (Outcome, Vec<String>) {
    let disk = Disk::new();
    disk.plant(Path::new(DEST), b"content");
    let env = disk_world(&disk, 1, 1, false);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let http = ScriptedHttp::new(env.clone(), move |request, _| {
        told.lock().unwrap().push(request.url.path().to_owned());
        match request.url.path() {
            "/sums" => {
                let list = format!("{}  file\n", sha256(b"content"));
                Script::status(200).sends(list.as_bytes()).after(Duration::from_secs(4))
            }
            _ => Script::status(200).sends(b"content"),
        }
    });
    let store = StoreHandle::inline(MemoryStore::outliving());
    let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
        .env(env)
        .runner(Arc::new(Slow(disk.clone())))
        .http(Arc::new(http))
        .build();
    let line = CommandLine::Argv(vec!["slow".into()]);
    let guards = Guards { always: true, ..Guards::default() };
    let mut download = Step::new(
        id("d"),
        Action::Download(DownloadAction {
            url: "https://example.com/file".into(),
            dest: Some(DEST.into()),
            checksum: Some("https://example.com/sums".into()),
            ..DownloadAction::default()
        }),
    );
    download.timeout = Some(Duration::from_secs(timeout));
    // It has all of its time for one.
    download.attempts = Some(NonZeroU32::MIN);
    let steps = vec![Step::new(id("slow"), Action::Command(CommandAction::new(line, guards))), download];
    let plan = Arc::new(Plan::new("test", "/data", steps));
    let mut applied = apply(&network, &store, plan, &ApplyOptions::default(), &()).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    (applied.steps.remove(1).outcome, asked)
}

#[tokio::test(start_paused = true)]
async fn what_a_fetch_before_its_turn_took_is_not_given_again_and_waiting_for_the_turn_costs_nothing() {
    // The list, before its turn; the list and the file, after it: eight seconds, beside those that it waited.
    let (outcome, asked) = begun_early(18).await;
    assert!(matches!(outcome, Outcome::Done { changed: true, .. }), "{outcome:?}");
    assert_eq!(asked, ["/sums", "/sums", "/file"]);
    let (outcome, _) = begun_early(7).await;
    assert!(matches!(&outcome, Outcome::Failed(error) if error.kind == Kind::Timeout), "{outcome:?}");
}

/// What comes of unpacking a right archive in a world, with no time left.
async fn without_time(env: Env, place: &Path) -> String {
    let action = DownloadAction {
        url: "https://example.com/app.tar".into(),
        dest: Some(place.join("app.tar")),
        unpack: Some(Unpack::new(place.join("app"), 0)),
        ..DownloadAction::default()
    };
    let meta = env.fs().look_through(&place.join("app.tar")).unwrap();
    let mut cx = alone(&network(env, None), place, Action::Download(action)).await;
    cx.options.total = Some(Duration::ZERO);
    let error = effect(&cx, Some(Fetched::Right(Box::new(meta)))).await.unwrap_err();
    // Whichever part of it had no time left.
    assert_eq!((error.kind, error.class), (Kind::Timeout, Class::Transient), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn hashing_and_unpacking_have_what_is_left() {
    let place = tempfile::tempdir().unwrap();
    // So much that no machine has hashed it before its time is looked at.
    std::fs::File::create(place.path().join("app.tar")).unwrap().set_len(1 << 30).unwrap();
    let real = without_time(Env::real(), place.path()).await;
    assert!(real.starts_with("it was not done within"), "{real}");
    // Where nothing takes time, it is unpacking that has none left.
    let disk = Disk::new();
    disk.plant(Path::new("/data/app.tar"), &[0; 1024]);
    let unpacked = without_time(disk_world(&disk, 1, 1, false), Path::new("/data")).await;
    assert!(!unpacked.starts_with("it was not done within"), "{unpacked}");
}

/// A program that never answers, and says when it is asked.
#[derive(Debug, Default)]
struct Silent(Arc<Notify>);

#[async_trait]
impl Runner for Silent {
    async fn run(&self, _env: &Env, _spec: &ProcessSpec) -> Result<Ended, CommandError> {
        std::future::pending().await
    }

    async fn capture(
        &self,
        _env: &Env,
        _spec: &ProcessSpec,
        _shield: &Shield,
        _status: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        self.0.notify_one();
        std::future::pending().await
    }

    async fn settle(&self, _env: &Env) {}
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_waited_for_until_its_limit_and_no_longer_than_the_run_goes_on() {
    let env = disk_world(&Disk::new(), 1, 1, false);
    let cx =
        alone(&network(env, None), Path::new("/data"), Action::Download(DownloadAction::default())).await;
    let (began, limit) = (cx.env().now(), Duration::from_secs(30));
    let answered = asked(&cx, limit, async { Ok(7) }).await;
    assert!(matches!(answered, Ok(7)));
    let silent = asked(&cx, limit, std::future::pending::<Result<(), _>>()).await;
    assert!(matches!(silent, Err(Unanswered::Silent)) && cx.env().now() == began.after(limit));
    cx.ground.cancel.cancel();
    let stopped = asked(&cx, limit, std::future::pending::<Result<(), _>>()).await;
    assert!(matches!(stopped, Err(Unanswered::Stopped)) && cx.env().now() == began.after(limit));
}

/// How the step of a key ends whose gpg says nothing, and what is left of what it was shown.
async fn silent_gpg(is_stopped: bool) -> (Outcome, usize) {
    let disk = Disk::new();
    let (env, silent) = (disk_world(&disk, 1, 1, false), Arc::new(Silent::default()));
    let network = network(env.clone(), Some(Arc::clone(&silent) as _));
    let store = StoreHandle::inline(MemoryStore::outliving());
    let words = |word: &str| vec![word.to_owned()];
    let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n";
    let repository = AptRepository {
        name: "docker".into(),
        types: words("deb"),
        uris: words("https://download.example.com/linux"),
        suites: words("bookworm"),
        components: words("stable"),
        architectures: Vec::new(),
        key: AptKey {
            source: AptKeySource::Text(key.into()),
            check: AptKeyCheck::Fingerprint("9".repeat(40)),
        },
    };
    let plan = Plan::new("test", "/data", vec![Step::new(id("r"), Action::AptRepository(repository))]);
    let options = ApplyOptions { root: "/data".into(), ..ApplyOptions::default() };
    let began = env.now();
    let (applied, ()) = tokio::join!(apply(&network, &store, Arc::new(plan), &options, &()), async {
        silent.0.notified().await;
        if is_stopped {
            options.cancel.cancel();
        }
    });
    assert!(env.now().since(began) <= Duration::from_secs(31));
    (applied.unwrap().steps.remove(0).outcome, disk.names().len())
}

#[tokio::test(start_paused = true)]
async fn a_gpg_that_says_nothing_ends_with_its_limit_and_with_the_run() {
    let (outcome, left) = silent_gpg(false).await;
    assert!(matches!(&outcome, Outcome::Failed(error) if error.kind == Kind::Timeout), "{outcome:?}");
    assert_eq!(left, 0, "what it was shown is gone");
    let (outcome, left) = silent_gpg(true).await;
    assert!(matches!(outcome, Outcome::Deferred(_)), "{outcome:?}");
    assert_eq!(left, 0);
}
