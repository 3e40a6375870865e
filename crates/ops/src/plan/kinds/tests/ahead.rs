//! Archives of packages that come before the turn of their steps: when, how often, and what is heard of it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::header::RANGE;

use super::super::apt_key::sha256;
use super::machine::{Heard, ends, id, step};
use crate::NetworkOperationWrapper;
use crate::apt::{Fault, Step as AptStep};
use crate::env::Env;
use crate::event::{Event, EventKind, Observer};
use crate::http::{Fact, HttpRequest};
use crate::operation::OperationKind;
use crate::plan::run::{Applied, ApplyOptions, Outcome, apply};
use crate::plan::{
    Action, AptKey, AptKeyCheck, AptKeySource, AptRepository, CommandAction, CommandLine, Condition, Gate,
    GateCheck, Guards, Needs, PackagesAction, Plan, Step,
};
use crate::process::{Captured, CommandError, Ended, Listener, ProcessSpec, Runner, Shield};
use crate::settings::Settings;
use crate::store::{MemoryStore, StoreHandle};
use crate::testing::disk::Disk;
use crate::testing::disk_world;
use crate::testing::scripted_apt::ScriptedApt;
use crate::testing::scripted_http::{Script, ScriptedFile, ScriptedHttp};

/// Each program takes as many seconds as its argument says.
#[derive(Debug)]
pub(super) struct Slow;

#[async_trait]
impl Runner for Slow {
    async fn run(&self, _env: &Env, _spec: &ProcessSpec) -> Result<Ended, CommandError> {
        Ok(Ended::Code(1))
    }

    async fn capture(
        &self,
        env: &Env,
        spec: &ProcessSpec,
        _shield: &Shield,
        _status: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        let seconds = spec.arguments().last().unwrap().to_str().unwrap().parse().unwrap();
        env.sleep(Duration::from_secs(seconds)).await;
        Ok(Captured::new(Ended::Code(0), "", ""))
    }

    async fn settle(&self, _env: &Env) {}
}

/// The moves of circuits, and the ends of fetches before a turn.
#[derive(Debug, Default)]
pub(super) struct Ends(pub(super) Mutex<Vec<String>>);

impl Observer for Ends {
    fn on(&self, event: &Event<'_>) {
        let is_early =
            matches!(event.operation.kind, OperationKind::AptPrefetch | OperationKind::GitPrefetch);
        let is_fetch = event.is_of_root() && is_early;
        let said = match &event.kind {
            EventKind::CircuitMoved { transition } => transition.to.as_str().to_owned(),
            EventKind::Succeeded { .. } if is_fetch => "fetched".to_owned(),
            EventKind::Failed(failed) if is_fetch => format!("not fetched: {}", failed.kind),
            _ => return,
        };
        self.0.lock().unwrap().push(said);
    }
}

/// A machine in virtual time.
struct World {
    disk: Disk,
    env: Env,
    apt: Arc<ScriptedApt>,
    http: ScriptedHttp,
    network: NetworkOperationWrapper,
    store: StoreHandle,
    heard: Heard,
    ends: Arc<Ends>,
}

const AA: &[u8] = b"the archive of aa";
const BB: &[u8] = b"bb, which is another one";

/// What there is to install.
fn usual() -> ScriptedApt {
    ["aa", "bb"]
        .into_iter()
        .fold(ScriptedApt::new(), |apt, name| apt.with_package(name, "1"))
        .with_archive("aa", "aa_1_all.deb", AA)
        .with_archive("bb", "bb_1_all.deb", BB)
}

fn right(request: &HttpRequest) -> Script {
    let content = if request.url.path().contains("aa") { AA } else { BB };
    ScriptedFile::new(content).answer(request)
}

impl World {
    /// One whose apt is `apt` of the usual one.
    fn new(
        apt: impl FnOnce(ScriptedApt, &Env) -> ScriptedApt,
        answer: impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        Self::on(&Disk::new(), StoreHandle::inline(MemoryStore::outliving()), apt, answer)
    }

    /// The same after all processes were killed, on the same disk.
    fn on(
        disk: &Disk,
        store: StoreHandle,
        apt: impl FnOnce(ScriptedApt, &Env) -> ScriptedApt,
        answer: impl Fn(&HttpRequest, usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        let env = disk_world(disk, 1, 1, false);
        // What is as old as the epoch nobody comes back for.
        disk.set_now(env.wall());
        let apt = Arc::new(apt(usual().on_disk(disk), &env));
        let http = ScriptedHttp::new(env.clone(), answer);
        let ends = Arc::new(Ends::default());
        let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
            .env(env.clone())
            .runner(Arc::new(Slow))
            .http(Arc::new(http.clone()))
            .apt(Arc::clone(&apt) as _)
            .observer(Arc::clone(&ends) as _)
            .build();
        Self { disk: disk.clone(), env, apt, http, network, store, heard: Heard::default(), ends }
    }

    async fn applied(&self, steps: Vec<Step>, options: &ApplyOptions) -> Applied {
        let plan = Arc::new(Plan::new("test", "/data", steps));
        apply(&self.network, &self.store, plan, options, &self.heard).await.unwrap()
    }

    async fn run(&self, steps: Vec<Step>) -> Vec<String> {
        ends(&self.applied(steps, &ApplyOptions::default()).await)
    }

    /// What was asked for, and from which byte on.
    fn asked(&self) -> Vec<String> {
        let one = |request: &HttpRequest| {
            let range = request.headers.get(RANGE).map(|range| range.to_str().unwrap());
            format!("{}{}", request.url.path(), range.unwrap_or_default())
        };
        self.http.asked().iter().map(one).collect()
    }

    /// What was said of a step, in order.
    fn said_of(&self, name: &str) -> Vec<String> {
        self.heard.of(name)
    }

    fn count(&self, step: &str) -> usize {
        self.apt.steps().iter().filter(|made| **made == step).count()
    }

    fn now(&self) -> u64 {
        self.env.now().since(vps_breaker::Tick::ZERO).as_secs()
    }
}

pub(super) fn slow(name: &str, seconds: u64) -> Step {
    let line = CommandLine::Argv(vec!["slow".into(), seconds.to_string()]);
    step(name, Action::Command(CommandAction::new(line, Guards { always: true, ..Guards::default() })))
}

fn packages(name: &str, names: &[&str]) -> Step {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    step(name, Action::Packages(PackagesAction { names, upgrade: false }))
}

const KEY: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";

fn repository() -> Step {
    let words = |word: &str| vec![word.to_owned()];
    let repository = AptRepository {
        name: "docker".into(),
        types: words("deb"),
        uris: words("https://download.example.com/linux"),
        suites: words("bookworm"),
        components: words("stable"),
        architectures: Vec::new(),
        key: AptKey {
            source: AptKeySource::Url("https://download.example.com/key.asc".into()),
            check: AptKeyCheck::Sha256(sha256(KEY)),
        },
    };
    step("r", Action::AptRepository(repository))
}

fn fresh(apt: ScriptedApt, _: &Env) -> ScriptedApt {
    apt.with_fresh_lists()
}

#[tokio::test(start_paused = true)]
async fn archives_come_while_a_slow_step_above_goes_on_and_are_asked_for_once() {
    let world = World::new(fresh, |request, _| right(request));
    let steps = || vec![slow("c", 60), packages("p", &["aa", "bb"])];
    let look = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
    world.applied(steps(), &look).await;
    assert_eq!((world.asked(), world.apt.steps()), (vec![], vec![]), "a look fetches nothing");
    world.heard.0.lock().unwrap().clear();
    let began = world.now();
    let run = world.run(steps());
    let seen = async {
        world.env.sleep(Duration::from_secs(30)).await;
        assert_eq!(world.said_of("p"), ["Fetching", "Fetched"]);
        assert_eq!(world.apt.steps(), ["plan"], "apt is only asked");
        assert_eq!(world.disk.content(Path::new("/data/archives/aa_1_all.deb")).as_deref(), Some(AA));
    };
    let (ended, ()) = tokio::join!(run, seen);
    assert_eq!(ended, ["c changed (slow)", "p changed (aa 1, bb 1)"]);
    assert_eq!(world.asked(), ["/bb_1_all.deb", "/aa_1_all.deb"], "the largest first, each once");
    assert_eq!(world.said_of("p"), ["Fetching", "Fetched", "Began", "Ended"]);
    assert_eq!((world.now() - began, world.apt.steps()), (60, vec!["plan", "plan", "install"]));
    assert_eq!(world.disk.content(Path::new("/data/archives/aa_1_all.deb")), None);
    world.run(steps()).await;
    assert_eq!((world.asked().len(), world.apt.steps().len()), (2, 3), "nobody is asked for what is there");
}

#[tokio::test(start_paused = true)]
async fn what_came_of_a_file_is_gone_on_with_by_the_install() {
    // The first answer breaks off half-way, and its turn comes while it pauses before another attempt.
    let world = World::new(fresh, |request, number| match number {
        1 => right(request).cut_after(5, Fact::Reset).after(Duration::from_millis(3_900)),
        _ => right(request),
    });
    assert_eq!(world.run(vec![slow("c", 4), packages("p", &["aa"])]).await[1], "p changed (aa 1)");
    assert_eq!(world.asked(), ["/aa_1_all.deb", "/aa_1_all.debbytes=5-"]);
    assert_eq!(world.said_of("p"), ["Fetching", "NotFetched", "Began", "Ended"]);
    assert_eq!(*world.ends.0.lock().unwrap(), ["not fetched: cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn while_bytes_come_the_install_waits_for_them_and_for_nothing_else() {
    let world = World::new(fresh, |request, _| right(request).after(Duration::from_secs(20)));
    let began = world.now();
    assert_eq!(world.run(vec![slow("c", 5), packages("p", &["aa"])]).await[1], "p changed (aa 1)");
    assert_eq!((world.asked().len(), world.now() - began), (1, 20));
    // One that does not answer is asked anew by the install, as it would be without all this.
    let world = World::new(fresh, |request, number| match number {
        1 => Script::status(503),
        _ => right(request),
    });
    let began = world.now();
    assert_eq!(world.run(vec![slow("c", 0), packages("p", &["aa"])]).await[1], "p changed (aa 1)");
    assert!(world.now() - began <= 1, "no pause of somebody else's is waited for");
}

#[tokio::test(start_paused = true)]
async fn once_package_lists_were_read_archives_come_while_dpkg_works() {
    let world = World::new(
        |apt, env| {
            let apt = apt.remembers_updates().with_slow(AptStep::Update, env, Duration::from_secs(10));
            apt.with_slow(AptStep::Install, env, Duration::from_secs(30))
        },
        |request, _| right(request),
    );
    let run = world.run(vec![packages("a", &["aa"]), slow("c", 60), packages("b", &["bb"])]);
    let seen = async {
        world.env.sleep(Duration::from_secs(20)).await;
        assert_eq!(world.said_of("a"), ["Began"], "dpkg works");
        assert_eq!(world.said_of("b"), ["Fetching", "Fetched"]);
    };
    let (ended, ()) = tokio::join!(run, seen);
    assert_eq!(ended, ["a changed (aa 1)", "c changed (slow)", "b changed (bb 1)"]);
    assert_eq!((world.asked().len(), world.count("update")), (2, 1));
    // Where nobody reads them, nothing is fetched before its turn.
    let world = World::new(|apt, _| apt.remembers_updates(), |request, _| right(request));
    world.run(vec![slow("c", 60), packages("b", &["bb"])]).await;
    assert_eq!(world.said_of("b"), ["Began", "Ended"]);
    assert_eq!(world.apt.steps(), ["update", "plan", "install"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_install_fetches_itself_is_not_fetched_for_a_later_one() {
    // So many of its own that one that both take has to wait until the first is installed.
    let names: Vec<String> = (0..12).map(|number| format!("bb{number}_1_all.deb")).collect();
    let shared = |apt: ScriptedApt, env: &Env| {
        let apt = names.iter().fold(fresh(apt, env), |apt, name| apt.with_archive("bb", name, BB));
        ["aa", "bb"].into_iter().fold(apt, |apt, name| apt.with_archive(name, "aalib_2_all.deb", AA))
    };
    let world = World::new(shared, |request, _| {
        let takes = if request.url.path().contains("aa") { 1 } else { 9 };
        right(request).after(Duration::from_secs(takes))
    });
    world.run(vec![packages("a", &["aa"]), slow("c", 60), packages("b", &["bb"])]).await;
    assert_eq!(world.said_of("b"), ["Fetching", "Fetched", "Began", "Ended"]);
    let mut asked = world.asked();
    asked.sort();
    let mut all: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
    all.extend(["aa_1", "aalib_2", "bb_1"].map(|name| format!("/{name}_all.deb")));
    all.sort();
    assert_eq!(asked, all);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_fails_is_no_failure_of_the_step() {
    let gone = |request: &HttpRequest, _: usize| match request.url.path() {
        "/aa_1_all.deb" => Script::status(404),
        _ => right(request),
    };
    let ahead = World::new(fresh, gone);
    let failed = |mut applied: Applied| match applied.steps.pop().unwrap().outcome {
        Outcome::Failed(error) => error,
        other => panic!("{other:?}"),
    };
    let options = ApplyOptions::default();
    let error = failed(ahead.applied(vec![slow("c", 60), packages("p", &["aa"])], &options).await);
    assert_eq!(ahead.said_of("p"), ["Fetching", "NotFetched", "Began", "Ended"]);
    assert_eq!(*ahead.ends.0.lock().unwrap(), ["not fetched: failed"]);
    // As it fails where nothing was fetched before.
    let alone = World::new(fresh, gone);
    let other = failed(alone.applied(vec![packages("p", &["aa"])], &options).await);
    assert_eq!((&error.what, &error.causes, error.attempts), (&other.what, &other.causes, other.attempts));

    // One that comes to itself meanwhile has done no harm either, and circuits have heard of it.
    let down = |request: &HttpRequest, number: usize| match number {
        1..=3 => Script::status(503),
        _ => right(request),
    };
    let world = World::new(fresh, down);
    assert_eq!(world.run(vec![slow("c", 600), packages("p", &["aa"])]).await[1], "p changed (aa 1)");
    assert_eq!(world.asked().len(), 4);

    // What only the install may cure is not cured before its turn.
    let broken = |apt: ScriptedApt, env: &Env| fresh(apt, env).with_fault(AptStep::Plan, Fault::Interrupted);
    let world = World::new(broken, |request, _| right(request));
    assert_eq!(world.run(vec![slow("c", 60), packages("p", &["aa"])]).await[1], "p changed (aa 1)");
    assert_eq!(world.apt.steps(), ["plan", "plan", "install"]);
    assert_eq!(world.said_of("p"), ["Began", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn neighbours_that_are_one_install_are_one_fetch_and_a_bad_name_keeps_nobody_from_his_own() {
    let world = World::new(fresh, |request, _| right(request));
    let steps = vec![slow("c", 60), packages("p", &["aa"]), packages("q", &["bb"])];
    assert_eq!(world.run(steps).await[1..], ["p changed (aa 1)", "q changed (bb 1)"]);
    assert_eq!((world.asked().len(), world.apt.steps()), (2, vec!["plan", "plan", "install"]));
    for name in ["p", "q"] {
        assert_eq!(world.said_of(name), ["Fetching", "Fetched", "Began", "Ended"], "{name}");
    }

    let world = World::new(fresh, |request, _| right(request));
    let steps = vec![slow("c", 60), packages("p", &["aa"]), packages("n", &["nope"]), packages("q", &["bb"])];
    let ended = world.run(steps).await;
    assert_eq!((ended[1].as_str(), ended[3].as_str()), ("p changed (aa 1)", "q changed (bb 1)"));
    assert!(ended[2].starts_with("n failed:"), "{}", ended[2]);
    assert_eq!(world.asked(), ["/aa_1_all.deb", "/bb_1_all.deb"]);
    assert_eq!(world.said_of("n"), ["Began", "Ended"], "of what is not fetched nothing is said");
    assert_eq!(world.said_of("q"), ["Fetching", "Fetched", "Began", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_before_what_may_decide_it_or_for_what_is_not_done() {
    let nothing_before = |mut steps: Vec<Step>, needs: &[&str]| {
        steps.last_mut().unwrap().needs = Needs::Steps(needs.iter().map(|name| id(name)).collect());
        async move {
            let world = World::new(fresh, |request, _| right(request));
            let run = world.run(steps);
            let seen = async {
                world.env.sleep(Duration::from_secs(20)).await;
                assert_eq!((world.asked(), world.apt.steps()), (vec![], vec![]));
                world.disk.plant(Path::new("/data/open"), b"");
            };
            let (ended, ()) = tokio::join!(run, seen);
            assert_eq!(ended.last().map(String::as_str), Some("p changed (aa 1)"));
        }
    };
    let gate = || {
        let check = GateCheck::Exists("/data/open".into());
        step("g", Action::Gate(Gate::new(check, Duration::from_secs(60))))
    };
    nothing_before(vec![slow("c", 30), packages("p", &["aa"])], &["c"]).await;
    nothing_before(vec![gate(), packages("p", &["aa"])], &["g"]).await;
    // What it needs of others says nothing of its bytes; a gate above it does, whoever needs it.
    let mut steps = vec![gate(), slow("c", 30), packages("p", &["aa"])];
    steps[1].needs = Needs::Steps(Vec::new());
    let world = World::new(fresh, |request, _| right(request));
    let run = world.run(steps);
    let seen = async {
        world.env.sleep(Duration::from_secs(20)).await;
        assert_eq!(world.asked().len(), 0);
        world.disk.plant(Path::new("/data/open"), b"");
        world.env.sleep(Duration::from_secs(8)).await;
        assert_eq!(world.said_of("p"), ["Fetching", "Fetched"]);
    };
    tokio::join!(run, seen);

    // A repository above packages may have another version of them.
    let world = World::new(fresh, |request, _| match request.url.path() {
        "/key.asc" => Script::status(200).sends(KEY).after(Duration::from_secs(20)),
        _ => right(request),
    });
    let run = world.run(vec![repository(), slow("c", 30), packages("p", &["aa"])]);
    let seen = async {
        world.env.sleep(Duration::from_secs(15)).await;
        assert_eq!(world.asked(), ["/key.asc"]);
        world.env.sleep(Duration::from_secs(25)).await;
        assert_eq!(world.said_of("p"), ["Fetching", "Fetched"]);
    };
    let (ended, ()) = tokio::join!(run, seen);
    assert_eq!(ended[2], "p changed (aa 1)", "{ended:?}");

    let mut not = packages("p", &["aa"]);
    not.when = vec![Condition::Known(false)];
    let world = World::new(fresh, |request, _| right(request));
    assert_eq!(world.run(vec![slow("c", 60), not]).await[1], "p skipped");
    assert_eq!((world.asked(), world.apt.steps()), (vec![], vec![]));
}

/// As much as is written at once, and more.
const HALF: usize = 1 << 20;

/// An archive that comes in two halves, some time apart, unless only the second is asked for.
fn in_halves(request: &HttpRequest, _: usize) -> Script {
    let file = ScriptedFile::of_len(2 * HALF, 7);
    if request.headers.contains_key(RANGE) {
        return file.answer(request);
    }
    let (first, rest) = file.content.split_at(HALF);
    let head = Script::status(200).header("etag", "\"1\"").header("content-length", &(2 * HALF).to_string());
    head.sends(first).waits(Duration::from_secs(25)).sends(rest)
}

fn large(apt: ScriptedApt, env: &Env) -> ScriptedApt {
    let content = ScriptedFile::of_len(2 * HALF, 7).content;
    fresh(apt, env).with_package("cc", "1").with_archive("cc", "cc_1_all.deb", &content)
}

#[tokio::test(start_paused = true)]
async fn what_is_fetched_for_nobody_any_more_is_dropped_and_gone_on_with_by_the_next_run() {
    let steps = || vec![slow("c", 10), packages("p", &["cc"])];
    let five = Duration::from_secs(5);
    for how in ["stop", "kill", "limit"] {
        let world = World::new(large, in_halves);
        let began = world.now();
        let mut options = ApplyOptions::default();
        match how {
            "stop" => {
                let run = world.applied(steps(), &options);
                let stop = async {
                    world.env.sleep(five).await;
                    options.cancel.cancel();
                };
                let (applied, ()) = tokio::join!(run, stop);
                assert!(applied.stopped);
            }
            "kill" => {
                let at = world.env.now().after(five);
                let ended = world.env.until(at, Box::pin(world.applied(steps(), &options))).await;
                assert!(ended.is_none());
            }
            _ => {
                options.limit = Some(five);
                let run = world.applied(steps(), &options);
                let seen = async {
                    world.env.sleep(Duration::from_secs(6)).await;
                    assert_eq!(world.said_of("p"), ["Fetching", "NotFetched"]);
                };
                let (applied, ()) = tokio::join!(run, seen);
                assert_eq!(ends(&applied)[1], "p left: OutOfTime");
            }
        }
        let took = world.now() - began;
        assert!(took <= 10, "{how}: {took}");
        assert_eq!(world.asked(), ["/cc_1_all.deb"], "{how}");
        assert_eq!(world.count("install"), 0, "{how}");
        let next = World::on(&world.disk, world.store.clone(), large, in_halves);
        assert_eq!(next.run(vec![packages("p", &["cc"])]).await, ["p changed (cc 1)"], "{how}");
        assert_eq!(next.asked(), [format!("/cc_1_all.debbytes={HALF}-")], "{how}");
    }
}
