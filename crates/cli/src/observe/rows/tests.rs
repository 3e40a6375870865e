use std::path::PathBuf;

use vps_ops::event::Awaited;
use vps_ops::operation::OperationKind;
use vps_ops::plan::{Facts, Origin};
use vps_ops::settings::Options;
use vps_ops::{Class, Kind};

use super::*;

const PLAN: &str = "\
version: 1
name: web
steps:
- {id: conf, file: {dest: /conf, content: x}}
- {id: docker, needs: [], packages: [docker-ce, jq]}
- {id: app, needs: [], download: {url: \"https://example.com/app\", dest: /app}}
- {id: themes, needs: [], git: {url: \"https://example.com/t.git\", dest: /t}}
- {id: check, needs: [], command: {argv: [check], always: true}}
- {id: migrate, needs: [app], command: {argv: [migrate], always: true}}
- {id: more, needs: [migrate], file: {dest: /more, content: x}}
- {id: last, file: {dest: /last, content: x}}
";

/// A run of which one thing after another is told.
struct Run {
    rows: Rows,
    now: Tick,
    last: u64,
}

impl Run {
    fn new(plan: &str) -> Self {
        let origin = Origin { path: None, folder: PathBuf::from("/") };
        let (plan, _) = Plan::parse(plan, &origin, &Facts::default(), &[]).unwrap();
        Self { rows: Rows::new(&plan, Tick::ZERO), now: Tick::ZERO, last: 0 }
    }

    fn after(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.after(Duration::from_millis(millis));
        self
    }

    fn step(&mut self, id: &str, what: &StepEvent<'_>) -> &mut Self {
        let id = id.parse::<StepId>().unwrap();
        self.rows.update(self.now, &Happened::Step(&id, what));
        self
    }

    fn ended(&mut self, id: &str, outcome: &Outcome) -> &mut Self {
        self.step(id, &StepEvent::Ended { outcome, took: Duration::ZERO })
    }

    /// Begins an operation of a step, or a part of `root`.
    fn begin(&mut self, step: &str, kind: OperationKind, root: Option<u64>) -> (u64, u64, Operation) {
        self.last += 1;
        let mut operation = Operation::new(kind, "x.deb");
        if root.is_none() {
            operation = operation.with_replay((), &Options::new().of_step(step));
        }
        let begun = (self.last, root.unwrap_or(self.last), operation);
        self.tell(&begun, &EventKind::Started);
        begun
    }

    fn tell(&mut self, (id, root, operation): &(u64, u64, Operation), kind: &EventKind) -> &mut Self {
        let said = Said { id: OperationId(*id), root: OperationId(*root), operation, kind };
        self.rows.update(self.now, &Happened::Operation(said));
        self
    }

    fn seen_at(&self, columns: usize, rows: usize, unicode: bool) -> String {
        let look = Look { columns, rows, unicode, names: 8, kinds: 9 };
        let lines = self.rows.view(look, self.now);
        assert!(lines.len() <= rows.saturating_sub(3), "{lines:?}");
        let text = |line: &view::Line| {
            let text = line.text();
            assert!(crate::observe::columns::width(&text) <= columns, "{columns}: {text:?}");
            format!("{}|\n", text)
        };
        lines.iter().map(text).collect()
    }

    fn seen(&self) -> String {
        self.seen_at(80, 24, true)
    }
}

fn progress(done: u64, total: u64) -> EventKind {
    EventKind::Progress { done, total: Some(total), resumed_from: 0 }
}

fn attempt_failed(number: u32, error: &str) -> EventKind {
    EventKind::AttemptFailed {
        number,
        of: 3,
        class: Class::Transient,
        kind: Kind::Failed,
        error: error.into(),
        took: Duration::ZERO,
    }
}

const MIB: u64 = 1 << 20;

/// As the design has it: one installs, one pauses before another attempt, two are silent.
fn busy() -> Run {
    let mut run = Run::new(PLAN);
    run.ended("conf", &Outcome::Done { changed: true, what: None }).step("docker", &StepEvent::Began);
    let install = run.begin("docker", OperationKind::AptInstall, None);
    run.after(20_000).step("app", &StepEvent::Fetching).step("themes", &StepEvent::Began);
    let download = run.begin("app", OperationKind::Download, None);
    let clone = run.begin("themes", OperationKind::GitClone, None);
    run.begin("themes", OperationKind::GitCommit, Some(clone.1));
    run.step("check", &StepEvent::Began);
    let part = run.begin("docker", OperationKind::Download, Some(install.1));
    run.tell(&install, &EventKind::Files { done: 3, total: 9 });
    for done in [10, 14, 18, 22, 26] {
        run.tell(&install, &progress(done * MIB, 94 * MIB)).after(500);
    }
    run.tell(&part, &EventKind::AttemptStarted { number: 1, of: 3 });
    run.tell(&download, &attempt_failed(1, "503 Service Unavailable\u{1b}[2J"));
    run.tell(&download, &EventKind::Retrying { after: Duration::from_millis(3_700), left: 2 }).after(500);
    run
}

#[test]
fn each_step_under_way_has_a_row_that_says_what_it_is_at() {
    insta::assert_snapshot!(busy().seen());
}

#[test]
fn it_fits_whatever_the_terminal_is() {
    let run = busy();
    let all: Vec<String> =
        [(60, 24), (200, 24), (40, 24), (17, 9), (80, 7), (80, 5), (80, 4), (80, 3), (1, 30)]
            .map(|(columns, rows)| {
                format!("{columns} x {rows}\n{}", run.seen_at(columns, rows, columns != 60))
            })
            .into();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_part_that_waits_does_not_hide_that_others_go_on() {
    let mut run = Run::new(PLAN);
    run.step("docker", &StepEvent::Began);
    let install = run.begin("docker", OperationKind::AptInstall, None);
    let parts = [0, 1].map(|_| run.begin("docker", OperationKind::Download, Some(install.1)));
    let pause = EventKind::Retrying { after: Duration::from_secs(9), left: 1 };
    run.tell(&install, &progress(MIB, 4 * MIB))
        .tell(&parts[0], &attempt_failed(2, "reset"))
        .tell(&parts[0], &pause);
    assert!(run.seen().contains("fetching  1.0 of 4.0 MiB"), "{}", run.seen());
    let awaited = Awaited::Circuit { service: "github".into() };
    run.tell(&parts[1], &EventKind::Waiting { after: Duration::ZERO, what: awaited });
    assert!(run.seen().contains("retry 3 of 3 in 9.0s: reset "), "{}", run.seen());
    run.tell(&parts[0], &EventKind::Succeeded { attempts: 3, took: Duration::ZERO });
    assert!(run.seen().contains("waits: circuit breaker open: github "), "{}", run.seen());
    run.tell(&parts[1], &EventKind::AttemptStarted { number: 1, of: 3 });
    run.tell(&install, &progress(4 * MIB, 4 * MIB));
    assert!(run.seen().contains("checking 4.0 MiB"), "{}", run.seen());
    run.tell(&parts[1], &EventKind::Succeeded { attempts: 1, took: Duration::ZERO });
    let dpkg = run.begin("docker", OperationKind::AptUnpack, Some(install.1));
    assert!(run.seen().contains("dpkg installs the packages"), "{}", run.seen());
    run.tell(&dpkg, &EventKind::Step { percent: 41_900, text: "unpacking jq".into() });
    assert!(run.seen().contains("41 %: unpacking jq"), "{}", run.seen());
}

#[test]
fn what_stops_coming_gets_slower_and_a_new_attempt_begins_anew() {
    let mut run = Run::new(PLAN);
    run.step("app", &StepEvent::Fetching);
    let download = run.begin("app", OperationKind::Download, None);
    for done in 0..=8 {
        run.tell(&download, &progress(done * MIB, 100 * MIB)).after(500);
    }
    assert!(run.seen().contains("  1.7 MiB/s "), "{}", run.seen());
    run.after(20_000);
    assert!(run.seen().contains("  334.3 KiB/s "), "{}", run.seen());
    run.tell(&download, &progress(MIB, 100 * MIB));
    assert!(!run.seen().contains("/s"), "{}", run.seen());
}

#[test]
fn what_was_fetched_waits_for_its_turn_and_what_a_step_says_is_shown() {
    let mut run = Run::new(PLAN);
    run.step("app", &StepEvent::Fetching);
    let download = run.begin("app", OperationKind::Download, None);
    run.tell(&download, &EventKind::Succeeded { attempts: 1, took: Duration::ZERO });
    run.step("app", &StepEvent::Fetched);
    assert!(run.seen().contains("fetched, waits for its turn"), "{}", run.seen());
    run.step("app", &StepEvent::Began).step("check", &StepEvent::Began);
    run.step("check", &StepEvent::At(&"half of it".into()));
    let seen = run.seen();
    assert!(seen.contains("downloading ") && seen.contains("half of it "), "{seen}");
    run.step("check", &StepEvent::Waiting { left: Duration::from_secs(62) }).after(1_000);
    assert!(run.seen().contains("waits, 1m01s at most: half of it"), "{}", run.seen());
}

#[test]
fn steps_that_nobody_asked_for_are_not_of_the_run_and_all_ends_are_counted() {
    let mut run = Run::new(PLAN);
    run.step("check", &StepEvent::Began).ended("last", &Outcome::Deferred(Deferral::NotSelected));
    run.ended("conf", &Outcome::Satisfied).ended("docker", &Outcome::Skipped);
    run.ended("migrate", &Outcome::Blocked { by: "app".parse().unwrap() });
    run.ended("more", &Outcome::Deferred(Deferral::Offline));
    let seen = run.seen();
    assert!(seen.starts_with("web 4 of 7   ok 1  skipped 1  blocked 1  left 1 "), "{seen}");
    run.ended("check", &Outcome::Satisfied);
    assert_eq!(run.seen(), "", "nothing is under way");
}

#[test]
fn operations_of_no_step_and_steps_of_no_plan_are_not_shown() {
    let mut run = Run::new(PLAN);
    run.step("check", &StepEvent::Began).step("stranger", &StepEvent::Began);
    let before = run.seen();
    let stranger = run.begin("stranger", OperationKind::Download, None);
    run.tell(&stranger, &progress(1, 2));
    assert_eq!(run.seen(), before);
}

#[test]
fn steps_of_packages_that_are_one_install_have_a_row_each_and_go_together() {
    let mut run = Run::new(
        "version: 1\nname: web\nsteps:\n- {id: base, packages: [curl]}\n- {id: more, packages: [jq]}\n\
         - {id: last, file: {dest: /last, content: x}}\n",
    );
    // As a run does it: both begin, and the install is the first one's.
    run.step("base", &StepEvent::Began).step("more", &StepEvent::Began);
    let install = run.begin("base", OperationKind::AptInstall, None);
    run.begin("base", OperationKind::Download, Some(install.1));
    run.tell(&install, &progress(MIB, 4 * MIB)).after(61_000);
    let row = |run: &Run, id: &str| {
        let seen = run.seen();
        let row = seen.lines().find(|line| line.contains(&format!(" {id} "))).map(str::to_owned);
        row.unwrap_or_else(|| panic!("no row of {id}\n{seen}"))
    };
    assert!(
        row(&run, "base").contains(" packages ") && row(&run, "base").contains("fetching  1.0 of 4.0 MiB")
    );
    let more = row(&run, "more");
    assert!(more.contains(" packages ") && more.contains("installing") && more.contains("1:01"), "{more}");
    assert!(!more.contains("MiB"), "bytes are counted once: {more}");
    assert!(run.seen().contains("1 waits for base"), "{}", run.seen());
    // They end together, and neither row stays.
    let ok = Outcome::Done { changed: true, what: None };
    run.tell(&install, &EventKind::Succeeded { attempts: 1, took: Duration::ZERO });
    run.ended("base", &ok);
    assert!(run.seen().starts_with("web 1 of 3   changed 1 ") && row(&run, "more").contains("packages"));
    assert_eq!(run.ended("more", &ok).seen(), "");
}

#[test]
fn packages_say_that_they_are_fetched_and_none_that_they_are_installed_before_their_turn() {
    let mut run = Run::new(PLAN);
    // The fetch begins before it is known that there is something to fetch.
    let fetch = run.begin("docker", OperationKind::AptPrefetch, None);
    run.tell(&fetch, &EventKind::Files { done: 0, total: 9 });
    assert_eq!(run.seen(), "");
    run.step("docker", &StepEvent::Fetching);
    assert!(run.seen().contains(" fetching "), "{}", run.seen());
    let part = run.begin("docker", OperationKind::Download, Some(fetch.1));
    run.tell(&fetch, &EventKind::Files { done: 3, total: 9 });
    run.tell(&part, &EventKind::AttemptStarted { number: 1, of: 3 }).tell(&fetch, &progress(MIB, 4 * MIB));
    assert!(run.seen().contains("fetching 3 of 9  1.0 of 4.0 MiB"), "{}", run.seen());
    let end = EventKind::Succeeded { attempts: 1, took: Duration::ZERO };
    run.tell(&part, &end).tell(&fetch, &end).step("docker", &StepEvent::Fetched);
    assert!(run.seen().contains("fetched, waits for its turn"), "{}", run.seen());
    run.step("docker", &StepEvent::Began);
    assert!(run.seen().contains("installing"), "{}", run.seen());

    let mut run = Run::new(PLAN);
    run.step("docker", &StepEvent::Fetching).step("docker", &StepEvent::NotFetched);
    assert_eq!(run.seen(), "", "nobody is at work");
}

#[test]
fn a_clone_that_comes_early_is_fetched_and_waits_as_a_download_does() {
    let mut run = Run::new(PLAN);
    run.step("themes", &StepEvent::Fetching);
    let fetch = run.begin("themes", OperationKind::GitPrefetch, None);
    assert!(run.seen().contains("fetching"), "{}", run.seen());
    let part = run.begin("themes", OperationKind::GitFetch, Some(fetch.1));
    run.tell(&part, &EventKind::AttemptStarted { number: 1, of: 3 }).tell(&part, &progress(MIB, 4 * MIB));
    assert!(run.seen().contains("fetching  1.0 of 4.0 MiB"), "{}", run.seen());
    let end = EventKind::Succeeded { attempts: 1, took: Duration::ZERO };
    run.tell(&part, &end).tell(&fetch, &end).step("themes", &StepEvent::Fetched);
    assert!(run.seen().contains("fetched, waits for its turn"), "{}", run.seen());
    run.step("themes", &StepEvent::Began);
    let clone = run.begin("themes", OperationKind::GitClone, None);
    run.begin("themes", OperationKind::GitCommit, Some(clone.1));
    assert!(run.seen().contains("writing the clone to the disk"), "{}", run.seen());
}
