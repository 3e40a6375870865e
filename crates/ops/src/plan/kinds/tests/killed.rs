//! A run that is killed leaves its command at work: the next run waits for it and does not begin it again.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::lab::{id, network};
use crate::env::Env;
use crate::plan::run::{Applied, ApplyOptions, Deferral, Outcome, PlanEvent, PlanObserver, StepEvent, apply};
use crate::plan::{Action, CommandAction, CommandLine, Guards, Once, Plan, Step};
use crate::store::{Opened, SqliteStore, StateFolder, StoreHandle};

/// Says where the run that is killed runs.
const PLACE: &str = "VPS_TEST_KILLED_RUN";

fn plan(place: &Path) -> Arc<Plan> {
    let text = "echo begun >>log; echo x >ready; read word <go; echo $word >>log; touch done";
    let guards = Guards { creates: Some("done".into()), ..Guards::default() };
    let command = CommandAction::new(CommandLine::Shell { text: text.into(), bash: false }, guards);
    Arc::new(Plan::new("test", place, vec![Step::new(id("it"), Action::Command(command))]))
}

async fn run(place: &Path, observer: &dyn PlanObserver) -> Applied {
    let folder = place.join("state");
    let store = StoreHandle::on_thread(move || {
        let store =
            SqliteStore::open(&StateFolder::at(folder), &Env::real(), |_, _, _| None, Box::new(|_| {}));
        Opened { store: Box::new(store.unwrap()) }
    });
    let network = network(Env::real(), None);
    apply(&network, &store, plan(place), &ApplyOptions::default(), observer).await.unwrap()
}

#[tokio::test]
#[ignore = "the run that the test below kills"]
#[expect(clippy::disallowed_methods, reason = "that is how it is told where")]
async fn the_run_that_is_killed() {
    if let Some(place) = std::env::var_os(PLACE) {
        run(Path::new(&place), &()).await;
    }
}

#[tokio::test]
async fn a_command_for_once_that_was_stopped_half_way_is_not_run_again_unasked() {
    use tokio::io::AsyncReadExt;

    let place = tempfile::tempdir().unwrap();
    let ready = place.path().join("ready");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &ready, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut ready = tokio::net::unix::pipe::OpenOptions::new().read_write(true).open_receiver(ready).unwrap();
    let network = network(Env::real(), None);
    let store = StoreHandle::inline(crate::store::MemoryStore::outliving());
    let plan = |text: &str, guards: Guards| {
        let command = CommandAction::new(CommandLine::Shell { text: text.into(), bash: false }, guards);
        Arc::new(Plan::new("test", place.path(), vec![Step::new(id("it"), Action::Command(command))]))
    };
    let once = Guards { once: Some(Once::Ever), ..Guards::default() };
    let text = "echo run >>log; echo x >ready; exec sleep 1000";
    let options = ApplyOptions::default();
    let stop = async {
        ready.read_exact(&mut [0; 2]).await.unwrap();
        options.cancel.cancel();
    };
    let (applied, ()) = tokio::join!(apply(&network, &store, plan(text, once.clone()), &options, &()), stop);
    assert!(matches!(applied.unwrap().steps[0].outcome, Outcome::Deferred(Deferral::Stopped)));
    for dry_run in [true, false] {
        let options = ApplyOptions { dry_run, ..ApplyOptions::default() };
        let applied = apply(&network, &store, plan(text, once.clone()), &options, &()).await.unwrap();
        assert!(matches!(applied.steps[0].outcome, Outcome::Deferred(Deferral::Interrupted)));
    }
    assert_eq!(std::fs::read_to_string(place.path().join("log")).unwrap(), "run\n");
    // Edited, it is another step.
    let edited = plan("echo other >>log", once);
    apply(&network, &store, edited, &ApplyOptions::default(), &()).await.unwrap();
    assert_eq!(std::fs::read_to_string(place.path().join("log")).unwrap(), "run\nother\n");
}

/// Lets the command go on once somebody waits for it.
struct LetsGo {
    go: File,
    has_waited: AtomicBool,
}

impl PlanObserver for LetsGo {
    fn on(&self, event: &PlanEvent<'_>) {
        if matches!(event.what, StepEvent::Waiting { .. }) && !self.has_waited.swap(true, Ordering::Relaxed) {
            (&self.go).write_all(b"gone on\n").unwrap();
        }
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a process of its own can be killed")]
async fn the_command_of_a_killed_run_is_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let fifo = |name: &str| {
        let path = place.path().join(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        File::options().read(true).write(true).open(path).unwrap()
    };
    let (mut ready, go) = (fifo("ready"), fifo("go"));
    std::fs::create_dir(place.path().join("state")).unwrap();
    let mut runner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "plan::kinds::tests::killed::the_run_that_is_killed", "--ignored", "--nocapture"])
        .env(PLACE, place.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let limit = Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::new(&ready, PollFlags::IN)], Some(&limit)).unwrap(), 1, "it never began");
    ready.read_exact(&mut [0; 2]).unwrap();
    runner.kill().unwrap();
    runner.wait().unwrap();
    let lets_go = LetsGo { go, has_waited: AtomicBool::new(false) };
    let applied = run(place.path(), &lets_go).await;
    assert!(lets_go.has_waited.load(Ordering::Relaxed), "nobody was waited for");
    assert!(matches!(applied.steps[0].outcome, Outcome::Satisfied), "{:?}", applied.steps[0].outcome);
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert_eq!(log, "begun\ngone on\n", "it was begun once");
}
