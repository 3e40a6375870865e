//! Letters from end to end, in virtual time: operations that fail and then do not, several processes, and deaths.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::letters::Task;
use super::stored::lease;
use super::*;
use crate::download::{Dest, DownloadRequest, parse_url};
use crate::env::Env;
use crate::network::NetworkOperationWrapper;
use crate::process::{Captured, Ended, ProcessSpec, RetryOn};
use crate::settings::{Options, Settings};
use crate::store::{MemoryStore, Store as _, StoreError, StoreHandle};
use crate::testing::scripted_runner::ScriptedRunner;
use crate::testing::sim::{Host, Process, Simulation};
use crate::testing::{Access, GuardedStore};

struct Lab {
    host: Host,
    memory: MemoryStore,
    /// What every command ends with.
    code: Arc<AtomicI32>,
}

/// Runs a test in virtual time.
fn paused(test: impl AsyncFnOnce(Lab)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let host = Simulation::without_chance(11).host();
    let lab = Lab { host, memory: MemoryStore::new(), code: Arc::new(AtomicI32::new(7)) };
    runtime.block_on(test(lab));
}

impl Lab {
    /// A process with these `dead_letters`, and its network.
    fn start_with(&self, keys: &Value) -> (Process, NetworkOperationWrapper) {
        self.start_on(StoreHandle::inline(self.memory.clone()), keys)
    }

    /// The same store, where `guard` is asked first.
    fn guarded(&self, guard: impl Fn(Access<'_>) -> Result<(), StoreError> + Send + 'static) -> StoreHandle {
        StoreHandle::inline(GuardedStore { store: self.memory.clone(), guard })
    }

    fn start_on(&self, store: StoreHandle, keys: &Value) -> (Process, NetworkOperationWrapper) {
        let settings = json!({"performance": {
            "dead_letters": keys, "circuit_breaker": {"enabled": false}, "network_retry": {"max_retries": 2},
        }});
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let process = self.host.process();
        let code = Arc::clone(&self.code);
        let runner =
            ScriptedRunner::new(move |_| Captured::new(Ended::Code(code.load(Ordering::Relaxed)), "", ""));
        let network = NetworkOperationWrapper::builder(settings.check().unwrap())
            .env(process.env())
            .store(store)
            .runner(Arc::new(runner))
            .dead_letters(Surroundings::new("/srv").variables(["PATH".into(), "HOME".into()]))
            .build();
        (process, network)
    }

    fn start(&self) -> NetworkOperationWrapper {
        self.start_with(&json!({})).1
    }

    fn env(&self) -> Env {
        self.host.process().env()
    }

    fn commands_end_with(&self, code: i32) {
        self.code.store(code, Ordering::Relaxed);
    }

    /// Everything that is stored, as text.
    fn stored(&self) -> String {
        let rows = self.memory.list("").unwrap().into_iter();
        rows.map(|(key, value)| format!("{key} {}\n", String::from_utf8_lossy(&value))).collect()
    }
}

async fn try_command(network: &NetworkOperationWrapper, words: &[&str], retry_on: &RetryOn) -> bool {
    let [program, args @ ..] = words else { panic!("no program") };
    let spec = ProcessSpec::new(*program).args(args);
    let done = network.run_with_retry(&spec, retry_on, &Options::new()).await.is_ok();
    network.close().await;
    done
}

async fn fail(network: &NetworkOperationWrapper, words: &[&str]) {
    assert!(!try_command(network, words, &RetryOn::default()).await);
}

/// Fails for good.
async fn fail_for_good(network: &NetworkOperationWrapper, words: &[&str]) {
    assert!(!try_command(network, words, &RetryOn::only([99])).await);
}

async fn letters(network: &NetworkOperationWrapper) -> Vec<Letter> {
    let all = network.letters().list().await.unwrap();
    all.iter().filter_map(Kept::letter).cloned().collect()
}

async fn only(network: &NetworkOperationWrapper) -> Letter {
    let mut all = letters(network).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn the_same_operation_has_one_letter_however_often_it_fails_and_none_once_it_is_done() {
    paused(async |lab| {
        let network = lab.start();
        fail(&network, &["make", "all"]).await;
        let first = only(&network).await;
        assert_eq!((first.failures, first.attempts, first.history.len()), (1, 2, 2));
        assert_eq!((first.class.as_str(), first.failure.as_str()), ("transient", "failed"));
        assert_eq!((first.ended_by, first.is_parked()), (EndedBy::Failure, false));
        let delays: Vec<bool> = first.history.iter().map(|attempt| attempt.delay_millis.is_some()).collect();
        assert_eq!(delays, [true, false]);
        lab.env().sleep(Duration::from_secs(60)).await;
        // In another process, and not the same as another one.
        let other = lab.start();
        fail(&other, &["make", "all"]).await;
        let second = only(&other).await;
        assert_eq!((&second.id, second.failures, second.attempts), (&first.id, 2, 4));
        assert!(second.first_at == first.first_at && second.last_at > first.last_at + 59.0);
        fail(&other, &["make", "some"]).await;
        assert_eq!(letters(&network).await.len(), 2);
        lab.commands_end_with(0);
        assert!(try_command(&network, &["make", "all"], &RetryOn::default()).await);
        assert_ne!(only(&network).await.id, first.id);
    });
}

/// A letter's own kind, whichever workflow it came from, and exactly one of all its steps.
#[test]
fn lists_and_packages_have_letters_of_their_own() {
    use crate::apt::parse_all;
    use crate::testing::scripted_apt::ScriptedApt;

    paused(async |lab| {
        let network = |apt: ScriptedApt| {
            NetworkOperationWrapper::builder(Settings::default().check().unwrap())
                .env(lab.env())
                .store(StoreHandle::inline(lab.memory.clone()))
                .apt(Arc::new(apt))
                .dead_letters(Surroundings::new("/"))
                .build()
        };
        let fails = network(ScriptedApt::new());
        let packages = parse_all(["no-such", "curl"]).unwrap();
        assert!(fails.apt_install_with_retry(&packages, false, &Options::new()).await.is_err());
        fails.close().await;
        let letter = only(&fails).await;
        let LetterRequest::AptInstall(install) = &letter.request else { panic!("{letter:?}") };
        assert_eq!((install.packages.join(" "), install.no_update), ("no-such curl".to_owned(), true));
        // In another order, and with the lists read first, it is the same install.
        let works = network(ScriptedApt::new().with_package("curl", "1").with_package("no-such", "1"));
        let packages = parse_all(["curl", "no-such"]).unwrap();
        works.apt_install_with_retry(&packages, true, &Options::new()).await.unwrap();
        works.close().await;
        assert_eq!(letters(&works).await, []);
    });
}

#[test]
fn what_it_takes_to_do_it_again_is_in_it() {
    paused(async |lab| {
        let network = lab.start();
        let options = Options::new().attempts(NonZeroU32::MIN).total(Duration::from_secs(90));
        let spec = ProcessSpec::new("./make").arg("all");
        assert!(network.run_with_retry(&spec, &RetryOn::only([7, 9]), &options).await.is_err());
        let letter = only(&network).await;
        let LetterRequest::Run(run) = &letter.request else { panic!("{letter:?}") };
        let words: Vec<_> = run.command.iter().map(Word::to_os).collect();
        assert_eq!(words, ["./make", "all"]);
        assert_eq!(run.retry_on, Some([7, 9].into()));
        assert_eq!(run.folder.as_ref().map(Word::to_os), Some("/srv".into()));
        assert_eq!(run.variables.iter().map(Word::to_os).collect::<Vec<_>>(), ["HOME", "PATH"]);
        assert_eq!((letter.options.attempts, letter.options.total_millis), (Some(1), Some(90_000)));
    });
}

#[test]
fn what_somebody_stopped_and_what_is_not_there_leaves_none() {
    paused(async |lab| {
        let network = lab.start();
        let options = Options::new();
        options.cancel.cancel();
        let stopped = network.run_with_retry(&ProcessSpec::new("make"), &RetryOn::default(), &options).await;
        assert!(stopped.is_err());
        // Dropped half-way.
        let options = Options::new();
        let spec = ProcessSpec::new("make");
        let retry_on = RetryOn::default();
        let dropped = network.run_with_retry(&spec, &retry_on, &options);
        let env = lab.env();
        assert!(env.until(env.now().after(Duration::from_millis(10)), dropped).await.is_none());
        network.close().await;
        assert_eq!(letters(&network).await, []);
        assert_eq!(network.letters().news(), []);
    });
}

#[test]
fn nothing_secret_is_stored_and_what_cannot_be_written_without_is_said() {
    paused(async |lab| {
        let network = lab.start();
        fail(&network, &["curl", "-H", "Authorization: Bearer canary"]).await;
        let place = SecretPlace::Command;
        assert_eq!(network.letters().news(), [News::NotKept(NotKept::Secret { place })]);
        for url in ["https://me:canary@127.0.0.1:1/f", "https://127.0.0.1:1/f?token=canary"] {
            let request =
                DownloadRequest::new(parse_url("URL", url).unwrap(), Dest::Path("/nowhere/f".into()));
            let at = Surroundings::new("/srv");
            let operation = crate::operation::Operation::new(crate::operation::OperationKind::Download, "x");
            let operation = operation.with_replay(request, &Options::new());
            let written = convert::request(operation.replay.as_ref().unwrap(), &at).unwrap();
            assert_eq!(written, Err(NotKept::Secret { place: SecretPlace::Url }), "{url}");
        }
        assert_eq!(letters(&network).await, []);
        assert!(!lab.stored().contains("canary"), "{}", lab.stored());
    });
}

#[test]
fn headers_are_kept_by_the_name_of_their_file_and_not_at_all_without() {
    let url = parse_url("URL", "https://example.com/f#top").unwrap();
    let headers: http::HeaderMap =
        [(http::header::AUTHORIZATION, "canary".parse().unwrap())].into_iter().collect();
    let mut request = DownloadRequest::new(url.clone(), Dest::Folder("sub".into()));
    request.credentials = request.credentials.with_headers(headers, &url);
    let written = |request: &DownloadRequest| {
        let operation = crate::operation::Operation::new(crate::operation::OperationKind::Download, "x");
        let operation = operation.with_replay(request.clone(), &Options::new());
        convert::request(operation.replay.as_ref().unwrap(), &Surroundings::new("/srv")).unwrap()
    };
    assert_eq!(written(&request), Err(NotKept::Secret { place: SecretPlace::Headers }));
    request.credentials = request.credentials.from_file("etc/headers");
    let letter = written(&request).unwrap();
    let text = serde_json::to_value(&letter).unwrap()["arguments"].clone();
    assert_eq!(text["header_file"], "/srv/etc/headers");
    assert_eq!((text["dest"].as_str(), text["path"].as_str()), (Some("/srv/sub/"), Some("/srv/sub/f")));
    assert_eq!(text["url"], "https://example.com/f");
    assert!(!text.to_string().contains("canary"));
    // The same file by other means is the same operation.
    request.mirrors = vec![parse_url("URL", "https://m.example.com/f").unwrap().into()];
    request.dest = Dest::Path("/srv/sub/f".into());
    assert_eq!(written(&request).unwrap().id(), letter.id());
    request.dest = Dest::Path("/srv/sub/g".into());
    assert_ne!(written(&request).unwrap().id(), letter.id());
}

#[test]
fn enabled_false_keeps_none() {
    paused(async |lab| {
        let (_, network) = lab.start_with(&json!({"enabled": false}));
        fail(&network, &["make"]).await;
        assert_eq!(letters(&network).await, []);
        fail(&lab.start(), &["make"]).await;
        only(&network).await;
    });
}

#[test]
fn max_count_is_how_many_there_are_and_the_oldest_go_with_a_word() {
    paused(async |lab| {
        let (_, network) = lab.start_with(&json!({"max_count": 2}));
        for word in ["one", "two", "three"] {
            fail(&network, &["make", word]).await;
            lab.env().sleep(Duration::from_secs(1)).await;
        }
        let left: Vec<LetterRequest> =
            letters(&network).await.into_iter().map(|letter| letter.request).collect();
        let has = |word: &str| left.iter().any(|one| serde_json::to_string(one).unwrap().contains(word));
        assert!(left.len() == 2 && has("three") && has("two"), "{left:?}");
        let dropped = network.letters().news().into_iter().filter_map(|news| match news {
            News::Dropped(dropped) => Some(dropped.why),
            _ => None,
        });
        assert_eq!(dropped.collect::<Vec<_>>(), [WhyDropped::TooMany]);
    });
}

#[test]
fn what_was_dropped_before_the_store_fails_is_told_and_the_rest_goes_for_the_next() {
    paused(async |lab| {
        let first = lab.start();
        for word in ["1", "2", "3", "4"] {
            fail(&first, &["make", word]).await;
            lab.env().sleep(Duration::from_secs(1)).await;
        }
        let oldest = letters(&first).await.pop().unwrap().id;
        // The new letter and one that goes for it; the next is refused.
        let left = AtomicI32::new(2);
        let store = lab.guarded(move |access| match access {
            Access::Write(keys) if keys.iter().any(|key| key.starts_with("letter/")) => {
                let refused = left.fetch_sub(1, Ordering::Relaxed) == 0;
                if refused { Err(StoreError::Unavailable) } else { Ok(()) }
            }
            _ => Ok(()),
        });
        let network = lab.start_on(store, &json!({"max_count": 2})).1;
        fail(&network, &["make", "5"]).await;
        let dropped = || {
            let news = network.letters().news();
            let ids = news.into_iter().filter_map(|news| match news {
                News::Dropped(dropped) => Some(dropped.id),
                _ => None,
            });
            ids.collect::<Vec<_>>()
        };
        assert_eq!((dropped(), letters(&network).await.len()), (vec![oldest], 4));
        fail(&network, &["make", "6"]).await;
        assert_eq!((dropped().len(), letters(&network).await.len()), (3, 2));
    });
}

#[test]
fn what_is_done_in_a_step_of_a_plan_is_nothing_to_letters() {
    paused(async |lab| {
        fail(&lab.start(), &["make", "all"]).await;
        let asked = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&asked);
        let store = lab.guarded(move |access| {
            let is_of_letter = match access {
                Access::Read(key) => key.starts_with("letter/"),
                Access::Write(keys) => keys.iter().any(|key| key.starts_with("letter/")),
            };
            counted.fetch_add(i32::from(is_of_letter), Ordering::Relaxed);
            Ok(())
        });
        let network = lab.start_on(store, &json!({})).1;
        let spec = ProcessSpec::new("make").args(["all"]);
        let done = async |options: &Options| {
            network.run_with_retry(&spec, &RetryOn::default(), options).await.is_ok()
        };
        let of_step = Options::new().of_step("build");
        lab.commands_end_with(0);
        // Its step may still fail, and nobody did what the letter is of.
        assert!(done(&of_step).await);
        network.letters().settled().await;
        assert_eq!((letters(&network).await.len(), asked.load(Ordering::Relaxed)), (1, 0));
        lab.commands_end_with(7);
        assert!(!done(&of_step).await);
        network.letters().settled().await;
        assert_eq!((only(&network).await.failures, asked.load(Ordering::Relaxed)), (1, 0));
        lab.commands_end_with(0);
        assert!(done(&Options::new()).await);
        network.letters().settled().await;
        assert_eq!(letters(&network).await, []);
        assert!(asked.load(Ordering::Relaxed) > 0);
    });
}

#[test]
fn max_age_is_how_long_ago_the_last_failure_may_be() {
    paused(async |lab| {
        let (_, network) = lab.start_with(&json!({"max_age": "1h"}));
        fail(&network, &["make", "old"]).await;
        lab.env().sleep(Duration::from_secs(3_590)).await;
        fail(&network, &["make", "young"]).await;
        assert_eq!(letters(&network).await.len(), 2);
        lab.env().sleep(Duration::from_secs(20)).await;
        drop(network.letters().news());
        fail(&network, &["make", "new"]).await;
        assert_eq!(letters(&network).await.len(), 2);
        let news = network.letters().news();
        let is_dropped =
            |news: &News| matches!(news, News::Dropped(dropped) if dropped.why == WhyDropped::TooOld);
        assert!(news.iter().any(is_dropped), "{news:?}");
    });
}

#[test]
fn three_equal_failures_for_good_park_it_and_others_do_not() {
    paused(async |lab| {
        let network = lab.start();
        fail_for_good(&network, &["make"]).await;
        fail_for_good(&network, &["make"]).await;
        let letter = only(&network).await;
        assert_eq!((letter.equal_failures, letter.is_parked()), (2, false));
        // Something that may pass begins the count anew.
        fail(&network, &["make"]).await;
        assert_eq!(only(&network).await.equal_failures, 0);
        for _ in 0..3 {
            assert!(!only(&network).await.is_parked());
            fail_for_good(&network, &["make"]).await;
        }
        let letter = only(&network).await;
        assert!(letter.is_parked());
        let news = network.letters().news();
        assert_eq!(news.last(), Some(&News::Kept { id: letter.id.clone(), parked: true }));
        let refused = network.letters().lease(&letter.id, false).await;
        assert!(matches!(refused, Err(LeaseError::Parked { .. })), "{refused:?}");
        let leased = network.letters().lease(&letter.id, true).await.unwrap();
        network.letters().release(leased).await.unwrap();
    });
}

#[test]
fn a_refusal_by_a_circuit_neither_adds_to_the_count_nor_ends_it() {
    paused(async |lab| {
        let network = lab.start();
        fail_for_good(&network, &["make"]).await;
        let before = only(&network).await;
        let refusal = Letter {
            ended_by: EndedBy::Circuit,
            class: "rejected".to_owned(),
            equal_failures: 0,
            ..before.clone()
        };
        let after = refusal.after(Some(&before));
        assert_eq!((after.equal_failures, after.ended_by), (1, EndedBy::Circuit));
        let again = Letter { equal_failures: 1, ..before }.after(Some(&after));
        assert_eq!(again.equal_failures, 2);
    });
}

#[test]
fn one_process_at_a_time_does_it_again() {
    paused(async |lab| {
        let (first_process, first) = lab.start_with(&json!({}));
        let second = lab.start();
        fail(&first, &["make"]).await;
        let id = only(&first).await.id;
        let leased = first.letters().lease(&id, false).await.unwrap();
        for forced in [false, true] {
            let refused = second.letters().lease(&id, forced).await;
            assert!(matches!(refused, Err(LeaseError::Held { .. })), "{refused:?}");
        }
        // It fails there: the letter is still that process's.
        fail(&first, &["make"]).await;
        assert!(second.letters().lease(&id, false).await.is_err());
        first.letters().release(leased).await.unwrap();
        let leased = second.letters().lease(&id, false).await.unwrap();
        assert_eq!(leased.letter().failures, 2);
        // What was given back by somebody else is not his any more.
        second.letters().done(leased).await.unwrap();
        assert!(matches!(first.letters().lease(&id, false).await, Err(LeaseError::NotThere { .. })));
        drop(first_process);
    });
}

#[test]
fn who_dies_of_it_three_times_parks_it() {
    paused(async |lab| {
        let network = lab.start();
        fail(&network, &["make"]).await;
        let id = only(&network).await.id;
        for deaths in 0..3 {
            let (process, doing) = lab.start_with(&json!({}));
            let leased = doing.letters().lease(&id, false).await.unwrap();
            assert_eq!(leased.letter().interrupted, deaths);
            process.crash();
        }
        let refused = network.letters().lease(&id, false).await;
        assert!(matches!(refused, Err(LeaseError::Parked { .. })), "{refused:?}");
        assert!(only(&network).await.is_parked());
        // Who lives to give it back takes that away.
        let leased = network.letters().lease(&id, true).await.unwrap();
        network.letters().release(leased).await.unwrap();
        assert!(!only(&network).await.is_parked());
    });
}

#[test]
fn a_letter_of_a_newer_version_is_seen_and_left() {
    paused(async |lab| {
        let (_, network) = lab.start_with(&json!({"max_count": 1}));
        fail(&network, &["make"]).await;
        let letter = only(&network).await;
        let key = format!("letter/{}", letter.id);
        let newer = serde_json::to_string(&Letter { version: VERSION + 1, ..letter.clone() }).unwrap();
        lab.memory.update(&key, &mut |_| Some(newer.clone().into_bytes())).unwrap();
        fail(&network, &["make"]).await;
        fail(&network, &["make", "other"]).await;
        let all = network.letters().list().await.unwrap();
        assert!(all.iter().any(|kept| *kept == Kept::Unreadable { id: letter.id.clone() }), "{all:?}");
        assert_eq!(lab.memory.load(&key).unwrap(), Some(newer.into_bytes()));
        let refused = network.letters().lease(&letter.id, true).await;
        assert!(matches!(refused, Err(LeaseError::Unreadable { .. })), "{refused:?}");
    });
}

#[test]
fn without_a_store_that_outlives_us_it_is_said_that_none_is_kept() {
    paused(async |lab| {
        let lost = Lab { memory: MemoryStore::new().standing_in(), ..lab };
        let network = lost.start();
        fail(&network, &["make"]).await;
        let news = network.letters().news();
        assert!(matches!(&news[..], [News::NotKept(NotKept::NoStore { .. })]), "{news:?}");
        assert_eq!(letters(&network).await, []);
    });
}

#[test]
fn a_store_that_does_not_answer_holds_us_up_for_five_seconds_and_is_said() {
    paused(async |lab| {
        let env = lab.env();
        let swallowed = Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = Arc::clone(&swallowed);
        let store = StoreHandle::delivered_by(move |job| keep.lock().unwrap().push(job));
        let letters = Letters::new(env.clone(), store, crate::settings::DeadLetterSettings::default());
        letters.tell(Task::Keep, |_, _| Ok(Vec::new()));
        let began = env.now();
        letters.settled().await;
        assert_eq!(env.now().since(began).as_secs(), 5);
        assert!(matches!(&letters.news()[..], [News::NotKept(NotKept::NoStore { .. })]));
        // And one that is gone, not at all.
        letters.tell(Task::Keep, |_, _| Ok(Vec::new()));
        swallowed.lock().unwrap().clear();
        let began = env.now();
        letters.settled().await;
        assert_eq!(env.now().since(began).as_secs(), 0);
        let _ = letters.news();
        // Where one was only to be taken out, nothing was lost.
        letters.tell(Task::Remove, |_, _| Ok(Vec::new()));
        letters.settled().await;
        letters.tell(Task::Remove, |_, _| Ok(Vec::new()));
        swallowed.lock().unwrap().clear();
        assert!(letters.news().is_empty());
    });
}

/// A letter of that service, that failed first at `at`.
fn letter_of(template: &Letter, id: &str, service: Option<&str>, at: f64) -> Letter {
    let service = service.map(str::to_owned);
    Letter { id: LetterId::named(id), service, first_at: at, last_at: at, ..template.clone() }
}

#[test]
fn several_go_service_by_service_behind_a_canary_and_no_faster_than_asked_for() {
    paused(async |lab| {
        let network = lab.start();
        fail(&network, &["make"]).await;
        let one = only(&network).await;
        let letters = vec![
            letter_of(&one, "b2", Some("b"), 4.0),
            letter_of(&one, "a2", Some("a"), 3.0),
            letter_of(&one, "a1", Some("a"), 1.0),
            letter_of(&one, "b1", Some("b"), 2.0),
            letter_of(&one, "b3", Some("b"), 5.0),
            letter_of(&one, "n1", None, 6.0),
            letter_of(&one, "n2", None, 7.0),
        ];
        let env = lab.env();
        let mut at = Vec::new();
        let rate = Rate::a_minute(NonZeroU32::new(6).unwrap());
        let stop = tokio_util::sync::CancellationToken::new();
        let turns = in_turn(&env, letters, rate, &stop, |letter| {
            at.push(env.now());
            let fails = ["a1", "n1", "b2"].contains(&letter.id.as_str());
            async move { if fails { Outcome::Failed } else { Outcome::Done } }
        })
        .await;
        let told: Vec<(&str, Turn)> =
            turns.iter().map(|(letter, turn)| (letter.id.as_str(), *turn)).collect();
        let (done, failed) = (Turn::Tried(Outcome::Done), Turn::Tried(Outcome::Failed));
        let expected = [
            ("a1", failed),
            ("a2", Turn::Left),
            ("b1", done),
            ("b2", failed),
            ("b3", done),
            ("n1", failed),
            ("n2", done),
        ];
        assert_eq!(told, expected);
        let pauses: Vec<f64> = at.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect();
        assert!(pauses.iter().all(|pause| (5.0..15.001).contains(pause)), "{pauses:?}");
        assert!(pauses.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.01), "in step: {pauses:?}");
    });
}

#[test]
fn who_stops_it_ends_the_pause() {
    paused(async |lab| {
        let network = lab.start();
        fail(&network, &["make"]).await;
        let one = only(&network).await;
        let letters = vec![letter_of(&one, "a1", None, 1.0), letter_of(&one, "a2", None, 2.0)];
        let (env, stop) = (lab.env(), tokio_util::sync::CancellationToken::new());
        let began = env.now();
        let turns = in_turn(&env, letters, Rate::default(), &stop, |_| {
            stop.cancel();
            async { Outcome::Done }
        })
        .await;
        assert_eq!(turns.last().map(|(_, turn)| *turn), Some(Turn::Stopped));
        assert_eq!(env.now().since(began), Duration::ZERO);
    });
}

/// D1 and D2: whoever is killed loses no letter, and an operation is done at most once more than there were kills.
#[test]
fn however_often_who_does_it_again_is_killed_no_letter_is_lost_and_each_is_done_once_a_kill_more() {
    paused(async |lab| {
        let network = lab.start();
        let names: Vec<String> = (0..40).map(|number| format!("job{number}")).collect();
        for name in &names {
            fail(&network, &["make", name]).await;
        }
        let (mut executions, mut kills, mut turn) = (0, 0, 0_u32);
        loop {
            let left = letters(&network).await;
            let Some(letter) = left.first() else { break };
            let (process, doing) = lab.start_with(&json!({}));
            let leased = doing.letters().lease(&letter.id, true).await.unwrap();
            turn += 1;
            match turn % 3 {
                // Before the operation, and between it and the word that it is done.
                0 => process.crash(),
                1 => {
                    executions += 1;
                    process.crash();
                }
                _ => {
                    executions += 1;
                    doing.letters().done(leased).await.unwrap();
                    continue;
                }
            }
            kills += 1;
            assert_eq!(letters(&network).await.len(), left.len(), "a letter was lost");
        }
        assert!(kills > 20 && executions >= names.len() && executions <= names.len() + kills);
        assert!(matches!(
            lease(&lab.memory, &lab.env(), &LetterId::named("x"), true, 1),
            Ok(stored::Lent::NotThere)
        ));
    });
}
